"""The data of commands as printed (contract 8.5 to 8.9): one shape per device type, fiscal data in both shapes."""

from decimal import Decimal
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from nightporter.domain.account import AccountType
from nightporter.domain.command_data import KeyCutterData, PaymentTerminalData, PrinterData
from nightporter.domain.device import DeviceType
from nightporter.wire.bills import OlderBill
from nightporter.wire.scalars import SentId, SentNumber, SentUtc
from nightporter.wire.shapes import Shape, encode

T = TypeVar("T")


class PrinterCommandData(Shape):
    """Contract 8.5."""

    copy_count: int
    file_type: str
    file_data: Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]
    printer_name: str
    printer_driver_name: str
    printer_port_name: str


class KeyCutterCommandData(Shape):
    """Contract 8.7."""

    key_cutter_id: str | None
    api_url: str | None
    key_cutter_data: str | None
    key_count: int
    lock_ids: list[str]
    start_utc: SentUtc
    end_utc: SentUtc
    first_name: str | None
    last_name: str
    normalized_first_name: str | None
    normalized_last_name: str | None
    telephone: str | None
    email: str | None
    reservation_id: SentId | None
    reservation_number: str | None


class BreakdownItem(Shape):
    """A part of an amount under one tax rate; no code means untaxed."""

    tax_rate_code: str | None
    net_value: SentNumber
    tax_value: SentNumber


class Breakdown(Shape):
    """An amount taken apart by tax rate."""

    items: list[BreakdownItem]


class TaxValue(Shape):
    """A tax within an amount."""

    code: str | None
    value: SentNumber


class ExtendedAmount(Shape):
    """An amount with its deprecated properties (contract 8.6)."""

    currency: str
    net_value: SentNumber
    gross_value: SentNumber
    tax_values: list[TaxValue]
    breakdown: Breakdown
    value: SentNumber | None
    net: SentNumber | None
    tax: SentNumber | None
    tax_rate: SentNumber | None

    @classmethod
    def untaxed(cls, currency: str, value: Decimal) -> "ExtendedAmount":
        """``value`` without tax, as payments are (D62)."""
        nothing = Decimal(0)
        return cls(
            currency=currency,
            net_value=value,
            gross_value=value,
            tax_values=[],
            breakdown=Breakdown([BreakdownItem(None, value, nothing)]),
            value=value,
            net=value,
            tax=nothing,
            tax_rate=nothing,
        )


class CustomerAccountData(Shape):
    """The customer of a payment."""

    full_name: str


class CompanyAccountData(Shape):
    """The company of a payment."""

    name: str


class AccountData(Shape):
    """Who is charged (contract 8.6, coproduct B)."""

    discriminator: AccountType
    customer: CustomerAccountData | None
    company: CompanyAccountData | None


class PaymentTerminalCommandData(Shape):
    """Contract 8.6."""

    payment_terminal_id: str
    account_id: SentId
    bill_id: SentId | None
    payment_id: SentId | None
    preauthorization_id: SentId | None
    amount: ExtendedAmount
    fee: ExtendedAmount | None
    payment_terminal_data: str | None
    account_data: AccountData
    customer_id: SentId
    full_name: str | None


class PassportScannerCommandData(Shape):
    """Contract 8.8."""

    passport_scanner_id: str | None
    customer_id: SentId | None
    reservation_id: SentId | None


class ItalianFiscalMachineData(Shape):
    """Contract 8.8, in both shapes."""

    is_refund: bool
    rebated_receipt_number: str | None = None
    rebated_receipt_sequence: str | None = None
    rebated_receipt_date_time_utc: SentUtc | None = None
    printer_serial_number: str | None = None


class BillFiscalMachineData(Shape):
    """Contract 8.8, coproduct A."""

    discriminator: Literal["ItalianFiscalMachineData"]
    value: ItalianFiscalMachineData


class PayloadData(Shape):
    """A ready-made file for the machine (contract 8.8, V20); ``value`` is base64."""

    discriminator: Literal["ItalianFiscalMachine"]
    value: str


class FiscalMachineCommandData(Shape):
    """Contract 8.8, the nested shape."""

    fiscal_machine_id: str | None
    api_url: str | None
    fiscal_machine_data: str | None
    bill: OlderBill
    tax_identifier: str | None
    bill_fiscal_machine_data: BillFiscalMachineData | None
    payload_data: PayloadData | None


class ItalianFiscalMachinePayload(Shape):
    """Contract 8.9."""

    payload: str


class FlatFiscalData(Shape):
    """``CommandData`` of the flat shape (contract 8.9, coproduct B)."""

    discriminator: Literal["ItalianFiscalMachineData", "ItalianFiscalMachinePayload"] | None
    italian_fiscal_machine_data: ItalianFiscalMachineData | None = None
    italian_fiscal_machine_payload: ItalianFiscalMachinePayload | None = None

    @classmethod
    def of(cls, data: FiscalMachineCommandData) -> "FlatFiscalData | None":
        """The flat form of nested data; structured data wins over a payload."""
        if data.bill_fiscal_machine_data is not None:
            return cls("ItalianFiscalMachineData", data.bill_fiscal_machine_data.value, None)
        if data.payload_data is not None:
            return cls("ItalianFiscalMachinePayload", None, ItalianFiscalMachinePayload(data.payload_data.value))
        return None


DATA_OF: dict[DeviceType, type[Shape]] = {
    DeviceType.PRINTER: PrinterCommandData,
    DeviceType.PAYMENT_TERMINAL: PaymentTerminalCommandData,
    DeviceType.KEY_CUTTER: KeyCutterCommandData,
    DeviceType.FISCAL_MACHINE: FiscalMachineCommandData,
    DeviceType.PASSPORT_SCANNER: PassportScannerCommandData,
}
"""The shape of a command's data by the type of its device (contract 2.13, encoding C)."""


class CommandData:
    """Stands for one of the shapes of ``DATA_OF`` where a reply is described; it is printed and read raw."""


class _KeptPrinterData(Shape):
    copy_count: int
    file_type: str
    printer_name: str
    printer_driver_name: str
    printer_port_name: str


def kept(data: PrinterData | KeyCutterData | PaymentTerminalData) -> str:
    """The snapshot as JSON text in the words of the wire, a printer's without its file."""
    shape: Shape
    if isinstance(data, PrinterData):
        shape = _taken(data, _KeptPrinterData)
    elif isinstance(data, KeyCutterData):
        shape = _taken(data, KeyCutterCommandData)
    else:
        customer = data.account_type is AccountType.CUSTOMER
        shape = PaymentTerminalCommandData(
            payment_terminal_id=data.payment_terminal_id,
            account_id=data.account_id,
            bill_id=data.bill_id,
            payment_id=data.payment_id,
            preauthorization_id=data.preauthorization_id,
            amount=ExtendedAmount.untaxed(data.currency, data.value),
            fee=None,
            payment_terminal_data=data.payment_terminal_data,
            account_data=AccountData(
                data.account_type,
                CustomerAccountData(data.account_name) if customer else None,
                None if customer else CompanyAccountData(data.account_name),
            ),
            customer_id=data.account_id,
            full_name=data.account_name if customer else None,
        )
    return encode(shape).decode()


def _taken(data: object, shape: type[T]) -> T:
    return msgspec.convert(data, shape, from_attributes=True)


def without_file(data: PrinterCommandData) -> bytes:
    """Printer data as it is kept, its file beside it."""
    return encode(_taken(data, _KeptPrinterData))


def with_file(data: bytes, content: bytes) -> bytes:
    """Put the file back into kept printer data: ``content`` is its base64 text."""
    return b'{"FileData":"' + content + b'",' + data[1:]
