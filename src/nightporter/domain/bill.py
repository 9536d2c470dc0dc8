"""Bills: the part that rules look at. The whole record is kept in the words of the wire (contract 8.10)."""

from enum import StrEnum

from nightporter.domain.value import value


class BillState(StrEnum):
    """Open or closed (contract 8.1)."""

    OPEN = "Open"
    CLOSED = "Closed"


@value
class Bill:
    """A bill of the enterprise; payments may be added while it is open (D64)."""

    id: str
    enterprise_id: str
    state: BillState
