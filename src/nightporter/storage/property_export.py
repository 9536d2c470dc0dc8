"""What a property file is written from: the rows of some enterprises, in an order that stays the same.

What a load would refuse is left out: records whose reservation, device or account is gone, and tokens that were revoked.
"""

from sqlalchemy import ColumnElement, Select, Table, exists, or_, select, text

from nightporter.storage import tables
from nightporter.storage.statements import Statement, among, given

_e, _p, _m, _c, _i, _l, _a, _d = (
    table.c
    for table in (
        tables.enterprises,
        tables.portfolios,
        tables.portfolio_members,
        tables.clients,
        tables.integrations,
        tables.device_connections,
        tables.access_tokens,
        tables.devices,
    )
)
_k, _t, _r, _n, _f = (
    table.c
    for table in (
        tables.commands,
        tables.resource_access_tokens,
        tables.reservations,
        tables.companionships,
        tables.documents,
    )
)


def _of(core: Select, enterprise_id: ColumnElement[str]) -> Statement:  # type: ignore[type-arg]  # rows of any kind
    return Statement(core.where(among(enterprise_id, "enterprises")), lists=("enterprises",))


_PORTFOLIOS = select(_m.portfolio_id).where(among(_m.enterprise_id, "enterprises"))

ENTERPRISE_IDS = Statement(select(_e.id).order_by(_e.id))
ENTERPRISES = _of(select(_e.id, _e.name, _e.accepted_currencies, _e.is_enabled).order_by(_e.id), _e.id)
PORTFOLIOS = Statement(select(_p.id, _p.name).where(_p.id.in_(_PORTFOLIOS)).order_by(_p.id), lists=("enterprises",))
MEMBERS = _of(select(_m.portfolio_id, _m.enterprise_id).order_by(_m.portfolio_id, _m.enterprise_id), _m.enterprise_id)
"""Portfolio and enterprise."""
_HERE = or_(among(_i.enterprise_id, "enterprises"), _i.portfolio_id.in_(_PORTFOLIOS))
CLIENTS = Statement(
    select(_c.id, _c.name, _c.token_hash, _c.rights)
    .where(or_(given("whole"), exists().where(_i.client_id == _c.id, _HERE)))
    .order_by(_c.id),
    lists=("enterprises",),
)
"""Those with an integration at one of the enterprises; every one for ``whole``."""
INTEGRATIONS = Statement(
    select(_i.id, _i.client_id, _i.name, _i.enterprise_id, _i.portfolio_id, _i.is_enabled).where(_HERE).order_by(_i.id),
    lists=("enterprises",),
)
ACCESS_TOKENS = Statement(
    select(_a.integration_id, _a.id, _a.token_hash).where(_a.revoked.is_(None)).order_by(_a.integration_id, _a.id)
)
"""Integration, id and hash, of tokens that hold."""
CONNECTIONS = Statement(
    select(_l.integration_id, _l.device_id)
    .where(exists().where(_d.id == _l.device_id, among(_d.enterprise_id, "enterprises")))
    .order_by(_l.integration_id, _l.device_id),
    lists=("enterprises",),
)
"""Integration and device."""
DEVICES = _of(
    select(
        _d.enterprise_id, _d.id, _d.type, _d.name, _d.identifier, _d.is_active, _d.configuration, _d.expires_after,
        _d.stalled_after, _d.stalled_policy,
    ).order_by(_d.enterprise_id, _d.id),
    _d.enterprise_id,
)  # fmt: skip


def _facts(table: Table, *fits: ColumnElement[bool]) -> Statement:
    c = table.c
    return _of(select(c.enterprise_id, c.record).where(*fits).order_by(c.enterprise_id, c.id), c.enterprise_id)


def _is_there(table: Table, enterprise_id: ColumnElement[str], row_id: ColumnElement[str]) -> ColumnElement[bool]:
    return or_(row_id.is_(None), exists().where(table.c.enterprise_id == enterprise_id, table.c.id == row_id))


FACTS = {
    "Resources": _facts(tables.resources),
    "Customers": _facts(tables.customers),
    "Companies": _facts(tables.companies),
    "Reservations": _facts(
        tables.reservations,
        or_(
            text("reservations.state IN ('Processed', 'Canceled')"),
            _is_there(tables.customers, _r.enterprise_id, _r.account_id),
            _is_there(tables.companies, _r.enterprise_id, _r.account_id),
        ),
    ),
    "Companionships": _facts(
        tables.companionships, _is_there(tables.reservations, _n.enterprise_id, _n.reservation_id)
    ),
    "Bills": _facts(tables.bills),
    "PaymentRequests": _facts(tables.payment_requests),
}
"""Enterprise and record, by the name of the part."""

COMMANDS = _of(
    select(
        _k.enterprise_id, _k.id, _k.device_id, _k.state, _k.created, _k.updated, _k.creator, _k.data, _k.document_size
    )
    .where(
        text("commands.state IN ('Pending', 'Received', 'Processing')"),
        _is_there(tables.devices, _k.enterprise_id, _k.device_id),
    )
    .order_by(_k.enterprise_id, _k.created, _k.sequence),
    _k.enterprise_id,
)
"""Those that have not ended, in the order in which they were added."""
DOCUMENT = Statement(
    select(_f.content).where(_f.enterprise_id == given("enterprise"), _f.command_id == given("command"))
)
RESOURCE_ACCESS_TOKENS = _of(
    select(
        _t.enterprise_id, _t.id, _t.service_order_id, _t.companionship_id, _t.resource_id, _t.type, _t.value,
        _t.serial_number, _t.validity_start, _t.validity_end, _t.bed, _t.room, _t.floor, _t.building, _t.created,
        _t.updated, _t.is_active,
    )
    .where(
        _is_there(tables.reservations, _t.enterprise_id, _t.service_order_id),
        _is_there(tables.companionships, _t.enterprise_id, _t.companionship_id),
        _is_there(tables.resources, _t.enterprise_id, _t.resource_id),
    )
    .order_by(_t.enterprise_id, _t.created, _t.sequence),
    _t.enterprise_id,
)  # fmt: skip
"""In the order in which they were added, those that are no longer active included."""
