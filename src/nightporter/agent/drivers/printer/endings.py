"""How a job ended, in the words of the agent and of a receptionist."""

from nightporter.agent.driver import Done, Notes, Outcome, Refused, Unknown
from nightporter.agent.drivers.printer import reasons
from nightporter.agent.drivers.printer.following import CalledOff, End
from nightporter.agent.drivers.printer.operations import Job, JobState

NOTHING = "Nothing was printed."
LOOK = "Look what came out of the printer before you print it again."


def cancelled_before() -> Refused:
    """The platform called it off, and the printer had been given nothing."""
    return Refused(f"It was cancelled before it was printed. {NOTHING}", is_cancelled=True)


def outcome(end: End, copies: int, uri: str, size: int, *, is_short: bool = False) -> Outcome:
    """What the agent reports. ``size`` of the document in bytes when it is not known whether all of it was sent, else 0.

    ``is_short`` when the printer passed over the number of copies, so that fewer may have come out.
    """
    job = end.job
    if job is None:
        return Unknown(f"The printer no longer knows the job: it was switched off, or has forgotten it. {LOOK}")
    if job.state == JobState.COMPLETED:
        if size and job.kibibytes is not None and (job.kibibytes + 1) * 1024 < size:
            return Unknown(f"The printer got only a part of the document and printed that. {LOOK}")
        return Done(_printed(end, job, copies, is_short), _result(job, uri))
    if job.state == JobState.ABORTED:
        return Unknown(f"{reasons.why(job.reasons)}The job was not printed to its end{_counted(job)}. {LOOK}")
    if job.state == JobState.CANCELED:
        return _cancelled(end, job)
    return Unknown(
        f"The printer was told to give the job up and has not done so{_counted(job)}.{_waited(end)} "
        f"Cancel it at the printer's panel. {LOOK}"
    )


def _cancelled(end: End, job: Job) -> Outcome:
    came_out = bool(job.impressions) or (job.impressions is None and job.has_begun)
    if end.called_off is CalledOff.STOOD_STILL:
        if came_out:
            return Unknown(f"The printer stood still, so the job was called off{_counted(job)}.{_waited(end)} {LOOK}")
        return Refused(
            f"The printer stood still, so the job was called off; no page was printed.{_waited(end)} Print it again."
        )
    if end.called_off in (CalledOff.TURNED_DOWN, CalledOff.WITHOUT_DOCUMENT):
        return Unknown(f"The document did not reach the printer as a whole, so the job was called off. {LOOK}")
    if came_out:
        return Unknown(f"The job was cancelled while it was being printed{_counted(job)}. {LOOK}")
    return Refused("The job was cancelled. The printer counted no page.", is_cancelled=True)


def _printed(end: End, job: Job, copies: int, is_short: bool) -> str:
    what = "Printed." if copies == 1 or is_short else f"Printed, {copies} copies."
    if is_short:
        what += (
            f" The printer took no notice of the number of copies: fewer than {copies} may have come out. "
            "Look before you print more."
        )
    if "job-completed-with-errors" in job.reasons:
        what += " The printer reported errors (job-completed-with-errors): look whether all of it came out."
    if end.called_off is CalledOff.BY_PLATFORM:
        what += " It was cancelled too late: all of it had come out."
    return what


def _waited(end: End) -> str:
    return f" It had said: {end.waited_for}" if end.waited_for else ""


def _counted(job: Job) -> str:
    if not job.impressions:
        return ""
    return f" after {job.impressions} {'page' if job.impressions == 1 else 'pages'}"


def _result(job: Job, uri: str) -> Notes:
    result: Notes = {"Printer": uri, "JobId": job.id}
    if job.uri:
        result["JobUri"] = job.uri
    if job.impressions:  # some printers never count, and say 0
        result["Impressions"] = job.impressions
    return result
