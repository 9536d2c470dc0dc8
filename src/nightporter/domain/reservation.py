"""Reservations, also called service orders: the part that commands and tokens are made from (contract 7.4, 7.9)."""

from datetime import datetime
from enum import StrEnum

from nightporter.domain.errors import Blocked
from nightporter.domain.value import value


class ReservationState(StrEnum):
    """The states of a reservation (contract 5)."""

    INQUIRED = "Inquired"
    CONFIRMED = "Confirmed"
    STARTED = "Started"
    PROCESSED = "Processed"
    CANCELED = "Canceled"
    OPTIONAL = "Optional"
    REQUESTED = "Requested"


@value
class Reservation:
    """A stay; ``account_id`` is its owner (a customer or a company), ``resource_id`` what is assigned to it."""

    id: str
    enterprise_id: str
    number: str | None
    state: ReservationState
    start: datetime
    end: datetime
    account_id: str | None
    resource_id: str | None

    def check_key(self) -> None:
        """Raise Blocked unless a key may be cut for this stay (D59)."""
        if self.state is ReservationState.CANCELED:
            raise Blocked("The reservation is canceled; no key can be cut for it.")
        if self.state is ReservationState.PROCESSED:
            raise Blocked("The reservation is checked out; no key can be cut for it.")
        if self.resource_id is None:
            raise Blocked("The reservation has no resource assigned; assign one before cutting a key.")
