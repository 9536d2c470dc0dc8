"""The jobs at one printer: asked for, found again whatever became of the printer, and called off."""

import itertools
from collections.abc import Iterable

from nightporter.agent.driver import Away, Document, Notes
from nightporter.agent.drivers.printer.link import Link
from nightporter.agent.drivers.printer.messages import Attribute, Message, Tag, attribute
from nightporter.agent.drivers.printer.operations import (
    JOB_WANTED,
    PRINTER_WANTED,
    Job,
    Operation,
    PrinterState,
    Status,
    is_success,
    request,
    status_name,
)
from nightporter.domain.value import value

_UNKNOWN_JOB = frozenset({Status.NOT_FOUND, Status.GONE})
_HISTORY = ("not-completed", "completed")


@value
class Sought:
    """Which job is ours: its name is the id of the command; ``id`` and ``uuid`` are the printer's.

    ``up_time`` is the printer's when the job was made, in seconds. The id alone says nothing: after a restart a printer
    counts from 1 again. ``is_short`` when the printer passed over the number of copies as it began to print.
    """

    name: str
    id: int | None = None
    uuid: str = ""
    up_time: int | None = None
    is_short: bool = False

    @classmethod
    def of(cls, notes: Notes) -> "Sought":
        """What :meth:`notes` wrote down."""
        return cls(
            notes["job-name"],
            notes.get("job-id"),
            notes.get("job-uuid", ""),
            notes.get("printer-up-time"),
            notes.get("ignores-copies", False),
        )

    def notes(self) -> Notes:
        """As the journal keeps it."""
        kept = {
            "job-name": self.name,
            "job-id": self.id,
            "job-uuid": self.uuid or None,
            "printer-up-time": self.up_time,
            "ignores-copies": self.is_short or None,
        }
        return {name: known for name, known in kept.items() if known is not None}

    def is_met_by(self, job: Job) -> bool:
        """Whether it is this job, for certain."""
        if self.uuid and job.uuid:
            return self.uuid == job.uuid
        if self.id is not None and self.id != job.id:
            return False
        if job.name:
            return self.name == job.name
        has_restarted = self.up_time is None or job.up_time is None or job.up_time < self.up_time
        return self.id is not None and not has_restarted


class Jobs:
    """Asks the printer behind ``link`` as ``user``."""

    def __init__(self, link: Link, user: str) -> None:
        self._link = link
        self._user = user
        self._numbers = itertools.count(1)

    async def ask(
        self,
        operation: Operation,
        *more: Attribute,
        job: Iterable[Attribute] = (),
        document: Document | None = None,
        silence: float | None = None,
    ) -> Message:
        """One request and its answer, whatever its status. Raises Away."""
        number = next(self._numbers) & 0x7FFFFFFF or next(self._numbers)
        message = request(operation, number, self._link.uri, self._user, *more, job=job)
        return await self._link.ask(message, document, silence)

    async def printer(self) -> PrinterState:
        """What the printer tells of itself. Raises Away."""
        answer = await self.ask(Operation.GET_PRINTER_ATTRIBUTES, _wanted(PRINTER_WANTED))
        if not is_success(answer):
            raise Away(f"The printer does not tell how it is ({status_name(answer.code)}). Check the path in its uri.")
        return PrinterState.of(answer.group(Tag.PRINTER))

    async def find(self, sought: Sought) -> Job | None:
        """The job as it is now; None when the printer does not know it any more. Raises Away."""
        if sought.id is not None:
            number = attribute(Tag.INTEGER, "job-id", sought.id)
            answer = await self.ask(Operation.GET_JOB_ATTRIBUTES, number, _wanted(JOB_WANTED))
            if is_success(answer):
                job = Job.of(answer.group(Tag.JOB))
                if sought.is_met_by(job):
                    return job
            elif answer.code not in _UNKNOWN_JOB:
                raise Away(f"The printer does not tell what became of the job ({status_name(answer.code)}).")
        return next((job for job in await self._all() if sought.is_met_by(job)), None)

    async def named(self, name: str) -> list[Job]:
        """All jobs with this name that the printer still knows. Raises Away."""
        return [job for job in await self._all() if job.name == name]

    async def cancel(self, job: Job) -> None:
        """Call the job off; it ends some time later, and may have been printed by then. Raises Away."""
        await self.ask(Operation.CANCEL_JOB, attribute(Tag.INTEGER, "job-id", job.id))

    async def _all(self) -> list[Job]:
        answer = await self._listed("all")
        if answer.code == Status.OK:
            return _jobs(answer)
        found = [await self._listed(which) for which in _HISTORY]
        if not any(is_success(one) for one in found):
            raise Away(f"The printer does not list its jobs ({status_name(found[0].code)}).")
        return [job for one in found for job in _jobs(one)]

    async def _listed(self, which: str) -> Message:
        kind = attribute(Tag.KEYWORD, "which-jobs", which)
        return await self.ask(Operation.GET_JOBS, kind, _wanted(JOB_WANTED))


def _jobs(answer: Message) -> list[Job]:
    return [Job.of(group) for group in answer.groups if group.tag == Tag.JOB]


def _wanted(names: Iterable[str]) -> Attribute:
    return attribute(Tag.KEYWORD, "requested-attributes", *names)
