"""What a printer is asked and what it tells (RFC 8011): the operations, the states of a printer and of a job."""

from collections.abc import Iterable
from enum import IntEnum

from nightporter.agent.drivers.printer.messages import Attribute, Group, Message, Span, Tag, attribute
from nightporter.domain.value import value

REASON_NONE = "none"


class Operation(IntEnum):
    """What can be asked (RFC 8011, section 4)."""

    PRINT_JOB = 0x0002
    VALIDATE_JOB = 0x0004
    CREATE_JOB = 0x0005
    SEND_DOCUMENT = 0x0006
    CANCEL_JOB = 0x0008
    GET_JOB_ATTRIBUTES = 0x0009
    GET_JOBS = 0x000A
    GET_PRINTER_ATTRIBUTES = 0x000B


class Status(IntEnum):
    """What an answer begins with (RFC 8011, appendix B); everything below 0x0100 is a success."""

    OK = 0x0000
    OK_IGNORED = 0x0001
    BAD_REQUEST = 0x0400
    FORBIDDEN = 0x0401
    NOT_AUTHENTICATED = 0x0402
    NOT_AUTHORIZED = 0x0403
    NOT_POSSIBLE = 0x0404
    TIMEOUT = 0x0405
    NOT_FOUND = 0x0406
    GONE = 0x0407
    REQUEST_ENTITY_TOO_LARGE = 0x0408
    REQUEST_VALUE_TOO_LONG = 0x0409
    DOCUMENT_FORMAT_NOT_SUPPORTED = 0x040A
    ATTRIBUTES_OR_VALUES_NOT_SUPPORTED = 0x040B
    URI_SCHEME_NOT_SUPPORTED = 0x040C
    CHARSET_NOT_SUPPORTED = 0x040D
    CONFLICTING_ATTRIBUTES = 0x040E
    COMPRESSION_NOT_SUPPORTED = 0x040F
    COMPRESSION_ERROR = 0x0410
    DOCUMENT_FORMAT_ERROR = 0x0411
    DOCUMENT_ACCESS_ERROR = 0x0412
    INTERNAL_ERROR = 0x0500
    OPERATION_NOT_SUPPORTED = 0x0501
    SERVICE_UNAVAILABLE = 0x0502
    VERSION_NOT_SUPPORTED = 0x0503
    DEVICE_ERROR = 0x0504
    TEMPORARY_ERROR = 0x0505
    NOT_ACCEPTING_JOBS = 0x0506
    BUSY = 0x0507
    JOB_CANCELED = 0x0508
    MULTIPLE_DOCUMENTS_NOT_SUPPORTED = 0x0509
    PRINTER_IS_DEACTIVATED = 0x050A
    TOO_MANY_JOBS = 0x050B
    TOO_MANY_DOCUMENTS = 0x050C


TAKEN_LATER = frozenset({Status.NOT_ACCEPTING_JOBS, Status.BUSY, Status.TOO_MANY_JOBS})
"""The printer turned it down as a whole, and may take it in a while."""
_FOR_GOOD = frozenset(
    {Status.OPERATION_NOT_SUPPORTED, Status.VERSION_NOT_SUPPORTED, Status.MULTIPLE_DOCUMENTS_NOT_SUPPORTED}
)


class JobState(IntEnum):
    """RFC 8011, 5.3.7; the last three are final."""

    PENDING = 3
    HELD = 4
    PROCESSING = 5
    STOPPED = 6
    CANCELED = 7
    ABORTED = 8
    COMPLETED = 9


PRINTER_STOPPED = 5
"""Of the printer's own states (RFC 8011, 5.4.11)."""
FINAL = frozenset({JobState.CANCELED, JobState.ABORTED, JobState.COMPLETED})
INCOMPLETE = frozenset({"job-data-insufficient", "job-incoming"})
"""Reasons of a job whose document has not arrived, or not as a whole."""

PRINTER_WANTED = (
    "printer-uuid",
    "printer-name",
    "printer-info",
    "printer-make-and-model",
    "printer-up-time",
    "printer-state",
    "printer-state-reasons",
    "printer-is-accepting-jobs",
    "document-format-supported",
    "copies-supported",
    "operations-supported",
)
JOB_WANTED = (
    "job-id",
    "job-uri",
    "job-uuid",
    "job-name",
    "job-state",
    "job-state-reasons",
    "job-impressions",
    "job-impressions-completed",
    "job-k-octets",
    "job-printer-up-time",
    "time-at-processing",
)


def is_success(answer: Message) -> bool:
    """Whether the printer did what it was asked."""
    return answer.code < 0x0100


def is_for_later(answer: Message) -> bool:
    """Whether the printer may well do it another time."""
    return answer.code >= Status.INTERNAL_ERROR and answer.code not in _FOR_GOOD


def status_name(code: int) -> str:
    """The name of a status as RFC 8011 prints it, or its number."""
    kind = "server-error-" if code >= Status.INTERNAL_ERROR else "client-error-"
    try:
        return kind + Status(code).name.lower().replace("_", "-")
    except ValueError:
        return f"status {code:#06x}"


def request(
    operation: Operation, number: int, uri: str, user: str, *more: Attribute, job: Iterable[Attribute] = ()
) -> Message:
    """A request to the printer at ``uri`` by ``user``: ``more`` is about the operation, ``job`` is how to print."""
    common = (
        attribute(Tag.CHARSET, "attributes-charset", "utf-8"),
        attribute(Tag.LANGUAGE, "attributes-natural-language", "en"),
        attribute(Tag.URI, "printer-uri", uri),
    )
    # The id of a job belongs beside the URI (RFC 8011, 4.1.5); some printers look for it nowhere else.
    first = tuple(one for one in more if one.name == "job-id")
    rest = tuple(one for one in more if one.name != "job-id")
    by = attribute(Tag.NAME, "requesting-user-name", user)
    groups = [Group(Tag.OPERATION, (*common, *first, by, *rest))]
    if wanted := tuple(job):
        groups.append(Group(Tag.JOB, wanted))
    return Message(operation, number, tuple(groups))


@value
class PrinterState:
    """What a printer tells of itself.

    ``uuid`` is empty and ``up_time`` (in seconds) None where it does not tell them. ``most_copies`` is None where it knows
    nothing of copies. ``reasons`` are those of its state.
    """

    uuid: str
    up_time: int | None
    identity: str
    is_accepting: bool
    is_stopped: bool
    reasons: tuple[str, ...]
    formats: tuple[str, ...]
    most_copies: int | None
    operations: frozenset[int]

    @classmethod
    def of(cls, group: Group) -> "PrinterState":
        """Read it from the attributes of a printer."""
        copies = [
            one.content.high if isinstance(one.content, Span) else one.content
            for one in group.all("copies-supported")
            if isinstance(one.content, Span | int)
        ]
        name = group.text("printer-info") or group.text("printer-name")
        model = group.text("printer-make-and-model")
        return cls(
            uuid=group.text("printer-uuid"),
            up_time=group.number("printer-up-time"),
            identity=f"{model} ({name})" if model and name and model != name else model or name or "a printer",
            is_accepting=group.number("printer-is-accepting-jobs") != 0,
            is_stopped=group.number("printer-state") == PRINTER_STOPPED,
            reasons=_reasons(group, "printer-state-reasons"),
            formats=group.texts("document-format-supported"),
            most_copies=max(copies, default=None),
            operations=frozenset(group.numbers("operations-supported")),
        )

    @property
    def creates_jobs(self) -> bool:
        """Whether a job can be created first and given its document later."""
        return {Operation.CREATE_JOB, Operation.SEND_DOCUMENT} <= self.operations


@value
class Job:
    """What a printer tells of a job; ``impressions`` are the pages it counted so far, ``total`` those of the document.

    ``has_begun`` as far as the printer tells: a job that ever was in processing. ``up_time`` is the printer's, in seconds.
    """

    id: int
    uri: str
    uuid: str
    name: str
    state: int
    reasons: tuple[str, ...]
    impressions: int | None
    total: int | None
    kibibytes: int | None
    up_time: int | None
    has_begun: bool

    @classmethod
    def of(cls, group: Group) -> "Job":
        """Read it from the attributes of a job."""
        state = group.number("job-state") or 0
        impressions = group.number("job-impressions-completed")
        began_before = (group.number("time-at-processing") or 0) != 0
        under_way = state in (JobState.PROCESSING, JobState.STOPPED, JobState.COMPLETED)
        return cls(
            id=group.number("job-id") or 0,
            uri=group.text("job-uri"),
            uuid=group.text("job-uuid"),
            name=group.text("job-name"),
            state=state,
            reasons=_reasons(group, "job-state-reasons"),
            impressions=impressions,
            total=group.number("job-impressions"),
            kibibytes=group.number("job-k-octets"),
            up_time=group.number("job-printer-up-time"),
            has_begun=under_way or began_before or bool(impressions),
        )

    @property
    def is_final(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in FINAL

    @property
    def waits_for_document(self) -> bool:
        """Whether it stands in the queue without its document, so that nothing can come out."""
        queued = self.state in (JobState.PENDING, JobState.HELD)
        return queued and not self.has_begun and not INCOMPLETE.isdisjoint(self.reasons)


def _reasons(group: Group, name: str) -> tuple[str, ...]:
    return tuple(one for one in group.texts(name) if one != REASON_NONE)
