"""The facts of a property that commands and tokens are made from, one read each, and how they are set."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Table, exists, func, or_, select, update

from nightporter.domain.account import Company, Customer
from nightporter.domain.bill import Bill, BillState
from nightporter.domain.command import NewCommand
from nightporter.domain.device import Configuration, Device, DeviceType, StalledPolicy
from nightporter.domain.enterprise import Enterprise
from nightporter.domain.reservation import Reservation, ReservationState
from nightporter.domain.resource import Resource
from nightporter.domain.value import value
from nightporter.storage import audit, tables
from nightporter.storage.audit import Audit
from nightporter.storage.batch import Batch
from nightporter.storage.commands import AddCommands, add_commands
from nightporter.storage.database import Database
from nightporter.storage.lock_ids import with_lock_ids
from nightporter.storage.resource_access_tokens import PUT_TOKEN, sealed
from nightporter.storage.statements import Row, Statement, among, given, put
from nightporter.storage.types import moment

_decode_configuration = lru_cache(1000)(msgspec.json.Decoder(Configuration).decode)
"""Devices are few and their configuration rarely changes, so the same text is decoded once."""


def _by_id(table: Table, *columns: str) -> Statement:
    return Statement(
        select(*(table.c[name] for name in columns)).where(
            table.c.enterprise_id == given("enterprise"), table.c.id == given("id")
        )
    )


_DEVICE_COLUMNS = (
    "id", "enterprise_id", "type", "name", "identifier", "is_active", "configuration", "expires_after", "stalled_after",
    "stalled_policy",
)  # fmt: skip
_DEVICE = _by_id(tables.devices, *_DEVICE_COLUMNS)
_DEVICES = Statement(
    select(*(tables.devices.c[name] for name in _DEVICE_COLUMNS))
    .where(among(tables.devices.c.enterprise_id, "enterprises"), tables.devices.c.is_active)
    .order_by(tables.devices.c.name, tables.devices.c.id),
    lists=("enterprises",),
)
_FISCAL_MACHINES = Statement(
    select(tables.devices.c.id).where(
        among(tables.devices.c.enterprise_id, "enterprises"), tables.devices.c.type == given("type")
    ),
    lists=("enterprises",),
)


def _device(row: Row) -> Device:
    policy = StalledPolicy(row[9]) if row[9] else None
    return Device(
        row[0], row[1], DeviceType(row[2]), row[3], row[4], bool(row[5]), _decode_configuration(row[6]), row[7], row[8],
        policy,
    )  # fmt: skip


async def device(database: Database, enterprise_id: str, device_id: str, kind: DeviceType) -> Device | None:
    """The device, if it is an active one of that type in the enterprise (contract 7.3 rule 3, D96)."""
    row = await database.one(_DEVICE, enterprise=enterprise_id, id=device_id)
    found = _device(row) if row else None
    return found if found and found.is_active and found.type is kind else None


async def devices(database: Database, enterprise_ids: Sequence[str]) -> list[Device]:
    """All active devices of the enterprises, by name and id (contract 7.12)."""
    return [_device(row) for row in await database.few(_DEVICES, enterprises=enterprise_ids)]


_ENTERPRISE = Statement(
    select(
        tables.enterprises.c.id,
        tables.enterprises.c.name,
        tables.enterprises.c.accepted_currencies,
        tables.enterprises.c.is_enabled,
    ).where(tables.enterprises.c.id == given("enterprise"))
)


async def enterprise(database: Database, enterprise_id: str) -> Enterprise | None:
    """The enterprise."""
    row = await database.one(_ENTERPRISE, enterprise=enterprise_id)
    return Enterprise(row[0], row[1], frozenset(json.loads(row[2])), bool(row[3])) if row else None


_RESERVATION = _by_id(tables.reservations, "id")
_CUSTOMER = _by_id(tables.customers, "id", "enterprise_id", "first_name", "last_name", "telephone", "email")
_COMPANY = _by_id(tables.companies, "id", "enterprise_id", "name")
_BILL = _by_id(tables.bills, "id", "enterprise_id", "state")
_PAYMENT_REQUEST = _by_id(tables.payment_requests, "id")


async def has_reservation(database: Database, enterprise_id: str, reservation_id: str) -> bool:
    """Whether the reservation is of the enterprise."""
    return await database.one(_RESERVATION, enterprise=enterprise_id, id=reservation_id) is not None


_r, _s, _p, _f = tables.reservations.c, tables.resources.c, tables.customers.c, tables.companies.c
_STAY = Statement(
    select(
        _r.number, _r.state, _r.start_time, _r.end_time, _r.account_id, _r.resource_id,
        _s.name, _s.lock_ids, _p.id, _p.first_name, _p.last_name, _p.telephone, _p.email, _f.name,
    )
    .outerjoin(tables.resources, (_s.enterprise_id == _r.enterprise_id) & (_s.id == _r.resource_id))
    .outerjoin(tables.customers, (_p.enterprise_id == _r.enterprise_id) & (_p.id == _r.account_id))
    .outerjoin(tables.companies, (_f.enterprise_id == _r.enterprise_id) & (_f.id == _r.account_id))
    .where(_r.enterprise_id == given("enterprise"), _r.id == given("id"))
)  # fmt: skip


@value
class Stay:
    """A reservation with the resource assigned to it and its owner, as far as the enterprise has them."""

    reservation: Reservation
    resource: Resource | None
    owner: Customer | Company | None


async def stay(database: Database, enterprise_id: str, reservation_id: str) -> Stay | None:
    """The reservation, if it is of the enterprise, and what its key is made from (contract 7.4 rule 2)."""
    row = await database.one(_STAY, enterprise=enterprise_id, id=reservation_id)
    if row is None:
        return None
    number, state, start, end, account_id, resource_id, room, locks, guest, *names, company = row
    owner: Customer | Company | None = None
    if guest is not None:
        owner = Customer(guest, enterprise_id, *names)
    elif company is not None:
        owner = Company(account_id, enterprise_id, company)
    return Stay(
        Reservation(
            reservation_id, enterprise_id, number, ReservationState(state), moment(start), moment(end), account_id,
            resource_id,
        ),
        Resource(resource_id, enterprise_id, room, tuple(msgspec.json.decode(locks))) if room is not None else None,
        owner,
    )  # fmt: skip


async def account(database: Database, enterprise_id: str, account_id: str) -> Customer | Company | None:
    """The customer or company, if it is of the enterprise (D63)."""
    if row := await database.one(_CUSTOMER, enterprise=enterprise_id, id=account_id):
        return Customer(*row)
    if row := await database.one(_COMPANY, enterprise=enterprise_id, id=account_id):
        return Company(*row)
    return None


async def bill(database: Database, enterprise_id: str, bill_id: str) -> Bill | None:
    """The bill, if it is of the enterprise."""
    row = await database.one(_BILL, enterprise=enterprise_id, id=bill_id)
    return Bill(row[0], row[1], BillState(row[2])) if row else None


async def has_payment_request(database: Database, enterprise_id: str, payment_request_id: str) -> bool:
    """Whether the payment request is of the enterprise."""
    return await database.one(_PAYMENT_REQUEST, enterprise=enterprise_id, id=payment_request_id) is not None


async def fiscal_machines(database: Database, enterprise_ids: Sequence[str]) -> frozenset[str]:
    """The ids of the fiscal machines of the enterprises, inactive ones included."""
    rows = await database.few(_FISCAL_MACHINES, enterprises=enterprise_ids, type=DeviceType.FISCAL_MACHINE.value)
    return frozenset(row[0] for row in rows)


def _some(table: Table, *columns: str) -> Statement:
    return Statement(
        select(*(table.c[name] for name in columns)).where(
            table.c.enterprise_id == given("enterprise"), among(table.c.id, "ids")
        ),
        lists=("ids",),
    )


_RESERVATIONS = _some(tables.reservations, "id")
_RESOURCES = _some(tables.resources, "id")
_COMPANIONSHIPS = _some(tables.companionships, "id", "reservation_id")


async def references(
    database: Database,
    enterprise_id: str,
    reservation_ids: Sequence[str],
    companionship_ids: Sequence[str],
    resource_ids: Sequence[str],
) -> "References":
    """Which of the ids that tokens refer to are of the enterprise (contract 7.9 rule 5)."""
    return References(
        frozenset(r[0] for r in await database.few(_RESERVATIONS, enterprise=enterprise_id, ids=reservation_ids)),
        {r[0]: r[1] for r in await database.few(_COMPANIONSHIPS, enterprise=enterprise_id, ids=companionship_ids)},
        frozenset(r[0] for r in await database.few(_RESOURCES, enterprise=enterprise_id, ids=resource_ids)),
    )


@value
class References:
    """The things a batch of tokens refers to; ``companionships`` maps each to its reservation."""

    reservations: frozenset[str]
    companionships: Mapping[str, str | None]
    resources: frozenset[str]


class PropertyRefused(Exception):
    """Facts do not fit each other or what is there, and none was set; the message names the record and the field."""


@value
class Reference:
    """A row that facts rely on and do not bring themselves: ``key`` is its primary key in one of the ``tables``.

    ``problem`` is what PropertyRefused says when it is in none of them.
    """

    tables: tuple[str, ...]
    key: tuple[str, ...]
    problem: str


@value
class SetProperty:
    """Create or replace facts: ``rows`` by the name of their table, written in the order of the tables.

    Nothing is deleted, a device connection and a portfolio member included. What was done since is not undone:
    ``commands`` are added where they do not exist yet, ``tokens`` (rows of resource access tokens) replace only those
    that were not updated later, and an access token whose text stays the same stays as it is, revoked or not.
    ``names`` says how a message calls the record behind a row, by its table and id. The result is None; raises
    PropertyRefused.
    """

    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    commands: Sequence[NewCommand] = ()
    tokens: Sequence[Mapping[str, Any]] = ()
    references: Sequence[Reference] = ()
    names: Mapping[tuple[str, str], str] = field(default_factory=dict)
    audit: Audit | None = None
    """Who sets them; each row that changes is recorded. The loading of a whole file is one record of its own."""


FACTS = (
    "enterprises", "portfolios", "portfolio_members", "clients", "integrations", "access_tokens", "devices",
    "device_connections", "resources", "customers", "companies", "reservations", "companionships", "bills",
    "payment_requests",
)  # fmt: skip
"""The tables that SetProperty writes, in the order in which rows refer to each other."""

_HAS_COMMAND = _by_id(tables.commands, "id")
_TOKEN_UPDATED = _by_id(tables.resource_access_tokens, "updated")
_DEVICE_TYPE = _by_id(tables.devices, "type")
_puts = {name: put(tables.metadata.tables[name], tables.metadata.tables[name].columns.keys()) for name in FACTS}
_left_out = {name: {c.name: None for c in tables.metadata.tables[name].columns if c.nullable} for name in FACTS}
"""What a row holds where it does not say: it is replaced as a whole."""
_has = {
    name: Statement(select(table.c.id).where(*(key == given(key.name) for key in table.primary_key.columns)))
    for name, table in tables.metadata.tables.items()
    if name in FACTS and "id" in table.primary_key.columns
}


def _with_token(table: Table) -> Statement:
    return Statement(select(table.c.id).where(table.c.token_hash == given("hash"), table.c.id != given("id")))


_OTHERS_WITH_TOKEN = {"clients": _with_token(tables.clients), "access_tokens": _with_token(tables.access_tokens)}
_a, _i, _l, _m, _d = (
    table.c
    for table in (
        tables.access_tokens,
        tables.integrations,
        tables.device_connections,
        tables.portfolio_members,
        tables.devices,
    )
)
_SAME_ACCESS_TOKEN = Statement(
    update(tables.access_tokens)
    .where(_a.id == given("token"), _a.token_hash == given("hash"))
    .values(integration_id=given("integration"))
    .returning(_a.id)
)
_STRAY_CONNECTIONS = Statement(
    select(_l.device_id)
    .join(tables.integrations, _i.id == _l.integration_id)
    .where(
        _l.integration_id == given("integration"),
        ~exists().where(
            _d.id == _l.device_id,
            or_(
                _d.enterprise_id == _i.enterprise_id,
                _d.enterprise_id.in_(select(_m.enterprise_id).where(_m.portfolio_id == _i.portfolio_id)),
            ),
        ),
    )
)


async def set_property(batch: Batch, intents: Sequence[SetProperty]) -> list[object]:
    """Carry out the intents; raises PropertyRefused for the first that does not fit."""
    fetch, run = batch.transaction.fetch, batch.transaction.run
    for intent in intents:
        await _check(batch, intent)
        given_rows = dict(intent.rows)
        if rooms := given_rows.get("resources"):
            given_rows["resources"] = await with_lock_ids(batch, rooms)
        if intent.audit is not None:
            await audit.replaced(batch, intent.audit, given_rows)
        for name in FACTS:
            rows = given_rows.get(name, ())
            if name == "access_tokens":
                rows = [row for row in rows if not await _is_same_access_token(batch, row)]
            if rows:
                await run(_puts[name], [{**_left_out[name], **row} for row in rows])
        await _check_connections(batch, intent)
        tokens = []
        for token in intent.tokens:
            kept = await fetch(_TOKEN_UPDATED, {"enterprise": token["enterprise_id"], "id": token["id"]})
            if not kept or kept[0][0] <= token["updated"]:
                tokens.append(sealed(batch.seal, token))
        if tokens:
            await run(PUT_TOKEN, tokens)
        missing = [
            c for c in intent.commands if not await fetch(_HAS_COMMAND, {"enterprise": c.enterprise_id, "id": c.id})
        ]
        await add_commands(batch, [AddCommands((command,)) for command in missing])
    batch.property_changed = True
    return [None] * len(intents)


async def _is_same_access_token(batch: Batch, row: Mapping[str, Any]) -> bool:
    named = {"token": row["id"], "hash": row["token_hash"], "integration": row["integration_id"]}
    return bool(await batch.transaction.fetch(_SAME_ACCESS_TOKEN, named))


async def _is_there(batch: Batch, reference: Reference) -> bool:
    for name in reference.tables:
        keys = (key.name for key in tables.metadata.tables[name].primary_key.columns)
        if await batch.transaction.fetch(_has[name], dict(zip(keys, reference.key, strict=True))):
            return True
    return False


async def _check(batch: Batch, intent: SetProperty) -> None:
    fetch = batch.transaction.fetch
    for reference in intent.references:
        if not await _is_there(batch, reference):
            raise PropertyRefused(reference.problem)
    for name, others in _OTHERS_WITH_TOKEN.items():
        for row in intent.rows.get(name, ()):
            if other := await fetch(others, {"hash": row["token_hash"], "id": row["id"]}):
                raise PropertyRefused(
                    f"{_named(intent, name, row['id'])}: Expected a token of its own, {other[0][0]} has it already"
                )
    for row in intent.rows.get("devices", ()):
        kept = await fetch(_DEVICE_TYPE, {"enterprise": row["enterprise_id"], "id": row["id"]})
        if kept and kept[0][0] != row["type"]:
            raise PropertyRefused(
                f"{_named(intent, 'devices', row['id'])}: Expected {kept[0][0]}, which this device is at the desk; "
                "another kind of machine needs an Id of its own - at `$.Type`"
            )


async def _check_connections(batch: Batch, intent: SetProperty) -> None:
    connected: dict[str, set[str]] = {}
    for row in intent.rows.get("device_connections", ()):
        connected.setdefault(row["integration_id"], set()).add(row["device_id"])
    for integration_id, device_ids in connected.items():
        strays = await batch.transaction.fetch(_STRAY_CONNECTIONS, {"integration": integration_id})
        if wrong := sorted(device_ids.intersection(row[0] for row in strays)):
            raise PropertyRefused(
                f"{_named(intent, 'integrations', integration_id)}: Expected devices of the integration's enterprises, "
                f"got {', '.join(wrong)} - at `$.ConnectedDeviceIds`"
            )


def _named(intent: SetProperty, table: str, row_id: str) -> str:
    return intent.names.get((table, row_id), f"{table} (Id {row_id})")


_COUNT_ENTERPRISES = Statement(select(func.count()).select_from(tables.enterprises))


async def is_empty(database: Database) -> bool:
    """Whether nothing was set yet."""
    row = await database.one(_COUNT_ENTERPRISES)
    return row is None or row[0] == 0
