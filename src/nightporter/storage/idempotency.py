"""Which idempotency keys were used, for what, and with which result (extension "Never twice")."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from nightporter.storage.batch import Batch
from nightporter.storage.database import Database
from nightporter.storage.statements import Statement, given
from nightporter.storage.tables import idempotency_keys
from nightporter.storage.types import seconds

LIFETIME = 24 * 3600
"""Seconds for which a key stands for its first result."""


@dataclass(frozen=True, slots=True)
class Once:
    """A key as it came, with the keyed hash of its body."""

    access_token_id: str
    operation: str
    key: str
    body_hash: str
    enterprise_id: str


@dataclass(frozen=True, slots=True)
class Used:
    """What a key was used for, and the ids that came of it."""

    body_hash: str
    result: tuple[str, ...]


class Twin:
    """The key of an intent was taken by another in the meantime; nothing was done."""


_c = idempotency_keys.c
_KEY = (_c.access_token_id == given("access_token_id"), _c.operation == given("operation"), _c.key == given("key"))
_FIND = Statement(select(_c.body_hash, _c.result).where(*_KEY, _c.created > given("since")))

_insert = insert(idempotency_keys)
_CLAIM = Statement(
    _insert.on_conflict_do_update(
        index_elements=["access_token_id", "operation", "key"],
        set_={name: _insert.excluded[name] for name in ("body_hash", "enterprise_id", "result", "created")},
        where=_c.created <= given("since"),
    ).returning(_c.key),
    columns=["access_token_id", "operation", "key", "body_hash", "enterprise_id", "result", "created"],
)


async def find(database: Database, once: Once, now: int) -> Used | None:
    """What the key was used for within its lifetime; ``now`` in seconds since 1970."""
    row = await database.one(
        _FIND, access_token_id=once.access_token_id, operation=once.operation, key=once.key, since=now - LIFETIME
    )
    return Used(row[0], tuple(json.loads(row[1]))) if row else None


async def claim(batch: Batch, once: Once | None, result: Sequence[str]) -> bool:
    """Take the key for ``result``, in the transaction that makes it; false when another has it. No key is always free."""
    if once is None:
        return True
    now = seconds(batch.now)
    taken = await batch.transaction.fetch(
        _CLAIM,
        {
            "access_token_id": once.access_token_id,
            "operation": once.operation,
            "key": once.key,
            "body_hash": once.body_hash,
            "enterprise_id": once.enterprise_id,
            "result": json.dumps(list(result)),
            "created": now,
            "since": now - LIFETIME,
        },
    )
    return bool(taken)
