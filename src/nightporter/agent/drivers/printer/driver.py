"""Prints a command's document at a network printer or a CUPS queue, over IPP (RFC 8010, RFC 8011).

A job is made first, under the id of the command, and given its document afterwards: until then it is certain that
nothing comes out, and afterwards the printer can be asked for it. What the journal keeps under ``stage`` says how far it
had come.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from nightporter.agent.driver import (
    Attempt,
    Away,
    Done,
    Happened,
    Kind,
    Notes,
    NotHappened,
    Options,
    Outcome,
    Probe,
    Refused,
    Resolution,
    Surroundings,
    Task,
    Unknown,
)
from nightporter.agent.drivers.printer import reasons
from nightporter.agent.drivers.printer.endings import LOOK, NOTHING, cancelled_before, outcome
from nightporter.agent.drivers.printer.following import CalledOff, Following
from nightporter.agent.drivers.printer.jobs import Jobs, Sought
from nightporter.agent.drivers.printer.link import Address, Link
from nightporter.agent.drivers.printer.messages import Attribute, Message, Tag, attribute
from nightporter.agent.drivers.printer.operations import (
    TAKEN_LATER,
    Job,
    Operation,
    PrinterState,
    Status,
    is_for_later,
    is_success,
    status_name,
)
from nightporter.agent.pausing import pause_unless
from nightporter.domain.device import DeviceType
from nightporter.wire.command_data import PrinterCommandData

_PDF = "application/pdf"
_LOST = 3
"""How often in a row a printer may leave a question unanswered while it takes a document."""


class IppOptions(Options):
    """The options of ``ipp``; times are in seconds.

    ``certificate`` pins the printer's own for ipps; ``patience`` is for one answer, ``waits`` how long a job may stand still,
    ``poll`` how often it is looked at.
    """

    uri: str
    certificate: str | None = None
    requesting_user: str = "nightporter"
    patience: float = 20.0
    waits: float = 1800.0
    poll: float = 1.0


class IppDriver:
    """Speaks to one printer. Raises ValueError for options that cannot be right."""

    def __init__(self, options: IppOptions, surroundings: Surroundings) -> None:
        if min(options.patience, options.waits, options.poll) <= 0:
            raise ValueError("patience, waits and poll are seconds and must be more than 0")
        if not 0 < len(options.requesting_user.encode()) <= 255:
            raise ValueError("requesting_user must have between 1 and 255 bytes")
        certificate = None if options.certificate is None else surroundings.folder / options.certificate
        self._link = Link(Address.of(options.uri), certificate, options.patience)
        self._jobs = Jobs(self._link, options.requesting_user)
        self._following = Following(self._jobs, surroundings.sources, options.poll, options.waits)
        self._options = options
        self._sources = surroundings.sources

    async def close(self) -> None:
        """Close all connections."""
        await self._link.close()

    def steps(self, task: Task) -> int:
        """One: all copies are one job."""
        return 1

    async def probe(self) -> Probe:
        """Ask the printer who and how it is, and whether it can print PDF. Raises Away."""
        printer = await self._jobs.printer()
        found = [*reasons.problems(printer.reasons)]
        if not printer.is_accepting:
            found.append("The printer takes no new jobs. Allow them at its panel or in its queue.")
        if printer.is_stopped and not found:
            found.append("The printer has stopped. Look at its panel.")
        if problem := _format_problem(printer, _PDF) or _operations_problem(printer):
            found.append(problem)
        return Probe(printer.identity, tuple(found))

    async def prepare(self, task: Task, step: int) -> Notes | Refused:
        """Have the printer check the job; the baseline is which printer it is and since when it is up. Raises Away."""
        data = _data(task)
        if task.document is None or not task.document.size:
            return Refused(f"The command has no document. {NOTHING} Print it again.")
        printer = await self._jobs.printer()
        problem = (
            _format_problem(printer, data.file_type)
            or _operations_problem(printer)
            or _copies_problem(printer, data.copy_count)
        )
        if problem:
            return Refused(f"{problem} {NOTHING}")
        if not printer.is_accepting:
            raise Away("The printer takes no new jobs at present. Allow them at its panel or in its queue.")
        tells_copies = printer.most_copies is not None
        # A printer that makes a job first turns it down then, without any effect; the other kind prints at once.
        if not printer.creates_jobs and (refused := await self._validated(task, data, tells_copies)) is not None:
            return refused
        return {
            "uri": self._link.uri,
            "printer-uuid": printer.uuid,
            "printer-up-time": printer.up_time,
            "creates-jobs": printer.creates_jobs,
            "tells-copies": tells_copies,
        }

    async def _validated(self, task: Task, data: PrinterCommandData, tells_copies: bool) -> Refused | None:
        checked = await self._jobs.ask(
            Operation.VALIDATE_JOB, *_about(task), _format(data), job=_how(data, tells_copies)
        )
        if is_for_later(checked):
            raise Away(f"The printer takes no job at present ({status_name(checked.code)}).")
        if (not is_success(checked) and checked.code != Status.OPERATION_NOT_SUPPORTED) or _ignores_copies(checked):
            return Refused(_turned_down(checked))
        return None

    async def execute(self, task: Task, step: int, baseline: Notes, attempt: Attempt) -> Outcome:
        """Print it, and wait until the printer says that all of it came out. Raises Away."""
        if attempt.cancelled.is_set():
            return cancelled_before()
        if baseline["creates-jobs"]:
            return await self._print_in_two(task, baseline, attempt)
        return await self._print_in_one(task, baseline, attempt)

    async def resolve(self, task: Task, step: int, baseline: Notes, reference: Notes, attempt: Attempt) -> Resolution:
        """Find the job again and follow it to its end; one whose document never arrived is taken off. Raises Away."""
        printer = await self._jobs.printer()
        is_other = bool(baseline.get("printer-uuid")) and printer.uuid not in ("", baseline["printer-uuid"])
        if reference["stage"] == "create":
            return NotHappened() if is_other else await self._clear(task, attempt)
        if is_other:
            return Unknown(f"Another printer now answers at the address of the one that was printing. {LOOK}")
        sought = Sought.of(reference)
        job = await self._jobs.find(sought)
        if job is None:
            return Unknown(f"The printer no longer knows the job: it was switched off, or has forgotten it. {LOOK}")
        return await self._resolved(job, sought, task, attempt)

    def doubt(self, task: Task, step: int, reference: Notes) -> str:
        """What a person must check when the printer could not be asked."""
        if reference.get("stage") == "create":
            return "The printer cannot be asked, but it had not been given the document: nothing was printed. Print it again."
        return f"The printer was given the document and could not be asked what became of it. {LOOK}"

    async def _clear(self, task: Task, attempt: Attempt) -> Resolution:
        """Take off what was made for a document that was never sent, lest it block the printer."""
        for job in await self._jobs.named(task.command_id):
            if job.has_begun:
                return await self._resolved(job, Sought(job.name, job.id, job.uuid), task, attempt)
            if not job.is_final:
                await self._jobs.cancel(job)
        return NotHappened()

    async def _resolved(self, job: Job, sought: Sought, task: Task, attempt: Attempt) -> Resolution:
        sought = replace(sought, id=job.id, uuid=job.uuid)
        copies = _data(task).copy_count
        called_off = CalledOff.WITHOUT_DOCUMENT if job.waits_for_document else None
        end = await self._following.to_end(sought, copies, attempt, called_off)
        if called_off and end.job is not None and end.job.is_final and not end.job.has_begun:
            return NotHappened()
        ended = outcome(end, copies, self._link.uri, _size(task), is_short=sought.is_short)
        return Happened(ended.notes, ended.result) if isinstance(ended, Done) else ended

    async def _print_in_two(self, task: Task, baseline: Notes, attempt: Attempt) -> Outcome:
        data = _data(task)
        sought = Sought(task.command_id, up_time=baseline["printer-up-time"])
        await attempt.sending({"stage": "create", **sought.notes()})

        def create() -> Awaitable[Message]:
            return self._jobs.ask(Operation.CREATE_JOB, *_about(task), job=_how(data, baseline["tells-copies"]))

        answer = await self._until_taken(create, attempt)
        if isinstance(answer, Refused):
            return answer
        if is_for_later(answer):
            raise Away(f"The printer took no job ({status_name(answer.code)}).")
        if not is_success(answer):
            return Refused(_turned_down(answer))
        job = Job.of(answer.group(Tag.JOB))
        if not job.id:
            raise Away("The printer made a job and does not say which.")
        # Few printers tell the uuid here; the name, which is the command's id, is found again as surely.
        sought = Sought(task.command_id, job.id, job.uuid, job.up_time or sought.up_time)
        if attempt.cancelled.is_set() or _ignores_copies(answer):
            await self._jobs.cancel(job)
            return cancelled_before() if attempt.cancelled.is_set() else Refused(_turned_down(answer))
        await attempt.sending({"stage": "send", **sought.notes()})

        def send() -> Awaitable[Message]:
            more = (
                attribute(Tag.INTEGER, "job-id", job.id),
                _format(data),
                attribute(Tag.BOOLEAN, "last-document", True),
            )
            return self._transfer(Operation.SEND_DOCUMENT, more, (), task, attempt, job)

        sent = await self._until_taken(send, attempt)
        if isinstance(sent, Message) and is_success(sent):
            end = await self._following.to_end(sought, data.copy_count, attempt)
            return outcome(end, data.copy_count, self._link.uri, 0)
        end = await self._following.to_end(sought, data.copy_count, attempt, CalledOff.TURNED_DOWN)
        if end.job is not None and end.job.is_final and not end.job.has_begun:
            return sent if isinstance(sent, Refused) else Refused(_turned_down(sent))
        return outcome(end, data.copy_count, self._link.uri, _size(task))

    async def _print_in_one(self, task: Task, baseline: Notes, attempt: Attempt) -> Outcome:
        """For printers that cannot make a job first: the request with the document is the one that makes it."""
        data = _data(task)
        sought = Sought(task.command_id, up_time=baseline["printer-up-time"])
        await attempt.sending({"stage": "print", **sought.notes()})

        def send() -> Awaitable[Message]:
            how = _how(data, baseline["tells-copies"])
            return self._transfer(Operation.PRINT_JOB, (*_about(task), _format(data)), how, task, attempt, None)

        answer = await self._until_taken(send, attempt)
        if isinstance(answer, Refused):
            return answer
        if not is_success(answer):
            if is_for_later(answer):
                raise Away(f"The printer broke off ({status_name(answer.code)}).")
            return Refused(_turned_down(answer))
        is_short = data.copy_count > 1 and _ignores_copies(answer)
        sought = replace(sought, id=Job.of(answer.group(Tag.JOB)).id, is_short=is_short)
        await attempt.sending({"stage": "print", **sought.notes()})
        end = await self._following.to_end(sought, data.copy_count, attempt)
        return outcome(end, data.copy_count, self._link.uri, 0, is_short=is_short)

    async def _until_taken(self, ask: Callable[[], Awaitable[Message]], attempt: Attempt) -> Message | Refused:
        """The first answer that does not say to come again; a printer that says so has done nothing."""
        began = self._sources.elapsed()
        while (answer := await ask()).code in TAKEN_LATER:
            if attempt.cancelled.is_set():
                return cancelled_before()
            name = status_name(answer.code)
            if self._sources.elapsed() - began >= self._options.waits:
                return Refused(f"The printer took no job all the while ({name}). {NOTHING} Print it again.")
            attempt.progress(None, f"The printer is busy or takes no jobs ({name}). This one waits for its turn.")
            await pause_unless(self._sources, self._options.poll, attempt.cancelled)
        return answer

    async def _transfer(
        self,
        operation: Operation,
        more: tuple[Attribute, ...],
        how: tuple[Attribute, ...],
        task: Task,
        attempt: Attempt,
        job: Job | None,
    ) -> Message:
        """Send the document. A printer without paper may stop taking it, or answer only when all came out."""
        sending = asyncio.ensure_future(
            self._jobs.ask(operation, *more, job=how, document=task.document, silence=self._options.waits)
        )
        lost, is_cancelled = 0, False
        try:
            while True:
                try:
                    async with asyncio.timeout(self._options.patience):
                        return await asyncio.shield(sending)
                except TimeoutError:
                    pass
                try:
                    printer = await self._jobs.printer()
                    lost = 0
                    attempt.progress(None, reasons.sentence(printer.reasons, ()))
                    if job is not None and attempt.cancelled.is_set() and not is_cancelled:
                        await self._jobs.cancel(job)
                        is_cancelled = True
                except Away:
                    lost += 1
                    if lost >= _LOST:
                        raise
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


def _data(task: Task) -> PrinterCommandData:
    assert isinstance(task.data, PrinterCommandData)
    return task.data


def _size(task: Task) -> int:
    return task.document.size if task.document else 0


def _about(task: Task) -> tuple[Attribute, ...]:
    return (attribute(Tag.NAME, "job-name", task.command_id),)


def _format(data: PrinterCommandData) -> Attribute:
    return attribute(Tag.MIME_TYPE, "document-format", data.file_type)


def _how(data: PrinterCommandData, tells_copies: bool) -> tuple[Attribute, ...]:
    return (attribute(Tag.INTEGER, "copies", data.copy_count),) if tells_copies else ()


def _format_problem(printer: PrinterState, wanted: str) -> str | None:
    if wanted in printer.formats:
        return None
    return (
        f"The printer cannot print {wanted} itself. Set up a CUPS queue for it and name that queue in the uri "
        "of this machine, like ipp://localhost:631/printers/desk."
    )


def _operations_problem(printer: PrinterState) -> str | None:
    if printer.creates_jobs or Operation.PRINT_JOB in printer.operations:
        return None
    return "The printer takes no jobs over IPP. Check the path in its uri, or set up a CUPS queue for it."


def _copies_problem(printer: PrinterState, wanted: int) -> str | None:
    most = printer.most_copies or 1
    if wanted <= most:
        return None
    at_most = "one copy" if most == 1 else f"{most} copies"
    return f"The printer makes at most {at_most} of a document at a time, and {wanted} were asked for. Print fewer at a time."


def _ignores_copies(answer: Message) -> bool:
    return bool(answer.group(Tag.UNSUPPORTED).all("copies"))


def _turned_down(answer: Message) -> str:
    if answer.code == Status.DOCUMENT_FORMAT_NOT_SUPPORTED:
        return f"The printer cannot print this kind of document. Set up a CUPS queue for it. {NOTHING}"
    if _ignores_copies(answer):
        return f"The printer does not make so many copies. {NOTHING} Print it in parts."
    return (
        f"The printer turned the job down ({status_name(answer.code)}). {NOTHING} Print it again; if that ends so too, "
        "call whoever looks after the printer."
    )


def _place(options: IppOptions) -> str:
    return Address.of(options.uri).place


KIND = Kind("ipp", DeviceType.PRINTER, IppOptions, IppDriver, _place)
