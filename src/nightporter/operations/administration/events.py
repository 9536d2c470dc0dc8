"""events/getAll: every change of a command, as the sockets tell it."""

from nightporter.domain.command import CommandState
from nightporter.operations.administration.pages import PageLimitation, numbered
from nightporter.operations.operation import AdministrationCall
from nightporter.storage import events
from nightporter.storage.types import moment
from nightporter.wire.scalars import Id, SentId, SentUtc
from nightporter.wire.shapes import Ids, Shape


class Parameters(Shape, kw_only=True):
    """At which enterprises, of which command, and which page to return."""

    enterprise_ids: Ids | None = None
    command_id: Id | None = None
    limitation: PageLimitation


class CommandEvent(Shape):
    """A command was added or changed its state; ``Number`` is the cursor of sockets."""

    number: int
    time_utc: SentUtc
    enterprise_id: SentId
    command_id: SentId
    device_id: SentId
    state: CommandState


class CommandEvents(Shape):
    """A page of events; the cursor leads to later ones, also to those that come after the last page."""

    events: list[CommandEvent]
    cursor: str | None


async def get_all(call: AdministrationCall, parameters: Parameters) -> CommandEvents:
    """Returns events in the order in which they happened, after the cursor. Raises Invalid("Cursor")."""
    limitation = parameters.limitation
    rows = await events.page(
        call.database,
        call.administrator.among(parameters.enterprise_ids),
        parameters.command_id,
        numbered(limitation.cursor, 0),
        int(limitation.count),
    )
    found = [CommandEvent(row[0], moment(row[5]), row[1], row[2], row[3], CommandState(row[4])) for row in rows]
    return CommandEvents(found, str(found[-1].number) if found else None)
