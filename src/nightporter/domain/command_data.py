"""What each type of device can be asked to do: the snapshot that a command carries (contract 8.5 to 8.8).

The fields bear the wire's names in lower case; ``wire/command_data.py`` prints them. A printer's file is not part of
the snapshot: it is kept beside it, written once.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from nightporter.domain.account import AccountType, Company, Customer, normalized
from nightporter.domain.device import Device
from nightporter.domain.reservation import Reservation
from nightporter.domain.resource import Resource
from nightporter.domain.value import value

PDF = "application/pdf"


class PaymentType(StrEnum):
    """The kind of payment (contract 8.1)."""

    PAYMENT = "Payment"
    PREAUTHORIZATION = "Preauthorization"


@value
class PrinterData:
    """Contract 8.5, without the file."""

    copy_count: int
    file_type: str
    printer_name: str
    printer_driver_name: str
    printer_port_name: str

    @classmethod
    def to_print(cls, printer: Device, copy_count: int) -> "PrinterData":
        """Print ``copy_count`` copies of a PDF; the names are empty when unset (D58)."""
        known = printer.configuration
        return cls(
            copy_count,
            PDF,
            known.printer_name or "",
            known.printer_driver_name or "",
            known.printer_port_name or "",
        )


@value
class KeyCutterData:
    """Contract 8.7."""

    key_cutter_id: str | None
    api_url: str | None
    key_cutter_data: str | None
    key_count: int
    lock_ids: tuple[str, ...]
    start_utc: datetime
    end_utc: datetime
    first_name: str | None
    last_name: str
    normalized_first_name: str | None
    normalized_last_name: str | None
    telephone: str | None
    email: str | None
    reservation_id: str
    reservation_number: str | None

    @classmethod
    def to_cut(
        cls,
        cutter: Device,
        key_count: int,
        reservation: Reservation,
        resource: Resource,
        owner: Customer | Company | None,
    ) -> "KeyCutterData":
        """Cut ``key_count`` keys of ``resource`` for the stay, told with its owner (contract 7.4 rule 2, D59, D60)."""
        known = cutter.configuration
        guest = owner if isinstance(owner, Customer) else None
        last_name = guest.last_name if guest else owner.name if isinstance(owner, Company) else ""
        return cls(
            key_cutter_id=cutter.machine_identifier,
            api_url=known.api_url,
            key_cutter_data=known.custom_data,
            key_count=key_count,
            lock_ids=resource.keys_open,
            start_utc=reservation.start,
            end_utc=reservation.end,
            first_name=guest.first_name if guest else None,
            last_name=last_name,
            normalized_first_name=normalized(guest.first_name) if guest else None,
            normalized_last_name=normalized(last_name),
            telephone=guest.telephone if guest else None,
            email=guest.email if guest else None,
            reservation_id=reservation.id,
            reservation_number=reservation.number,
        )


@value
class PaymentTerminalData:
    """Contract 8.6; exactly one of ``payment_id`` and ``preauthorization_id`` is set and tells the kind (D61)."""

    payment_terminal_id: str
    payment_terminal_data: str | None
    account_id: str
    account_type: AccountType
    account_name: str
    bill_id: str | None
    payment_id: str | None
    preauthorization_id: str | None
    currency: str
    value: Decimal

    @classmethod
    def to_charge(
        cls,
        terminal: Device,
        account: Customer | Company,
        kind: PaymentType,
        transaction_id: str,
        currency: str,
        value: Decimal,
        bill_id: str | None,
    ) -> "PaymentTerminalData":
        """Take ``value`` from ``account`` on ``terminal`` (contract 7.5 rules 3 and 4, D60, D61, D63)."""
        customer = isinstance(account, Customer)
        return cls(
            payment_terminal_id=terminal.machine_identifier or terminal.id,
            payment_terminal_data=terminal.configuration.custom_data,
            account_id=account.id,
            account_type=AccountType.CUSTOMER if customer else AccountType.COMPANY,
            account_name=account.full_name if isinstance(account, Customer) else account.name,
            bill_id=bill_id,
            payment_id=transaction_id if kind is PaymentType.PAYMENT else None,
            preauthorization_id=transaction_id if kind is PaymentType.PREAUTHORIZATION else None,
            currency=currency,
            value=value,
        )
