"""The inside of the simulated machine: its counters, its paper, the document that is open, and what each element does."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from xml.etree.ElementTree import Element

from nightporter.agent.drivers.fiscal_machine.messages import Answer, LastDocument, bare, print_amount, read_amount
from nightporter.domain.value import value

PRINTER_ERROR = "PRINTER ERROR"
_SILENT = frozenset({
    "printRecSubtotal", "printBarCode", "displayText", "printRecLotteryID", "openDrawer", "printGraphicCoupon",
    "printNormal",
})  # fmt: skip


class Refusal(Exception):
    """The machine refuses, with a code and a status."""

    def __init__(self, code: str, status: str = "0") -> None:
        super().__init__(code, status)
        self.code = code
        self.status = status


@value
class Closed:
    """A document that was closed; ``total`` in cents."""

    z: int
    number: int
    total: int
    is_refund: bool


@dataclass
class _Open:
    rebated: tuple[int, int] | None
    total: int = 0
    paid: int = 0
    sold: dict[str, int] = field(default_factory=dict)


class Register:
    """One fiscal machine without its network: 41 documents in its 764th day, departments 1 to 4.

    ``closed`` is called with each document; ``now`` is its clock, in local time.
    """

    def __init__(self, closed: Callable[[Closed], None], now: Callable[[], datetime]) -> None:
        self._tell, self._now = closed, now
        self.serial, self.rt_type = "99MEX000001", "M"
        self.departments = {"1", "2", "3", "4"}
        self.z, self.number = 764, 41
        self._closed_at = now()
        self.last = self._document_of(5000, 455)
        self.documents: dict[tuple[int, int], int] = {(764, 41): 5000}
        self.rebated: set[tuple[int, int]] = set()
        self.open: _Open | None = None
        self.paper = "0"
        """As the first of the five characters."""
        self.journal = "0"
        self.trouble: Refusal | None = None
        """Comes at the next payment, or at the reference of the next refund."""
        self._reference: tuple[int, int] | None = None
        self._rest: list[Element] = []

    @property
    def state(self) -> str:
        """The five characters."""
        return f"{self.paper}{self.journal}1{'1' if self.open is None else '0'}0"

    def carry_out(self, root: Element) -> Answer:
        """Do what a request says, and answer as the machine does."""
        act = {
            "printerFiscalReceipt": self._receipt,
            "printerFiscalReport": self._report,
            "printerCommand": self._commands,
        }.get(bare(root.tag))
        if act is None:
            return self.refused(Refusal("Non valid XML command"))
        try:
            return act(root)
        except Refusal as refusal:
            return self.refused(refusal)

    def refused(self, refusal: Refusal) -> Answer:
        """The answer that tells a refusal."""
        return Answer(False, refusal.code, refusal.status, {"lastCommand": "74", "printerStatus": self.state})

    def close_day(self) -> None:
        """Print the Z report: the next document is the first of the next day."""
        self.z, self.number, self.open = self.z + 1, 0, None

    def print_for_somebody_else(self, total: int) -> None:
        """A document from another till."""
        self._close(_Open(None, total=total))

    def open_for_somebody_else(self) -> None:
        """A document that another till begins."""
        self.open = _Open(None)

    def refill(self, *, goes_on: bool) -> None:
        """Put paper in; the machine goes on with the document that it was at, or leaves it open."""
        self.paper, rest, self._rest = "0", self._rest, []
        if goes_on:
            self._through(rest)

    def _receipt(self, root: Element) -> Answer:
        if self.paper == "3":
            raise Refusal(PRINTER_ERROR, "3")
        before = self.last
        self._through(root)
        if self.last == before:
            return self._answer({})
        return self._answer({
            "fiscalReceiptNumber": str(self.last.number),
            "fiscalReceiptAmount": print_amount(self.last.total),
            "fiscalReceiptDate": f"{self._closed_at.day}/{self._closed_at.month}/{self._closed_at.year}",
            "fiscalReceiptTime": f"{self._closed_at:%H:%M}",
            "zRepNumber": str(self.last.z),
            "serialNumber": self.serial,
        })  # fmt: skip

    def _through(self, elements: Iterable[Element]) -> None:
        waiting = list(elements)
        while waiting:
            one = waiting[0]
            if bare(one.tag) == "printRecTotal" and self.trouble is not None:
                trouble, self.trouble = self.trouble, None
                if trouble.status == "3":
                    self.paper, self._rest = "3", waiting
                raise trouble
            self._element(one)
            waiting.pop(0)

    def _element(self, one: Element) -> None:
        name = bare(one.tag)
        if name == "printRecMessage":
            self._message(one)
        elif name == "beginFiscalReceipt":
            if self.open is not None:
                raise Refusal(PRINTER_ERROR, "11")
            self.open, self._reference = _Open(self._reference), None
        elif name in ("printRecItem", "printRecRefund"):
            self._line(one, self._document(), is_refund=name == "printRecRefund")
        elif name == "printRecItemAdjustment":
            self._adjustment(one, self._document())
        elif name == "printRecTotal":
            self._payment(one, self._document())
        elif name == "directIO":
            self._identifier(one, self._document())
        elif name == "endFiscalReceipt":
            document = self._document()
            if document.paid < document.total or not document.sold:
                raise Refusal(PRINTER_ERROR, "11")
            self._close(document)
        elif name not in _SILENT:
            raise Refusal("Non valid XML command")

    def _document(self) -> _Open:
        if self.open is None:
            raise Refusal(PRINTER_ERROR, "11")
        return self.open

    def _message(self, one: Element) -> None:
        words = one.get("message", "").split()
        if one.get("messageType") != "4" or not words:
            return
        if self.open is not None:
            raise Refusal(PRINTER_ERROR, "11")
        if words[0] not in ("REFUND", "VOID") or len(words) != 5:
            raise Refusal(PRINTER_ERROR, "13")
        if self.trouble is not None and self.trouble.status in ("39", "40", "41", "42"):
            trouble, self.trouble = self.trouble, None
            raise trouble
        reference = int(words[1]), int(words[2])
        if words[4] == self.serial:
            if reference not in self.documents:
                raise Refusal(PRINTER_ERROR, "41")
            if reference in self.rebated:
                raise Refusal(PRINTER_ERROR, "40")
        self._reference = reference

    def _line(self, one: Element, document: _Open, *, is_refund: bool) -> None:
        price = read_amount(one.get("unitPrice", ""))
        if is_refund and document.rebated is None:
            raise Refusal(PRINTER_ERROR, "11")
        if len(one.get("description", "")) > 38 or price is None:
            raise Refusal(PRINTER_ERROR, "13")
        try:
            quantity = Decimal(one.get("quantity", "1").replace(",", "."))
            amount = int((quantity * price).quantize(Decimal(1), ROUND_HALF_UP))
        except InvalidOperation:
            raise Refusal(PRINTER_ERROR, "13") from None
        self._sell(one, document, amount)

    def _adjustment(self, one: Element, document: _Open) -> None:
        amount = read_amount(one.get("amount", ""))
        if amount is None or one.get("adjustmentType") not in ("0", "3") or amount > document.total:
            raise Refusal(PRINTER_ERROR, "13")
        self._sell(one, document, -amount)

    def _sell(self, one: Element, document: _Open, amount: int) -> None:
        department = one.get("department") or "1"
        if department not in self.departments:
            raise Refusal(PRINTER_ERROR, "22")
        document.total += amount
        document.sold[department] = document.sold.get(department, 0) + amount

    def _payment(self, one: Element, document: _Open) -> None:
        amount = read_amount(one.get("payment") or "0")
        if amount is None or one.get("paymentType", "0") not in ("0", "1", "2", "3", "5", "6"):
            raise Refusal(PRINTER_ERROR, "13")
        document.paid += amount or max(document.total - document.paid, 0)

    def _identifier(self, one: Element, document: _Open) -> None:
        lengths = {"1060": 13, "1061": 18, "1135": 22}
        if document.total and len(one.get("data", "")) != lengths.get(one.get("command", ""), -1):
            raise Refusal(PRINTER_ERROR, "30")

    def _close(self, document: _Open) -> None:
        self._closed_at = self._now()
        self.number += 1
        self.last = self._document_of(document.total, document.total * 10 // 110)
        self.documents[self.z, self.number] = document.total
        if document.rebated is not None:
            self.rebated.add(document.rebated)
        self.open = None
        self._tell(Closed(self.z, self.number, document.total, document.rebated is not None))

    def _document_of(self, total: int, tax: int) -> LastDocument:
        date, time = f"{self._closed_at:%d%m%y}", f"{self._closed_at:%H%M%S}"
        return LastDocument(total, tax, date, time, self.z, self.number, self.serial, is_fiscal=True)

    def _report(self, root: Element) -> Answer:
        if self.open is not None:
            raise Refusal(PRINTER_ERROR, "11")
        if any(bare(one.tag) in ("printZReport", "printXZReport") for one in root):
            closed = self.z
            self.close_day()
            return self._answer({"zRepNumber": str(closed), "dailyAmount": "0,00"})
        return self._answer({})

    def _commands(self, root: Element) -> Answer:
        told: dict[str, str] = {}
        for one in root:
            name, command = bare(one.tag), one.get("command")
            if name == "queryPrinterStatus":
                told = {
                    "fpStatus": self.state, "rtType": self.rt_type, "rtMainStatus": "02", "rtSubStatus": "08",
                    "rtDailyOpen": "1" if self.number else "0", "rtFileToSend": "0",
                }  # fmt: skip
            elif name == "resetPrinter":
                self.open, self._reference, self._rest = None, None, []
            elif name == "directIO" and command == "1387":
                told = {"responseCommand": "1387", "responseData": self.last.printed()}
            elif name == "directIO" and command == "3217":
                serial = self.serial
                told = {"responseCommand": "3217", "responseData": f"00{serial[5:]}{serial[3:5]}{serial[:2]}"}
            elif name not in ("displayText", "openDrawer"):
                raise Refusal(PRINTER_ERROR, "16")
        return self._answer(told)

    def _answer(self, told: dict[str, str]) -> Answer:
        status = "2" if self.paper == "2" else "0"
        return Answer(True, "", status, {"lastCommand": "74", "printerStatus": self.state, **told})
