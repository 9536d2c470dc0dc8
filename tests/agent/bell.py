"""The plainest machine: a bell that rings once for each command; it can be told to fail, and asked how often it rang."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from nightporter.agent.driver import (
    Attempt,
    Away,
    Done,
    Happened,
    Kind,
    Notes,
    NotHappened,
    Options,
    Outcome,
    Probe,
    Refused,
    Resolution,
    Surroundings,
    Task,
    Unknown,
)
from nightporter.domain.device import DeviceType


@dataclass
class Bell:
    """What ``script`` holds is committed at the next chances: "away", "refuse", "lose the request", "lose the answer", "fail",
    "fail after", "hang", and "hang after" until ``go`` is set. ``can_tell`` says whether it knows how often it rang."""

    rung: list[str] = field(default_factory=list)
    began: list[str] = field(default_factory=list)
    script: deque[str] = field(default_factory=deque)
    can_tell: bool = True
    steps: int = 1
    go: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    documents: list[bytes] = field(default_factory=list)

    def commits(self, fault: str) -> bool:
        if self.script and self.script[0] == fault:
            self.script.popleft()
            return True
        return False


BELLS: dict[str, Bell] = {}


class BellOptions(Options):
    bell: str
    tone: str = "ding"


class BellDriver:
    def __init__(self, options: BellOptions, surroundings: Surroundings) -> None:
        self.bell = BELLS[options.bell]
        self.tone = options.tone

    async def probe(self) -> Probe:
        if self.bell.commits("away"):
            raise Away("Nobody hears the bell.")
        return Probe("a bell", ("It is cracked.",) if self.bell.commits("refuse") else ())

    def steps(self, task: Task) -> int:
        return self.bell.steps

    async def prepare(self, task: Task, step: int) -> Notes | Refused:
        if self.bell.commits("away"):
            raise Away("Nobody hears the bell.")
        if self.bell.commits("refuse"):
            return Refused("The bell is cracked.")
        return {"count": len(self.bell.rung)}

    async def execute(self, task: Task, step: int, baseline: Notes, attempt: Attempt) -> Outcome:
        self.bell.began.append(task.command_id)
        if self.bell.commits("fail"):
            raise RuntimeError("a fault")
        if self.bell.commits("away while executing"):
            raise Away("Nobody hears the bell.")
        if self.bell.commits("hang"):
            await self._hang(attempt)
            if attempt.cancelled.is_set():
                return Refused("The rope was let go.", is_cancelled=True)
        await attempt.sending({"tone": self.tone})
        if self.bell.commits("lose the request"):
            raise Away("The rope broke.")
        self.bell.rung.append(self.tone)
        if task.document is not None:
            self.bell.documents.append(b"".join(task.document.pieces()))
        if self.bell.commits("lose the answer"):
            raise Away("The rope broke.")
        if self.bell.commits("fail after"):
            raise RuntimeError("a fault")
        if self.bell.commits("hang after"):
            attempt.progress(50, "It swings.")
            await self._hang(attempt)
        return Done("It rang.", {"Count": len(self.bell.rung)})

    async def _hang(self, attempt: Attempt) -> None:
        self.bell.reached.set()
        waits = {asyncio.create_task(self.bell.go.wait()), asyncio.create_task(attempt.cancelled.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def resolve(self, task: Task, step: int, baseline: Notes, reference: Notes, attempt: Attempt) -> Resolution:
        if self.bell.commits("away"):
            raise Away("Nobody hears the bell.")
        attempt.progress(None, "It is asked how often it rang.")
        if not self.bell.can_tell:
            return Unknown(self.doubt(task, step, reference))
        if len(self.bell.rung) > baseline["count"]:
            return Happened("It had rung.", {"Count": len(self.bell.rung)})
        return NotHappened()

    def doubt(self, task: Task, step: int, reference: Notes) -> str:
        return "Ask whoever stood by whether it rang."

    async def close(self) -> None:
        pass


KIND = Kind("bell", DeviceType.PRINTER, BellOptions, BellDriver, lambda options: options.bell)
TERMINAL_KIND = Kind("till", DeviceType.PAYMENT_TERMINAL, BellOptions, BellDriver, lambda options: options.bell)
CUTTER_KIND = Kind("anvil", DeviceType.KEY_CUTTER, BellOptions, BellDriver, lambda options: options.bell)
KINDS = {kind.name: kind for kind in (KIND, TERMINAL_KIND, CUTTER_KIND)}
