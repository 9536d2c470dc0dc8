"""The facts of properties as records: listed by id in pages, and deleted."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, select, tuple_

from nightporter.domain.value import value
from nightporter.storage import audit, tables
from nightporter.storage.audit import Audit, Change
from nightporter.storage.batch import Batch
from nightporter.storage.database import Database
from nightporter.storage.statements import Statement, among, at_most, given

RECORDED = ("resources", "customers", "companies", "reservations", "companionships", "bills", "payment_requests")
"""The tables whose rows hold the record as it came."""


@value
class DeleteFacts:
    """Delete rows of one of ``RECORDED``; ids that are not there are left out. The result is None."""

    table: str
    enterprise_ids: tuple[str, ...] | None
    ids: tuple[str, ...]
    audit: Audit


@value
class FactRecord:
    """A record as it came, JSON text."""

    enterprise_id: str
    id: str
    record: str


def later(columns: Any) -> ColumnElement[bool]:
    """After the enterprise and the id in the parameters ``after_enterprise`` and ``after_id``."""
    return tuple_(columns.enterprise_id, columns.id) > tuple_(given("after_enterprise"), given("after_id"))


def _page(name: str, *, everywhere: bool, by_ids: bool) -> Statement:
    table, lists = tables.metadata.tables[name], []
    core = select(table.c.enterprise_id, table.c.id, table.c.record).where(later(table.c))
    if not everywhere:
        core, lists = core.where(among(table.c.enterprise_id, "enterprises")), ["enterprises"]
    if by_ids:
        core, lists = core.where(among(table.c.id, "ids")), [*lists, "ids"]
    return Statement(at_most(core.order_by(table.c.enterprise_id, table.c.id), "count"), lists=lists)


_PAGES = {
    (name, everywhere, by_ids): _page(name, everywhere=everywhere, by_ids=by_ids)
    for name in RECORDED
    for everywhere in (True, False)
    for by_ids in (True, False)
}


async def page(
    database: Database,
    table: str,
    enterprise_ids: Sequence[str] | None,
    ids: Sequence[str] | None,
    after: tuple[str, str],
    count: int,
) -> list[FactRecord]:
    """At most ``count`` records by enterprise and id, after those in ``after``; of every enterprise for None."""
    statement = _PAGES[table, enterprise_ids is None, ids is not None]
    wanted: dict[str, object] = {"after_enterprise": after[0], "after_id": after[1], "count": count}
    if enterprise_ids is not None:
        wanted["enterprises"] = enterprise_ids
    if ids is not None:
        wanted["ids"] = ids
    return [FactRecord(*row) for row in await database.many(statement, **wanted)]


def _deletion(name: str, *, everywhere: bool) -> Statement:
    table = tables.metadata.tables[name]
    core, lists = delete(table).where(among(table.c.id, "ids")), ["ids"]
    if not everywhere:
        core, lists = core.where(among(table.c.enterprise_id, "enterprises")), ["ids", "enterprises"]
    told = (table.c[one] for one in audit.TOLD[name])
    return Statement(core.returning(table.c.enterprise_id, table.c.id, *told), lists=lists)


_DELETE = {
    (name, everywhere): _deletion(name, everywhere=everywhere) for name in RECORDED for everywhere in (True, False)
}


async def delete_facts(batch: Batch, intents: Sequence[DeleteFacts]) -> list[object]:
    """Carry out the intents."""
    for one in intents:
        wanted: dict[str, object] = {"ids": one.ids}
        if one.enterprise_ids is not None:
            wanted["enterprises"] = one.enterprise_ids
        gone = await batch.transaction.fetch(_DELETE[one.table, one.enterprise_ids is None], wanted)
        names = audit.TOLD[one.table]
        changes = [
            Change(one.table, row[0], row[1], audit.told(one.table, dict(zip(names, row[2:], strict=True))), None)
            for row in gone
        ]
        await audit.write(batch, one.audit, changes)
        batch.property_changed = batch.property_changed or bool(gone)
    return [None] * len(intents)
