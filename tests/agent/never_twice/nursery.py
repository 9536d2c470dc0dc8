"""Agents as real processes, each forked from one that has everything imported: they are struck down by the hundred.

``python -m tests.agent.never_twice.nursery`` reads one order a line, as JSON, and answers with the id of a new process.
"""

import asyncio
import ctypes
import itertools
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from nightporter.agent import agent, carrying, driver, kinds, running, telling
from nightporter.agent.configuration import load
from nightporter.agent.driver import Attempt, Notes
from nightporter.agent.journal import Ending, Entry, Journal
from nightporter.client import Client, Patience
from nightporter.host.clock import machine_sources
from nightporter.host.logs import configure
from nightporter.settings import Supervision

T = TypeVar("T")

PR_SET_PDEATHSIG = 1
SOON = Patience(tries=3, first_delay=0.02, longest_delay=0.2)


class StruckJournal(Journal):
    """A journal whose process is killed with SIGKILL before or after the write of a number, counted from 1."""

    strike: tuple[int, str] | None = None
    log: Path

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        super().__init__(folder, now)
        self._numbers = itertools.count(1)

    async def _struck(self, name: str, write: Awaitable[T]) -> T:
        number = next(self._numbers)
        with self.log.open("a") as log:
            log.write(f"{name}\n")
        if self.strike == (number, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        written = await write
        if self.strike == (number, "after"):
            os.kill(os.getpid(), signal.SIGKILL)
        return written

    async def receive(self, command_id: str, device_id: str, machine: str, created: datetime) -> Entry:
        return await self._struck("RECEIVED", super().receive(command_id, device_id, machine, created))

    async def prepared(self, command_id: str, step: int, baseline: Notes) -> None:
        await self._struck("PREPARED", super().prepared(command_id, step, baseline))

    async def sent(self, command_id: str, step: int, reference: Notes) -> None:
        await self._struck("SENT", super().sent(command_id, step, reference))

    async def done(self, command_id: str, step: int, result: Notes | None) -> None:
        await self._struck("DONE", super().done(command_id, step, result))

    async def ended(self, command_id: str, ending: Ending) -> None:
        await self._struck("ended", super().ended(command_id, ending))

    async def reported(self, command_id: str, said: str | None = None) -> None:
        await self._struck("REPORTED", super().reported(command_id, said))


class LateAttempt(Attempt):
    """The seeded defect: what is sent is written down only when the driver is through with it, if it ever is."""

    async def sending(self, reference: Notes) -> None:
        self.is_sent = True


def raise_one(order: dict[str, Any]) -> None:
    """Be the agent that ``order`` describes, until something ends it."""
    os.setsid()
    # Whoever kills the tests does not leave their agents behind.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    StruckJournal.strike = tuple(order["strike"]) if order["strike"] else None
    StruckJournal.log = Path(order["writes"])
    carrying.FIRST_DELAY, carrying.LONGEST_DELAY, telling.AGAIN, agent.AGAIN = 0.02, 0.1, 0.05, 0.05
    running.Journal = StruckJournal  # type: ignore[misc]  # the journal of this process alone
    if order["defect"]:
        carrying.Attempt = driver.Attempt = LateAttempt  # type: ignore[misc]

    def client(platform: Any) -> Client:
        return Client(platform.address, platform.client_token, platform.access_token, "Agent", patience=SOON)

    agent._client = client
    path, sources = Path(order["config"]), machine_sources()
    configure("info", sources.now)

    def read() -> Any:
        return load(path, kinds.kinds(), "here", {})

    asyncio.run(running.run(path, read(), read, sources, path.parent / "locks", Supervision("", None), lambda _: None))


def main() -> None:
    """Take orders until the input ends; a child that ended is nobody's to wait for."""
    kinds.kinds()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                raise_one(json.loads(line))
            finally:
                os._exit(1)
        print(child, flush=True)


if __name__ == "__main__":
    main()
