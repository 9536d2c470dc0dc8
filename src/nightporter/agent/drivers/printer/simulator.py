"""A network printer made of software: IPP over HTTP or HTTPS, one job printing at a time, and every way to fail."""

import asyncio
import hashlib
import ssl
import uuid
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from nightporter.agent.drivers.printer.http_talk import answered, asked
from nightporter.agent.drivers.printer.messages import (
    Attribute,
    Broken,
    Group,
    Message,
    Span,
    Tag,
    Value,
    attribute,
    decode,
    encode,
)
from nightporter.agent.drivers.printer.operations import FINAL, JobState, Operation, Status, is_success
from nightporter.agent.drivers.printer.simulated_job import SimulatedJob, answer, chosen, malformed, of_job
from nightporter.agent.simulator import Asking, Simulator

_NAMES = {
    Operation.PRINT_JOB: "print-job",
    Operation.VALIDATE_JOB: "validate-job",
    Operation.CREATE_JOB: "create-job",
    Operation.SEND_DOCUMENT: "send-document",
    Operation.CANCEL_JOB: "cancel-job",
    Operation.GET_JOB_ATTRIBUTES: "get-job-attributes",
    Operation.GET_JOBS: "get-jobs",
    Operation.GET_PRINTER_ATTRIBUTES: "get-printer-attributes",
}
_STOPS = {
    "paper-out": ("media-empty-error", "media-needed-error"),
    "jam": ("media-jam-error",),
    "slow": (),
}
_NAMESPACE = uuid.UUID("6f1f2c58-7a52-4d0b-93a5-3d3f4f0c9a11")
_UP = 1000
"""Seconds that it has been on when it starts, so that a restart can be told by its up-time."""


class PrinterSimulator(Simulator):
    """A printer that prints ``pages`` pages of every document, at ``/ipp/print``.

    ``creates_jobs`` is false for one that only knows Print-Job, ``most_copies`` is None for one that knows nothing of copies,
    ``tls`` makes it speak HTTPS. :meth:`mend` ends what holds it up, :meth:`restart` switches it off and on.
    """

    FAULTS: ClassVar[Mapping[str, str]] = {
        "paper-out": "the next job stands still for want of paper until the printer is mended",
        "jam": "the next job stands still after its first page, with a paper jam, until the printer is mended",
        "slow": "the next job stands still after its first page and says nothing until the printer is mended",
        "busy": "the next job is turned down as a whole: another one is being printed",
        "abort": "the next job is given up after its first page",
        "ignores-copies": "the next job is made once whatever number of copies was asked for, which its answer says",
        "forgets-jobs": "it is switched off and on as soon as a document has arrived, and is not printed",
        "document-stalls": "it stops taking the next document for want of paper, until the printer is mended",
        "send-document-cut-within": "the connection breaks in the middle of the document",
        "print-job-cut-within": "the connection breaks in the middle of the document",
        **{f"{name}-cut-before": f"the connection breaks before {name} is carried out" for name in _NAMES.values()},
        **{f"{name}-cut-after": f"{name} is carried out and its answer is lost" for name in _NAMES.values()},
        **{
            f"{name}-garbage": f"{name} is carried out and answered with bytes that mean nothing"
            for name in _NAMES.values()
        },
        **{f"{name}-refused": f"{name} is turned down with an internal error" for name in _NAMES.values()},
    }

    def __init__(
        self,
        *,
        creates_jobs: bool = True,
        most_copies: int | None = 99,
        formats: tuple[str, ...] = ("application/pdf", "image/pwg-raster"),
        pages: int = 2,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__()
        self.jobs: dict[int, SimulatedJob] = {}
        self.reasons: tuple[str, ...] = ()
        """The reasons of its state, as it tells them."""
        self.standing = Asking()
        """Set while a fault holds it up."""
        self.asked: list[str] = []
        """The operations that it was asked for, by name, in order."""
        self.uuid = f"urn:uuid:{uuid.uuid5(_NAMESPACE, 'printer')}"
        self._creates_jobs = creates_jobs
        self._most_copies = most_copies
        self._formats = formats
        self._pages = pages
        self._tls = tls
        self._boots = 0
        self._up_since = 0.0
        self._mended = asyncio.Event()
        self._prints = asyncio.Lock()
        self._printing: set[asyncio.Task[None]] = set()

    @property
    def uri(self) -> str:
        """Where it is."""
        return f"{'ipps' if self._tls else 'ipp'}://{self.host}:{self.port}/ipp/print"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Listen; with port 0 on any that is free, found in ``port``. Raises OSError."""
        self._up_since = asyncio.get_running_loop().time() - _UP
        self._server = await asyncio.start_server(self._accept, host, port, ssl=self._tls)
        self.host, self.port = self._server.sockets[0].getsockname()[:2]
        return self

    async def close(self) -> None:
        """Stop listening, break every connection and stop printing."""
        await super().close()
        self._drop_work()

    def mend(self) -> None:
        """Refill the paper, take out the jam, go on."""
        self._mended.set()

    def restart(self) -> None:
        """Switch it off and on: jobs are forgotten, their numbers begin at 1, the up-time falls."""
        self._drop_work()
        self.jobs.clear()
        self._boots += 1
        self._up_since = asyncio.get_running_loop().time()

    def _drop_work(self) -> None:
        for one in self._printing:
            one.cancel()
        self.reasons = ()
        self.standing.clear()
        self._prints = asyncio.Lock()

    # The connection

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other."""
        while (request := await asked(reader, writer, self._is_cut_within)) is not None:
            try:
                message, document = decode(request.body)
            except Broken:
                await answered(writer, 400, b"")
                return
            name = _NAMES.get(Operation(message.code)) if message.code in _NAMES else None
            if name is None:
                await answered(writer, 200, encode(answer(message, Status.OPERATION_NOT_SUPPORTED)))
                continue
            self.asked.append(name)
            fault = self.fails(f"{name}-cut-before", f"{name}-cut-after", f"{name}-garbage", f"{name}-refused")
            if fault == f"{name}-cut-before":
                return
            if fault == f"{name}-refused":
                told = answer(message, Status.INTERNAL_ERROR)
            else:
                told = self._operate(Operation(message.code), message, document)
            if fault == f"{name}-cut-after" or (document and self._forgets()):
                return
            await answered(writer, 200, b"\x01\x01\x00" if fault == f"{name}-garbage" else encode(told))

    def _forgets(self) -> bool:
        if self.fails("forgets-jobs") is None:
            return False
        self.restart()
        return True

    async def _is_cut_within(self, head: bytes) -> bool:
        """Whether the connection breaks now, when the body has begun with ``head``."""
        operation = int.from_bytes(head[2:4], "big")
        if operation not in (Operation.SEND_DOCUMENT, Operation.PRINT_JOB):
            return False
        if self.fails("document-stalls"):
            await self._stand("paper-out", self._mended)
        return self.fails(f"{_NAMES[Operation(operation)]}-cut-within") is not None

    # The operations

    def _operate(self, operation: Operation, message: Message, document: bytes) -> Message:
        table: dict[Operation, Callable[[Message, Group, bytes], Message]] = {
            Operation.GET_PRINTER_ATTRIBUTES: self._tell_printer,
            Operation.VALIDATE_JOB: self._validate,
            Operation.CREATE_JOB: self._create,
            Operation.SEND_DOCUMENT: self._take_document,
            Operation.PRINT_JOB: self._print,
            Operation.GET_JOB_ATTRIBUTES: self._tell_job,
            Operation.GET_JOBS: self._list,
            Operation.CANCEL_JOB: self._cancel,
        }
        if operation not in self._operations():
            return answer(message, Status.OPERATION_NOT_SUPPORTED)
        about = message.group(Tag.OPERATION)
        if problem := malformed(message, about):
            return answer(message, problem)
        return table[operation](message, about, document)

    def _operations(self) -> tuple[Operation, ...]:
        two = (Operation.CREATE_JOB, Operation.SEND_DOCUMENT)
        return tuple(one for one in _NAMES if self._creates_jobs or one not in two)

    def _up_time(self) -> int:
        return max(1, int(asyncio.get_running_loop().time() - self._up_since))

    def _tell_printer(self, message: Message, about: Group, document: bytes) -> Message:
        is_printing = any(job.state == JobState.PROCESSING for job in self.jobs.values())
        told = [
            attribute(Tag.URI, "printer-uuid", self.uuid),
            attribute(Tag.URI, "printer-uri-supported", self.uri),
            attribute(Tag.KEYWORD, "uri-security-supported", "tls" if self._tls else "none"),
            attribute(Tag.KEYWORD, "uri-authentication-supported", "requesting-user-name"),
            attribute(Tag.NAME, "printer-name", "simulator"),
            attribute(Tag.TEXT, "printer-info", "Simulated printer"),
            attribute(Tag.TEXT, "printer-make-and-model", "Nightporter Simulator"),
            attribute(Tag.ENUM, "printer-state", 4 if is_printing else 3),
            attribute(Tag.KEYWORD, "printer-state-reasons", *(self.reasons or ("none",))),
            attribute(Tag.BOOLEAN, "printer-is-accepting-jobs", True),
            attribute(Tag.INTEGER, "printer-up-time", self._up_time()),
            attribute(Tag.INTEGER, "queued-job-count", sum(job.state not in FINAL for job in self.jobs.values())),
            attribute(Tag.KEYWORD, "ipp-versions-supported", "1.1", "2.0"),
            attribute(Tag.ENUM, "operations-supported", *self._operations()),
            attribute(Tag.CHARSET, "charset-configured", "utf-8"),
            attribute(Tag.CHARSET, "charset-supported", "utf-8"),
            attribute(Tag.LANGUAGE, "natural-language-configured", "en"),
            attribute(Tag.LANGUAGE, "generated-natural-language-supported", "en"),
            attribute(Tag.MIME_TYPE, "document-format-default", self._formats[0]),
            attribute(Tag.MIME_TYPE, "document-format-supported", *self._formats),
            attribute(Tag.KEYWORD, "compression-supported", "none"),
            attribute(Tag.KEYWORD, "pdl-override-supported", "attempted"),
        ]
        if self._most_copies is not None:
            told.append(attribute(Tag.INTEGER, "copies-default", 1))
            told.append(Attribute("copies-supported", (Value(Tag.RANGE, Span(1, self._most_copies)),)))
        return answer(message, Status.OK, chosen(Group(Tag.PRINTER, tuple(told)), about))

    def _problem(self, message: Message, about: Group) -> Message | None:
        wanted = about.text("document-format")
        if wanted and wanted not in self._formats:
            return answer(message, Status.DOCUMENT_FORMAT_NOT_SUPPORTED)
        copies = message.group(Tag.JOB).number("copies")
        if copies is not None and not 1 <= copies <= (self._most_copies or 1):
            refused = Group(Tag.UNSUPPORTED, (attribute(Tag.INTEGER, "copies", copies),))
            return answer(message, Status.ATTRIBUTES_OR_VALUES_NOT_SUPPORTED, refused)
        return None

    def _validate(self, message: Message, about: Group, document: bytes) -> Message:
        return self._problem(message, about) or answer(message, Status.OK)

    def _create(self, message: Message, about: Group, document: bytes) -> Message:
        if problem := self._problem(message, about):
            return problem
        if self.fails("busy"):
            return answer(message, Status.BUSY)
        number = len(self.jobs) + 1
        job = SimulatedJob(
            id=number,
            uuid=f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{self._boots}/{number}')}",
            name=about.text("job-name"),
            user=about.text("requesting-user-name"),
            made=self._up_time(),
            copies=message.group(Tag.JOB).number("copies") or 1,
            pages=self._pages,
        )
        self.jobs[number] = job
        told = of_job(job, self.uri, self._up_time())
        if self.fails("ignores-copies"):
            ignored = Group(Tag.UNSUPPORTED, (attribute(Tag.INTEGER, "copies", job.copies),))
            job.copies = 1
            return answer(message, Status.OK_IGNORED, ignored, told)
        return answer(message, Status.OK, told)

    def _take_document(self, message: Message, about: Group, document: bytes) -> Message:
        job = self._job(about)
        if job is None:
            return answer(message, Status.NOT_FOUND)
        if job.digest:
            return answer(message, Status.MULTIPLE_DOCUMENTS_NOT_SUPPORTED)
        if job.state in FINAL:
            return answer(message, Status.NOT_POSSIBLE)
        if about.number("last-document") is None:
            return answer(message, Status.BAD_REQUEST)
        if problem := self._problem(message, about):
            return problem
        self._begin(job, document)
        return answer(message, Status.OK, of_job(job, self.uri, self._up_time()))

    def _print(self, message: Message, about: Group, document: bytes) -> Message:
        made = self._create(message, about, document)
        if is_success(made):
            self._begin(self.jobs[len(self.jobs)], document)
        return made

    def _job(self, about: Group) -> SimulatedJob | None:
        number = about.number("job-id")
        if number is None and (end := about.text("job-uri").rpartition("/")[2]).isdecimal():
            number = int(end)
        return self.jobs.get(number or 0)

    def _tell_job(self, message: Message, about: Group, document: bytes) -> Message:
        job = self._job(about)
        if job is None:
            return answer(message, Status.NOT_FOUND)
        return answer(message, Status.OK, chosen(of_job(job, self.uri, self._up_time()), about))

    def _list(self, message: Message, about: Group, document: bytes) -> Message:
        which = about.text("which-jobs") or "not-completed"
        if which not in ("not-completed", "completed"):
            refused = Group(Tag.UNSUPPORTED, (attribute(Tag.KEYWORD, "which-jobs", which),))
            return answer(message, Status.ATTRIBUTES_OR_VALUES_NOT_SUPPORTED, refused)
        found = [job for job in self.jobs.values() if (job.state in FINAL) == (which == "completed")]
        told = (chosen(of_job(job, self.uri, self._up_time()), about, "job-id", "job-uri") for job in found)
        return answer(message, Status.OK, *told)

    def _cancel(self, message: Message, about: Group, document: bytes) -> Message:
        job = self._job(about)
        if job is None:
            return answer(message, Status.NOT_FOUND)
        if job.state in FINAL:
            return answer(message, Status.NOT_POSSIBLE)
        job.is_called_off = True
        if job.state == JobState.PROCESSING:
            job.reason = "processing-to-stop-point"
            job.changed.set()
        else:
            self._end(job, JobState.CANCELED, "job-canceled-by-user")
        return answer(message, Status.OK)

    # The paper

    def _begin(self, job: SimulatedJob, document: bytes) -> None:
        job.digest, job.size = hashlib.sha256(document).hexdigest(), len(document)
        job.state, job.reason = JobState.PENDING, "none"
        task = asyncio.get_running_loop().create_task(self._printed(job))
        self._printing.add(task)
        task.add_done_callback(self._printing.discard)

    async def _printed(self, job: SimulatedJob) -> None:
        async with self._prints:
            if job.state in FINAL:
                return
            job.state, job.reason, job.began = JobState.PROCESSING, "job-printing", self._up_time()
            fault = self.fails("paper-out", "jam", "slow", "abort")
            if fault == "paper-out":
                await self._stand(fault, self._mended, job.changed)
            for _ in range(job.pages * job.copies):
                if job.is_called_off:
                    break
                job.impressions += 1
                if fault == "abort":
                    self._effect(job, "printed in part")
                    self._end(job, JobState.ABORTED, "aborted-by-system")
                    return
                if fault in ("jam", "slow"):
                    await self._stand(fault, self._mended, job.changed)
                    fault = None
                await asyncio.sleep(0)
            if not job.is_called_off:
                self._effect(job, "printed")
                self._end(job, JobState.COMPLETED, "job-completed-successfully")
                return
            if job.impressions:
                self._effect(job, "printed in part")
            self._end(job, JobState.CANCELED, "job-canceled-by-user")

    async def _stand(self, fault: str, *until: asyncio.Event) -> None:
        self.reasons = _STOPS[fault]
        self._mended.clear()
        self.standing.set()
        waits = [asyncio.ensure_future(one.wait()) for one in until]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            self.reasons = ()
            self.standing.clear()

    def _effect(self, job: SimulatedJob, what: str) -> None:
        kept: dict[str, Any] = {"Name": job.name, "Copies": job.copies, "Sha256": job.digest, "Size": job.size}
        self.effects.append({"Effect": what, **kept})

    def _end(self, job: SimulatedJob, state: JobState, reason: str) -> None:
        job.state, job.reason, job.ended = state, reason, self._up_time()
