"""What the clients of a run saw: nothing here was ever read from a database."""

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LOST, DOUBLED, OUT_OF_ORDER, ILLEGAL = "lost", "doubled", "out of order", "illegal"
HALF, DEFECT, UNEXPECTED = "half", "500", "unexpected"
FINDINGS = (LOST, DOUBLED, OUT_OF_ORDER, ILLEGAL, HALF, DEFECT, UNEXPECTED)


@dataclass(frozen=True)
class Finding:
    """Something that must not be; ``kind`` is one of FINDINGS."""

    kind: str
    told: str


@dataclass
class Add:
    """A command that a client asked for under a key. ``number`` is in its content, so that it is known again."""

    number: int
    integration_id: str
    device_id: str
    ids: list[str] = field(default_factory=list)
    """Every different id that it was acknowledged with."""
    given_up: bool = False
    """Nobody asked again after a doubt: it may be there once, or not at all."""


@dataclass
class Report:
    """A state that an executor reported; ``acknowledged`` is None as long as nothing definite was answered."""

    executor: str
    state: str
    acknowledged: bool | None = None


@dataclass
class TokenBatch:
    """Resource access tokens that were added, changed and deleted together. ``generation`` is in the value of each."""

    number: int
    stay_id: str
    size: int
    ids: list[str] = field(default_factory=list)
    given_up: bool = False
    generation: int = 0
    """The last that was acknowledged, for all of them."""
    asked: int = 0
    """The last that was asked for."""
    in_doubt: set[int] = field(default_factory=set)
    """Those of which a try ended without an answer: it may be carried out late, over a newer one."""
    deleted: bool | None = False
    """None: asked for, and no answer yet."""


@dataclass
class Hearing:
    """What one resuming listener heard, over all its connections: pairs of a command's id and its state."""

    name: str
    integration_id: str
    complete: bool
    """Whether it is to hear everything; the devices of one that is not come and go."""
    began: int | None = None
    """The cursor of its very first message."""
    cursor: str = ""
    heard: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Witness:
    """Everything that was seen. Times and numbers come from the loop and the dice of the run."""

    tokens: dict[str, str]
    """The access token of each integration that is valid now."""
    adds: dict[str, Add] = field(default_factory=dict)
    reports: dict[str, list[Report]] = field(default_factory=dict)
    batches: list[TokenBatch] = field(default_factory=list)
    hearings: list[Hearing] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    operations: Counter[str] = field(default_factory=Counter)
    """Acknowledged, by operation."""
    refused: Counter[str] = field(default_factory=Counter)
    """Definite refusals, by operation and status."""
    doubts: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    least_in_flight: dict[str, int] = field(default_factory=dict)
    resumed: int = 0
    too_slow: int = 0
    in_flight: int = 0
    finished: int = 0
    closing: bool = False
    """Nobody begins anything new."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def find(self, kind: str, told: str) -> None:
        """Note what must not be."""
        self.findings.append(Finding(kind, told))

    def struck(self, fault: str) -> None:
        """Note a fault, with how many requests were in flight at that moment."""
        self.faults[fault] += 1
        self.least_in_flight[fault] = min(self.in_flight, self.least_in_flight.get(fault, self.in_flight))

    @contextmanager
    def flying(self) -> Iterator[None]:
        """A request is in flight."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def backlog(self) -> int:
        """Commands that were added and not finished, as far as anybody knows."""
        return self.operations["commands/add"] - self.finished
