"""What the steps of one batch share: the transaction, the time that stamps it, the events that it causes."""

from dataclasses import dataclass, field
from datetime import datetime

from nightporter.domain.command import CommandState
from nightporter.domain.deadlines import Deadlines
from nightporter.domain.value import value
from nightporter.storage.database import Transaction
from nightporter.storage.sealing import PLAIN, Seal


@value
class Event:
    """A change of a command; ``number`` is its place in the order of all events, given just before the commit."""

    number: int
    enterprise_id: str
    command_id: str
    device_id: str
    creator_integration_id: str | None
    state: CommandState


Change = tuple[str, str, str, str | None, CommandState]


@dataclass(slots=True)
class Batch:
    """One transaction of the writer."""

    transaction: Transaction
    now: datetime
    seconds: int
    deadlines: Deadlines = field(default_factory=Deadlines)
    """The defaults for devices that say nothing themselves."""
    changes: list[Change] = field(default_factory=list)
    """What events will tell: enterprise, command, device, creating integration, state."""
    property_changed: bool = False
    seal: Seal = PLAIN

    def event(
        self, enterprise_id: str, command_id: str, device_id: str, creator: str | None, state: CommandState
    ) -> None:
        """Note a change; it gets its number just before the commit."""
        self.changes.append((enterprise_id, command_id, device_id, creator, state))
