"""commands/getAllActive (contract 7.1)."""

from nightporter.operations.commands.rows import CommandRows
from nightporter.operations.operation import Call
from nightporter.operations.pages import found
from nightporter.storage import commands
from nightporter.storage.commands import NEWEST, KeptCommand, Position
from nightporter.wire.commands import Commands
from nightporter.wire.shapes import Common, Limitation


class Parameters(Common, kw_only=True):
    """Contract 7.1, request; ``Limitation`` is accepted (D31)."""

    limitation: Limitation | None = None


async def get_all_active(call: Call, parameters: Parameters) -> CommandRows | Commands:
    """Returns the commands that wait for this client: Pending or Received, on connected devices, newest first.

    Nothing changes by reading them (D44). What is overdue waits no more (DESIGN, "No stale surprises"). Raises Invalid("Cursor").
    """
    scope, limitation, after = call.actor.scope(), parameters.limitation, NEWEST
    if limitation and limitation.cursor:
        after = found(await commands.position(call.database, scope, limitation.cursor))

    async def read(older_than: Position, count: int) -> list[KeptCommand]:
        return await commands.active(call.database, scope, older_than, count, call.sources.now())

    return await CommandRows(call.database, read, limitation.count if limitation else None).begin(after)
