"""Resource access tokens: their rows, and the changes that are made of them, all or none at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import false, func, select, update
from sqlalchemy.sql import Select

from nightporter.access.actor import Scope
from nightporter.domain.errors import Unavailable
from nightporter.domain.interval import Interval
from nightporter.domain.resource_access_token import (
    NewResourceAccessToken,
    Permissions,
    ResourceAccessToken,
    ResourceAccessTokenChange,
    ResourceAccessTokenType,
)
from nightporter.domain.value import value
from nightporter.storage import idempotency
from nightporter.storage.batch import Batch
from nightporter.storage.commands import Position, bounds
from nightporter.storage.database import Database
from nightporter.storage.idempotency import Once, Twin
from nightporter.storage.sealing import VALUE, Seal
from nightporter.storage.statements import (
    Row,
    Statement,
    add,
    among,
    at_most,
    given,
    newest_first,
    older_than,
    put,
)
from nightporter.storage.tables import resource_access_tokens
from nightporter.storage.types import moment, seconds

_c = resource_access_tokens.c
_k = resource_access_tokens.alias("chosen").c


@value
class AddResourceAccessTokens:
    """Add tokens; the result holds them as kept, in the same order."""

    tokens: tuple[NewResourceAccessToken, ...]
    once: Once | None = None


@value
class ChangeResourceAccessTokens:
    """Change active tokens of one enterprise, all or none; the result holds them as kept, in the same order."""

    enterprise_id: str
    changes: tuple[ResourceAccessTokenChange, ...]


@value
class DeleteResourceAccessTokens:
    """Mark tokens as deleted; those already deleted stay as they are (D79)."""

    enterprise_id: str
    ids: tuple[str, ...]


class _Stale(Exception):
    """A token of a change is no longer active, or its validity would be reversed."""


_FIELDS = [
    "enterprise_id", "id", "service_order_id", "companionship_id", "resource_id", "type", "value", "serial_number",
    "validity_start", "validity_end", "bed", "room", "floor", "building", "created", "updated", "is_active",
]  # fmt: skip
_COLUMNS = [_c[name] for name in _FIELDS]
_ADD = add(resource_access_tokens, _FIELDS)
PUT_TOKEN = put(resource_access_tokens, _FIELDS, ("enterprise_id", "id"))


def _either(name: str) -> Any:
    return func.coalesce(given(name), _c[name])


_CHANGE = Statement(
    update(resource_access_tokens)
    .where(
        _c.enterprise_id == given("enterprise"),
        _c.id == given("token"),
        _c.is_active,
        _either("validity_start") < _either("validity_end"),
    )
    .values(
        **{n: _either(n) for n in ("validity_start", "validity_end", "value", "bed", "room", "floor", "building")},
        updated=given("now"),
    )
    .returning(*_COLUMNS)
)
_DELETE = Statement(
    update(resource_access_tokens)
    .where(_c.enterprise_id == given("enterprise"), among(_c.id, "ids"), _c.is_active)
    .values(is_active=false(), updated=given("now")),
    lists=("ids",),
)


def _token(seal: Seal, row: Row) -> ResourceAccessToken:
    value = seal.open(VALUE, row[0], row[1], row[6])
    return ResourceAccessToken(
        row[1], row[0], row[2], row[3], row[4], ResourceAccessTokenType(row[5]), value, row[7], moment(row[8]),
        moment(row[9]), Permissions(bool(row[10]), bool(row[11]), bool(row[12]), bool(row[13])), moment(row[14]),
        moment(row[15]), bool(row[16]),
    )  # fmt: skip


async def add_tokens(batch: Batch, intents: Sequence[AddResourceAccessTokens]) -> list[object]:
    """Carry out the intents; an intent whose key another holds is answered with Twin and adds nothing."""
    free = await idempotency.claim(batch, [(intent.once, [token.id for token in intent.tokens]) for intent in intents])
    adding = [token for intent, is_free in zip(intents, free, strict=True) if is_free for token in intent.tokens]
    if adding:
        await batch.transaction.run(_ADD, [_row(batch, token) for token in adding])
    return [batch.now if is_free else Twin() for is_free in free]


def _row(batch: Batch, token: NewResourceAccessToken) -> tuple[Any, ...]:
    opens = token.permissions
    value = batch.seal.close(VALUE, token.enterprise_id, token.id, token.value)
    return (
        token.enterprise_id, token.id, token.service_order_id, token.companionship_id, token.resource_id,
        token.type.value, value, token.serial_number, seconds(token.validity_start), seconds(token.validity_end),
        opens.bed, opens.room, opens.floor, opens.building, batch.seconds, batch.seconds, True,
    )  # fmt: skip


def sealed(seal: Seal, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for PUT_TOKEN, as it is kept."""
    return {**row, "value": seal.close(VALUE, row["enterprise_id"], row["id"], row["value"])}


async def change_tokens(batch: Batch, intents: Sequence[ChangeResourceAccessTokens]) -> list[object]:
    """Carry out the intents, each whole or not at all; None when a token was not as the change needs it."""
    results: list[object] = []
    for intent in intents:
        try:
            async with batch.transaction.savepoint():
                changed = [await _change(batch, intent.enterprise_id, one) for one in intent.changes]
                kept = [_token(batch.seal, row) for row in changed]
            results.append(kept)
        except _Stale:
            results.append(None)
        except Unavailable as refusal:
            # A value that cannot be opened is the trouble of this intent alone.
            results.append(refusal)
    return results


async def _change(batch: Batch, enterprise_id: str, change: ResourceAccessTokenChange) -> Row:
    value = None if change.value is None else batch.seal.close(VALUE, enterprise_id, change.id, change.value)
    changed = await batch.transaction.fetch(
        _CHANGE,
        {
            "enterprise": enterprise_id,
            "token": change.id,
            "validity_start": seconds(change.validity_start) if change.validity_start else None,
            "validity_end": seconds(change.validity_end) if change.validity_end else None,
            "value": value,
            "bed": change.bed,
            "room": change.room,
            "floor": change.floor,
            "building": change.building,
            "now": batch.seconds,
        },
    )
    if not changed:
        raise _Stale
    return changed[0]


async def delete_tokens(batch: Batch, intents: Sequence[DeleteResourceAccessTokens]) -> list[object]:
    """Carry out the intents."""
    for intent in intents:
        await batch.transaction.fetch(
            _DELETE, {"enterprise": intent.enterprise_id, "ids": intent.ids, "now": batch.seconds}
        )
    return [None] * len(intents)


_SOME = Statement(
    select(*_COLUMNS).where(among(_c.enterprise_id, "enterprises"), among(_c.id, "ids")),
    lists=("enterprises", "ids"),
)
_POSITION = Statement(
    select(_c.created, _c.sequence).where(among(_c.enterprise_id, "enterprises"), _c.id == given("id")),
    lists=("enterprises",),
)


async def some(database: Database, scope: Scope, ids: Sequence[str]) -> dict[str, ResourceAccessToken]:
    """Those of the tokens ``ids`` that are in scope, active or deleted, by id."""
    rows = await database.few(_SOME, enterprises=scope.enterprise_ids, ids=ids)
    return {row[1]: _token(database.seal, row) for row in rows}


async def position(database: Database, scope: Scope, token_id: str) -> Position | None:
    """Where the token stands in the order, if it is in scope (D27, D28)."""
    row = await database.one(_POSITION, enterprises=scope.enterprise_ids, id=token_id)
    return Position(row[0], row[1]) if row else None


@value
class Filter:
    """Which tokens to return; all that is given must hold (D83)."""

    ids: Sequence[str] | None = None
    service_order_ids: Sequence[str] | None = None
    colliding: Interval | None = None
    updated: Interval | None = None
    is_active: bool | None = None


def _page(parts: tuple[bool, bool, bool, bool, bool]) -> Statement:
    by_ids, by_orders, colliding, updated, by_activity = parts
    lists = ["enterprises"]
    keys: Select[Any] = select(_k.sequence).where(among(_k.enterprise_id, "enterprises"), older_than(_k))
    if by_ids:
        keys, lists = keys.where(among(_k.id, "ids")), [*lists, "ids"]
    if by_orders:
        keys, lists = keys.where(among(_k.service_order_id, "orders")), [*lists, "orders"]
    if colliding:
        keys = keys.where(_k.validity_end > given("from"), _k.validity_start < given("to"))
    if updated:
        keys = keys.where(_k.updated >= given("since"), _k.updated < given("until"))
    if by_activity:
        keys = keys.where(_k.is_active == given("active"))
    # The keys are put in order before anything else of a token is read: a wide filter may match a million.
    chosen = _c.sequence.in_(at_most(newest_first(keys, _k), "count"))
    return Statement(select(*_COLUMNS).where(chosen).order_by(_c.created.desc(), _c.sequence.desc()), lists=lists)


_pages: dict[tuple[bool, bool, bool, bool, bool], Statement] = {}


async def page(
    database: Database, scope: Scope, wanted: Filter, after: Position, count: int
) -> list[ResourceAccessToken]:
    """At most ``count`` tokens that match, older than ``after``, newest first (contract 7.8)."""
    parts = (
        wanted.ids is not None,
        wanted.service_order_ids is not None,
        wanted.colliding is not None,
        wanted.updated is not None,
        wanted.is_active is not None,
    )
    statement = _pages.setdefault(parts, _page(parts)) if parts not in _pages else _pages[parts]
    given_values: dict[str, Any] = {
        "enterprises": scope.enterprise_ids,
        "ids": wanted.ids,
        "orders": wanted.service_order_ids,
        "active": wanted.is_active,
        "created": after.created,
        "sequence": after.sequence,
        "count": count,
    }
    if wanted.colliding is not None:
        # Half-open on both sides: with equal ends, the tokens valid at that very instant (D84).
        at = bounds(wanted.colliding)
        given_values |= {"from": at["since"], "to": at["until"]}
    if wanted.updated is not None:
        given_values |= bounds(wanted.updated)
    rows = await database.many(statement, **given_values)
    return [_token(database.seal, row) for row in rows]
