"""The receipt or refund that a bill comes to: items become lines, negative ones discounts, payments totals.

Everything is checked before anything is sent: each tax code has its department, each payment its means, and the sums agree.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from nightporter.agent.drivers.fiscal_machine.messages import Discount, Line, Paid, Rebated, Receipt, told_amount
from nightporter.agent.drivers.fiscal_machine.options import DESCRIPTIONS, OTHER, PAYMENTS, UNTAXED, EpsonOptions
from nightporter.agent.drivers.fiscal_machine.sentences import NotPrintable
from nightporter.domain.value import value
from nightporter.wire.bills import OlderBill
from nightporter.wire.command_data import ItalianFiscalMachineData

Item = Mapping[str, Any]

_GONE = frozenset({"Canceled", "Inactive"})
_CURRENCY = "EUR"


@value
class _Part:
    """A part of an item under one tax rate, in cents; ``count`` times ``unit`` cents where that is exact."""

    description: str
    department: int
    amount: int
    count: int
    unit: int


def receipt_of(
    bill: OlderBill,
    italian: ItalianFiscalMachineData | None,
    tax_identifier: str | None,
    options: EpsonOptions,
    serial: str,
    time_zone: ZoneInfo,
    now: datetime,
) -> Receipt:
    """What to print for ``bill``; ``serial`` is the machine's own. Raises NotPrintable."""
    is_refund = italian is not None and italian.is_refund
    try:
        parts = [part for item in bill.order_items or bill.revenue for part in _parts(item, options)]
        if not parts:
            raise NotPrintable("The bill that came with the command holds no items, so that there is nothing to print.")
        lines, discounts = _refunded(parts) if is_refund else _sold(parts)
        payments = _payments(bill, options, -1 if is_refund else 1)
    except (AttributeError, TypeError, LookupError):
        # Items are kept as the property system wrote them, whatever that was.
        raise NotPrintable("An item of the bill has a shape that is not known here.") from None
    receipt = Receipt(
        lines=lines,
        discounts=discounts,
        payments=payments,
        refund_of=_rebated(italian, options, serial, time_zone, now) if italian is not None and is_refund else None,
        trailer=f"{options.trailer} {bill.number}" if options.trailer and bill.number else "",
        tax_identifier=_tax_identifier(tax_identifier),
    )
    paid = sum(one.amount for one in receipt.payments)
    if paid != receipt.total:
        raise NotPrintable(
            f"The items of the bill come to {told_amount(receipt.total)} EUR, its charged payments to "
            f"{told_amount(paid)} EUR; a receipt can be printed only when both are the same."
        )
    return receipt


def _sold(parts: list[_Part]) -> tuple[tuple[Line, ...], tuple[Discount, ...]]:
    lines = tuple(Line(one.description, one.count, one.unit, one.department) for one in parts if one.amount > 0)
    discounts = tuple(Discount(one.description, -one.amount, one.department) for one in parts if one.amount < 0)
    for department in {one.department for one in parts}:
        if sum(one.amount for one in parts if one.department == department) < 0:
            raise NotPrintable(
                f"The discounts in department {department} are greater than what was sold in it; "
                "a receipt cannot show that. Correct the bill, or print a refund."
            )
    if sum(one.amount for one in parts) == 0:
        raise NotPrintable("The items of the bill come to nothing, so that there is no receipt to print.")
    return lines, discounts


def _refunded(parts: list[_Part]) -> tuple[tuple[Line, ...], tuple[Discount, ...]]:
    if any(one.amount > 0 for one in parts):
        raise NotPrintable(
            "The bill of the refund also holds items that are charged; a refund can only give back. Split the bill."
        )
    return tuple(Line(one.description, one.count, -one.unit, one.department) for one in parts), ()


def _parts(item: Item, options: EpsonOptions) -> Iterator[_Part]:
    if (item.get("AccountingState") or item.get("State")) in _GONE:
        return
    amount = _amount(item)
    gross = _cents(amount.get("GrossValue", amount.get("Value")))
    by_code = _by_code(amount, gross)
    count, unit = 1, gross
    units = item.get("UnitCount")
    if len(by_code) == 1 and isinstance(units, int) and units > 1 and gross % units == 0:
        count, unit = units, gross // units
    description = _description(item, options)
    for code, cents in by_code:
        if cents:
            yield _Part(description, _department(code, options), cents, count, unit if len(by_code) == 1 else cents)


def _by_code(amount: Item, gross: int) -> list[tuple[str | None, int]]:
    """The amount in cents by tax code, as its breakdown tells it or, without one, its only tax."""
    told = (amount.get("Breakdown") or {}).get("Items")
    if not told:
        taxes = amount.get("TaxValues") or []
        if len(taxes) > 1:
            raise NotPrintable("An item of the bill bears several taxes and does not say which part bears which.")
        return [(taxes[0].get("Code") if taxes else None, gross)]
    if len(told) == 1:
        return [(told[0].get("TaxRateCode"), gross)]
    parts = [
        (one.get("TaxRateCode"), _cents(_number(one.get("NetValue")) + _number(one.get("TaxValue")))) for one in told
    ]
    if sum(cents for _, cents in parts) != gross:
        raise NotPrintable("The parts of an item of the bill do not add up to its amount.")
    return parts


def _department(code: str | None, options: EpsonOptions) -> int:
    department = options.departments.get(code or UNTAXED)
    if department is None:
        what = f"the tax code {code!r}" if code else f"amounts without tax ({UNTAXED!r})"
        raise NotPrintable(
            f"The agent's configuration names no department of the fiscal machine for {what}. Nothing was printed. "
            f"Add {code or UNTAXED} under departments of this machine in the agent's configuration."
        )
    return department


def _description(item: Item, options: EpsonOptions) -> str:
    kinds = (
        (item.get("Data") or {}).get("Discriminator"),
        item.get("SubType"),
        item.get("RevenueType"),
        item.get("Type"),
    )
    known = [kind for kind in kinds if isinstance(kind, str)]
    configured = next((options.descriptions[kind] for kind in known if kind in options.descriptions), None)
    usual = next((DESCRIPTIONS[kind] for kind in known if kind in DESCRIPTIONS), OTHER)
    return str(configured or item.get("Name") or usual)


def _payments(bill: OlderBill, options: EpsonOptions, sign: int) -> tuple[Paid, ...]:
    """What was paid by each means, in cents; a payment is negative on the bill of a sale."""
    sums: dict[str, int] = {}
    if bill.payment_items:
        told = [
            (str((one.get("Data") or {}).get("Discriminator")), one)
            for one in bill.payment_items
            if one.get("AccountingState") not in _GONE and one.get("State") == "Charged"
        ]
    else:
        told = [
            (str(one.get("SubType")), one)
            for one in bill.payments
            if one.get("State") not in _GONE and one.get("SubState") in ("Charged", None)
        ]
    for name, one in told:
        amount = _amount(one)
        sums[name] = sums.get(name, 0) - sign * _cents(amount.get("GrossValue", amount.get("Value")))
    return tuple(_paid(name, cents, options) for name, cents in sums.items() if cents)


def _paid(name: str, cents: int, options: EpsonOptions) -> Paid:
    means = options.payments.get(name) or PAYMENTS.get(name)
    if means is None:
        raise NotPrintable(
            f"The bill holds a payment of the kind {name!r}, for which the agent's configuration names no means of payment. "
            f"Nothing was printed. Add {name} under payments of this machine in the agent's configuration; which type and "
            "index it has at the machine, the property's accountant knows."
        )
    if cents < 0:
        raise NotPrintable(f"More was given back than paid by {name!r}; a receipt cannot show that.")
    return Paid(means.description or name, cents, means.type, means.index)


def _amount(item: Item) -> Item:
    amount = item.get("Amount")
    if not isinstance(amount, Mapping):
        raise NotPrintable("An item of the bill has no amount.")
    if amount.get("Currency") != _CURRENCY:
        raise NotPrintable("The bill is not in EUR; the fiscal machine prints no other currency.")
    return amount


def _number(told: object) -> Decimal:
    # A float of JSON prints as the shortest text that reads back, which is what was sent.
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise NotPrintable("An amount of the bill is missing.")
    return Decimal(repr(told))


def _cents(told: object) -> int:
    cents = (told if isinstance(told, Decimal) else _number(told)) * 100
    if not cents.is_finite() or cents != cents.to_integral_value():
        raise NotPrintable("An amount of the bill has fractions of a cent.")
    return int(cents)


def _rebated(
    italian: ItalianFiscalMachineData, options: EpsonOptions, serial: str, time_zone: ZoneInfo, now: datetime
) -> Rebated:
    date = (italian.rebated_receipt_date_time_utc or now).astimezone(time_zone).strftime("%d%m%Y")
    numbers = [italian.rebated_receipt_sequence, italian.rebated_receipt_number]
    if options.refunds.sequence == "document":
        numbers.reverse()
    if not any(numbers) and options.refunds.unreferenced:
        return Rebated(0, 0, date, "ND")
    if not all(numbers) or italian.rebated_receipt_date_time_utc is None:
        raise NotPrintable("The refund does not say which receipt it refunds: its number, its closing and its date.")
    z, number = (_of_four(one or "") for one in numbers)
    of = (italian.printer_serial_number or serial).strip().upper()
    if not (of.isascii() and of.isalnum()) and of != "":
        raise NotPrintable("The serial number of the fiscal machine that printed the refunded receipt is not one.")
    return Rebated(z, number, date, of)


def _of_four(text: str) -> int:
    digits = text.strip().lstrip("0") or "0"
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 4):
        raise NotPrintable("The number of the receipt to refund, or that of its closing, is not one of four digits.")
    return int(digits)


def _tax_identifier(told: str | None) -> str | None:
    text = "".join((told or "").split()).upper()
    if not text:
        return None
    digits = text.removeprefix("IT") if len(text) == 13 else text
    if len(digits) == 11 and digits.isascii() and digits.isdigit():
        return digits
    if len(text) == 16 and text.isascii() and text.isalnum():
        return text
    raise NotPrintable("The tax identifier is neither a partita IVA (11 digits) nor a codice fiscale (16 characters).")
