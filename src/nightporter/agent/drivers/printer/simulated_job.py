"""A job in the memory of the simulated printer, and how it is told of over IPP."""

import asyncio
from dataclasses import dataclass, field

from nightporter.agent.drivers.printer.messages import Attribute, Group, Message, Tag, Value, attribute
from nightporter.agent.drivers.printer.operations import JobState, Status


@dataclass
class SimulatedJob:
    """A job in the printer's memory; ``pages`` is what one copy has."""

    id: int
    uuid: str
    name: str
    user: str
    made: int
    copies: int
    state: JobState = JobState.HELD
    reason: str = "job-data-insufficient"
    digest: str = ""
    size: int = 0
    impressions: int = 0
    began: int | None = None
    ended: int | None = None
    is_called_off: bool = False
    pages: int = 2
    changed: asyncio.Event = field(default_factory=asyncio.Event)


def of_job(job: SimulatedJob, printer_uri: str, up_time: int) -> Group:
    """The attributes of a job."""
    return Group(
        Tag.JOB,
        (
            attribute(Tag.INTEGER, "job-id", job.id),
            attribute(Tag.URI, "job-uri", f"{printer_uri}/{job.id}"),
            attribute(Tag.URI, "job-printer-uri", printer_uri),
            attribute(Tag.URI, "job-uuid", job.uuid),
            attribute(Tag.NAME, "job-name", job.name),
            attribute(Tag.NAME, "job-originating-user-name", job.user),
            attribute(Tag.ENUM, "job-state", job.state),
            attribute(Tag.KEYWORD, "job-state-reasons", job.reason),
            attribute(Tag.INTEGER, "job-impressions", job.pages),
            attribute(Tag.INTEGER, "job-impressions-completed", job.impressions),
            attribute(Tag.INTEGER, "job-k-octets", -(-job.size // 1024)),
            attribute(Tag.INTEGER, "job-printer-up-time", up_time),
            attribute(Tag.INTEGER, "time-at-creation", job.made),
            _time("time-at-processing", job.began),
            _time("time-at-completed", job.ended),
        ),
    )


def _time(name: str, seconds: int | None) -> Attribute:
    return Attribute(name, (Value(Tag.NO_VALUE, None),)) if seconds is None else attribute(Tag.INTEGER, name, seconds)


def malformed(message: Message, about: Group) -> Status | None:
    """What every printer turns a request down for, whatever it asks (RFC 8011, 4.1)."""
    if message.version[0] not in (1, 2):
        return Status.VERSION_NOT_SUPPORTED
    first = [one.name for one in about.attributes[:2]]
    is_addressed = bool(about.text("printer-uri") or about.text("job-uri"))
    if message.number < 1 or first != ["attributes-charset", "attributes-natural-language"] or not is_addressed:
        return Status.BAD_REQUEST
    return None


def answer(message: Message, status: Status, *groups: Group) -> Message:
    """The answer to ``message``."""
    common = (
        attribute(Tag.CHARSET, "attributes-charset", "utf-8"),
        attribute(Tag.LANGUAGE, "attributes-natural-language", "en"),
    )
    return Message(status, message.number, (Group(Tag.OPERATION, common), *groups), message.version)


def chosen(group: Group, about: Group, *default: str) -> Group:
    """What was asked for of a group; the default, or all of it, when nothing was named."""
    wanted = set(about.texts("requested-attributes") or default)
    if not wanted or wanted & {"all", "printer-description", "job-description", "job-template"}:
        return group
    return Group(group.tag, tuple(one for one in group.attributes if one.name in wanted))
