"""What records of a property file become that the desk itself has made: commands and resource access tokens."""

from dataclasses import replace

import msgspec

from nightporter.domain.command import Creator, NewCommand
from nightporter.domain.device import DeviceType
from nightporter.operations.administration.property_rows import Load
from nightporter.storage.types import seconds
from nightporter.wire import command_data as shapes_of_data
from nightporter.wire import property_file as shapes
from nightporter.wire.bills import NewerBill
from nightporter.wire.property_file import as_sent
from nightporter.wire.scalars import is_base64
from nightporter.wire.shapes import Shape, encode


def command(load: Load, record: shapes.CommandRecord, _: str) -> None:
    """A command with data that replies may print; raises ValueError."""
    enterprise_id = load.fact("commands", record)
    kind = load.device_types.get((enterprise_id, record.device_id))
    if kind is None:
        raise ValueError("expected a device of this file - at `$.DeviceId`")
    load.past(record.created_utc, "CreatedUtc")
    load.past(record.updated_utc or record.created_utc, "UpdatedUtc")
    if record.creator.profile_id is not None and record.creator.discriminator != "Enterprise":
        raise ValueError("expected the Discriminator Enterprise beside a ProfileId - at `$.Creator.Discriminator`")
    data = command_data(kind, record.data)
    document: bytes | None = None
    kept = encode(data)
    if isinstance(data, shapes_of_data.PrinterCommandData):
        document = data.file_data.encode("ascii")
        kept = shapes_of_data.without_file(data)
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
            expires_after=load.expires_after[enterprise_id, record.device_id],
        )
    )


def command_data(kind: DeviceType, raw: msgspec.Raw) -> Shape:
    """The data of a command for a device of type ``kind`` as replies may print it, in both shapes; raises ValueError."""
    try:
        data = msgspec.json.decode(raw, type=shapes_of_data.DATA_OF[kind])
    except msgspec.ValidationError as error:
        told = str(error)
        raise ValueError(told.replace("`$", "`$.Data", 1) if "`$" in told else f"{told} - at `$.Data`") from None
    as_sent(data, "$.Data")
    base64, place = "", ""
    if isinstance(data, shapes_of_data.PrinterCommandData):
        base64, place = data.file_data, "$.Data.FileData"
    elif isinstance(data, shapes_of_data.FiscalMachineCommandData):
        try:
            as_sent(NewerBill.of(data.bill), "$.Data.Bill")
        except msgspec.ValidationError as error:
            raise ValueError(f"{error} - at `$.Data.Bill.OwnerData.Value`") from None
        if data.payload_data is not None:
            base64, place = data.payload_data.value, "$.Data.PayloadData.Value"
    if place and not is_base64(base64):
        raise ValueError(f"expected base64 - at `{place}`")
    return data


def resource_access_token(load: Load, record: shapes.ResourceAccessTokenRecord, _: str) -> None:
    """A resource access token; raises ValueError."""
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
