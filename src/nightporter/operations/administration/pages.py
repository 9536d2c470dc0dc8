"""What paged administration operations share: which page is asked for, and what its cursor says."""

from nightporter.domain.errors import Invalid
from nightporter.wire.scalars import PageSize, read_id
from nightporter.wire.shapes import Shape

NEWEST = 2**62
BEGINNING = ("", "")


class PageLimitation(Shape):
    """Which page to return; the cursor is that of the page before."""

    count: PageSize
    cursor: str | None = None


def numbered(cursor: str | None, default: int) -> int:
    """The number that a cursor is; raises Invalid("Cursor")."""
    if cursor is None:
        return default
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid("Cursor")
    return int(cursor)


def place(cursor: str | None) -> tuple[str, str]:
    """The enterprise and the id that a cursor names, since ids alone may be shared; raises Invalid("Cursor")."""
    if cursor is None:
        return BEGINNING
    try:
        enterprise_id, record_id = map(read_id, cursor.split("/"))
    except ValueError:
        raise Invalid("Cursor") from None
    return enterprise_id, record_id


def cursor_after(enterprise_id: str, record_id: str) -> str:
    """The cursor that :func:`place` reads."""
    return f"{enterprise_id}/{record_id}"
