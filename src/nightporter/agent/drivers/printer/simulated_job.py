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
    copies: int
    state: JobState = JobState.HELD
    reason: str = "job-data-insufficient"
    digest: str = ""
    size: int = 0
    impressions: int = 0
    began: int | None = None
    is_called_off: bool = False
    pages: int = 2
    changed: asyncio.Event = field(default_factory=asyncio.Event)


def of_job(job: SimulatedJob, printer_uri: str, up_time: int) -> Group:
    """The attributes of a job."""
    none = (Value(Tag.NO_VALUE, None),)
    began = none if job.began is None else (Value(Tag.INTEGER, job.began),)
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
            Attribute("time-at-processing", began),
        ),
    )


def answer(message: Message, status: Status, *groups: Group) -> Message:
    """The answer to ``message``."""
    common = (
        attribute(Tag.CHARSET, "attributes-charset", "utf-8"),
        attribute(Tag.LANGUAGE, "attributes-natural-language", "en"),
    )
    return Message(status, message.number, (Group(Tag.OPERATION, common), *groups), message.version)


def chosen(group: Group, about: Group) -> Group:
    """What was asked for of a group; all of it when nothing, or all, was named."""
    wanted = set(about.texts("requested-attributes"))
    if not wanted or wanted & {"all", "printer-description", "job-description", "job-template"}:
        return group
    return Group(group.tag, tuple(one for one in group.attributes if one.name in wanted))
