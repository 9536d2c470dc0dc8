"""Epson's Fiscal ePOS-Print XML as values: what is asked of ``fpmate.cgi``, and what it answers.

Sources: Epson's ``fiscalprint.js`` 1.1 (envelope and answer), the Fiscal ePOS-Print XML as public clients of it speak it, and
the record of directIO 1387 (Communication Protocol 8.1). Amounts are whole cents everywhere but on the wire, where they bear
a decimal comma.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from nightporter.domain.value import value

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_BEFORE = f'<?xml version="1.0" encoding="utf-8"?>\n<s:Envelope xmlns:s="{SOAP}"><s:Body>'.encode()
_AFTER = b"</s:Body></s:Envelope>"

LONGEST_DESCRIPTION = 38
LONGEST_MESSAGE = 46
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_AMOUNT = re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,3})?")
_LAST = re.compile(r"(?s).{2}(.{9})(.{9})(.{6})(.{6})(.{4})(.{4})(.{11}).{9}(.)")


class Garbled(ValueError):
    """What came is not an answer of such a machine; the message says so without quoting it."""


@value
class Line:
    """Something sold or given back: ``quantity`` times ``price`` cents, in the VAT ``department`` of the machine."""

    description: str
    quantity: int
    price: int
    department: int


@value
class Discount:
    """``amount`` cents off what was sold in ``department``."""

    description: str
    amount: int
    department: int


@value
class Paid:
    """``amount`` cents by a means of payment as the machine numbers them."""

    description: str
    amount: int
    type: int
    index: int


@value
class Rebated:
    """The receipt that a refund refers to; ``date`` is its local date as DDMMYYYY."""

    z: int
    number: int
    date: str
    serial: str

    def __str__(self) -> str:
        return f"REFUND {self.z:04} {self.number:04} {self.date} {self.serial}"


@value
class Receipt:
    """A receipt to print, or a refund where it is ``refund_of`` another."""

    lines: tuple[Line, ...]
    discounts: tuple[Discount, ...]
    payments: tuple[Paid, ...]
    refund_of: Rebated | None
    trailer: str
    tax_identifier: str | None

    def __repr__(self) -> str:
        return f"<Receipt of {self.total} cents>"

    @property
    def total(self) -> int:
        """In cents."""
        return sum(one.quantity * one.price for one in self.lines) - sum(one.amount for one in self.discounts)


@value
class Answer:
    """What the machine answered. ``status`` says more where ``code`` is PRINTER ERROR; ``information`` holds the rest by name."""

    is_success: bool
    code: str
    status: str
    information: Mapping[str, str]

    @property
    def state(self) -> "State | None":
        """The five characters about the printer, which questions call by two names; None where they are missing."""
        told = self.information.get("printerStatus") or self.information.get("fpStatus") or ""
        return State(told) if len(told) == 5 else None


@value
class State:
    """The machine's five characters: printer, journal, drawer, document, mode."""

    text: str

    @property
    def is_away(self) -> bool:
        """Whether there is no paper, the cover is open, or the printer is offline."""
        return self.text[0] == "3"

    @property
    def is_low(self) -> bool:
        """Whether the paper runs low."""
        return self.text[0] == "2"

    @property
    def is_open(self) -> bool:
        """Whether any document is under way."""
        return self.text[3] not in "14B"

    @property
    def is_journal_unusable(self) -> bool:
        """Whether the fiscal journal is full, not formatted, or another machine's."""
        return self.text[1] not in "01"


@value
class LastDocument:
    """The last document that the machine closed (directIO 1387); ``total`` and ``tax`` in cents.

    A machine that has closed none yet tells zeros and blanks. ``date`` is DDMMYY, ``time`` HHMMSS, both local.
    """

    total: int
    tax: int
    date: str
    time: str
    z: int
    number: int
    serial: str
    is_fiscal: bool

    def printed(self) -> str:
        """As the machine prints it."""
        fiscal = "1" if self.is_fiscal else "0"
        return (
            f"01{self.total:09}{self.tax:09}{self.date:6}{self.time:6}{self.z:04}{self.number:04}{self.serial:11}"
            f"0{'':8}{fiscal}"
        )


def read_last(text: str) -> LastDocument:
    """Read what :meth:`LastDocument.printed` prints; more may follow. Raises Garbled."""
    match = _LAST.match(text)
    numbers = [match[part].strip() or "0" for part in (1, 2, 5, 6)] if match else []
    if match is None or not all(one.isascii() and one.isdigit() for one in numbers):
        raise Garbled("The machine's record of its last document cannot be read.")
    total, tax, z, number = map(int, numbers)
    return LastDocument(total, tax, match[3].strip(), match[4].strip(), z, number, match[7].strip(), match[8] == "1")


def read_serial(text: str, rt_type: str) -> str:
    """The serial number of 11 characters out of what directIO 3217 tells and the machine's ``rtType``. Raises Garbled."""
    if len(text) < 12 or not rt_type:
        raise Garbled("The machine's serial number cannot be read.")
    return text[10:12] + rt_type + text[8:10] + text[2:8]


def print_amount(cents: int) -> str:
    """``123456`` as ``1234,56``, as the machine writes it."""
    return told_amount(cents).replace(".", ",")


def told_amount(cents: int) -> str:
    """``123456`` as ``1234.56``, as people and the platform are told."""
    return f"{cents // 100}.{cents % 100:02}"


def read_amount(text: str) -> int | None:
    """An amount with comma or point in cents; None where it is none, or has fractions of a cent."""
    if not _AMOUNT.fullmatch(text.strip()):
        return None
    try:
        cents = Decimal(text.strip().replace(",", ".")) * 100
    except InvalidOperation:
        return None
    return int(cents) if cents == cents.to_integral_value() else None


def enveloped(body: bytes) -> bytes:
    """Put one element into the envelope in which the machine takes it."""
    return _BEFORE + body + _AFTER


def _command(name: str, **attributes: str) -> bytes:
    command = Element("printerCommand")
    SubElement(command, name, attributes)
    return enveloped(tostring(command))


def status_question() -> bytes:
    """Ask how the printer is."""
    return _command("queryPrinterStatus", operator="", statusType="0")


def last_question() -> bytes:
    """Ask for the last document."""
    return _command("directIO", command="1387", data="01")


def serial_question() -> bytes:
    """Ask for the serial number."""
    return _command("directIO", command="3217", data="00")


def reset() -> bytes:
    """Drop a document that is still open."""
    return _command("resetPrinter", operator="")


def print_receipt(receipt: Receipt, operator: str) -> bytes:
    """The request that prints ``receipt``, in its envelope."""
    root = Element("printerFiscalReceipt")

    def add(name: str, **attributes: str) -> None:
        SubElement(root, name, {"operator": operator, **attributes})

    if receipt.refund_of is not None:
        add("printRecMessage", messageType="4", index="1", font="1", message=str(receipt.refund_of))
    add("beginFiscalReceipt")
    for line in receipt.lines:
        add(
            "printRecItem" if receipt.refund_of is None else "printRecRefund",
            description=_plain(line.description, LONGEST_DESCRIPTION),
            quantity=f"{line.quantity},000",
            unitPrice=print_amount(line.price),
            department=str(line.department),
            justification="1",
        )
    for discount in receipt.discounts:
        add(
            "printRecItemAdjustment",
            description=_plain(discount.description, LONGEST_DESCRIPTION),
            adjustmentType="3",
            amount=print_amount(discount.amount),
            department=str(discount.department),
            justification="1",
        )
    for paid in receipt.payments:
        add(
            "printRecTotal",
            description=_plain(paid.description, LONGEST_DESCRIPTION),
            payment=print_amount(paid.amount),
            paymentType=str(paid.type),
            index=str(paid.index),
            justification="1",
        )
    if receipt.trailer:
        add("printRecMessage", messageType="3", index="1", font="1", message=_plain(receipt.trailer, LONGEST_MESSAGE))
    if receipt.tax_identifier is not None:
        command = "1060" if len(receipt.tax_identifier) == 11 else "1061"
        SubElement(root, "directIO", {"command": command, "data": f"01{receipt.tax_identifier}"})
    add("endFiscalReceipt")
    return enveloped(tostring(root, "unicode").encode())


def _plain(text: str, longest: int) -> str:
    return " ".join(_NOT_IN_XML.sub(" ", text).split())[:longest]


def read_xml(body: bytes) -> Element:
    """The root element; entities and document types are not taken. Raises Garbled."""
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        raise Garbled("It is not well-formed XML, or holds a document type or entities.") from None
    return root


def bare(tag: str) -> str:
    """The name of an element without its namespace."""
    return tag.rpartition("}")[2]


def read_answer(body: bytes) -> Answer:
    """Read an answer, in its envelope or without. Raises Garbled."""
    root = read_xml(body)
    response = next((one for one in root.iter() if bare(one.tag) == "response"), None)
    if response is None:
        raise Garbled("The answer holds no response.")
    told = next((one for one in response if bare(one.tag) == "addInfo"), None)
    information = {} if told is None else {bare(one.tag): (one.text or "") for one in told}
    information.pop("elementList", None)
    return Answer(
        response.get("success", "") in ("1", "true"), response.get("code", ""), response.get("status", ""), information
    )


def print_answer(answer: Answer) -> bytes:
    """As the machine prints it, in its envelope; ``elementList`` names what follows, which Epson's own client insists on."""
    response = Element(
        "response", success="true" if answer.is_success else "false", code=answer.code, status=answer.status
    )
    told = SubElement(response, "addInfo")
    SubElement(told, "elementList").text = ",".join(answer.information)
    for name, text in answer.information.items():
        SubElement(told, name).text = text
    return enveloped(tostring(response, "unicode").encode())
