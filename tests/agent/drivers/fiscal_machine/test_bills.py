"""What a bill or a file comes to, and which of them cannot be printed: told before anything is sent."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from nightporter.agent.drivers.fiscal_machine.messages import Discount, Line, Paid, Rebated, Receipt
from nightporter.agent.drivers.fiscal_machine.options import EpsonOptions
from nightporter.agent.drivers.fiscal_machine.payload import LARGEST, Payload, payload_of
from nightporter.agent.drivers.fiscal_machine.receipt import receipt_of
from nightporter.agent.drivers.fiscal_machine.sentences import NotPrintable
from tests.agent.drivers.fiscal_machine.hotel import (
    DEPARTMENTS,
    GIVEN_BACK,
    RECEIPT,
    REFUND,
    STAY,
    amount,
    bill,
    fiscal,
    item,
    payment,
)

ROME = ZoneInfo("Europe/Rome")
NOW = datetime(2026, 11, 21, 19, 15, tzinfo=UTC)


def printed(
    told: dict[str, Any], refund: dict[str, Any] | None = None, tax: str | None = None, **options: Any
) -> Receipt:
    value = refund or {"IsRefund": False}
    data = fiscal(told, BillFiscalMachineData={"Discriminator": "ItalianFiscalMachineData", "Value": value})
    assert data.bill_fiscal_machine_data is not None
    settings = msgspec.convert({"address": "http://x", "departments": DEPARTMENTS, **options}, EpsonOptions)
    return receipt_of(data.bill, data.bill_fiscal_machine_data.value, tax, settings, "99MEX000001", ROME, NOW)


def test_items_become_lines_and_payments_totals() -> None:
    receipt = printed(
        bill(
            [item(396, UnitCount=3), item(0.3, "ProductOrder", "IT-22"), item(0, "Surcharge"), item(-20.3, "Rebate")],
            [payment(-100, "Cash"), payment(-270), payment(-6)],
        )
    )
    assert receipt.lines == (Line("Soggiorno", 3, 13200, 1), Line("Prodotto", 1, 30, 2))
    assert receipt.discounts == (Discount("Sconto", 2030, 1),)
    assert receipt.payments == (Paid("Contanti", 10000, 0, 0), Paid("Carta", 27600, 2, 1))
    assert (receipt.total, receipt.trailer, receipt.refund_of) == (37600, "Conto 1001", None)


def test_an_item_under_several_taxes_is_a_line_for_each() -> None:
    parts = [
        {"TaxRateCode": "IT-10", "NetValue": 58.18, "TaxValue": 5.82},
        {"TaxRateCode": "IT-22", "NetValue": 24.59, "TaxValue": 5.41},
        {"TaxRateCode": None, "NetValue": 6, "TaxValue": 0},
    ]
    told = {**item(100, UnitCount=2), "Amount": amount(100, breakdown=parts)}
    receipt = printed(bill([told], [payment(-100)]))
    assert receipt.lines == (
        Line("Soggiorno", 1, 6400, 1), Line("Soggiorno", 1, 3000, 2), Line("Soggiorno", 1, 600, 4),
    )  # fmt: skip


def test_items_in_the_oldest_form_are_taken_where_there_are_no_others() -> None:
    revenue = {"Type": "ServiceRevenue", "SubType": None, "State": "Closed", "Name": "Mezza pensione"}
    paid = {"Type": "Payment", "SubType": "Cash", "State": "Closed", "SubState": "Charged"}
    oldest = {"Revenue": [{**revenue, "Amount": amount(94)}], "Payments": [{**paid, "Amount": amount(-94, None)}]}
    receipt = printed(bill([], [], **oldest))
    assert receipt.lines == (Line("Mezza pensione", 1, 9400, 1),)
    assert receipt.payments == (Paid("Contanti", 9400, 0, 0),)
    plain = {"Currency": "EUR", "GrossValue": 94, "TaxValues": [{"Code": "IT-22", "Value": 1}]}
    receipt = printed(bill([], [], **{**oldest, "Revenue": [{**revenue, "Amount": plain}]}))
    assert receipt.lines[0].department == 2
    assert printed(bill([item(94)], [payment(-94)], **oldest)).lines[0].description == "Soggiorno"


def test_a_refund_turns_the_signs() -> None:
    receipt = printed(GIVEN_BACK, REFUND)
    assert receipt.lines == (Line("Soggiorno", 1, 5000, 1),)
    assert receipt.payments == (Paid("Carta", 5000, 2, 1),)
    assert receipt.refund_of == Rebated(764, 41, "22112026", "99MEX000001"), (
        "half past eleven in UTC is tomorrow in Rome"
    )


def test_how_a_refund_names_its_receipt_is_configured() -> None:
    turned = printed(GIVEN_BACK, REFUND, refunds={"sequence": "document"}).refund_of
    assert turned is not None
    assert (turned.z, turned.number) == (41, 764)
    alone = printed(GIVEN_BACK, {"IsRefund": True}, refunds={"unreferenced": True}).refund_of
    assert str(alone) == "REFUND 0000 0000 21112026 ND"
    without = {key: text for key, text in REFUND.items() if key != "PrinterSerialNumber"}
    own = printed(GIVEN_BACK, without).refund_of
    assert own is not None
    assert own.serial == "99MEX000001"


def test_tables_of_the_configuration_come_before_the_usual_ones() -> None:
    receipt = printed(
        bill([item(94)], [payment(-90, "WireTransfer"), payment(-4)]),
        payments={"WireTransfer": {"type": 5, "description": "Bonifico"}, "CreditCard": {"type": 2, "index": 3}},
        descriptions={"SpaceOrder": "Pernottamento"},
        trailer="",
    )
    assert receipt.payments == (Paid("Bonifico", 9000, 5, 0), Paid("CreditCard", 400, 2, 3))
    assert receipt.lines[0].description == "Pernottamento"
    assert receipt.trailer == ""


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (None, None),
        (" ", None),
        ("IT01234567890", "01234567890"),
        ("012 3456 7890", "01234567890"),
        ("rssmra80a01h501u", "RSSMRA80A01H501U"),
    ],
)
def test_tax_identifiers(told: str | None, kept: str | None) -> None:
    assert printed(STAY, tax=told).tax_identifier == kept


@pytest.mark.parametrize("told", ["DE123456789", "0123456789", "IT0123456789X", "²" * 11, "RSSMRA80A01H501Ü"])
def test_another_tax_identifier_is_refused_without_being_told(told: str) -> None:
    with pytest.raises(NotPrintable, match="neither a partita IVA") as raised:
        printed(STAY, tax=told)
    assert told not in str(raised.value)


several = amount(94, breakdown=[])
several["TaxValues"] = [{"Code": "IT-10", "Value": 1}, {"Code": "IT-22", "Value": 1}]
apart = amount(94, breakdown=[{"TaxRateCode": code, "NetValue": 40, "TaxValue": 5} for code in ("IT-10", "IT-22")])
halves = [{"TaxRateCode": code, "NetValue": part, "TaxValue": 0} for code, part in (("IT-10", 93.995), (None, 0.005))]


@pytest.mark.parametrize(
    ("items", "payments", "why"),
    [
        ([], [payment(-94)], "holds no items"),
        ([item(94, AccountingState="Canceled")], [payment(-94)], "holds no items"),
        ([item(0)], [], "holds no items"),
        ([item(94), item(-94)], [], "come to nothing"),
        ([item(94, code="IT-4")], [payment(-94)], "for the tax code 'IT-4'"),
        ([item(94)], [payment(-94, "WireTransfer")], "of the kind 'WireTransfer'"),
        ([item(94)], [payment(-93.99)], "come to 94.00 EUR, its charged payments to 93.99 EUR"),
        ([item(94)], [payment(-94, State="Pending")], "its charged payments to 0.00 EUR"),
        ([item(94)], [], "its charged payments to 0.00 EUR"),
        ([item(94)], [payment(-104), payment(10, "Cash")], "given back than paid by 'Cash'"),
        ([item(94), item(-10, code="IT-22")], [payment(-84)], "discounts in department 2"),
        ([item(-94)], [payment(94)], "discounts in department 1"),
        ([item(94.001)], [payment(-94.001)], "fractions of a cent"),
        ([{**item(94), "Amount": amount(94, currency="USD")}], [payment(-94)], "not in EUR"),
        ([{**item(94), "Amount": several}], [payment(-94)], "several taxes"),
        ([{**item(94), "Amount": apart}], [payment(-94)], "do not add up"),
        ([{**item(94), "Amount": amount(94, breakdown=halves)}], [payment(-94)], "fractions of a cent"),
        ([{**item(94), "Amount": None}], [payment(-94)], "has no amount"),
        ([{**item(94), "Amount": {**amount(94), "Breakdown": ["IT-10"]}}], [payment(-94)], "a shape that is not known"),
        ([{**item(94), "Data": "SpaceOrder"}], [payment(-94)], "a shape that is not known"),
        ([item(94)], [payment(-94, Data=["Cash"])], "a shape that is not known"),
        ([item(94, code=["IT-10"])], [payment(-94)], "a shape that is not known"),  # type: ignore[arg-type]
        ([{**item(94), "Amount": {**amount(94), "GrossValue": None}}], [payment(-94)], "amount of the bill is missing"),
        ([{**item(94), "Amount": {**amount(94), "GrossValue": True}}], [payment(-94)], "amount of the bill is missing"),
    ],
)
def test_a_bill_that_cannot_be_printed(items: list[Any], payments: list[Any], why: str) -> None:
    with pytest.raises(NotPrintable, match=why):
        printed(bill(items, payments))


@pytest.mark.parametrize(
    ("told", "refund", "why"),
    [
        (bill([item(-50), item(10)], [payment(40)]), {}, "also holds items that are charged"),
        (STAY, {}, "also holds items that are charged"),
        (GIVEN_BACK, {"RebatedReceiptNumber": None}, "which receipt it refunds"),
        (GIVEN_BACK, {"RebatedReceiptSequence": None}, "which receipt it refunds"),
        (GIVEN_BACK, {"RebatedReceiptDateTimeUtc": None}, "which receipt it refunds"),
        (GIVEN_BACK, {"RebatedReceiptNumber": "12345"}, "four digits"),
        (GIVEN_BACK, {"RebatedReceiptNumber": "0764-0041"}, "four digits"),
        (GIVEN_BACK, {"RebatedReceiptNumber": "²"}, "four digits"),
        (GIVEN_BACK, {"PrinterSerialNumber": '1" x="'}, "serial number"),
    ],
)
def test_a_refund_that_cannot_be_printed(told: dict[str, Any], refund: dict[str, Any], why: str) -> None:
    with pytest.raises(NotPrintable, match=why):
        printed(told, {**REFUND, **refund})


def encoded(xml: str | bytes) -> str:
    return b64encode(xml.encode() if isinstance(xml, str) else xml).decode()


ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'


def test_a_file_gets_an_envelope_where_it_has_none() -> None:
    bare = payload_of(encoded('<?xml version="1.0" encoding="UTF-8"?>\n' + RECEIPT))
    assert bare == payload_of(encoded(RECEIPT)) == payload_of(encoded("\ufeff" + RECEIPT))
    assert bare.body.decode() == f'<?xml version="1.0" encoding="utf-8"?>\n{ENVELOPE}{RECEIPT}</s:Body></s:Envelope>'
    whole = f"{ENVELOPE}\n{RECEIPT}</s:Body></s:Envelope>"
    assert payload_of(encoded(whole)) == Payload(whole.encode(), is_receipt=True, total=9400)


@pytest.mark.parametrize(
    ("old", "new", "is_receipt", "total"),
    [
        ("", "", True, 9400),
        ("1,000", "2", True, 18800),
        ("1,000", "0,500", True, 4700),
        ("1,000", "0,333", True, None),
        ("1,000", "x", True, None),
        ("94,00' department", "94,005' department", True, None),
        ("<printRecTotal", "<printRecSubtotalAdjustment amount='1,00'/><printRecTotal", True, None),
        ("<printRecTotal", "<directIO command='1060' data='01'/><printRecTotal", True, 9400),
        ("<printRecTotal", "<directIO command='4034' data='0198'/><printRecTotal", False, None),
        ("<printRecTotal", "<printZReport/><printRecTotal", False, None),
        (
            "<endFiscalReceipt operator='1'/>",
            "<endFiscalReceipt/><beginFiscalReceipt/><endFiscalReceipt/>",
            False,
            None,
        ),
        ("<endFiscalReceipt operator='1'/>", "", False, None),
        ("printerFiscalReceipt", "fvp_doc", False, None),
    ],
)
def test_what_a_file_is_known_to_print(old: str, new: str, is_receipt: bool, total: int | None) -> None:
    payload = payload_of(encoded(RECEIPT.replace(old, new) if old else RECEIPT))
    assert (payload.is_receipt, payload.total) == (is_receipt, total)
    assert new.encode() in payload.body


def test_two_requests_in_one_envelope_are_no_receipt() -> None:
    assert not payload_of(encoded(f"{ENVELOPE}{RECEIPT}{RECEIPT}</s:Body></s:Envelope>")).is_receipt


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ("", "not base64"),
        ("PGE", "not base64"),
        ("PGE-", "not base64"),
        (encoded("<a>"), "not well-formed"),
        (encoded("no xml"), "not well-formed"),
        (encoded('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "entities"),
        (encoded('<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>'), "document type"),
        (encoded('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1")), "not in UTF-8"),
        (encoded("<a>é</a>".encode("latin-1")), "not in UTF-8"),
        (encoded("<a/>".encode("utf-16")), "not in UTF-8"),
        (encoded(f"<a>{'b' * LARGEST}</a>"), "too large"),
        (encoded('<printerFiscalReceipt><beginFiscalReceipt IdCmd="1"/></printerFiscalReceipt>'), "made by Custom"),
        (encoded("<printerFiscalReceipt><endFiscalReceiptCut/></printerFiscalReceipt>"), "made by Custom"),
    ],
)
def test_a_file_that_is_not_sent(payload: str, why: str) -> None:
    with pytest.raises(NotPrintable, match=why):
        payload_of(payload)
