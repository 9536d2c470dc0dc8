"""What a listener missed: the events behind its cursor, in order, then without a gap over to the live ones."""

import re
from collections.abc import Awaitable, Callable

from nightporter.domain.errors import Invalid
from nightporter.push.hub import Hub, Listener, message_of
from nightporter.storage import events
from nightporter.storage.database import Database

PAGE = 500
_CURSOR = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


async def read_cursor(database: Database, text: str) -> int:
    """The event number in a cursor; raises Invalid("Cursor") for a malformed one, and when later events are gone."""
    first, last = await events.bounds(database)
    if not _CURSOR.fullmatch(text) or not first - 1 <= int(text) <= last:
        raise Invalid("Cursor")
    return int(text)


async def catch_up(
    database: Database, hub: Hub, listener: Listener, cursor: int, send: Callable[[str], Awaitable[None]]
) -> None:
    """Tell ``listener`` what happened after ``cursor``, then join it to the hub.

    It is joined before the last page is read, with its messages still held back: whatever is committed later arrives
    through the hub, and what arrives both ways is told once.
    """
    joined = False
    while True:
        page = await events.after(database, listener.scope, cursor, PAGE)
        if (await events.bounds(database))[0] - 1 > cursor:
            # What comes next has left meanwhile (docs/retention.md): better no socket than one with a gap.
            listener.drop()
            return
        for event in page:
            if listener.dropped:
                return
            if listener.may_hear(event):  # its scope may have become smaller since the page was read
                await send(message_of(event))
            cursor = event.number
        listener.heard = cursor
        if joined and len(page) < PAGE:
            break
        if len(page) < PAGE:
            hub.add(listener)
            joined = True
    listener.begin()
