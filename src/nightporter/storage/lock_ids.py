"""The locks of a room outlive an import that does not speak of them: the vendor's own records never do."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw
from sqlalchemy import select

from nightporter.storage.batch import Batch
from nightporter.storage.statements import Statement, given
from nightporter.storage.tables import resources

_c = resources.c
_KEPT = Statement(select(_c.lock_ids).where(_c.enterprise_id == given("enterprise"), _c.id == given("id")))
_NONE = "[]"
_fields = msgspec.json.Decoder(dict[str, Raw]).decode


async def with_lock_ids(batch: Batch, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows of resources, each with lock ids: where it has none (None), those that the desk has for it."""
    return [row if row["lock_ids"] is not None else await _completed(batch, row) for row in rows]


async def _completed(batch: Batch, row: Mapping[str, Any]) -> Mapping[str, Any]:
    found = await batch.transaction.fetch(_KEPT, {"enterprise": row["enterprise_id"], "id": row["id"]})
    kept = found[0][0] if found else _NONE
    if kept == _NONE:
        return {**row, "lock_ids": _NONE}
    record = msgspec.json.encode({**_fields(row["record"]), "LockIds": Raw(kept)}).decode()
    return {**row, "lock_ids": kept, "record": record}
