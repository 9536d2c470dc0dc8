"""commands/getAllByIds (contract 7.2)."""

from nightporter.operations.commands.rows import CommandRows
from nightporter.operations.operation import Call
from nightporter.operations.pages import found
from nightporter.storage import commands
from nightporter.storage.commands import NEWEST, KeptCommand, Position
from nightporter.wire.commands import Commands
from nightporter.wire.shapes import Common, Ids, Limitation, Shape


class Extent(Shape):
    """What to tell beside the commands themselves (DESIGN, "The reason, told")."""

    execution: bool | None = None


class Parameters(Common, kw_only=True):
    """Contract 7.2, request; ``Extent`` is not in the original (DESIGN, "The reason, told")."""

    command_ids: Ids
    limitation: Limitation | None = None
    extent: Extent | None = None


async def get_all_by_ids(call: Call, parameters: Parameters) -> CommandRows | Commands:
    """Returns the given commands in any state: those on connected devices and those this client added, newest first.

    Unknown, foreign and invisible ids are left out (D39, D40, D43). Extent Execution adds what became of each: progress,
    notes, result, executor and the states it went through. Raises Invalid("Cursor").
    """
    scope, limitation, after = call.actor.scope(), parameters.limitation, NEWEST
    if limitation and limitation.cursor:
        after = found(await commands.position(call.database, scope, limitation.cursor))
    ids = list(dict.fromkeys(parameters.command_ids))
    told = bool(parameters.extent and parameters.extent.execution)

    async def read(older_than: Position, count: int) -> list[KeptCommand]:
        return await commands.by_ids(call.database, scope, ids, older_than, count, call.sources.now(), told=told)

    return await CommandRows(call.database, read, limitation.count if limitation else None).begin(after)
