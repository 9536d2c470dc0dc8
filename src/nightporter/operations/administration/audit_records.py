"""auditRecords/getAll: what administrators did."""

from msgspec import Raw

from nightporter.operations.administration.pages import NEWEST, PageLimitation, numbered
from nightporter.operations.operation import AdministrationCall
from nightporter.storage import audit
from nightporter.wire.scalars import SentId, SentUtc
from nightporter.wire.shapes import Ids, Shape


class Parameters(Shape, kw_only=True):
    """At which enterprises, and which page to return."""

    enterprise_ids: Ids | None = None
    limitation: PageLimitation


class AuditRecord(Shape):
    """One thing that somebody changed. ``Before`` is null for a new one, ``After`` for one that is gone.

    ``Administrator`` is the name of the token, or ``command line`` for who sat at the machine. No secret and no guest is
    told here.
    """

    number: int
    time_utc: SentUtc
    administrator: str
    operation: str
    enterprise_id: SentId | None
    kind: str
    record_id: SentId | None
    before: Raw | None
    after: Raw | None


class AuditRecords(Shape):
    """A page of records."""

    audit_records: list[AuditRecord]
    cursor: str | None


async def get_all(call: AdministrationCall, parameters: Parameters) -> AuditRecords:
    """Returns what administrators did, newest first. What concerns no enterprise is told to those of the whole desk.

    Raises Invalid("Cursor").
    """
    limitation = parameters.limitation
    rows = await audit.page(
        call.database,
        call.administrator.among(parameters.enterprise_ids),
        numbered(limitation.cursor, NEWEST),
        int(limitation.count),
    )
    found = [
        AuditRecord(
            row.number,
            row.time,
            row.administrator,
            row.operation,
            row.enterprise_id,
            row.kind,
            row.record_id,
            None if row.before is None else Raw(row.before),
            None if row.after is None else Raw(row.after),
        )
        for row in rows
    ]
    return AuditRecords(found, str(found[-1].number) if found else None)
