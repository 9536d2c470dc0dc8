"""What paged operations share (contract 2.9)."""

from nightporter.domain.errors import Invalid
from nightporter.storage.commands import Position


def found(position: Position | None) -> Position:
    """The position that a cursor names; raises Invalid("Cursor") for an unknown or foreign one (D27)."""
    if position is None:
        raise Invalid("Cursor")
    return position
