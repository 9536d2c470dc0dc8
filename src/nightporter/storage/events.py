"""Events: one row for each change of a command, numbered in the order in which they become visible."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_, select

from nightporter.access.actor import Scope
from nightporter.domain.command import CommandState
from nightporter.storage.batch import Batch, Event
from nightporter.storage.database import Database
from nightporter.storage.statements import Row, Statement, add, among, at_most, given
from nightporter.storage.tables import desk, events

_c = events.c
_COLUMNS = ["number", "enterprise_id", "command_id", "device_id", "creator_integration_id", "state", "time"]
_ADD = add(events, _COLUMNS)
_LAST = Statement(select(func.max(_c.number)))
_BOUNDS = Statement(select(func.min(_c.number), func.max(_c.number)))
_AFTER = Statement(
    at_most(
        select(_c.number, _c.enterprise_id, _c.command_id, _c.device_id, _c.creator_integration_id, _c.state)
        .where(
            _c.number > given("number"),
            among(_c.enterprise_id, "enterprises"),
            or_(among(_c.device_id, "devices"), _c.creator_integration_id == given("integration")),
        )
        .order_by(_c.number),
        "count",
    ),
    lists=("enterprises", "devices"),
)


async def number(batch: Batch) -> list[Event]:
    """Give the batch's events their numbers and write them; the last step before the commit (DESIGN, writes 8)."""
    if not batch.changes:
        return []
    await batch.transaction.number_events()
    last = (await batch.transaction.fetch(_LAST, {}))[0][0] or 0
    numbered = [Event(last + place, *change) for place, change in enumerate(batch.changes, 1)]
    rows = [
        (e.number, e.enterprise_id, e.command_id, e.device_id, e.creator_integration_id, e.state.value, batch.seconds)
        for e in numbered
    ]
    await batch.transaction.run(_ADD, rows)
    return numbered


def _listing(*, everywhere: bool, of_one: bool) -> Statement:
    core, lists = select(_c.number, _c.enterprise_id, _c.command_id, _c.device_id, _c.state, _c.time), []
    core = core.where(_c.number > given("number"))
    if not everywhere:
        core, lists = core.where(among(_c.enterprise_id, "enterprises")), ["enterprises"]
    if of_one:
        core = core.where(_c.command_id == given("command"))
    return Statement(at_most(core.order_by(_c.number), "count"), lists=lists)


_LISTINGS = {(e, o): _listing(everywhere=e, of_one=o) for e in (True, False) for o in (True, False)}


async def page(
    database: Database, enterprise_ids: Sequence[str] | None, command_id: str | None, last_seen: int, count: int
) -> list[Row]:
    """Number, enterprise, command, device, state and time of at most ``count`` events later than ``last_seen``, in order.

    Of every enterprise for None.
    """
    wanted: dict[str, Any] = {"number": last_seen, "count": count}
    if enterprise_ids is not None:
        wanted["enterprises"] = enterprise_ids
    if command_id is not None:
        wanted["command"] = command_id
    return await database.many(_LISTINGS[enterprise_ids is None, command_id is not None], **wanted)


async def bounds(database: Database) -> tuple[int, int]:
    """The numbers of the first and the last event that is kept; (1, 0) when there is none."""
    row = await database.one(_BOUNDS)
    return (row[0], row[1]) if row and row[1] is not None else (1, 0)


_PROGRESS = Statement(select(desk.c.facts, select(func.max(_c.number)).scalar_subquery()))
_ALL_AFTER = Statement(
    at_most(
        select(_c.number, _c.enterprise_id, _c.command_id, _c.device_id, _c.creator_integration_id, _c.state)
        .where(_c.number > given("number"))
        .order_by(_c.number),
        "count",
    )
)


async def progress(database: Database) -> tuple[int, int]:
    """How often the facts of properties were changed, and the number of the last event."""
    row = await database.one(_PROGRESS)
    return (row[0], row[1] or 0) if row else (0, 0)


async def all_after(database: Database, last_seen: int, count: int) -> list[Event]:
    """At most ``count`` events later than ``last_seen``, in order, whoever may see them."""
    return [_event(row) for row in await database.few(_ALL_AFTER, number=last_seen, count=count)]


async def after(database: Database, scope: Scope, last_seen: int, count: int) -> list[Event]:
    """At most ``count`` events later than ``last_seen`` that ``scope`` may see, in order (contract 3 rule 6)."""
    rows = await database.few(
        _AFTER,
        number=last_seen,
        enterprises=scope.enterprise_ids,
        devices=scope.device_ids,
        integration=scope.integration_id,
        count=count,
    )
    return [_event(row) for row in rows]


def _event(row: Row) -> Event:
    return Event(row[0], row[1], row[2], row[3], row[4], CommandState(row[5]))
