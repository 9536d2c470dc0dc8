"""``nightporter audit``."""

from typing import Annotated, Any

import typer

from nightporter.cli.adding import AmongOption
from nightporter.cli.desk import Administration, Where, administer, with_desk
from nightporter.cli.naming import ENTERPRISE, id_of
from nightporter.cli.table import tell

LimitOption = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")]


@with_desk
def audit(where: Where, enterprise: AmongOption = None, limit: LimitOption = 100) -> None:
    """Tell what administrators changed, newest first: who, what, when; with --json before and after too."""

    async def act(ask: Administration) -> list[dict[str, Any]]:
        among = None if enterprise is None else [await id_of(ask, ENTERPRISE, enterprise)]
        reply = await ask("auditRecords/getAll", EnterpriseIds=among, Limitation={"Count": limit})
        records: list[dict[str, Any]] = reply["AuditRecords"]
        return records

    fields = ("TimeUtc", "Administrator", "Operation", "Kind", "RecordId", "EnterpriseId")
    tell(administer(where, act), fields, as_json=where.as_json)
