"""commands/update (contract 7.6)."""

from typing import Annotated

from msgspec import Meta, field

from nightporter.domain.command import CommandState, kept_notes, kept_progress, moves
from nightporter.domain.deadlines import is_overdue
from nightporter.domain.errors import Changed, Invalid, Taken
from nightporter.operations.operation import Call
from nightporter.storage import commands
from nightporter.storage.command_changes import ExpireCommands, MoveCommand
from nightporter.wire.scalars import Id, Number, Object, absent, finite, json_object, usable_text
from nightporter.wire.shapes import Common, Empty, StringUpdateValue

ROUNDS = 5


class Parameters(Common, kw_only=True):
    """Contract 7.6, request; ``ExternalRequestIdentifier`` is accepted and ignored (V52).

    ``Executor`` and ``Result`` are not in the original (DESIGN, "One taker", "The reason, told").
    """

    command_id: Id
    state: CommandState
    progress: Number = field(default_factory=absent)
    notes: str | None = None
    external_request_identifier: StringUpdateValue | None = None
    executor: Annotated[
        Annotated[str, Meta(min_length=1, max_length=255)] | None,
        Meta(description="Who carries the command out; another name is refused once one has taken it."),
    ] = None
    result: Annotated[Object, Meta(description="What came of it, for getAllByIds; at most 64 KiB.")] = field(
        default_factory=absent
    )


async def update(call: Call, parameters: Parameters) -> Empty:
    """Reports the state of a command that runs on a connected device.

    A repeated state changes nothing, except that Processing reports progress (D46). A command that the desk ended itself
    takes one end state more. Raises Invalid for a CommandId that the caller cannot see or that has ended otherwise, and
    for a State that it cannot go to; Taken when another Executor has it; Changed when it was changed by others again and
    again meanwhile.
    """
    requested = parameters.state
    progress = kept_progress(requested, finite(parameters.progress, "Progress"))
    notes = kept_notes(requested, parameters.notes)
    executor = usable_text(parameters.executor, "Executor")
    result = json_object(parameters.result, "Result")
    for _ in range(ROUNDS):
        standing = await commands.standing(call.database, call.actor.scope(), parameters.command_id)
        if standing is None:
            raise Invalid("CommandId")
        if is_overdue(standing.state, standing.expires, call.sources.now()):
            await call.writer.write(ExpireCommands(((standing.enterprise_id, standing.id),)))
            continue
        writes = moves(standing.state, requested, standing.ended_by)
        if executor and standing.executor and executor != standing.executor:
            raise Taken(standing.executor)
        if not writes:
            return Empty()
        move = MoveCommand(standing.enterprise_id, standing.id, requested, progress, notes, executor, result)
        if await call.writer.write(move):
            return Empty()
    raise Changed
