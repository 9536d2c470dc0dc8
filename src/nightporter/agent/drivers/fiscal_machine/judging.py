"""What became of a receipt, judged by the machine's last document before and after: the heart of never printing twice."""

from enum import Enum

from nightporter.agent.driver import Notes
from nightporter.agent.drivers.fiscal_machine.messages import Answer, LastDocument, read_amount, told_amount
from nightporter.domain.value import value


class Found(Enum):
    """What the last document says."""

    UNCHANGED = "unchanged"
    """No document was closed."""
    OURS = "ours"
    """Exactly one fiscal document was closed, and it comes to what was sent."""
    OTHER = "other"
    """Anything else."""


def judge(before: LastDocument, after: LastDocument, total: int | None) -> Found:
    """Compare; ``total`` in cents is what ours comes to, None where that is not known.

    A daily closing in between is allowed for: the numbers begin anew then.
    """
    if after == before:
        return Found.UNCHANGED
    is_next = (after.z, after.number) in ((before.z, before.number + 1), (before.z + 1, 1))
    is_same_machine = before.serial in ("", after.serial)
    is_fiscal = after.is_fiscal and (before.is_fiscal or before.number == 0)
    if is_next and is_same_machine and is_fiscal and total is not None and after.total == total:
        return Found.OURS
    return Found.OTHER


def baseline(last: LastDocument) -> Notes:
    """For the journal."""
    return {
        "Z": last.z,
        "Document": last.number,
        "Total": last.total,
        "Tax": last.tax,
        "Date": last.date,
        "Time": last.time,
        "Serial": last.serial,
        "Fiscal": last.is_fiscal,
    }


def before(notes: Notes) -> LastDocument:
    """Out of the journal."""
    return LastDocument(
        total=notes["Total"],
        tax=notes["Tax"],
        date=notes["Date"],
        time=notes["Time"],
        z=notes["Z"],
        number=notes["Document"],
        serial=notes["Serial"],
        is_fiscal=notes["Fiscal"],
    )


@value
class Printed:
    """A document that was printed; ``total`` in cents, None where nobody told it. Date and time as ISO writes them."""

    z: str
    number: str
    serial: str
    date: str
    time: str
    total: int | None

    @classmethod
    def told(cls, answer: Answer, serial: str) -> "Printed | None":
        """What the machine's own answer tells; None where it names no document. ``serial`` where it tells none."""
        told = answer.information
        number, z = told.get("fiscalReceiptNumber", "").strip(), told.get("zRepNumber", "").strip()
        if not (number.isascii() and number.isdigit() and z.isascii() and z.isdigit()):
            return None
        day, _, rest = told.get("fiscalReceiptDate", "").strip().partition("/")
        month, _, year = rest.partition("/")
        return cls(
            z=str(int(z)),
            number=str(int(number)),
            serial=told.get("serialNumber", "").strip() or serial,
            date=f"{year}-{month:0>2}-{day:0>2}" if year else "",
            time=told.get("fiscalReceiptTime", "").strip(),
            total=read_amount(told.get("fiscalReceiptAmount", "")),
        )

    @classmethod
    def recorded(cls, last: LastDocument) -> "Printed":
        """What the machine's record of its last document tells."""
        date, time = last.date, last.time
        return cls(
            z=str(last.z),
            number=str(last.number),
            serial=last.serial,
            date=f"20{date[4:6]}-{date[2:4]}-{date[0:2]}",
            time=f"{time[0:2]}:{time[2:4]}",
            total=last.total,
        )

    def notes(self, what: str, expected: int | None) -> str:
        """For the receptionist; ``what`` is "Receipt" or "Refund", ``expected`` in cents what was sent."""
        total = self.total if self.total is not None else expected
        amount = f" of {told_amount(total)} EUR" if total is not None else ""
        told = f"{what} {self.z:0>4}-{self.number:0>4}{amount} was printed."
        if self.total is not None and expected is not None and self.total != expected:
            told += f" {told_amount(expected)} EUR had been sent: compare it with the bill."
        return told

    def result(self, expected: int | None) -> Notes:
        """For the platform."""
        total = self.total if self.total is not None else expected
        told = {
            "FiscalReceiptNumber": self.number,
            "ZRepNumber": self.z,
            "SerialNumber": self.serial,
            "FiscalReceiptDate": self.date,
            "FiscalReceiptTime": self.time,
            "Amount": "" if total is None else told_amount(total),
        }
        return {name: text for name, text in told.items() if text}
