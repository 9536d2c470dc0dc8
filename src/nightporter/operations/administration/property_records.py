"""What each record of a property file becomes: one function for each part of the file."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from nightporter.access.rights import Right
from nightporter.access.tokens import token_hash
from nightporter.domain.command import Creator, NewCommand
from nightporter.domain.device import Configuration, DeviceType
from nightporter.domain.money import DECIMALS
from nightporter.domain.reservation import ReservationState
from nightporter.storage.property import Reference
from nightporter.storage.types import seconds
from nightporter.wire import command_data
from nightporter.wire import property_file as shapes
from nightporter.wire.bills import NewerBill
from nightporter.wire.property_file import as_sent
from nightporter.wire.scalars import Utc, is_base64
from nightporter.wire.shapes import Shape, encode


@dataclass(slots=True)
class Load:
    """What a file comes to, part by part."""

    now: int
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    commands: list[NewCommand] = field(default_factory=list)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    device_types: dict[tuple[str, str], DeviceType] = field(default_factory=dict)
    record: str = ""
    """The record at hand, as messages call it."""
    records: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Every record so far by its table and key."""
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    token_holders: dict[str, str] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)

    def add(self, table: str, **row: Any) -> None:
        """A row."""
        self.rows.setdefault(table, []).append(
            {name: str(value) if isinstance(value, str) else value for name, value in row.items()}
        )

    def begin(self, table: str, *key: str, place: str = "$.Id") -> None:
        """The record at hand is this row of the table; raises ValueError for the second one with the same key."""
        if earlier := self.records.get((table, *key)):
            raise ValueError(f"expected an Id of its own, {earlier} has it already - at `{place}`")
        self.records[table, *key] = self.record
        self.names[table, key[-1]] = self.record

    def fact(self, table: str, record: shapes.Fact) -> str:
        """The record at hand is a fact of this table; returns its enterprise. Raises ValueError."""
        enterprise_id = record.enterprise_id
        if enterprise_id is None:
            only = self.rows.get("enterprises", [])
            if len(only) != 1:
                raise ValueError("expected EnterpriseId, which only a file with exactly one enterprise may leave out")
            enterprise_id = only[0]["id"]
        else:
            self.refer("EnterpriseId", "an enterprise", "enterprises", enterprise_id)
        self.begin(table, enterprise_id, record.id)
        return str(enterprise_id)

    def refer(self, parameter: str, kind: str, tables: str | tuple[str, ...], *key: str) -> None:
        """The record at hand relies on a row with this key in one of the tables, from the file or at the desk."""
        problem = f"{self.record}: Expected {kind} of this file or the desk - at `$.{parameter}`"
        tables = (tables,) if isinstance(tables, str) else tables
        self.references.append(Reference(tables, tuple(map(str, key)), problem))

    def open_references(self) -> list[Reference]:
        """The references to what the file does not hold itself."""
        return [one for one in self.references if not any((table, *one.key) in self.records for table in one.tables)]

    def token(self, text: str, place: str) -> str:
        """What is kept of a token; raises ValueError for one that another record of the file has."""
        kept = token_hash(text)
        if earlier := self.token_holders.get(kept):
            raise ValueError(f"expected a token of its own, {earlier} has it already - at `{place}`")
        self.token_holders[kept] = self.record
        return kept

    def past(self, time: Utc, parameter: str) -> int:
        """A time at which something happened; raises ValueError for one to come, above which nothing new would be listed."""
        kept = seconds(time)
        if kept > self.now:
            raise ValueError(f"expected a time that is not to come - at `$.{parameter}`")
        return kept


def _enterprise(load: Load, record: shapes.EnterpriseRecord, _: str) -> None:
    if unknown := set(record.accepted_currencies) - set(DECIMALS):
        raise ValueError(f"expected ISO 4217 codes, got {', '.join(sorted(unknown))} - at `$.AcceptedCurrencies`")
    load.begin("enterprises", record.id)
    load.add(
        "enterprises",
        id=record.id,
        name=record.name,
        accepted_currencies=json.dumps(record.accepted_currencies),
        is_enabled=record.is_enabled,
    )


def _portfolio(load: Load, record: shapes.PortfolioRecord, _: str) -> None:
    load.begin("portfolios", record.id)
    load.add("portfolios", id=record.id, name=record.name)
    for place, enterprise_id in enumerate(record.enterprise_ids):
        load.refer(f"EnterpriseIds[{place}]", "an enterprise", "enterprises", enterprise_id)
        load.add("portfolio_members", portfolio_id=record.id, enterprise_id=enterprise_id)


def _client(load: Load, record: shapes.ClientRecord, _: str) -> None:
    if unknown := set(record.rights) - set(Right):
        raise ValueError(f"expected of {', '.join(Right)}, got {', '.join(sorted(unknown))} - at `$.Rights`")
    load.begin("clients", record.id)
    load.add(
        "clients",
        id=record.id,
        name=record.name,
        token_hash=load.token(record.client_token, "$.ClientToken"),
        rights=json.dumps(record.rights),
    )


def _integration(load: Load, record: shapes.IntegrationRecord, _: str) -> None:
    load.begin("integrations", record.id)
    load.refer("ClientId", "a client", "clients", record.client_id)
    if record.enterprise_id is not None and record.portfolio_id is None:
        load.refer("EnterpriseId", "an enterprise", "enterprises", record.enterprise_id)
    elif record.portfolio_id is not None and record.enterprise_id is None:
        load.refer("PortfolioId", "a portfolio", "portfolios", record.portfolio_id)
    else:
        raise ValueError("expected either EnterpriseId or PortfolioId")
    load.add(
        "integrations",
        id=record.id,
        client_id=record.client_id,
        name=record.name,
        enterprise_id=record.enterprise_id,
        portfolio_id=record.portfolio_id,
        is_enabled=record.is_enabled,
    )
    for place, token in enumerate(record.access_tokens):
        here = f"$.AccessTokens[{place}]"
        load.begin("access_tokens", token.id, place=f"{here}.Id")
        load.add(
            "access_tokens",
            id=token.id,
            integration_id=record.id,
            token_hash=load.token(token.access_token, f"{here}.AccessToken"),
            created=load.now,
            revoked=None,
        )
    for device_id in record.connected_device_ids:
        load.add("device_connections", integration_id=record.id, device_id=device_id)


def _device(load: Load, record: shapes.DeviceRecord, _: str) -> None:
    enterprise_id = load.fact("devices", record)
    known = Configuration(**msgspec.structs.asdict(record.configuration))
    load.device_types[enterprise_id, record.id] = record.type
    load.add(
        "devices",
        enterprise_id=enterprise_id,
        id=record.id,
        type=record.type.value,
        name=record.name,
        identifier=record.identifier,
        is_active=record.is_active,
        configuration=msgspec.json.encode(known).decode(),
    )


def _resource(load: Load, record: shapes.ResourceRecord, raw: str) -> None:
    load.add(
        "resources",
        enterprise_id=load.fact("resources", record),
        id=record.id,
        name=record.name,
        parent_resource_id=record.parent_resource_id,
        lock_ids=json.dumps(record.lock_ids),
        record=raw,
    )


def _customer(load: Load, record: shapes.CustomerRecord, raw: str) -> None:
    load.add(
        "customers",
        enterprise_id=load.fact("customers", record),
        id=record.id,
        first_name=record.first_name,
        last_name=record.last_name,
        telephone=record.phone,
        email=record.email,
        record=raw,
    )


def _company(load: Load, record: shapes.CompanyRecord, raw: str) -> None:
    load.add("companies", enterprise_id=load.fact("companies", record), id=record.id, name=record.name, record=raw)


_OVER = {ReservationState.PROCESSED, ReservationState.CANCELED}


def _reservation(load: Load, record: shapes.ReservationRecord, raw: str) -> None:
    enterprise_id = load.fact("reservations", record)
    start, end = record.scheduled_start_utc or record.start_utc, record.scheduled_end_utc or record.end_utc
    if start is None or end is None:
        missing = "ScheduledStartUtc" if start is None else "ScheduledEndUtc"
        raise ValueError(f"Object missing required field `{missing}`")
    if end < start:
        raise ValueError("expected an end that is not before the start - at `$.ScheduledEndUtc`")
    state = ReservationState.INQUIRED if record.state == "Enquired" else ReservationState(record.state)
    account_id = record.account_id or record.owner_id or record.customer_id
    if account_id is not None and state not in _OVER:
        # Its keys and tokens would bear no name. What is over may name an account that has gone since; and a room
        # that is not there is told by whoever asks for its key.
        load.refer("AccountId", "a customer or company", ("customers", "companies"), enterprise_id, account_id)
    load.add(
        "reservations",
        enterprise_id=enterprise_id,
        id=record.id,
        number=record.number,
        state=state.value,
        start_time=seconds(start),
        end_time=seconds(end),
        account_id=account_id,
        resource_id=record.assigned_resource_id or record.assigned_space_id,
        record=raw,
    )


def _companionship(load: Load, record: shapes.CompanionshipRecord, raw: str) -> None:
    enterprise_id = load.fact("companionships", record)
    if record.reservation_id is not None:
        load.refer("ReservationId", "a reservation", "reservations", enterprise_id, record.reservation_id)
    load.add(
        "companionships",
        enterprise_id=enterprise_id,
        id=record.id,
        reservation_id=record.reservation_id,
        customer_id=record.customer_id,
        record=raw,
    )


def _bill(load: Load, record: shapes.BillRecord, raw: str) -> None:
    load.add("bills", enterprise_id=load.fact("bills", record), id=record.id, state=record.state.value, record=raw)


def _payment_request(load: Load, record: shapes.PaymentRequestRecord, raw: str) -> None:
    load.add("payment_requests", enterprise_id=load.fact("payment_requests", record), id=record.id, record=raw)


def _command(load: Load, record: shapes.CommandRecord, _: str) -> None:
    enterprise_id = load.fact("commands", record)
    kind = load.device_types.get((enterprise_id, record.device_id))
    if kind is None:
        raise ValueError("expected a device of this file - at `$.DeviceId`")
    load.past(record.created_utc, "CreatedUtc")
    load.past(record.updated_utc or record.created_utc, "UpdatedUtc")
    if record.creator.profile_id is not None and record.creator.discriminator != "Enterprise":
        raise ValueError("expected the Discriminator Enterprise beside a ProfileId - at `$.Creator.Discriminator`")
    data = _command_data(kind, record.data)
    document: bytes | None = None
    kept = encode(data)
    if isinstance(data, command_data.PrinterCommandData):
        document = data.file_data.encode("ascii")
        kept = command_data.without_file(data)
    creator = Creator(**msgspec.structs.asdict(record.creator))
    load.commands.append(
        NewCommand(
            id=str(record.id),
            enterprise_id=enterprise_id,
            device_id=str(record.device_id),
            device_type=kind,
            creator=replace(creator, profile_id=str(creator.profile_id) if creator.profile_id else None),
            creator_integration_id=None,
            data=kept.decode(),
            document=document,
            state=record.state,
            created=record.created_utc,
            updated=record.updated_utc,
        )
    )


def _command_data(kind: DeviceType, raw: msgspec.Raw) -> Shape:
    """The data of a command as replies may print it, in both shapes; raises ValueError."""
    try:
        data = msgspec.json.decode(raw, type=command_data.DATA_OF[kind])
    except msgspec.ValidationError as error:
        told = str(error)
        raise ValueError(told.replace("`$", "`$.Data", 1) if "`$" in told else f"{told} - at `$.Data`") from None
    as_sent(data, "$.Data")
    base64, place = "", ""
    if isinstance(data, command_data.PrinterCommandData):
        base64, place = data.file_data, "$.Data.FileData"
    elif isinstance(data, command_data.FiscalMachineCommandData):
        try:
            as_sent(NewerBill.of(data.bill), "$.Data.Bill")
        except msgspec.ValidationError as error:
            raise ValueError(f"{error} - at `$.Data.Bill.OwnerData.Value`") from None
        if data.payload_data is not None:
            base64, place = data.payload_data.value, "$.Data.PayloadData.Value"
    if place and not is_base64(base64):
        raise ValueError(f"expected base64 - at `{place}`")
    return data


def _resource_access_token(load: Load, record: shapes.ResourceAccessTokenRecord, _: str) -> None:
    if record.validity_end_utc <= record.validity_start_utc:
        raise ValueError("expected an end after the start - at `$.ValidityEndUtc`")
    enterprise_id = load.fact("resource_access_tokens", record)
    load.refer("ServiceOrderId", "a reservation", "reservations", enterprise_id, record.service_order_id)
    if record.companionship_id is not None:
        load.refer("CompanionshipId", "a companionship", "companionships", enterprise_id, record.companionship_id)
    if record.resource_id is not None:
        load.refer("ResourceId", "a resource", "resources", enterprise_id, record.resource_id)
    load.tokens.append(
        {
            "enterprise_id": enterprise_id,
            "id": str(record.id),
            "service_order_id": str(record.service_order_id),
            "companionship_id": record.companionship_id and str(record.companionship_id),
            "resource_id": record.resource_id and str(record.resource_id),
            "type": record.type.value,
            "value": record.value,
            "serial_number": record.serial_number,
            "validity_start": seconds(record.validity_start_utc),
            "validity_end": seconds(record.validity_end_utc),
            "bed": record.permissions.bed,
            "room": record.permissions.room,
            "floor": record.permissions.floor,
            "building": record.permissions.building,
            "created": load.past(record.created_utc, "CreatedUtc"),
            "updated": load.past(record.updated_utc, "UpdatedUtc"),
            "is_active": record.is_active,
        }
    )


KEEP: Mapping[str, Callable[[Load, Any, str], None]] = {
    "Enterprises": _enterprise,
    "Portfolios": _portfolio,
    "Clients": _client,
    "Integrations": _integration,
    "Devices": _device,
    "Resources": _resource,
    "Customers": _customer,
    "Companies": _company,
    "Reservations": _reservation,
    "Companionships": _companionship,
    "Bills": _bill,
    "PaymentRequests": _payment_request,
    "Commands": _command,
    "ResourceAccessTokens": _resource_access_token,
}
"""Every part of a file and what it becomes, in the order in which they are read."""
