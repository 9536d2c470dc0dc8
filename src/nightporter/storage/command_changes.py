"""What changes a command that is there: reports of executors, expiry, stalls. Each writes its event and its history."""

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any

from sqlalchemy import and_, case, func, literal_column, or_, select, text, update

from nightporter.domain.command import MOVES, CommandState, EndedBy, yields_to
from nightporter.domain.deadlines import after_stall, expiry_note, stall_note
from nightporter.domain.device import StalledPolicy
from nightporter.domain.value import value
from nightporter.storage import histories
from nightporter.storage.batch import Batch
from nightporter.storage.histories import EXTENDED, KEPT, entry, not_before
from nightporter.storage.sealing import RESULT
from nightporter.storage.statements import Row, Statement, among, given, put
from nightporter.storage.tables import commands, results
from nightporter.storage.types import moment

_c = commands.c


@value
class MoveCommand:
    """Write ``state`` over the command, if it still stands in a state that ``state`` may follow.

    A named ``executor`` must be the one who has taken it, if anybody has. ``result`` is a JSON object as it came;
    ``ended_by`` says that the desk ends it itself. The result tells whether it was written.
    """

    enterprise_id: str
    command_id: str
    state: CommandState
    progress: float | None
    notes: str | None
    executor: str | None = None
    result: str | None = field(default=None, repr=False)
    ended_by: EndedBy | None = None


@value
class ExpireCommands:
    """Cancel those of the commands, each an enterprise and an id, that are overdue; the result is how many were."""

    commands: tuple[tuple[str, str], ...]


@value
class StalledCommand:
    """A command that nothing was heard of for ``after`` seconds, and what is to be done with it: Error or Pending.

    Offered again, it has ``expires_after`` seconds to begin, None for any length of time.
    """

    enterprise_id: str
    command_id: str
    after: int
    policy: StalledPolicy
    expires_after: int | None


@value
class ResolveStalled:
    """Do with each of the commands what the policy of its device says, if nothing was heard of it meanwhile.

    One that was offered again too often ends with Error.

    The result is how many were changed.
    """

    commands: tuple[StalledCommand, ...]


_ONE = (_c.enterprise_id == given("enterprise"), _c.id == given("command"))


def _changed(*conditions: Any, **values: Any) -> Any:
    """One command, where the conditions hold; what its event needs comes back."""
    core = (
        update(commands)
        .where(*_ONE, *conditions)
        .values(state=given("state"), updated=not_before(_c.updated, "now"), **values)
    )
    return core.returning(_c.device_id, _c.creator_integration_id)


def _if_given(name: str) -> Any:
    return func.coalesce(given(name, _c[name]), _c[name])


_MOVE = Statement(
    _changed(
        or_(among(_c.state, "from"), and_(_c.ended_by.is_not(None), among(_c.state, "over"))),
        or_(given("executor", _c.executor).is_(None), _c.executor.is_(None), _c.executor == given("executor")),
        progress=_if_given("progress"),
        notes=_if_given("notes"),
        executor=_if_given("executor"),
        ended_by=given("ended_by"),
        states=case((and_(_c.state == given("state"), _c.ended_by.is_(None)), KEPT), else_=EXTENDED),
    ),
    lists=("from", "over"),
)
_PUT_RESULT = put(results, ["enterprise_id", "command_id", "content"], keys=["enterprise_id", "command_id"])
_WAITING = Statement(select(_c.created, _c.updated, _c.expires, _c.state, _c.states).where(*_ONE))
_EXPIRE = Statement(
    _changed(
        text("state IN ('Pending', 'Received')"),
        _c.expires <= given("now"),
        notes=given("notes"),
        ended_by=given("ended_by"),
        states=EXTENDED,
    )
)
_SILENT = (text("state = 'Processing'"), _c.updated <= given("since"))
_STALLED = {
    StalledPolicy.ERROR: Statement(
        _changed(*_SILENT, notes=given("notes"), ended_by=literal_column("'Stall'"), states=EXTENDED)
    ),
    StalledPolicy.PENDING: Statement(
        _changed(
            *_SILENT,
            notes=given("notes"),
            progress=literal_column("NULL"),
            executor=literal_column("NULL"),
            expires=given("expires"),
            states=EXTENDED,
        )
    ),
}
_AFTER_A_STALL = {StalledPolicy.ERROR: CommandState.ERROR, StalledPolicy.PENDING: CommandState.PENDING}


async def _change(
    batch: Batch, statement: Statement, enterprise_id: str, command_id: str, state: CommandState, **given: Any
) -> bool:
    """Run the statement for one command and note the event, if it was changed."""
    rows = await batch.transaction.fetch(
        statement,
        {
            "enterprise": enterprise_id,
            "command": command_id,
            "state": state.value,
            "now": batch.seconds,
            "entry": entry(state),
            "at": batch.seconds,
            **given,
        },
    )
    for device_id, creator in rows:
        batch.event(enterprise_id, command_id, device_id, creator, state)
    return bool(rows)


async def move_commands(batch: Batch, intents: Sequence[MoveCommand]) -> list[object]:
    """Carry out the intents in their order; each result tells whether the row still stood where the move may start."""
    moved: list[Row | None] = [None] * len(intents)
    for places in _at_once(intents):
        first = intents[places[0]]
        common = {
            "from": [state.value for state in MOVES[first.state]],
            "over": [state.value for state in yields_to(first.state, first.ended_by)],
        }
        rows = [_moving(batch, intents[place]) for place in places]
        for place, changed in zip(places, await batch.transaction.fetch_each(_MOVE, rows, common), strict=True):
            moved[place] = changed
    results = []
    for intent, row in zip(intents, moved, strict=True):
        if row is not None:
            batch.event(intent.enterprise_id, intent.command_id, row[0], row[1], intent.state)
            if intent.result is not None:
                sealed = batch.seal.close(RESULT, intent.enterprise_id, intent.command_id, intent.result)
                results.append(
                    {"enterprise_id": intent.enterprise_id, "command_id": intent.command_id, "content": sealed}
                )
    if results:
        await batch.transaction.run(_PUT_RESULT, results)
    return [row is not None for row in moved]


def _at_once(intents: Sequence[MoveCommand]) -> Iterator[list[int]]:
    """The places of intents that one statement may carry out: no command twice, all with the same rule, later ones later."""
    turns: dict[tuple[str, str], int] = {}
    groups: dict[tuple[int, CommandState, EndedBy | None], list[int]] = {}
    for place, intent in enumerate(intents):
        command = (intent.enterprise_id, intent.command_id)
        turn = turns[command] = turns.get(command, -1) + 1
        groups.setdefault((turn, intent.state, intent.ended_by), []).append(place)
    for _, places in sorted(groups.items(), key=lambda group: group[0][0]):
        yield sorted(places, key=lambda place: (intents[place].enterprise_id, intents[place].command_id))


def _moving(batch: Batch, intent: MoveCommand) -> dict[str, Any]:
    return {
        "enterprise": intent.enterprise_id,
        "command": intent.command_id,
        "state": intent.state.value,
        "now": batch.seconds,
        "entry": entry(intent.state),
        "at": batch.seconds,
        "progress": intent.progress,
        "notes": intent.notes,
        "executor": intent.executor,
        "ended_by": intent.ended_by.value if intent.ended_by else None,
    }


async def expire_commands(batch: Batch, intents: Sequence[ExpireCommands]) -> list[object]:
    """Carry out the intents."""
    counts: list[object] = []
    for intent in intents:
        count = 0
        for enterprise_id, command_id in sorted(intent.commands):
            for row in await batch.transaction.fetch(_WAITING, {"enterprise": enterprise_id, "command": command_id}):
                count += await _expire(batch, enterprise_id, command_id, row)
        counts.append(count)
    return counts


async def _expire(batch: Batch, enterprise_id: str, command_id: str, row: Row) -> bool:
    created, updated, expires, state, states = row
    if expires is None:
        return False
    history = histories.read(states, moment(created), CommandState(state), updated)
    return await _change(
        batch,
        _EXPIRE,
        enterprise_id,
        command_id,
        CommandState.CANCELLED,
        notes=expiry_note(moment(expires) - histories.waits_since(history)),
        ended_by=EndedBy.EXPIRY.value,
        # It was Cancelled from then on, whenever that came to be written.
        at=expires,
    )


async def resolve_stalled(batch: Batch, intents: Sequence[ResolveStalled]) -> list[object]:
    """Carry out the intents."""
    counts: list[object] = []
    for intent in intents:
        count = 0
        for one in sorted(intent.commands, key=lambda one: (one.enterprise_id, one.command_id)):
            waiting = {"enterprise": one.enterprise_id, "command": one.command_id}
            for row in await batch.transaction.fetch(_WAITING, waiting):
                count += await _resolve(batch, one, row)
        counts.append(count)
    return counts


async def _resolve(batch: Batch, one: StalledCommand, row: Row) -> bool:
    created, updated, _, state, states = row
    offered = histories.offers(histories.read(states, moment(created), CommandState(state), updated))
    policy = after_stall(one.policy, offered)
    return await _change(
        batch,
        _STALLED[policy],
        one.enterprise_id,
        one.command_id,
        _AFTER_A_STALL[policy],
        since=batch.seconds - one.after,
        expires=None if one.expires_after is None else batch.seconds + one.expires_after,
        notes=stall_note(one.after, policy, offered),
    )
