"""What is over and leaves (docs/retention.md): how it is found, a few rows at a time, and the intent that takes it away.

Finding is a read of its own and may be late; each removal asks its rows once more whether they may go. What ended is found
by ``commands_finished``, in the order of its end, so that what was gone through is not gone through again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, TextClause, delete, exists, func, or_, select, text, tuple_, update
from sqlalchemy.sql.expression import literal_column

from nightporter.domain.device import DeviceType
from nightporter.domain.errors import Unavailable
from nightporter.domain.retention import Kept
from nightporter.domain.value import value
from nightporter.storage import audit
from nightporter.storage.audit import Audit, Change
from nightporter.storage.batch import Batch
from nightporter.storage.database import Database
from nightporter.storage.idempotency import LIFETIME
from nightporter.storage.sealing import DATA, Seal
from nightporter.storage.statements import Row, Statement, among, at_most, given
from nightporter.storage.tables import (
    audit_records,
    commands,
    documents,
    enterprises,
    events,
    idempotency_keys,
    resource_access_tokens,
    results,
)
from nightporter.storage.types import moment
from nightporter.wire.guest_data import GUEST, without_guest

BATCH = 100
"""How many rows one intent takes away at most, one by one; ``MANY`` where they go by their number or key alone."""
MANY = 1000
BYTES = 4 * 1024 * 1024
"""Documents go one after the other once they are that large together: each of their pages is visited."""
_BEGINNING = ("", "", "")


@value
class Purge:
    """Take ``rows`` of a kind away, as they were found, where they were over by ``until`` (seconds since 1970) and still are.

    ``size`` is how many bytes of documents go with them. The result is how many were taken away.
    """

    kind: Kept
    until: int
    rows: tuple[Row, ...] = field(repr=False)
    size: int = 0


@value
class RecordPurge:
    """Record that an administrator has what was over ``until`` these moments (seconds since 1970) taken away."""

    until: Mapping[Kept, int]
    audit: Audit


@value
class Found:
    """Some of what may go. ``onwards`` is where the search goes on, None at its end."""

    rows: tuple[Row, ...] = field(repr=False)
    onwards: Any
    size: int = 0


_c, _t, _i = commands.c, resource_access_tokens.c, idempotency_keys.c
_IS_FINISHED = text("commands.state IN ('Processed', 'Cancelled', 'Error')")
_OVER = (_IS_FINISHED, _c.updated <= given("until"))
_RESULT_OF = (results.c.enterprise_id == _c.enterprise_id, results.c.command_id == _c.id)
_KINDS = ", ".join(f"'{kind.value}'" for kind in GUEST)


def _finished(*conditions: ColumnElement[bool] | TextClause, columns: Sequence[Any] = ()) -> Select[Any]:
    return select(_c.updated, _c.sequence, _c.enterprise_id, _c.id, *columns).where(*_OVER, *conditions)


def _numbered(table: Table) -> Select[Any]:
    newest = select(func.max(table.c[0])).scalar_subquery()
    return select(table.c[0], table.c.time).where(table.c[0] < newest)


def _token_is_over(updated: Any) -> tuple[ColumnElement[bool], ...]:
    # A change, an end included, is told to who asks for what was changed, so it too must be long ago; and a request that
    # is sent again is answered from the rows as long as its key holds.
    return (
        updated <= given("until"),
        _t.created <= given("keyed"),
        or_(_t.validity_end <= given("until"), ~_t.is_active),
    )


_CORES: Mapping[Kept, Select[Any]] = {
    Kept.RESULTS: _finished(exists().where(*_RESULT_OF)),
    Kept.GUESTS: _finished(
        _c.stripped.is_(None), text(f"commands.device_type IN ({_KINDS})"), columns=(_c.device_type, _c.data)
    ),
    Kept.DOCUMENTS: _finished(_c.document_size.is_not(None), columns=(_c.document_size,)),
    Kept.COMMANDS: _finished(columns=(_c.document_size,)),
    # All there are, so that the index is followed in each.
    Kept.RESOURCE_ACCESS_TOKENS: select(_t.enterprise_id, _t.id).where(
        _t.enterprise_id.in_(select(enterprises.c.id)), *_token_is_over(_t.updated)
    ),
    Kept.EVENTS: _numbered(events),
    Kept.IDEMPOTENCY_KEYS: select(_i.access_token_id, _i.operation, _i.key, _i.created),
    Kept.AUDIT_RECORDS: _numbered(audit_records),
}
"""The rows of each kind; those that have an end in them are all over."""
_AGED = {Kept.EVENTS: events.c.time, Kept.IDEMPOTENCY_KEYS: _i.created, Kept.AUDIT_RECORDS: audit_records.c.time}
_PLACE = tuple_(_i.access_token_id, _i.operation, _i.key)


def _page(kind: Kept) -> Statement:
    core = _CORES[kind]
    if kind in _OF_COMMANDS:
        # The bare time too: it is what leads along the index.
        core = core.where(
            _c.updated >= given("since"), tuple_(_c.updated, _c.sequence) > tuple_(given("since"), given("sequence"))
        ).order_by(_c.updated, _c.sequence)
    elif kind is Kept.IDEMPOTENCY_KEYS:
        core = core.where(tuple_(given("token"), given("operation"), given("key")) < _PLACE).order_by(
            _i.access_token_id, _i.operation, _i.key
        )
    elif kind in _AGED:
        core = core.order_by(core.selected_columns[0])
    return Statement(at_most(core, "count"))


def _count(kind: Kept) -> Statement:
    core = _CORES[kind] if kind not in _AGED else _CORES[kind].where(_AGED[kind] <= given("until"))
    return Statement(select(func.count()).select_from(core.subquery()))


_OF_COMMANDS = frozenset({Kept.RESULTS, Kept.GUESTS, Kept.DOCUMENTS, Kept.COMMANDS})
_PAGES = {kind: _page(kind) for kind in Kept}
_COUNTS = {kind: _count(kind) for kind in Kept}


async def count(database: Database, kind: Kept, until: int, now: int) -> int:
    """How many of ``kind`` were over by ``until`` and would go; times in seconds since 1970."""
    more = {"keyed": now - LIFETIME} if kind is Kept.RESOURCE_ACCESS_TOKENS else {}
    (row,) = await database.many(_COUNTS[kind], until=until, **more)
    return int(row[0])


async def find(database: Database, kind: Kept, until: int, now: int, since: Any = None) -> Found:
    """Some of ``kind`` that were over by ``until``; times in seconds since 1970.

    ``since`` is where an earlier search went on, None for the beginning. Where ``onwards`` is given there may be more, once
    these are gone.
    """
    statement = _PAGES[kind]
    if kind in _OF_COMMANDS:
        updated, sequence = since or (0, 0)
        rows = await database.many(statement, since=updated, sequence=sequence, until=until, count=BATCH)
        return _of_commands(kind, rows, database.seal)
    if kind is Kept.RESOURCE_ACCESS_TOKENS:
        rows = await database.many(statement, until=until, keyed=now - LIFETIME, count=BATCH)
        return Found(tuple(rows), 0 if len(rows) == BATCH else None)
    if kind is Kept.IDEMPOTENCY_KEYS:
        token, operation, key = since or _BEGINNING
        rows = await database.many(statement, token=token, operation=operation, key=key, count=MANY)
        old = tuple(row[:3] for row in rows if row[3] <= until)
        return Found(old, tuple(rows[-1][:3]) if len(rows) == MANY else None)
    rows = await database.many(statement, count=MANY)
    old = tuple(takewhile(lambda row: row[1] <= until, rows))
    return Found(old, 0 if len(old) == MANY else None)


def _of_commands(kind: Kept, rows: list[Row], seal: Seal) -> Found:
    onwards = tuple(rows[-1][:2]) if len(rows) == BATCH else None
    if kind is Kept.RESULTS:
        return Found(tuple(row[2:] for row in rows), onwards)
    if kind is Kept.GUESTS:
        found = []
        for _, _, enterprise_id, command_id, device_type, data in rows:
            with suppress(Unavailable):  # what cannot be opened stays, and keeps nothing else
                opened = seal.open(DATA, enterprise_id, command_id, data)
                found.append((enterprise_id, command_id, without_guest(DeviceType(device_type), opened)))
        return Found(tuple(found), onwards)
    size, taken = 0, 0
    while taken < len(rows) and (taken == 0 or size + (rows[taken][4] or 0) <= BYTES):
        size += rows[taken][4] or 0
        taken += 1
    if taken < len(rows):
        onwards = tuple(rows[taken - 1][:2])
    return Found(tuple(row[2:4] for row in rows[:taken]), onwards, size)


_OF = (_c.enterprise_id == given("enterprise"), among(_c.id, "ids"))


def _beside(table: Table, *conditions: Any) -> Statement:
    return Statement(
        delete(table)
        .where(table.c.enterprise_id == given("enterprise"), among(table.c.command_id, "ids"), *conditions)
        .returning(table.c.command_id),
        lists=("ids",),
    )


_TAKE_RESULTS = _beside(results, exists().where(*_RESULT_OF, *_OVER))
_STRIP = Statement(
    update(commands)
    .where(_c.enterprise_id == given("enterprise"), _c.id == given("command"), *_OVER)
    .values(data=given("data"), stripped=given("now"))
)
_FORGET_DOCUMENTS = Statement(
    update(commands).where(*_OF, *_OVER).values(document_size=literal_column("NULL")).returning(_c.id), lists=("ids",)
)
_TAKE_COMMANDS = Statement(delete(commands).where(*_OF, *_OVER).returning(_c.id), lists=("ids",))
_DOCUMENTS_OF, _RESULTS_OF = _beside(documents), _beside(results)
_TAKE_TOKENS = Statement(
    delete(resource_access_tokens)
    # As a computed value, so that no index is followed but that of the ids.
    .where(
        _t.enterprise_id == given("enterprise"), among(_t.id, "ids"), *_token_is_over(_t.updated + literal_column("0"))
    )
    .returning(_t.id),
    lists=("ids",),
)
_TAKE_KEY = Statement(
    delete(idempotency_keys).where(
        _i.access_token_id == given("token"),
        _i.operation == given("operation"),
        _i.key == given("key"),
        _i.created <= given("until"),
    )
)


def _take_numbered(table: Table) -> Statement:
    """Up to a number, and never the newest row: the next number is counted from it."""
    number = table.c[0]
    newest = select(func.max(number)).scalar_subquery()
    return Statement(delete(table).where(number <= given("last"), number < newest))


_TAKE_EVENTS, _TAKE_AUDIT_RECORDS = _take_numbered(events), _take_numbered(audit_records)


async def _take_results(batch: Batch, one: Purge) -> int:
    return sum([len(await batch.transaction.fetch(_TAKE_RESULTS, part)) for part in _by_enterprise(one)])


async def _strip_guests(batch: Batch, one: Purge) -> int:
    rows = [
        {
            "enterprise": row[0],
            "command": row[1],
            "data": batch.seal.close(DATA, row[0], row[1], row[2]),
            "until": one.until,
            "now": batch.seconds,
        }
        for row in one.rows
    ]
    return await batch.transaction.run(_STRIP, rows)


async def _take_documents(batch: Batch, one: Purge) -> int:
    return sum([await _take_with(batch, _FORGET_DOCUMENTS, part, (_DOCUMENTS_OF,)) for part in _by_enterprise(one)])


async def _take_commands(batch: Batch, one: Purge) -> int:
    beside = (_DOCUMENTS_OF, _RESULTS_OF)
    return sum([await _take_with(batch, _TAKE_COMMANDS, part, beside) for part in _by_enterprise(one)])


async def _take_with(batch: Batch, taking: Statement, part: dict[str, Any], beside: Sequence[Statement]) -> int:
    """Take what may go, and what lies beside it; returns how many commands that were."""
    ids = [row[0] for row in await batch.transaction.fetch(taking, part)]
    for statement in beside:
        await batch.transaction.fetch(statement, {"enterprise": part["enterprise"], "ids": ids})
    return len(ids)


async def _take_tokens(batch: Batch, one: Purge) -> int:
    keyed = {"keyed": batch.seconds - LIFETIME}
    return sum([len(await batch.transaction.fetch(_TAKE_TOKENS, {**part, **keyed})) for part in _by_enterprise(one)])


async def _take_keys(batch: Batch, one: Purge) -> int:
    rows = [{"token": row[0], "operation": row[1], "key": row[2], "until": one.until} for row in one.rows]
    return await batch.transaction.run(_TAKE_KEY, rows)


async def _take_events(batch: Batch, one: Purge) -> int:
    return await batch.transaction.run(_TAKE_EVENTS, [{"last": one.rows[-1][0]}])


async def _take_audit_records(batch: Batch, one: Purge) -> int:
    return await batch.transaction.run(_TAKE_AUDIT_RECORDS, [{"last": one.rows[-1][0]}])


def _by_enterprise(one: Purge) -> list[dict[str, Any]]:
    ids: dict[str, list[str]] = {}
    for row in sorted(one.rows, key=tuple):
        ids.setdefault(row[0], []).append(row[1])
    return [{"enterprise": enterprise, "ids": those, "until": one.until} for enterprise, those in ids.items()]


_TAKE: Mapping[Kept, Callable[[Batch, Purge], Awaitable[int]]] = {
    Kept.RESULTS: _take_results,
    Kept.GUESTS: _strip_guests,
    Kept.DOCUMENTS: _take_documents,
    Kept.COMMANDS: _take_commands,
    Kept.RESOURCE_ACCESS_TOKENS: _take_tokens,
    Kept.EVENTS: _take_events,
    Kept.IDEMPOTENCY_KEYS: _take_keys,
    Kept.AUDIT_RECORDS: _take_audit_records,
}


async def purge(batch: Batch, intents: Sequence[Purge]) -> list[object]:
    """Carry out the intents."""
    return [await _TAKE[one.kind](batch, one) if one.rows else 0 for one in intents]


async def record_purge(batch: Batch, intents: Sequence[RecordPurge]) -> list[object]:
    """Carry out the intents."""
    for one in intents:
        after = {kind.value: moment(at).isoformat() for kind, at in one.until.items()}
        await audit.write(batch, one.audit, [Change("retention", None, None, None, after)])
    return [None] * len(intents)
