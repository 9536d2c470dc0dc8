"""Enterprises, portfolios, clients, integrations and their tokens as lists, for administrators."""

from collections.abc import Collection, Sequence
from itertools import groupby

from sqlalchemy import Select, or_, select

from nightporter.storage import tables
from nightporter.storage.database import Database
from nightporter.storage.fact_records import later
from nightporter.storage.statements import Row, Statement, among, at_most, given

_e, _p, _m, _c = tables.enterprises.c, tables.portfolios.c, tables.portfolio_members.c, tables.clients.c
_d = tables.devices.c
_i, _l, _a, _t = (
    tables.integrations.c,
    tables.device_connections.c,
    tables.access_tokens.c,
    tables.administration_tokens.c,
)


def _paged(core: Select, key: object, *, lists: Sequence[str] = ()) -> Statement:  # type: ignore[type-arg]  # rows of any kind
    return Statement(at_most(core.where(key > given("after")).order_by(key), "count"), lists=lists)  # type: ignore[arg-type]  # a column


_ENTERPRISE = select(_e.id, _e.name, _e.accepted_currencies, _e.is_enabled)
_ENTERPRISES = _paged(_ENTERPRISE, _e.id)
_SOME_ENTERPRISES = _paged(_ENTERPRISE.where(among(_e.id, "enterprises")), _e.id, lists=("enterprises",))
_PORTFOLIOS = _paged(select(_p.id, _p.name), _p.id)
_MEMBERS = Statement(
    select(_m.portfolio_id, _m.enterprise_id)
    .where(among(_m.portfolio_id, "portfolios"))
    .order_by(_m.portfolio_id, _m.enterprise_id),
    lists=("portfolios",),
)
_CLIENTS = _paged(select(_c.id, _c.name, _c.rights), _c.id)
_INTEGRATION = select(_i.id, _i.client_id, _i.name, _i.enterprise_id, _i.portfolio_id, _i.is_enabled)
_INTEGRATIONS = _paged(_INTEGRATION, _i.id)
_SOME_INTEGRATIONS = _paged(_INTEGRATION.where(among(_i.enterprise_id, "enterprises")), _i.id, lists=("enterprises",))
_ONE_INTEGRATION = Statement(_INTEGRATION.where(_i.id == given("integration")))
_HERE = select(_i.enterprise_id).where(_i.id == given("integration"))
_ALL_OVER = (
    select(_m.enterprise_id)
    .join(tables.integrations, _i.portfolio_id == _m.portfolio_id)
    .where(_i.id == given("integration"))
)
_DEVICES_OF = Statement(
    select(_d.id).where(
        among(_d.id, "devices"), _d.is_active, or_(_d.enterprise_id.in_(_HERE), _d.enterprise_id.in_(_ALL_OVER))
    ),
    lists=("devices",),
)
_CONNECTED = Statement(
    select(_l.integration_id, _l.device_id)
    .where(among(_l.integration_id, "integrations"))
    .order_by(_l.integration_id, _l.device_id),
    lists=("integrations",),
)
_TOKEN = select(_a.id, _a.integration_id, _a.created, _a.revoked, _a.used)
_ACCESS_TOKENS = _paged(_TOKEN.where(among(_a.integration_id, "integrations")), _a.id, lists=("integrations",))
_TOKENS_OF = Statement(
    select(_a.id, _a.integration_id, _i.enterprise_id)
    .join(tables.integrations, _i.id == _a.integration_id)
    .where(among(_a.id, "ids")),
    lists=("ids",),
)
_ADMINISTRATION_TOKENS = _paged(select(_t.id, _t.name, _t.enterprise_ids, _t.created, _t.revoked, _t.used), _t.id)


async def enterprises(database: Database, enterprise_ids: Sequence[str] | None, after: str, count: int) -> list[Row]:
    """Id, name, accepted currencies (JSON) and whether enabled, by id; every enterprise for None."""
    if enterprise_ids is None:
        return await database.many(_ENTERPRISES, after=after, count=count)
    return await database.many(_SOME_ENTERPRISES, enterprises=enterprise_ids, after=after, count=count)


_OWNER = Statement(select(_d.enterprise_id).where(_d.id == given("id")))


async def owner_of_device(database: Database, device_id: str) -> str | None:
    """The enterprise of the device, if exactly one has such a device."""
    rows = await database.many(_OWNER, id=device_id)
    return rows[0][0] if len(rows) == 1 else None


_DEVICE_FIELDS = (
    "enterprise_id", "id", "type", "name", "identifier", "is_active", "configuration", "expires_after", "stalled_after",
    "stalled_policy",
)  # fmt: skip


def _device_page(*, everywhere: bool, by_ids: bool) -> Statement:
    core, lists = select(*(_d[name] for name in _DEVICE_FIELDS)), []
    if not everywhere:
        core, lists = core.where(among(_d.enterprise_id, "enterprises")), ["enterprises"]
    if by_ids:
        core, lists = core.where(among(_d.id, "ids")), [*lists, "ids"]
    return Statement(at_most(core.where(later(_d)).order_by(_d.enterprise_id, _d.id), "count"), lists=lists)


_DEVICE_PAGES = {(e, i): _device_page(everywhere=e, by_ids=i) for e in (True, False) for i in (True, False)}


async def devices(
    database: Database,
    enterprise_ids: Sequence[str] | None,
    ids: Sequence[str] | None,
    after: tuple[str, str],
    count: int,
) -> list[Row]:
    """Devices as they are kept, inactive ones included, by enterprise and id; of every enterprise for None."""
    wanted: dict[str, object] = {"after_enterprise": after[0], "after_id": after[1], "count": count}
    if enterprise_ids is not None:
        wanted["enterprises"] = enterprise_ids
    if ids is not None:
        wanted["ids"] = ids
    return await database.many(_DEVICE_PAGES[enterprise_ids is None, ids is not None], **wanted)


async def portfolios(database: Database, after: str, count: int) -> list[tuple[Row, list[str]]]:
    """Id and name, with the ids of the enterprises, by id."""
    found = await database.many(_PORTFOLIOS, after=after, count=count)
    members = await database.many(_MEMBERS, portfolios=[row[0] for row in found])
    return _with(found, members)


async def clients(database: Database, after: str, count: int) -> list[Row]:
    """Id, name and rights (JSON), by id."""
    return await database.many(_CLIENTS, after=after, count=count)


async def integrations(
    database: Database, enterprise_ids: Sequence[str] | None, after: str, count: int
) -> list[tuple[Row, list[str]]]:
    """Id, client, name, enterprise or portfolio and whether enabled, with the connected devices, by id.

    Those of portfolios belong to several enterprises and are listed for None only, which is every enterprise.
    """
    if enterprise_ids is None:
        found = await database.many(_INTEGRATIONS, after=after, count=count)
    else:
        found = await database.many(_SOME_INTEGRATIONS, enterprises=enterprise_ids, after=after, count=count)
    return _with(found, await database.many(_CONNECTED, integrations=[row[0] for row in found]))


async def is_integration_of(database: Database, integration_id: str, enterprise_ids: Collection[str] | None) -> bool:
    """Whether there is such an integration, of one of the enterprises; of any party for None."""
    row = await database.one(_ONE_INTEGRATION, integration=integration_id)
    return row is not None and (enterprise_ids is None or row[3] in enterprise_ids)


async def are_devices_of(database: Database, integration_id: str, device_ids: Collection[str]) -> bool:
    """Whether all the devices are of the integration's enterprise, or of its portfolio's."""
    rows = await database.few(_DEVICES_OF, integration=integration_id, devices=device_ids)
    return {row[0] for row in rows} >= set(device_ids)


async def access_tokens(database: Database, integration_ids: Sequence[str], after: str, count: int) -> list[Row]:
    """Id, integration, and when made, revoked and last used, by id."""
    return await database.many(_ACCESS_TOKENS, integrations=integration_ids, after=after, count=count)


async def enterprises_of_tokens(database: Database, ids: Sequence[str]) -> dict[str, str | None]:
    """The enterprise of each of the access tokens ``ids`` that exist; None for those of portfolios."""
    return {row[0]: row[2] for row in await database.few(_TOKENS_OF, ids=ids)}


async def administration_tokens(database: Database, after: str, count: int) -> list[Row]:
    """Id, name, enterprises (JSON, null for all), and when made, revoked and last used, by id."""
    return await database.many(_ADMINISTRATION_TOKENS, after=after, count=count)


def _with(found: Sequence[Row], members: Sequence[Row]) -> list[tuple[Row, list[str]]]:
    by_owner = {owner: [row[1] for row in rows] for owner, rows in groupby(members, key=lambda row: row[0])}
    return [(row, by_owner.get(row[0], [])) for row in found]
