"""Loading a property file: all of it as one intent, or nothing."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from nightporter.access.tokens import token_hash
from nightporter.domain.command import Creator, NewCommand
from nightporter.domain.device import Configuration, DeviceType
from nightporter.domain.money import DECIMALS
from nightporter.domain.sources import Sources
from nightporter.storage.property import SetProperty
from nightporter.storage.types import seconds
from nightporter.storage.writer import Writer
from nightporter.wire import command_data
from nightporter.wire import property_file as shapes
from nightporter.wire.property_file import RECORDS
from nightporter.wire.scalars import is_base64, read_scalar
from nightporter.wire.shapes import encode


class InvalidPropertyFile(Exception):
    """The file cannot be loaded; the message names the record, the field and what was expected."""


async def load_property(writer: Writer, sources: Sources, content: bytes) -> dict[str, int]:
    """Load a property file: create and replace, never delete; returns how many records of each part.

    Raises InvalidPropertyFile, and then nothing was changed.
    """
    intent, counts = read_property(content, seconds(sources.now()))
    await writer.write(intent)
    return counts


@dataclass(slots=True)
class _Load:
    """What a file comes to, part by part."""

    now: int
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    commands: list[NewCommand] = field(default_factory=list)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    device_types: dict[tuple[str, str], DeviceType] = field(default_factory=dict)

    def add(self, table: str, **row: Any) -> None:
        self.rows.setdefault(table, []).append(
            {name: str(value) if isinstance(value, str) else value for name, value in row.items()}
        )


def read_property(content: bytes, now: int) -> tuple[SetProperty, dict[str, int]]:
    """The intent that a property file comes to, and how many records of each part; raises InvalidPropertyFile."""
    try:
        parts = msgspec.json.decode(content, type=dict[str, list[msgspec.Raw]])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidPropertyFile(f"The file is not an object of lists in JSON: {error}") from None
    if unknown := set(parts) - set(RECORDS):
        raise InvalidPropertyFile(
            f"The file has unknown parts: {', '.join(sorted(unknown))}. Known are {', '.join(RECORDS)}."
        )
    load = _Load(now)
    for part, keep in _KEEP.items():
        decode = msgspec.json.Decoder(RECORDS[part], dec_hook=read_scalar).decode
        for place, raw in enumerate(parts.get(part, [])):
            try:
                keep(load, decode(raw), bytes(raw).decode())
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                raise InvalidPropertyFile(f"{part}[{place}]{_named(raw)}: {error}") from None
    counts = {part: len(records) for part, records in parts.items()}
    return SetProperty(load.rows, load.commands, load.tokens), counts


def _named(raw: msgspec.Raw) -> str:
    try:
        record = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return ""
    return f" (Id {record['Id']})" if isinstance(record, dict) and isinstance(record.get("Id"), str) else ""


def _enterprise(load: _Load, record: shapes.EnterpriseRecord, _: str) -> None:
    if unknown := set(record.accepted_currencies) - set(DECIMALS):
        raise ValueError(f"expected ISO 4217 codes, got {', '.join(sorted(unknown))} - at `$.AcceptedCurrencies`")
    load.add(
        "enterprises",
        id=record.id,
        name=record.name,
        accepted_currencies=json.dumps(record.accepted_currencies),
        is_enabled=record.is_enabled,
    )


def _portfolio(load: _Load, record: shapes.PortfolioRecord, _: str) -> None:
    load.add("portfolios", id=record.id, name=record.name)
    for enterprise_id in record.enterprise_ids:
        load.add("portfolio_members", portfolio_id=record.id, enterprise_id=enterprise_id)


def _client(load: _Load, record: shapes.ClientRecord, _: str) -> None:
    load.add(
        "clients",
        id=record.id,
        name=record.name,
        token_hash=token_hash(record.client_token),
        rights=json.dumps([right.value for right in record.rights]),
    )


def _integration(load: _Load, record: shapes.IntegrationRecord, _: str) -> None:
    if (record.enterprise_id is None) == (record.portfolio_id is None):
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
    for token in record.access_tokens:
        load.add(
            "access_tokens",
            id=token.id,
            integration_id=record.id,
            token_hash=token_hash(token.access_token),
            created=load.now,
            revoked=None,
        )
    for device_id in record.connected_device_ids:
        load.add("device_connections", integration_id=record.id, device_id=device_id)


def _device(load: _Load, record: shapes.DeviceRecord, _: str) -> None:
    known = Configuration(**msgspec.structs.asdict(record.configuration))
    load.device_types[record.enterprise_id, record.id] = record.type
    load.add(
        "devices",
        enterprise_id=record.enterprise_id,
        id=record.id,
        type=record.type.value,
        name=record.name,
        identifier=record.identifier,
        is_active=record.is_active,
        configuration=msgspec.json.encode(known).decode(),
    )


def _resource(load: _Load, record: shapes.ResourceRecord, raw: str) -> None:
    load.add(
        "resources",
        enterprise_id=record.enterprise_id,
        id=record.id,
        name=record.name,
        parent_resource_id=record.parent_resource_id,
        lock_ids=json.dumps(record.lock_ids),
        record=raw,
    )


def _customer(load: _Load, record: shapes.CustomerRecord, raw: str) -> None:
    load.add(
        "customers",
        enterprise_id=record.enterprise_id,
        id=record.id,
        first_name=record.first_name,
        last_name=record.last_name,
        telephone=record.phone,
        email=record.email,
        record=raw,
    )


def _company(load: _Load, record: shapes.CompanyRecord, raw: str) -> None:
    load.add("companies", enterprise_id=record.enterprise_id, id=record.id, name=record.name, record=raw)


def _reservation(load: _Load, record: shapes.ReservationRecord, raw: str) -> None:
    if record.scheduled_end_utc < record.scheduled_start_utc:
        raise ValueError("expected an end that is not before the start - at `$.ScheduledEndUtc`")
    load.add(
        "reservations",
        enterprise_id=record.enterprise_id,
        id=record.id,
        number=record.number,
        state=record.state.value,
        start_time=seconds(record.scheduled_start_utc),
        end_time=seconds(record.scheduled_end_utc),
        account_id=record.account_id,
        resource_id=record.assigned_resource_id,
        record=raw,
    )


def _companionship(load: _Load, record: shapes.CompanionshipRecord, raw: str) -> None:
    load.add(
        "companionships",
        enterprise_id=record.enterprise_id,
        id=record.id,
        reservation_id=record.reservation_id,
        customer_id=record.customer_id,
        record=raw,
    )


def _bill(load: _Load, record: shapes.BillRecord, raw: str) -> None:
    load.add("bills", enterprise_id=record.enterprise_id, id=record.id, state=record.state, record=raw)


def _payment_request(load: _Load, record: shapes.PaymentRequestRecord, raw: str) -> None:
    load.add("payment_requests", enterprise_id=record.enterprise_id, id=record.id, record=raw)


def _command(load: _Load, record: shapes.CommandRecord, _: str) -> None:
    kind = load.device_types.get((record.enterprise_id, record.device_id))
    if kind is None:
        raise ValueError("expected a device of this file - at `$.DeviceId`")
    data = msgspec.json.decode(record.data, type=command_data.DATA_OF[kind])
    document: bytes | None = None
    kept = encode(data)
    if isinstance(data, command_data.PrinterCommandData):
        if not is_base64(data.file_data):
            raise ValueError("expected base64 - at `$.Data.FileData`")
        document = data.file_data.encode("ascii")
        kept = command_data.without_file(data)
    creator = Creator(**msgspec.structs.asdict(record.creator))
    load.commands.append(
        NewCommand(
            id=str(record.id),
            enterprise_id=str(record.enterprise_id),
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


def _resource_access_token(load: _Load, record: shapes.ResourceAccessTokenRecord, _: str) -> None:
    if record.validity_end_utc <= record.validity_start_utc:
        raise ValueError("expected an end after the start - at `$.ValidityEndUtc`")
    load.tokens.append(
        {
            "enterprise_id": str(record.enterprise_id),
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
            "created": seconds(record.created_utc),
            "updated": seconds(record.updated_utc),
            "is_active": record.is_active,
        }
    )


_KEEP: dict[str, Callable[[_Load, Any, str], None]] = {
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
