"""The driver ``epson``: Epson's fiscal machines (registratori telematici), FP-81II RT and FP-90III RT among them.

What became of a receipt whose answer was lost, the machine tells by its last document (directIO 1387), compared with the
one before. Where the numbers do not show plainly that it was ours alone, a person must look (docs/drivers/epson.md).
"""

from typing import Any

from nightporter.agent.driver import (
    Attempt,
    Away,
    Done,
    Happened,
    Kind,
    Notes,
    NotHappened,
    Outcome,
    Probe,
    Refused,
    Resolution,
    Surroundings,
    Task,
    Unknown,
)
from nightporter.agent.drivers.fiscal_machine.judging import Found, Printed, baseline, before, judge
from nightporter.agent.drivers.fiscal_machine.link import Link, origin
from nightporter.agent.drivers.fiscal_machine.messages import (
    Answer,
    Garbled,
    LastDocument,
    State,
    last_question,
    print_receipt,
    read_last,
    read_serial,
    reset,
    serial_question,
    status_question,
    told_amount,
)
from nightporter.agent.drivers.fiscal_machine.options import EpsonOptions
from nightporter.agent.drivers.fiscal_machine.payload import payload_of
from nightporter.agent.drivers.fiscal_machine.receipt import receipt_of
from nightporter.agent.drivers.fiscal_machine.sentences import (
    AWAY,
    JOURNAL,
    LEFT_OPEN,
    LOW,
    OPEN,
    USED,
    NotPrintable,
    began,
    leaves_open,
    told,
)
from nightporter.domain.device import DeviceType
from nightporter.domain.value import value
from nightporter.wire.command_data import FiscalMachineCommandData, FlatFiscalData

NEVER_BEGUN = frozenset({"NO_DATA", "PARSER_ERROR"})
"""Refusals of a file as a whole, before any part of it was done."""
LOOK = 1.0
"""Seconds between two looks at a machine that is watched for a late receipt."""


@value
class _Job:
    """What is sent; ``what`` is Receipt, Refund or File, ``total`` in cents. A File's effect cannot be asked for."""

    body: bytes
    what: str
    total: int | None

    def __repr__(self) -> str:
        return f"<{self.what}>"


@value
class _Look:
    """How the machine is, and the last document that it closed."""

    state: State
    last: LastDocument
    rt_type: str


class EpsonDriver:
    """Speaks to one fiscal machine; see :class:`nightporter.agent.driver.Driver`."""

    def __init__(self, options: EpsonOptions, surroundings: Surroundings) -> None:
        self._options = options
        self._surroundings = surroundings
        self._sources = surroundings.sources
        self._address = origin(options.address)
        self._link = Link(options.device_id, options.timeout)
        self._left_open: LastDocument | None = None
        """The last document as of when one of our own was refused and not dropped yet: what is open then is ours."""

    async def probe(self) -> Probe:
        """Ask the machine who and how it is. Raises Away."""
        look = await self._look(self._address)
        serial = await self._serial(self._address, look)
        problems = []
        if self._options.serial not in (None, serial):
            problems.append(
                f"The machine's serial number is {serial}, the configuration expects {self._options.serial}."
            )
        if not self._options.departments:
            problems.append("The configuration names no departments, so that no receipt can be printed from a bill.")
        if look.state.is_away:
            problems.append(AWAY)
        elif look.state.is_journal_unusable:
            problems.append(JOURNAL)
        elif look.state.is_open:
            problems.append(OPEN)
        low = ", paper low" if look.state.is_low else ""
        return Probe(
            f"Epson fiscal machine {serial}, last document {look.last.z:04}-{look.last.number:04}{low}", tuple(problems)
        )

    def steps(self, task: Task) -> int:
        """Always one: a bill is one receipt."""
        return 1

    async def prepare(self, task: Task, step: int) -> Notes | Refused:
        """Check the bill or the file, and that the machine is ready; the baseline is its last document. Raises Away."""
        try:
            self._job(task, "")
            place = self._place(task)
            look = await self._look(place)
            serial = await self._serial(place, look)
            if self._options.serial not in (None, serial):
                raise NotPrintable(f"The machine at {place} has the serial number {serial}; another one is configured.")
            self._job(task, serial)
        except NotPrintable as error:
            return Refused(str(error))
        if look.state.is_away:
            raise Away(AWAY)
        if look.state.is_journal_unusable:
            raise Away(JOURNAL)
        if look.state.is_open and self._left_open == look.last:
            await self._link.ask(place, reset())
            look = await self._look(place)
        if look.state.is_open:
            raise Away(OPEN)
        self._left_open = None
        return {**baseline(look.last), "Machine": serial}

    async def execute(self, task: Task, step: int, baseline: Notes, attempt: Attempt) -> Outcome:
        """Print. Raises Away when the answer was lost, or leaves open what became of the document.

        The machine is looked at once more: the platform may have been waited for since the baseline, and others print there.
        """
        try:
            job, place = self._job(task, baseline["Machine"]), self._place(task)
        except NotPrintable as error:
            return Refused(str(error))
        last, look = before(baseline), await self._look(place)
        if look.last != last or look.state.is_open:
            raise Away(USED)
        if attempt.cancelled.is_set():
            return Refused("It was called off before it was sent to the fiscal machine.", is_cancelled=True)
        reference: Notes = {"What": job.what, "Total": job.total, "After": f"{last.z:04}-{last.number:04}"}
        await attempt.sending(reference)
        attempt.progress(None, "The fiscal machine is printing.")
        answer = await self._link.ask(place, job.body)
        if answer.is_success:
            return await self._succeeded(place, job, answer, baseline)
        if (why := leaves_open(answer)) is not None:
            raise Away(why)
        why = told(answer)
        if job.what == "File":
            return Refused(why) if answer.code in NEVER_BEGUN else Unknown(f"{why} {self.doubt(task, step, reference)}")
        reference = {**reference, "Refused": why, "Began": began(answer)}
        await attempt.sending(reference)
        return await self._turned_down(task, step, last, reference, may_reset=True)

    async def resolve(self, task: Task, step: int, baseline: Notes, reference: Notes, attempt: Attempt) -> Resolution:
        """Compare the last document with the baseline; an unchanged machine is watched for ``patience``. Raises Away."""
        if reference["What"] == "File":
            return Unknown(self.doubt(task, step, reference))
        last, place = before(baseline), self._place(task)
        if "Refused" in reference:
            return await self._turned_down(task, step, last, reference, may_reset=False)
        ends = self._sources.elapsed() + self._options.patience
        while True:
            look = await self._look(place)
            found = judge(last, look.last, reference["Total"])
            if await self._serial(place, look) != baseline["Machine"]:
                return Unknown(f"Another fiscal machine answers now. {self.doubt(task, step, reference)}")
            if found is Found.OURS:
                printed = Printed.recorded(look.last)
                return Happened(
                    printed.notes(reference["What"], reference["Total"]), printed.result(reference["Total"])
                )
            if found is Found.OTHER:
                return Unknown(self.doubt(task, step, reference))
            if look.state.is_away:
                raise Away(AWAY)
            remaining = ends - self._sources.elapsed()
            if remaining <= 0:
                break
            attempt.progress(None, "The answer of the fiscal machine was lost; it is watched for a late receipt.")
            await self._sources.pause(min(LOOK, remaining))
        if look.state.is_open:
            return Unknown(f"A receipt was begun and is still open.{LEFT_OPEN} {self.doubt(task, step, reference)}")
        return NotHappened()

    def doubt(self, task: Task, step: int, reference: Notes) -> str:
        """What to look for at the machine."""
        if reference["What"] == "File":
            return (
                "Whether the fiscal machine carried out the file that came with the command is not known. Check at the "
                "machine what it printed last before sending it again."
            )
        what, total = reference["What"].lower(), reference["Total"]
        amount = "" if total is None else f" of {told_amount(total)} EUR"
        return (
            f"Whether the {what}{amount} was printed is not known. Check the documents of the fiscal machine after "
            f"{reference['After']} for it; send it again only when it is not among them."
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._link.close()

    async def _succeeded(self, place: str, job: _Job, answer: Answer, notes: Notes) -> Outcome:
        low = LOW if answer.state is not None and answer.state.is_low else ""
        printed = Printed.told(answer, notes["Machine"])
        if printed is None and job.what == "File":
            return Done(f"The fiscal machine carried out the file that came with the command.{low}")
        if printed is None:
            # Some releases name no document in the answer; their record of the last one does.
            look = await self._look(place)
            if judge(before(notes), look.last, job.total) is not Found.OURS:
                return Done(f"{job.what} was printed; the machine does not tell under which number.{low}")
            printed = Printed.recorded(look.last)
        return Done(printed.notes(job.what, job.total) + low, printed.result(job.total))

    async def _turned_down(
        self, task: Task, step: int, last: LastDocument, reference: Notes, *, may_reset: bool
    ) -> Refused | Unknown:
        """The machine said no: so it was, if it closed no document. What it left open of ours is dropped."""
        place, why = self._place(task), reference["Refused"]
        look = await self._look(place)
        if look.last == last and look.state.is_open and reference["Began"]:
            self._left_open = last
            if may_reset:
                await self._link.ask(place, reset())
                look = await self._look(place)
        if look.last != last:
            return Unknown(f"{why} Yet a document was closed meanwhile. {self.doubt(task, step, reference)}")
        if look.state.is_open:
            return Refused(why + (LEFT_OPEN if reference["Began"] else f" {OPEN}"))
        self._left_open = None
        return Refused(why)

    def _job(self, task: Task, serial: str) -> _Job:
        """What to send for the task; ``serial`` is the machine's own. Raises NotPrintable."""
        data = self._data(task)
        fiscal = FlatFiscalData.of(data)
        if fiscal is not None and fiscal.italian_fiscal_machine_payload is not None:
            payload = payload_of(fiscal.italian_fiscal_machine_payload.payload)
            return _Job(payload.body, "Receipt" if payload.is_receipt else "File", payload.total)
        italian = fiscal.italian_fiscal_machine_data if fiscal is not None else None
        receipt = receipt_of(
            data.bill,
            italian,
            data.tax_identifier,
            self._options,
            serial,
            self._surroundings.time_zone,
            self._sources.now(),
        )
        what = "Receipt" if receipt.refund_of is None else "Refund"
        return _Job(print_receipt(receipt, self._options.operator), what, receipt.total)

    @staticmethod
    def _data(task: Task) -> FiscalMachineCommandData:
        if not isinstance(task.data, FiscalMachineCommandData):
            raise NotPrintable("The command is not one for a fiscal machine.")
        return task.data

    def _place(self, task: Task) -> str:
        """The address of the machine. Raises NotPrintable."""
        url = self._data(task).api_url
        if not self._options.follow_api_url or not url:
            return self._address
        try:
            return origin(url)
        except ValueError:
            raise NotPrintable(
                "The address of the fiscal machine in the command is not one of such a machine."
            ) from None

    async def _look(self, place: str) -> _Look:
        status = await self._link.ask(place, status_question())
        record = await self._link.ask(place, last_question())
        state = record.state or status.state
        if state is None or not status.is_success or not record.is_success:
            raise Away(
                leaves_open(record) or leaves_open(status) or f"The fiscal machine at {place} does not tell how it is."
            )
        try:
            last = read_last(record.information.get("responseData", ""))
        except Garbled as error:
            raise Away(str(error)) from None
        return _Look(state, last, status.information.get("rtType", "").strip())

    async def _serial(self, place: str, look: _Look) -> str:
        """The serial number; a machine that has closed no document yet is asked for it."""
        if look.last.serial:
            return look.last.serial
        answer = await self._link.ask(place, serial_question())
        try:
            return read_serial(answer.information.get("responseData", ""), look.rt_type)
        except Garbled as error:
            raise Away(str(error)) from None


def _make(options: Any, surroundings: Surroundings) -> EpsonDriver:
    return EpsonDriver(options, surroundings)


def _place_of(options: Any) -> str:
    return origin(options.address)


KIND = Kind("epson", DeviceType.FISCAL_MACHINE, EpsonOptions, _make, _place_of)
