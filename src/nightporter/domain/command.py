"""What a command is, which states it has, and who may follow whom (contract 4)."""

from dataclasses import field
from datetime import datetime
from enum import StrEnum

from nightporter.domain.device import DeviceType
from nightporter.domain.errors import Invalid
from nightporter.domain.value import value


class CommandState(StrEnum):
    """The six states of a command (contract 4, 8.1)."""

    PENDING = "Pending"
    RECEIVED = "Received"
    PROCESSING = "Processing"
    PROCESSED = "Processed"
    CANCELLED = "Cancelled"
    ERROR = "Error"


ACTIVE = frozenset({CommandState.PENDING, CommandState.RECEIVED})
TERMINAL = frozenset({CommandState.PROCESSED, CommandState.CANCELLED, CommandState.ERROR})


class EndedBy(StrEnum):
    """What the desk ended a command for; an executor that reports an end itself has the last word (DESIGN, "Late truth")."""

    EXPIRY = "Expiry"
    STALL = "Stall"
    ADMINISTRATOR = "Administrator"


_P, _R, _X = CommandState.PENDING, CommandState.RECEIVED, CommandState.PROCESSING

MOVES: dict[CommandState, frozenset[CommandState]] = {
    # requested state: the states it may be written over (D45). A repeated state is accepted and writes nothing (D46),
    # except Processing, which reports progress.
    CommandState.PENDING: frozenset(),
    CommandState.RECEIVED: frozenset({_P}),
    CommandState.PROCESSING: frozenset({_P, _R, _X}),
    CommandState.PROCESSED: frozenset({_P, _R, _X}),
    CommandState.CANCELLED: frozenset({_P, _R, _X}),
    CommandState.ERROR: frozenset({_P, _R, _X}),
}


def yields_to(requested: CommandState, by: EndedBy | None = None) -> frozenset[CommandState]:
    """The end states set by the desk that ``requested`` may be written over: any, for an end that an executor reports.

    ``by`` is what the desk itself asks for; it never overrules itself (DESIGN, "Late truth").
    """
    return TERMINAL if requested in TERMINAL and by is None else frozenset()


def moves(current: CommandState, requested: CommandState, ended_by: EndedBy | None = None) -> bool:
    """Tell whether ``requested`` is to be written over ``current``: true to write, false when nothing changes.

    ``ended_by`` says that it was the desk that ended the command. Raises Invalid("CommandId") when the command has ended
    otherwise (D47) and Invalid("State") when it would go back.
    """
    if current in MOVES[requested] or (ended_by is not None and current in yields_to(requested)):
        return True
    if current == requested:
        return False
    raise Invalid("CommandId" if current in TERMINAL else "State")


LONGEST_NOTES = 1000


def kept_progress(requested: CommandState, progress: float | None) -> float | None:
    """The progress to keep: only with Processing, clamped to 0…100 (contract 7.6 rule 3, D48)."""
    if requested is not CommandState.PROCESSING or progress is None:
        return None
    return min(max(progress, 0.0), 100.0)


def kept_notes(requested: CommandState, notes: str | None) -> str | None:
    """The notes to keep: only with an end state, without NUL, at most 1000 characters (7.6 rule 3, D49)."""
    if requested not in TERMINAL or notes is None:
        return None
    return notes.replace("\0", "")[:LONGEST_NOTES]


@value
class Creator:
    """Who caused a command, in both forms in which the contract tells it (8.2 User, 8.4 profile data, D54)."""

    first_name: str | None
    last_name: str
    image_url: str | None
    discriminator: str
    profile_id: str | None

    @classmethod
    def of_integration(cls, name: str) -> "Creator":
        """The creator of a command that came through the API (D54)."""
        return cls(None, name, None, "Integration", None)


@value
class NewCommand:
    """A command as it is handed to the writer, which adds the time and the order.

    ``data`` is the snapshot in the words of the wire, as JSON text, without the document; ``document`` is the base64
    text of the file, if the command carries one. ``payment_request_id`` and ``reservation_id`` are kept beside the
    data (contract 7.5 rule 5).
    """

    id: str
    enterprise_id: str
    device_id: str
    device_type: DeviceType
    creator: Creator
    creator_integration_id: str | None
    data: str
    document: bytes | None = None
    payment_request_id: str | None = None
    reservation_id: str | None = None
    state: CommandState = CommandState.PENDING
    created: datetime | None = None
    updated: datetime | None = None
    expires_after: int | None = None
    """What its device says itself (``Device.expires_after``)."""


@value
class StateChange:
    """A state of a command and when it came to it."""

    state: CommandState
    time: datetime


@value
class Execution:
    """What whoever carries a command out has told of it, and which states it went through (DESIGN, "The reason, told").

    ``result`` is a JSON object as it came.
    """

    progress: float | None
    notes: str | None
    result: str | None = field(repr=False)
    executor: str | None
    states: tuple[StateChange, ...]


@value
class CommandStanding:
    """Where a command stands: what an update is judged by."""

    id: str
    enterprise_id: str
    device_id: str
    state: CommandState
    expires: datetime | None = None
    executor: str | None = None
    ended_by: EndedBy | None = None
