"""commands/update (contract 7.6)."""

from msgspec import field

from nightporter.domain.command import CommandState, kept_notes, kept_progress, moves
from nightporter.domain.errors import Changed, Invalid
from nightporter.operations.operation import Call
from nightporter.storage import commands
from nightporter.storage.commands import MoveCommand
from nightporter.wire.scalars import Id, Number, absent, finite
from nightporter.wire.shapes import Common, Empty, StringUpdateValue

ROUNDS = 5


class Parameters(Common, kw_only=True):
    """Contract 7.6, request; ``ExternalRequestIdentifier`` is accepted and ignored (V52)."""

    command_id: Id
    state: CommandState
    progress: Number = field(default_factory=absent)
    notes: str | None = None
    external_request_identifier: StringUpdateValue | None = None


async def update(call: Call, parameters: Parameters) -> Empty:
    """Reports the state of a command that runs on a connected device.

    A repeated state changes nothing, except that Processing reports progress (D46). Raises Invalid for a CommandId that
    the caller cannot see or that has ended otherwise, and for a State that it cannot go to; Changed when it was
    changed by others again and again meanwhile.
    """
    requested = parameters.state
    progress = kept_progress(requested, finite(parameters.progress, "Progress"))
    notes = kept_notes(requested, parameters.notes)
    for _ in range(ROUNDS):
        standing = await commands.standing(call.database, call.actor.scope(), parameters.command_id)
        if standing is None:
            raise Invalid("CommandId")
        if not moves(standing.state, requested):
            return Empty()
        if await call.writer.write(MoveCommand(standing.enterprise_id, standing.id, requested, progress, notes)):
            return Empty()
    raise Changed
