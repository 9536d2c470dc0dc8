"""Commands: their rows, their documents, and the events that are written with every change."""

import itertools
from collections.abc import Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import msgspec
from sqlalchemy import Select, and_, case, literal_column, or_, select, text, tuple_, union_all

from nightporter.access.actor import Scope
from nightporter.domain.command import (
    ACTIVE,
    CommandStanding,
    CommandState,
    Creator,
    EndedBy,
    Execution,
    NewCommand,
    StateChange,
)
from nightporter.domain.deadlines import expiry_note, is_overdue
from nightporter.domain.device import DeviceType
from nightporter.domain.interval import Interval
from nightporter.domain.value import value
from nightporter.storage import histories, idempotency
from nightporter.storage.batch import Batch
from nightporter.storage.database import Database
from nightporter.storage.idempotency import Once, Twin
from nightporter.storage.sealing import DATA, RESULT, Seal
from nightporter.storage.statements import Row, Statement, add, among, at_most, given, newest_first, older_than
from nightporter.storage.tables import commands, devices, documents, results
from nightporter.storage.types import moment, seconds

_c, _d = commands.c, devices.c

NEAR_DOCUMENT = 64 * 1024
"""Documents up to this many bytes are read with their row; larger ones piece by piece."""


@value
class AddCommands:
    """Add commands as pending, each with its event; all or none."""

    commands: tuple[NewCommand, ...]
    once: Once | None = None


@value
class KeptCommand:
    """A command as it is kept, with its device; ``document`` is there when it is small enough to come along.

    ``state`` is what the clock says: Cancelled when it is overdue, whether that was written already or not.
    ``execution`` is there when it was asked for.
    """

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
    execution: Execution | None = None


@value
class Position:
    """A place in the order of commands or tokens: newest first, by creation and sequence (D29)."""

    created: int
    sequence: int


NEWEST = Position(2**62, 2**62)

_ADD = add(
    commands,
    [
        "enterprise_id", "id", "device_id", "device_type", "state", "created", "updated", "creator",
        "creator_integration_id", "data", "document_size", "payment_request_id", "reservation_id", "expires",
    ],
)  # fmt: skip
_ADD_DOCUMENT = add(documents, ["enterprise_id", "command_id", "content"])

_creators = msgspec.json.Decoder(Creator)


async def add_commands(batch: Batch, intents: Sequence[AddCommands]) -> list[object]:
    """Carry out the intents; an intent whose key another holds is answered with Twin and adds nothing."""
    made = [tuple(command.id for command in intent.commands) for intent in intents]
    free = await idempotency.claim(batch, [(intent.once, ids) for intent, ids in zip(intents, made, strict=True)])
    adding = [command for intent, is_free in zip(intents, free, strict=True) if is_free for command in intent.commands]
    if adding:
        await batch.transaction.run(_ADD, [_row(batch, command) for command in adding])
    files = [(c.enterprise_id, c.id, c.document) for c in adding if c.document is not None]
    if files:
        await batch.transaction.run(_ADD_DOCUMENT, [(e, i, batch.seal.close_document(e, i, d)) for e, i, d in files])
    for command in adding:
        batch.event(command.enterprise_id, command.id, command.device_id, command.creator_integration_id, command.state)
    return [ids if is_free else Twin() for ids, is_free in zip(made, free, strict=True)]


def _row(batch: Batch, command: NewCommand) -> tuple[Any, ...]:
    created = seconds(command.created) if command.created else batch.seconds
    updated = seconds(command.updated) if command.updated else created
    size = None if command.document is None else len(command.document)
    after = batch.deadlines.expiry(command.device_type, command.expires_after)
    expires = created + after if after is not None and command.state in ACTIVE else None
    data = batch.seal.close(DATA, command.enterprise_id, command.id, command.data)
    return (
        command.enterprise_id, command.id, command.device_id, command.device_type.value, command.state.value, created,
        updated, _text(command.creator), command.creator_integration_id, data, size,
        command.payment_request_id, command.reservation_id, expires,
    )  # fmt: skip


@lru_cache(1000)
def _text(creator: Creator) -> str:
    return msgspec.json.encode(creator).decode()


_STANDING = Statement(
    select(_c.id, _c.enterprise_id, _c.device_id, _c.state, _c.expires, _c.executor, _c.ended_by).where(
        among(_c.enterprise_id, "enterprises"), _c.id == given("id"), among(_c.device_id, "devices")
    ),
    lists=("enterprises", "devices"),
)


async def standing(database: Database, scope: Scope, command_id: str) -> CommandStanding | None:
    """The command, if its device is connected to the caller (D43)."""
    row = await database.one(_STANDING, enterprises=scope.enterprise_ids, devices=scope.device_ids, id=command_id)
    if row is None:
        return None
    command_id, enterprise_id, device_id, state, expires, executor, ended_by = row
    return CommandStanding(
        command_id, enterprise_id, device_id, CommandState(state), None if expires is None else moment(expires), executor,
        EndedBy(ended_by) if ended_by else None,
    )  # fmt: skip


_ROWS = (
    select(
        _c.id, _c.enterprise_id, _c.sequence, _c.state, _c.created, _c.creator,
        _d.id, _d.type, _d.name, _d.identifier, _c.data, _c.document_size,
        case((_c.document_size <= text(str(NEAR_DOCUMENT)), documents.c.content)), _c.expires,
    )
    .join(devices, (_d.enterprise_id == _c.enterprise_id) & (_d.id == _c.device_id))
    .outerjoin(documents, (documents.c.enterprise_id == _c.enterprise_id) & (documents.c.command_id == _c.id))
    .order_by(_c.created.desc(), _c.sequence.desc())
)  # fmt: skip
_CREATED, _SEQUENCE = 4, 2  # where the order stands in such a row
_TOLD_ROWS = _ROWS.add_columns(_c.updated, _c.progress, _c.notes, results.c.content, _c.executor, _c.states).outerjoin(
    results, (results.c.enterprise_id == _c.enterprise_id) & (results.c.command_id == _c.id)
)

_k = commands.alias("chosen").c


def _chosen(*conditions: Any, lists: Sequence[str], rows: Select[Any] = _ROWS) -> Statement:
    """Rows that an index of their own finds, put in order by their keys before anything else of them is read."""
    keys = select(_k.sequence).where(among(_k.enterprise_id, "enterprises"), *conditions, older_than(_k))
    keys = at_most(newest_first(keys, _k), "count")
    return Statement(rows.where(_c.sequence.in_(keys)), lists=lists)


_WAITING = (
    _c.enterprise_id == given("enterprise"),
    text("commands.state IN ('Pending', 'Received')"),
    or_(_c.expires.is_(None), _c.expires > given("now")),
)
_ANY_ACTIVE = Statement(
    # The device as a computed value: older planners would walk the index once for each device.
    select(_c.id)
    .where(*_WAITING, among(_c.device_id.concat(literal_column("''")), "devices"))
    .limit(literal_column("1"))
    .offset(literal_column("0")),
    lists=("devices",),
)
_ACTIVE = Statement(
    # Walked along the index that is in this order, which only one enterprise at a time allows.
    at_most(
        _ROWS.where(
            *_WAITING,
            among(_c.device_id, "devices"),
            tuple_(_c.created, _c.sequence) < tuple_(given("created"), given("sequence")),
        ),
        "count",
    ),
    lists=("devices",),
)
_BY_IDS, _TOLD_BY_IDS = (
    _chosen(
        among(_k.id, "ids"),
        or_(among(_k.device_id, "devices"), _k.creator_integration_id == given("integration")),
        lists=("enterprises", "devices", "ids"),
        rows=rows,
    )
    for rows in (_ROWS, _TOLD_ROWS)
)


def _newest(parts: Sequence[list[Row]], count: int) -> list[Row]:
    """The newest of several answers, each newest first."""
    if len(parts) == 1:
        return parts[0]
    every = itertools.chain.from_iterable(parts)
    return sorted(every, key=lambda row: (row[_CREATED], row[_SEQUENCE]), reverse=True)[:count]


def _kept(seal: Seal, row: Row, now: datetime) -> KeptCommand:
    state, created, expires = CommandState(row[3]), moment(row[4]), None if row[13] is None else moment(row[13])
    lapsed = is_overdue(state, expires, now)
    return KeptCommand(
        row[0], row[1], row[2], CommandState.CANCELLED if lapsed else state, created, _creators.decode(row[5]),
        row[6], DeviceType(row[7]), row[8], row[9], seal.open(DATA, row[1], row[0], row[10]).encode(), row[11],
        None if row[12] is None else seal.open_document(row[1], row[0], row[12]),
        _execution(seal, row, state, created, expires if lapsed else None) if len(row) > _UPDATED else None,
    )  # fmt: skip


_UPDATED = 14  # where what only Execution tells begins


def _execution(seal: Seal, row: Row, state: CommandState, created: datetime, lapsed: datetime | None) -> Execution:
    """What is kept of the execution; ``lapsed`` is when the command became overdue, where that is not written yet."""
    updated, progress, notes, result, executor, states = row[_UPDATED:]
    result = None if result is None else seal.open(RESULT, row[1], row[0], result)
    told = histories.read(states, created, state, updated)
    if lapsed is not None:
        notes = expiry_note(lapsed - histories.waits_since(told))
        told.append(StateChange(CommandState.CANCELLED, lapsed))
    return Execution(progress, notes, result, executor, tuple(told))


async def active(database: Database, scope: Scope, after: Position, count: int, now: datetime) -> list[KeptCommand]:
    """At most ``count`` active commands of connected devices older than ``after``, newest first (contract 7.1).

    What is overdue at ``now`` is active no more.
    """
    parts = []
    for enterprise_id in scope.enterprise_ids:
        given = {"enterprise": enterprise_id, "devices": scope.device_ids, "now": seconds(now)}
        # Most queues are empty most of the time, and whether one is can be asked together with others.
        if after == NEWEST and await database.one(_ANY_ACTIVE, **given) is None:
            continue
        page = {"created": after.created, "sequence": after.sequence, "count": count}
        parts.append(await database.few(_ACTIVE, **given, **page))
    return [_kept(database.seal, row, now) for row in _newest(parts, count)]


async def by_ids(
    database: Database,
    scope: Scope,
    ids: Sequence[str],
    after: Position,
    count: int,
    now: datetime,
    *,
    told: bool = False,
) -> list[KeptCommand]:
    """At most ``count`` of the commands ``ids`` that the caller may see (3 rule 4) older than ``after``, newest first.

    ``told`` asks for their execution.
    """
    rows = await database.few(
        _TOLD_BY_IDS if told else _BY_IDS,
        enterprises=scope.enterprise_ids,
        devices=scope.device_ids,
        integration=scope.integration_id,
        ids=ids,
        created=after.created,
        sequence=after.sequence,
        count=count,
    )
    return [_kept(database.seal, row, now) for row in rows]


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


_FISCAL = "device_type = 'FiscalMachine'"
_FISCAL_BY_IDS = _chosen(
    text(f"chosen.{_FISCAL}"),
    among(_k.device_id, "devices"),
    among(_k.id, "ids"),
    lists=("enterprises", "devices", "ids"),
)


@cache
def _fiscal_in(states: frozenset[CommandState]) -> Statement:
    """One statement for all ``states``, so that a command that goes from one to another is seen once; each is walked.

    What is overdue is Cancelled, and stands among what waits until that is written.
    """
    parts = []
    in_time, overdue = or_(_k.expires.is_(None), _k.expires > given("now")), _k.expires <= given("now")
    walked = [(state, in_time if state in ACTIVE else None) for state in sorted(states)]
    if CommandState.CANCELLED in states:
        walked += [(state, overdue) for state in sorted(ACTIVE)]
    for state, condition in walked:
        keys = select(_k.sequence).where(
            _k.enterprise_id == given("enterprise"),
            text(f"chosen.{_FISCAL}"),
            text(f"chosen.state = '{state.value}'"),
            among(_k.device_id, "devices"),
            tuple_(_k.created, _k.sequence) < tuple_(given("created"), given("sequence")),
        )
        if condition is not None:
            keys = keys.where(condition)
        newest = at_most(keys.order_by(_k.created.desc(), _k.sequence.desc()), "count").subquery()
        parts.append(select(newest.c.sequence))
    return Statement(at_most(_ROWS.where(_c.sequence.in_(union_all(*parts))), "count"), lists=("devices",))


_LAPSED = and_(text("chosen.state IN ('Pending', 'Received')"), _k.expires <= given("now"))
_FISCAL_UPDATED = _chosen(
    text(f"chosen.{_FISCAL}"),
    among(_k.device_id, "devices"),
    among(case((_LAPSED, literal_column("'Cancelled'")), else_=_k.state), "states"),
    _k.updated >= given("since"),
    _k.updated < given("until"),
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
    now: datetime,
) -> list[KeptCommand]:
    """At most ``count`` commands of the fiscal machines ``device_ids``, by ``ids``, or by ``states`` and update time.

    What is overdue at ``now`` is Cancelled.
    """
    page = {"devices": device_ids, "created": after.created, "sequence": after.sequence, "count": count}
    if ids is not None:
        rows = await database.many(_FISCAL_BY_IDS, enterprises=scope.enterprise_ids, ids=ids, **page)
    elif updated is None:
        parts = [
            await database.many(_fiscal_in(frozenset(states)), enterprise=enterprise_id, now=seconds(now), **page)
            for enterprise_id in scope.enterprise_ids
        ]
        rows = _newest(parts, count)
    else:
        values = [state.value for state in states]
        rows = await database.many(
            _FISCAL_UPDATED,
            enterprises=scope.enterprise_ids,
            states=values,
            now=seconds(now),
            **bounds(updated),
            **page,
        )
    return [_kept(database.seal, row, now) for row in rows]
