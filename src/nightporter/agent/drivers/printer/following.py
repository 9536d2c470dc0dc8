"""A job on its way to its end: looked at again and again, told about, and called off when it must be."""

from enum import Enum

from nightporter.agent.driver import Attempt
from nightporter.agent.drivers.printer import reasons
from nightporter.agent.drivers.printer.jobs import Jobs, Sought
from nightporter.agent.drivers.printer.operations import Job, JobState
from nightporter.agent.pausing import pause_unless
from nightporter.domain.sources import Sources
from nightporter.domain.value import value

FIRST_LOOK = 0.05
"""Seconds until a job is looked at again; each wait is twice the one before, up to the poll."""
ENDING = 120.0
"""Seconds that a printer is given to end a job that was called off."""
_ENDS = "The job was called off; the printer has yet to end it."
_STANDING = frozenset({JobState.PENDING, JobState.HELD, JobState.STOPPED})


class CalledOff(Enum):
    """Why a job was called off."""

    BY_PLATFORM = "by the platform"
    STOOD_STILL = "stood still"
    TURNED_DOWN = "its document was turned down"
    WITHOUT_DOCUMENT = "its document had not arrived"


@value
class End:
    """How far a job came: ``job`` is as the printer showed it last, None when it knows it no more."""

    job: Job | None
    called_off: CalledOff | None
    waited_for: str | None
    """The last sentence about what it waited for."""


class Following:
    """Follows jobs to their ends: looks every ``poll`` seconds, and calls off what stands still for ``waits`` seconds."""

    def __init__(self, jobs: Jobs, sources: Sources, poll: float, waits: float) -> None:
        self._jobs = jobs
        self._sources = sources
        self._poll = poll
        self._waits = waits

    async def to_end(self, sought: Sought, copies: int, attempt: Attempt, called_off: CalledOff | None = None) -> End:
        """Follow the job until it is final, unknown, or will not end though it was called off. Raises Away.

        With ``called_off`` it is called off at once.
        """
        elapsed = self._sources.elapsed
        wait, since, seen, sentence = FIRST_LOOK, elapsed(), (0, 0), None
        is_asked = False
        while True:
            job = await self._jobs.find(sought)
            if job is None or job.is_final:
                return End(job, called_off, sentence)
            of_printer = (await self._jobs.printer()).reasons
            sentence = reasons.sentence(of_printer, job.reasons) or sentence
            status = _ENDS if is_asked else reasons.sentence(of_printer, job.reasons)
            attempt.progress(_percent(job, copies), status)
            now = (job.state, job.impressions or 0)
            stands = job.state in _STANDING or reasons.stops(of_printer, job.reasons)
            if not is_asked and (not stands or now != seen):
                since, seen = elapsed(), now
            if called_off is None and attempt.cancelled.is_set():
                called_off = CalledOff.BY_PLATFORM
            if called_off is None and elapsed() - since >= self._waits:
                called_off = CalledOff.STOOD_STILL
            if called_off is not None and not is_asked:
                await self._jobs.cancel(job)
                is_asked, wait, since = True, FIRST_LOOK, elapsed()
            if is_asked and elapsed() - since >= ENDING:
                return End(job, called_off, sentence)
            await (self._sources.pause(wait) if is_asked else pause_unless(self._sources, wait, attempt.cancelled))
            wait = min(2 * wait, self._poll)


def _percent(job: Job, copies: int) -> float | None:
    """How much has come out; never all of it, for printers count pages that they have yet to print, and some none at all."""
    if not job.total or not job.impressions:
        return None
    return min(99.0, round(100 * job.impressions / (job.total * copies), 1))
