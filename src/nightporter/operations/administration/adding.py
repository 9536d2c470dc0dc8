"""commands/addFiscalMachine, addPassportScanner: what no public operation adds (contract D65)."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from nightporter.domain.command import NewCommand
from nightporter.domain.device import Device, DeviceType
from nightporter.domain.errors import Contradictory, Invalid, InvalidRecord
from nightporter.operations.administration.commands import creator_of
from nightporter.operations.administration.pages import BEGINNING
from nightporter.operations.administration.property_commands import command_data
from nightporter.operations.administration.records import one_of_his
from nightporter.operations.operation import AdministrationCall
from nightporter.storage import fact_records, parties
from nightporter.storage import property as facts
from nightporter.storage.command_administration import AddAdministered
from nightporter.wire.command_data import BillFiscalMachineData, ItalianFiscalMachineData, PayloadData
from nightporter.wire.commands import AddedCommand
from nightporter.wire.scalars import Id
from nightporter.wire.shapes import Shape, encode


class FiscalMachineParameters(Shape, kw_only=True):
    """The machine, the bill (one that was set, or as it is), and structured data or a ready-made payload for the machine.

    Without either the bill is fiscalised as a sale, with the serial number that the machine is configured with.
    """

    enterprise_id: Id | None = None
    fiscal_machine_id: Id
    bill_id: Id | None = None
    bill: Annotated[Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/OlderBill"})] = msgspec.field(
        default_factory=lambda: Raw(b"null")
    )
    bill_fiscal_machine_data: BillFiscalMachineData | None = None
    payload_data: PayloadData | None = None


class PassportScannerParameters(Shape, kw_only=True):
    """The scanner, and for whom the document is scanned."""

    enterprise_id: Id | None = None
    passport_scanner_id: Id
    customer_id: Id | None = None
    reservation_id: Id | None = None


async def add_fiscal_machine(call: AdministrationCall, parameters: FiscalMachineParameters) -> AddedCommand:
    """Adds a command that fiscalises a bill; what the bill says is a snapshot taken now.

    Raises Invalid for a machine or a bill that the enterprise does not have, Contradictory for both or neither of BillId
    and Bill and for both kinds of data, InvalidRecord for a bill that lacks what a fiscal machine must be told.
    """
    if (parameters.bill_id is None) == (bytes(parameters.bill) == b"null"):
        raise Contradictory("Either BillId or Bill must be specified.")
    if parameters.bill_fiscal_machine_data is not None and parameters.payload_data is not None:
        raise Contradictory("BillFiscalMachineData and PayloadData cannot be combined.")
    machine = await _device(
        call, parameters.enterprise_id, parameters.fiscal_machine_id, DeviceType.FISCAL_MACHINE, "FiscalMachineId"
    )
    bill: Any = parameters.bill
    if parameters.bill_id is not None:
        rows = await fact_records.page(
            call.database, "bills", [machine.enterprise_id], [parameters.bill_id], BEGINNING, 1
        )
        if not rows:
            raise Invalid("BillId")
        bill = Raw(rows[0].record)
    known, structured = machine.configuration, parameters.bill_fiscal_machine_data
    if structured is None and parameters.payload_data is None:
        sale = ItalianFiscalMachineData(False, printer_serial_number=known.serial_number)
        structured = BillFiscalMachineData("ItalianFiscalMachineData", sale)
    data = {
        "FiscalMachineId": machine.machine_identifier,
        "ApiUrl": known.api_url,
        "FiscalMachineData": known.custom_data,
        "Bill": bill,
        "TaxIdentifier": known.tax_identifier,
        "BillFiscalMachineData": structured,
        "PayloadData": parameters.payload_data,
    }
    return await _added(call, machine, data)


async def add_passport_scanner(call: AdministrationCall, parameters: PassportScannerParameters) -> AddedCommand:
    """Adds a command that scans a document, for a customer or a reservation or nobody in particular.

    Raises Invalid for a scanner, customer or reservation that the enterprise does not have.
    """
    scanner = await _device(
        call, parameters.enterprise_id, parameters.passport_scanner_id, DeviceType.PASSPORT_SCANNER, "PassportScannerId"
    )
    for table, fact_id, name in (
        ("customers", parameters.customer_id, "CustomerId"),
        ("reservations", parameters.reservation_id, "ReservationId"),
    ):
        if fact_id is not None and not await fact_records.page(
            call.database, table, [scanner.enterprise_id], [fact_id], BEGINNING, 1
        ):
            raise Invalid(name)
    data = {
        "PassportScannerId": scanner.machine_identifier,
        "CustomerId": parameters.customer_id,
        "ReservationId": parameters.reservation_id,
    }
    return await _added(call, scanner, data)


async def _device(
    call: AdministrationCall, enterprise_id: str | None, device_id: str, kind: DeviceType, parameter: str
) -> Device:
    owner = one_of_his(call, enterprise_id) or await parties.owner_of_device(call.database, device_id)
    if owner is None:
        raise Invalid(parameter)
    call.administrator.enterprise(owner, parameter)
    device = await facts.device(call.database, owner, device_id, kind)
    if device is None:
        raise Invalid(parameter)
    return device


async def _added(call: AdministrationCall, device: Device, data: dict[str, Any]) -> AddedCommand:
    try:
        kept = command_data(device.type, Raw(encode(data)))
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidRecord(f"Invalid Data: {str(error)[:1].upper()}{str(error)[1:]}") from None
    command = NewCommand(
        id=call.sources.new_id(),
        enterprise_id=device.enterprise_id,
        device_id=device.id,
        device_type=device.type,
        creator=creator_of(call),
        creator_integration_id=None,
        data=encode(kept).decode(),
        expires_after=device.expires_after,
    )
    await call.writer.write(AddAdministered(command, call.audit))
    return AddedCommand(command.id)
