import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from nightporter.agent.driver import Attempt, Driver, Notes, Outcome, Surroundings, Task
from nightporter.agent.drivers.passport_scanner import KIND
from nightporter.agent.drivers.passport_scanner.simulator import PassportScanner
from nightporter.domain.sources import Sources
from nightporter.wire.command_data import PassportScannerCommandData

WAITING = "Waiting for a document…"
DEADLINE = 20.0
TASK = Task(
    "019a0000-0000-7000-8000-000000000001",
    datetime(2026, 3, 1, tzinfo=UTC),
    PassportScannerCommandData("PS-1", None, None),
)


async def pause(seconds: float) -> None:
    """Short: how long the driver waits before it tries again is nothing that a test waits for."""
    await asyncio.sleep(0.01)


def surroundings() -> Surroundings:
    return Surroundings(
        Sources(now=lambda: datetime(2026, 3, 1, tzinfo=UTC), elapsed=lambda: 0.0, new_id=str, pause=pause),
        ZoneInfo("Europe/Prague"),
        "desk scanner",
    )


def driver_of(**options: Any) -> Driver:
    made: Driver = KIND.make(msgspec.convert(options, KIND.options), surroundings())
    return made


@dataclass
class Told:
    """An attempt that writes down what it is told, and lets a test wait for it."""

    statuses: list[str] = field(default_factory=list)
    written: list[Notes] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.attempt = Attempt(self._write, self._tell)

    async def _write(self, reference: Notes) -> None:
        self.written.append(reference)

    def _tell(self, percent: float | None, status: str | None) -> None:
        self.statuses.append(status or "")
        self._news.set()

    async def until(self, beginning: str, times: int = 1) -> None:
        """Wait until a status that begins so was told, so many times. A test that would wait for ever fails instead."""
        async with asyncio.timeout(DEADLINE):
            while sum(status.startswith(beginning) for status in self.statuses) < times:
                self._news.clear()
                await self._news.wait()


@dataclass
class Execution:
    """A command that is being carried out."""

    driver: Driver
    told: Told
    task: "asyncio.Task[Outcome]"

    async def outcome(self) -> Outcome:
        async with asyncio.timeout(DEADLINE):
            return await self.task


@asynccontextmanager
async def executing(driver: Driver) -> AsyncIterator[Execution]:
    told = Told()
    task = asyncio.create_task(driver.execute(TASK, 1, {}, told.attempt))
    try:
        yield Execution(driver, told, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await driver.close()
        assert told.written == [], "nothing that a scanner does is an effect"


@pytest.fixture
async def scanner() -> AsyncIterator[PassportScanner]:
    async with PassportScanner(hesitation=0) as one:
        yield one


def at(scanner: PassportScanner, **options: Any) -> Driver:
    return driver_of(address=f"{scanner.host}:{scanner.port}", **options)
