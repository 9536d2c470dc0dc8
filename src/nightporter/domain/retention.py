"""How long the desk keeps what is over (docs/retention.md)."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from nightporter.domain.value import value


class Kept(StrEnum):
    """What leaves after a time, in the order in which it leaves: personal data first."""

    RESULTS = "Results"
    GUESTS = "Guests"
    DOCUMENTS = "Documents"
    COMMANDS = "Commands"
    RESOURCE_ACCESS_TOKENS = "ResourceAccessTokens"
    EVENTS = "Events"
    IDEMPOTENCY_KEYS = "IdempotencyKeys"
    AUDIT_RECORDS = "AuditRecords"


@value
class Retention:
    """For how many seconds each is kept once it is over; what is missing is kept for ever."""

    seconds: Mapping[Kept, int] = field(default_factory=dict)

    def until(self, now: int) -> dict[Kept, int]:
        """What was over by which moment leaves at ``now``, in the order of leaving; all in seconds since 1970."""
        return {kind: now - self.seconds[kind] for kind in Kept if kind in self.seconds}
