"""Which idempotency keys were used, for what, and with which result (extension "Never twice")."""

from collections.abc import Sequence
from typing import Any

from msgspec.json import decode, encode
from sqlalchemy import literal_column, select

from nightporter.domain.value import value
from nightporter.storage.batch import Batch
from nightporter.storage.database import Database
from nightporter.storage.statements import Statement, given, put
from nightporter.storage.tables import idempotency_keys

LIFETIME = 24 * 3600
"""Seconds for which a key stands for its first result."""


@value
class Once:
    """A key as it came, with the keyed hash of its body."""

    access_token_id: str
    operation: str
    key: str
    body_hash: str
    enterprise_id: str


@value
class Used:
    """What a key was used for, and the ids that came of it."""

    body_hash: str
    result: tuple[str, ...]


class Twin:
    """The key of an intent was taken by another in the meantime; nothing was done."""


_c = idempotency_keys.c
_KEY = (_c.access_token_id == given("access_token_id"), _c.operation == given("operation"), _c.key == given("key"))
_FIND = Statement(select(_c.body_hash, _c.result).where(*_KEY, _c.created > given("since")))

_COLUMNS = ["access_token_id", "operation", "key", "body_hash", "enterprise_id", "result", "created"]
_HELD = Statement(select(_c.result).where(*_KEY))
_CLAIM = put(
    # A key that another holds within its lifetime stays with it.
    idempotency_keys,
    _COLUMNS,
    in_order=True,
    only_if=lambda row: _c.created <= row.created - literal_column(str(LIFETIME)),
)


async def find(database: Database, once: Once, now: int) -> Used | None:
    """What the key was used for within its lifetime; ``now`` in seconds since 1970."""
    row = await database.one(
        _FIND, access_token_id=once.access_token_id, operation=once.operation, key=once.key, since=now - LIFETIME
    )
    return Used(row[0], tuple(decode(row[1]))) if row else None


async def claim(batch: Batch, claims: Sequence[tuple[Once | None, Sequence[str]]]) -> list[bool]:
    """Take keys for their results, in the transaction that makes them; false where another has the key.

    No key is always free. All are taken at once; only when that leaves one out is each asked for: the results are ids
    that are new, so a key whose result they are is taken for them.
    """
    rows = [None if once is None else _row(once, result, batch.seconds) for once, result in claims]
    keyed = [row for row in rows if row is not None]
    first = {_key(row): row for row in reversed(keyed)}
    # In one order everywhere, so that two who claim the same keys wait for each other in that order.
    if not keyed or await batch.transaction.run(_CLAIM, sorted(first.values())) == len(keyed):
        return [True] * len(claims)
    return [row is None or await _is_held(batch, row) for row in rows]


async def _is_held(batch: Batch, row: tuple[Any, ...]) -> bool:
    """Whether the key stands for the result that it was to be taken for."""
    held = await batch.transaction.fetch(_HELD, dict(zip(_COLUMNS, row, strict=True)))
    return bool(held[0][0] == row[_COLUMNS.index("result")])


def _row(once: Once, result: Sequence[str], now: int) -> tuple[Any, ...]:
    ids = encode(result).decode()
    return once.access_token_id, once.operation, once.key, once.body_hash, once.enterprise_id, ids, now


def _key(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return row[:3]
