"""Commands: their rows, their documents, and the events that are written with every change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import case, or_, select, text, tuple_, update

from nightporter.access.actor import Scope
from nightporter.domain.command import MOVES, CommandStanding, CommandState, Creator, NewCommand
from nightporter.domain.device import DeviceType
from nightporter.domain.interval import Interval
from nightporter.storage import idempotency
from nightporter.storage.batch import Batch
from nightporter.storage.database import Database
from nightporter.storage.idempotency import Once, Twin
from nightporter.storage.statements import Row, Statement, add, among, at_most, given
from nightporter.storage.tables import commands, devices, documents
from nightporter.storage.types import moment, seconds

_c, _d = commands.c, devices.c

NEAR_DOCUMENT = 64 * 1024
"""Documents up to this many bytes are read with their row; larger ones piece by piece."""


@dataclass(frozen=True, slots=True)
class AddCommands:
    """Add commands as pending, each with its event; all or none."""

    commands: tuple[NewCommand, ...]
    once: Once | None = None


@dataclass(frozen=True, slots=True)
class MoveCommand:
    """Write ``state`` over the command, if it still stands in a state that ``state`` may follow."""

    enterprise_id: str
    command_id: str
    state: CommandState
    progress: float | None
    notes: str | None


@dataclass(frozen=True, slots=True)
class KeptCommand:
    """A command as it is kept, with its device; ``document`` is there when it is small enough to come along."""

    id: str
    enterprise_id: str
    sequence: int
    state: CommandState
    created: datetime
    creator: Creator
    device_id: str
    device_type: DeviceType
    device_name: str
    device_identifier: str | None
    data: bytes
    document_size: int | None
    document: bytes | None


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of commands or tokens: newest first, by creation and sequence (D29)."""

    created: int
    sequence: int


NEWEST = Position(2**62, 2**62)

_ADD = add(
    commands,
    [
        "enterprise_id", "id", "device_id", "device_type", "state", "created", "updated", "creator",
        "creator_integration_id", "data", "document_size", "payment_request_id", "reservation_id",
    ],
)  # fmt: skip
_ADD_DOCUMENT = add(documents, ["enterprise_id", "command_id", "content"])
_MOVE = Statement(
    update(commands)
    .where(_c.enterprise_id == given("enterprise"), _c.id == given("command"), among(_c.state, "from"))
    .values(
        state=given("state"),
        updated=given("now"),
        progress=case((given("progress").is_not(None), given("progress")), else_=_c.progress),
        notes=case((given("notes").is_not(None), given("notes")), else_=_c.notes),
    )
    .returning(_c.device_id, _c.creator_integration_id),
    lists=("from",),
)

_creators = msgspec.json.Decoder(Creator)
_creator_text: dict[Creator, str] = {}


async def add_commands(batch: Batch, intents: Sequence[AddCommands]) -> list[object]:
    """Carry out the intents; an intent whose key another holds is answered with Twin and adds nothing."""
    results: list[object] = []
    rows: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []
    for intent in intents:
        ids = tuple(command.id for command in intent.commands)
        if not await idempotency.claim(batch, intent.once, ids):
            results.append(Twin())
            continue
        results.append(ids)
        for command in intent.commands:
            rows.append(_row(batch, command))
            if command.document is not None:
                files.append(
                    {
                        "enterprise_id": command.enterprise_id,
                        "command_id": command.id,
                        "content": command.document,
                    }
                )
            batch.event(
                command.enterprise_id, command.id, command.device_id, command.creator_integration_id, command.state
            )
    if rows:
        await batch.transaction.run(_ADD, rows)
    if files:
        await batch.transaction.run(_ADD_DOCUMENT, files)
    return results


def _row(batch: Batch, command: NewCommand) -> dict[str, Any]:
    creator = _creator_text.get(command.creator)
    if creator is None:
        creator = msgspec.json.encode(command.creator).decode()
        if len(_creator_text) < 1000:
            _creator_text[command.creator] = creator
    created = seconds(command.created) if command.created else batch.seconds
    return {
        "enterprise_id": command.enterprise_id,
        "id": command.id,
        "device_id": command.device_id,
        "device_type": command.device_type.value,
        "state": command.state.value,
        "created": created,
        "updated": seconds(command.updated) if command.updated else created,
        "creator": creator,
        "creator_integration_id": command.creator_integration_id,
        "data": command.data,
        "document_size": None if command.document is None else len(command.document),
        "payment_request_id": command.payment_request_id,
        "reservation_id": command.reservation_id,
    }


async def move_commands(batch: Batch, intents: Sequence[MoveCommand]) -> list[object]:
    """Carry out the intents in their order; each result tells whether the row still stood where the move may start."""
    results: list[object] = []
    for intent in intents:
        moved = await batch.transaction.fetch(
            _MOVE,
            {
                "enterprise": intent.enterprise_id,
                "command": intent.command_id,
                "from": [state.value for state in MOVES[intent.state]],
                "state": intent.state.value,
                "now": batch.seconds,
                "progress": intent.progress,
                "notes": intent.notes,
            },
        )
        for device_id, creator in moved:
            batch.event(intent.enterprise_id, intent.command_id, device_id, creator, intent.state)
        results.append(bool(moved))
    return results


_STANDING = Statement(
    select(_c.id, _c.enterprise_id, _c.device_id, _c.state).where(
        among(_c.enterprise_id, "enterprises"), _c.id == given("id"), among(_c.device_id, "devices")
    ),
    lists=("enterprises", "devices"),
)


async def standing(database: Database, scope: Scope, command_id: str) -> CommandStanding | None:
    """The command, if its device is connected to the caller (D43)."""
    row = await database.one(_STANDING, enterprises=scope.enterprise_ids, devices=scope.device_ids, id=command_id)
    return CommandStanding(row[0], row[1], row[2], CommandState(row[3])) if row else None


_KEPT = (
    select(
        _c.id, _c.enterprise_id, _c.sequence, _c.state, _c.created, _c.creator,
        _d.id, _d.type, _d.name, _d.identifier, _c.data, _c.document_size,
        case((_c.document_size <= text(str(NEAR_DOCUMENT)), documents.c.content)),
    )
    .join(devices, (_d.enterprise_id == _c.enterprise_id) & (_d.id == _c.device_id))
    .outerjoin(documents, (documents.c.enterprise_id == _c.enterprise_id) & (documents.c.command_id == _c.id))
    .where(tuple_(_c.created, _c.sequence) < tuple_(given("created"), given("sequence")))
    .order_by(_c.created.desc(), _c.sequence.desc())
)  # fmt: skip
_ACTIVE = Statement(
    at_most(
        _KEPT.where(
            among(_c.enterprise_id, "enterprises"),
            text("commands.state IN ('Pending', 'Received')"),
            among(_c.device_id, "devices"),
        ),
        "count",
    ),
    lists=("enterprises", "devices"),
)
_BY_IDS = Statement(
    at_most(
        _KEPT.where(
            among(_c.enterprise_id, "enterprises"),
            among(_c.id, "ids"),
            or_(among(_c.device_id, "devices"), _c.creator_integration_id == given("integration")),
        ),
        "count",
    ),
    lists=("enterprises", "devices", "ids"),
)


def _kept(row: Row) -> KeptCommand:
    return KeptCommand(
        row[0], row[1], row[2], CommandState(row[3]), moment(row[4]), _creators.decode(row[5]),
        row[6], DeviceType(row[7]), row[8], row[9], row[10].encode(), row[11], row[12],
    )  # fmt: skip


async def active(database: Database, scope: Scope, after: Position, count: int) -> list[KeptCommand]:
    """At most ``count`` active commands of connected devices older than ``after``, newest first (contract 7.1)."""
    rows = await database.few(
        _ACTIVE,
        enterprises=scope.enterprise_ids,
        devices=scope.device_ids,
        created=after.created,
        sequence=after.sequence,
        count=count,
    )
    return [_kept(row) for row in rows]


async def by_ids(
    database: Database, scope: Scope, ids: Sequence[str], after: Position, count: int
) -> list[KeptCommand]:
    """At most ``count`` of the commands ``ids`` that the caller may see (3 rule 4) older than ``after``, newest first."""
    rows = await database.few(
        _BY_IDS,
        enterprises=scope.enterprise_ids,
        devices=scope.device_ids,
        integration=scope.integration_id,
        ids=ids,
        created=after.created,
        sequence=after.sequence,
        count=count,
    )
    return [_kept(row) for row in rows]


_POSITION = Statement(
    select(_c.created, _c.sequence).where(
        among(_c.enterprise_id, "enterprises"),
        _c.id == given("id"),
        or_(among(_c.device_id, "devices"), _c.creator_integration_id == given("integration")),
    ),
    lists=("enterprises", "devices"),
)


async def position(database: Database, scope: Scope, command_id: str) -> Position | None:
    """Where the command stands in the order, if the caller may see it (D27, D28)."""
    row = await database.one(
        _POSITION,
        enterprises=scope.enterprise_ids,
        devices=scope.device_ids,
        integration=scope.integration_id,
        id=command_id,
    )
    return Position(row[0], row[1]) if row else None


_FISCAL = _KEPT.where(
    among(_c.enterprise_id, "enterprises"),
    text("commands.device_type = 'FiscalMachine'"),
    among(_c.device_id, "devices"),
)
_FISCAL_BY_IDS = Statement(
    at_most(_FISCAL.where(among(_c.id, "ids")), "count"), lists=("enterprises", "devices", "ids")
)
_FISCAL_BY_STATE = Statement(
    at_most(_FISCAL.where(among(_c.state, "states")), "count"), lists=("enterprises", "devices", "states")
)
_FISCAL_UPDATED = Statement(
    at_most(
        _FISCAL.where(among(_c.state, "states"), _c.updated >= given("since"), _c.updated < given("until")), "count"
    ),
    lists=("enterprises", "devices", "states"),
)


def bounds(interval: Interval) -> dict[str, int]:
    """The interval as parameters ``since`` and ``until``, end exclusive; equal ends mean that very second (D34)."""
    since, until = seconds(interval.start), seconds(interval.end)
    return {"since": since, "until": max(until, since + 1)}


async def fiscal(
    database: Database,
    scope: Scope,
    device_ids: frozenset[str],
    *,
    ids: Sequence[str] | None = None,
    states: Sequence[CommandState] = (),
    updated: Interval | None = None,
    after: Position,
    count: int,
) -> list[KeptCommand]:
    """At most ``count`` commands of the fiscal machines ``device_ids``, by ``ids``, or by ``states`` and update time."""
    shared = {
        "enterprises": scope.enterprise_ids,
        "devices": device_ids,
        "created": after.created,
        "sequence": after.sequence,
        "count": count,
    }
    if ids is not None:
        rows = await database.many(_FISCAL_BY_IDS, ids=ids, **shared)
    elif updated is None:
        rows = await database.many(_FISCAL_BY_STATE, states=[state.value for state in states], **shared)
    else:
        rows = await database.many(
            _FISCAL_UPDATED, states=[state.value for state in states], **bounds(updated), **shared
        )
    return [_kept(row) for row in rows]
