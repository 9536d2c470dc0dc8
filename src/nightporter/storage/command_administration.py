"""What administrators do with commands: look through all of them, add, cancel, add again."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Select, func, select

from nightporter.domain.command import CommandState, Creator, EndedBy, NewCommand
from nightporter.domain.device import DeviceType
from nightporter.domain.interval import Interval
from nightporter.domain.value import value
from nightporter.storage import audit
from nightporter.storage.audit import Audit, Change
from nightporter.storage.batch import Batch
from nightporter.storage.command_changes import MoveCommand, move_commands
from nightporter.storage.commands import AddCommands, add_commands, bounds
from nightporter.storage.database import Database
from nightporter.storage.sealing import DATA
from nightporter.storage.statements import Row, Statement, among, at_most, given
from nightporter.storage.tables import commands, devices, documents
from nightporter.storage.types import moment

_c, _d = commands.c, devices.c


@value
class AddAdministered:
    """Add a command on an administrator's behalf; the result is None."""

    command: NewCommand
    audit: Audit


@value
class CancelCommands:
    """Cancel commands, each an enterprise and an id, that have not ended; the result holds the ids of those."""

    commands: tuple[tuple[str, str], ...]
    notes: str
    audit: Audit


async def add_administered(batch: Batch, intents: Sequence[AddAdministered]) -> list[object]:
    """Carry out the intents."""
    for one in intents:
        command = one.command
        await add_commands(batch, [AddCommands((command,))])
        after = {"device_id": command.device_id, "state": command.state.value}
        change = Change("commands", command.enterprise_id, command.id, None, after)
        await audit.write(batch, one.audit, [change])
    return [None] * len(intents)


_STATE = Statement(
    select(_c.device_id, _c.state).where(_c.enterprise_id == given("enterprise"), _c.id == given("command"))
)


async def cancel_commands(batch: Batch, intents: Sequence[CancelCommands]) -> list[object]:
    """Carry out the intents."""
    results: list[object] = []
    for one in intents:
        done: list[str] = []
        for enterprise_id, command_id in sorted(one.commands):
            found = await batch.transaction.fetch(_STATE, {"enterprise": enterprise_id, "command": command_id})
            move = MoveCommand(
                enterprise_id, command_id, CommandState.CANCELLED, None, one.notes, ended_by=EndedBy.ADMINISTRATOR
            )
            if found and (await move_commands(batch, [move]))[0]:
                device_id, state = found[0]
                before, after = ({"device_id": device_id, "state": it} for it in (state, CommandState.CANCELLED.value))
                await audit.write(batch, one.audit, [Change("commands", enterprise_id, command_id, before, after)])
                done.append(command_id)
        results.append(tuple(done))
    return results


@value
class Wanted:
    """Which commands to list; all that is given must hold. ``enterprise_ids`` None stands for every enterprise."""

    enterprise_ids: Sequence[str] | None = None
    ids: Sequence[str] | None = None
    device_ids: Sequence[str] | None = None
    device_types: Sequence[str] | None = None
    states: Sequence[str] | None = None
    created: Interval | None = None
    text: str | None = None


@value
class ListedCommand:
    """A command as administrators see it: no document, no data, no guest."""

    sequence: int
    enterprise_id: str
    id: str
    state: CommandState
    created: datetime
    updated: datetime
    expires: datetime | None
    creator: Creator
    device_id: str
    device_type: DeviceType
    device_name: str
    device_identifier: str | None
    stalled_after: int | None
    progress: float | None
    notes: str | None
    executor: str | None
    ended_by: EndedBy | None


_LISTED = select(
    _c.sequence, _c.enterprise_id, _c.id, _c.state, _c.created, _c.updated, _c.expires, _c.creator, _d.id, _d.type,
    _d.name, _d.identifier, _d.stalled_after, _c.progress, _c.notes, _c.executor, _c.ended_by,
).join(devices, (_d.enterprise_id == _c.enterprise_id) & (_d.id == _c.device_id))  # fmt: skip
_AMONG = {
    "enterprise_ids": _c.enterprise_id,
    "ids": _c.id,
    "device_ids": _c.device_id,
    "device_types": _c.device_type,
    "states": _c.state,
}


@cache
def _listing(parts: frozenset[str]) -> Statement:
    core: Select[Any] = _LISTED.where(_c.sequence < given("sequence"))
    lists = [name for name in _AMONG if name in parts]
    for name in lists:
        core = core.where(among(_AMONG[name], name))
    if "created" in parts:
        core = core.where(_c.created >= given("since"), _c.created < given("until"))
    if "text" in parts:
        core = core.where(func.lower(_c.notes).like(given("text"), escape="!"))
    return Statement(at_most(core.order_by(_c.sequence.desc()), "count"), lists=lists)


async def listed(database: Database, wanted: Wanted, older_than: int, count: int) -> list[ListedCommand]:
    """At most ``count`` commands, those that the desk took last first, before the ``older_than``-th."""
    given_values: dict[str, Any] = {name: getattr(wanted, name) for name in _AMONG if getattr(wanted, name) is not None}
    if wanted.created is not None:
        given_values |= {"created": None, **bounds(wanted.created)}
    if wanted.text is not None:
        escaped = wanted.text.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
        given_values["text"] = f"%{escaped}%"
    statement = _listing(frozenset(given_values) - {"since", "until"})
    given_values.pop("created", None)
    rows = await database.many(statement, **given_values, sequence=older_than, count=count)
    return [_command(row) for row in rows]


_creator = msgspec.json.Decoder(Creator)


def _command(row: Row) -> ListedCommand:
    return ListedCommand(
        row[0], row[1], row[2], CommandState(row[3]), moment(row[4]), moment(row[5]),
        None if row[6] is None else moment(row[6]), _creator.decode(row[7]), row[8], DeviceType(row[9]), row[10], row[11],
        row[12], row[13], row[14], row[15], None if row[16] is None else EndedBy(row[16]),
    )  # fmt: skip


_SNAPSHOT = Statement(
    select(
        _c.data, _c.payment_request_id, _c.reservation_id, documents.c.content, _d.is_active, _d.expires_after, _c.state,
        _c.device_id, _c.device_type, _c.creator_integration_id, _c.expires, _c.stripped,
    )
    .join(devices, (_d.enterprise_id == _c.enterprise_id) & (_d.id == _c.device_id))
    .outerjoin(documents, (documents.c.enterprise_id == _c.enterprise_id) & (documents.c.command_id == _c.id))
    .where(_c.enterprise_id == given("enterprise"), _c.id == given("command"))
)  # fmt: skip


@value
class Snapshot:
    """All that a command was made of, with its device as it is now."""

    data: str
    payment_request_id: str | None
    reservation_id: str | None
    document: bytes | None
    is_active: bool
    expires_after: int | None
    state: CommandState
    device_id: str
    device_type: DeviceType
    creator_integration_id: str | None
    expires: datetime | None
    is_stripped: bool
    """Whether its guest's data has left."""


async def snapshot(database: Database, enterprise_id: str, command_id: str) -> Snapshot:
    """What the command, which is there, was made of. Raises Unavailable when it cannot be opened."""
    (row,) = await database.many(_SNAPSHOT, enterprise=enterprise_id, command=command_id)
    data = database.seal.open(DATA, enterprise_id, command_id, row[0])
    document = None if row[3] is None else database.seal.open_document(enterprise_id, command_id, row[3])
    return Snapshot(
        data, row[1], row[2], document, bool(row[4]), row[5], CommandState(row[6]), row[7], DeviceType(row[8]), row[9],
        None if row[10] is None else moment(row[10]), row[11] is not None,
    )  # fmt: skip
