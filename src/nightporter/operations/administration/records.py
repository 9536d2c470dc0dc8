"""What the ``set`` operations share: records as they came, made into one intent (DESIGN, "The administration operations")."""

from dataclasses import replace

import msgspec

from nightporter.domain.errors import InvalidRecord
from nightporter.operations.administration.load_property import InvalidPropertyFile, read_property
from nightporter.operations.operation import AdministrationCall
from nightporter.storage.property import PropertyRefused
from nightporter.storage.types import seconds


async def set_records(
    call: AdministrationCall, part: str, records: list[msgspec.Raw], enterprise_id: str | None = None
) -> None:
    """Create or replace records of one part of a property file by their ``Id``, all or none.

    ``enterprise_id`` is that of records that name none. Raises InvalidRecord, which names the record, the field and what
    was expected, and Invalid("EnterpriseId") for an enterprise that is not the administrator's.
    """
    content = msgspec.json.encode({part: records})
    try:
        intent, _ = read_property(content, seconds(call.sources.now()), enterprise_id)
        for table, rows in intent.rows.items():
            for row in rows:
                if owner := row["id"] if table == "enterprises" else row.get("enterprise_id"):
                    call.administrator.enterprise(owner)
        await call.writer.write(replace(intent, audit=call.audit))
    except (InvalidPropertyFile, PropertyRefused) as refused:
        raise InvalidRecord(f"Invalid {refused}") from None


def one_of_his(call: AdministrationCall, enterprise_id: str | None) -> str | None:
    """``EnterpriseId`` of a request: the one given, else the administrator's only one; raises Invalid("EnterpriseId")."""
    his = call.administrator.enterprise_ids
    if enterprise_id is not None:
        return call.administrator.enterprise(enterprise_id)
    return next(iter(his)) if his is not None and len(his) == 1 else None
