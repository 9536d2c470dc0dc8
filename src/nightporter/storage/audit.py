"""The record of what administrators did: one row for each thing that an act changed, in the transaction of the act."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Boolean, select

from nightporter.domain.value import value
from nightporter.storage import tables
from nightporter.storage.batch import Batch
from nightporter.storage.database import Database
from nightporter.storage.statements import Statement, add, among, at_most, given
from nightporter.storage.types import moment

_c = tables.audit_records.c
_FIELDS = [
    "time", "administrator_id", "administrator", "operation", "enterprise_id", "kind", "record_id", "before", "after",
]  # fmt: skip
_ADD = add(tables.audit_records, _FIELDS)

TOLD: Mapping[str, tuple[str, ...]] = {
    "enterprises": ("name", "accepted_currencies", "is_enabled"),
    "portfolios": ("name",),
    "clients": ("name", "rights"),
    "integrations": ("client_id", "name", "enterprise_id", "portfolio_id", "is_enabled"),
    "access_tokens": ("integration_id", "revoked"),
    "administration_tokens": ("name", "enterprise_ids", "revoked"),
    "devices": (
        "type", "name", "identifier", "is_active", "configuration", "expires_after", "stalled_after", "stalled_policy",
    ),
    "resources": ("name", "parent_resource_id", "lock_ids"),
    "customers": (),
    "companies": (),
    "reservations": ("number", "state", "start_time", "end_time", "account_id", "resource_id"),
    "companionships": ("reservation_id", "customer_id"),
    "bills": ("state",),
    "payment_requests": (),
    "commands": ("device_id", "state"),
}  # fmt: skip
"""What the record tells of a row of each table: no secret, and of guests only that they were changed."""


@value
class Audit:
    """Who does what."""

    administrator_id: str | None
    administrator: str
    operation: str


@value
class Change:
    """A thing that an act changed: ``before`` is None for a new one, ``after`` for one that is gone."""

    kind: str
    enterprise_id: str | None
    record_id: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


async def write(batch: Batch, audit: Audit, changes: Iterable[Change]) -> None:
    """Add the record of an act to the transaction that carries it out."""
    rows = [
        (
            batch.seconds, audit.administrator_id, audit.administrator, audit.operation, one.enterprise_id, one.kind,
            one.record_id, _text(one.before), _text(one.after),
        )
        for one in changes
    ]  # fmt: skip
    if rows:
        await batch.transaction.run(_ADD, rows)


def told(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the record tells of ``row``, a row of the table or some columns of one; truths as truths."""
    columns = tables.metadata.tables[table].c
    # SQLite has no truths of its own and tells them as numbers.
    truths = {name for name in TOLD[table] if isinstance(columns[name].type, Boolean) and row.get(name) is not None}
    return {name: bool(row[name]) if name in truths else row.get(name) for name in TOLD[table]}


def _row_by_key(name: str) -> Statement:
    table = tables.metadata.tables[name]
    keys = [column for column in table.primary_key.columns if column.name in ("enterprise_id", "id")]
    return Statement(
        select(*(table.c[one] for one in TOLD[name] or ("id",))).where(*(k == given(k.name) for k in keys))
    )


_BY_KEY = {name: _row_by_key(name) for name in TOLD if name != "commands"}


async def before(batch: Batch, table: str, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is kept under the key of ``row`` now, as the record tells it; None when there is nothing."""
    keys = {"id": row["id"], **({"enterprise_id": row["enterprise_id"]} if _is_fact(table) else {})}
    found = await batch.transaction.fetch(_BY_KEY[table], keys)
    return told(table, dict(zip(TOLD[table], found[0], strict=False))) if found else None


_LINKS = {
    "portfolio_members": ("portfolio_id", "enterprise_id"),
    "device_connections": ("integration_id", "device_id"),
}
"""What belongs to what: an owner and its member."""


def _link(name: str) -> Statement:
    columns = [tables.metadata.tables[name].c[one] for one in _LINKS[name]]
    return Statement(select(columns[0]).where(*(column == given(column.name) for column in columns)))


_LINKED = {name: _link(name) for name in _LINKS}


def _is_fact(table: str) -> bool:
    return "enterprise_id" in tables.metadata.tables[table].primary_key.columns


async def replaced(batch: Batch, audit: Audit, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Record that the ``rows`` of each table are about to be put in the place of what is kept under their keys."""
    changes = []
    for table, given_rows in rows.items():
        if table not in TOLD:
            continue
        for row in given_rows:
            was, will = await before(batch, table, row), told(table, row)
            if was != will or not TOLD[table]:
                enterprise_id = row.get("enterprise_id") if table != "enterprises" else row["id"]
                changes.append(Change(table, enterprise_id, row["id"], was, will))
    for table, (owner, member) in _LINKS.items():
        changes += [
            Change(table, row.get("enterprise_id"), row[owner], None, {member: row[member]})
            for row in rows.get(table, ())
            if not await batch.transaction.fetch(_LINKED[table], {owner: row[owner], member: row[member]})
        ]
    await write(batch, audit, changes)


def _text(told: Mapping[str, Any] | None) -> str | None:
    return None if told is None else msgspec.json.encode(told).decode()


@value
class KeptRecord:
    """A record as it is kept; ``before`` and ``after`` are JSON text."""

    number: int
    time: datetime
    administrator: str
    operation: str
    enterprise_id: str | None
    kind: str
    record_id: str | None
    before: str | None
    after: str | None


_COLUMNS = select(
    _c.number, _c.time, _c.administrator, _c.operation, _c.enterprise_id, _c.kind, _c.record_id, _c.before, _c.after
).where(_c.number < given("number"))
_ALL = Statement(at_most(_COLUMNS.order_by(_c.number.desc()), "count"))
_SOME = Statement(
    at_most(_COLUMNS.where(among(_c.enterprise_id, "enterprises")).order_by(_c.number.desc()), "count"),
    lists=("enterprises",),
)


async def page(
    database: Database, enterprise_ids: Sequence[str] | None, older_than: int, count: int
) -> list[KeptRecord]:
    """At most ``count`` records older than number ``older_than``, newest first; of every enterprise and none for None."""
    if enterprise_ids is None:
        rows = await database.many(_ALL, number=older_than, count=count)
    else:
        rows = await database.many(_SOME, number=older_than, count=count, enterprises=enterprise_ids)
    return [KeptRecord(row[0], moment(row[1]), *row[2:]) for row in rows]
