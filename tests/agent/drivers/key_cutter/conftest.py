import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nightporter.agent.driver import Attempt, Notes, Outcome, Refused, Surroundings, Task
from nightporter.agent.drivers.key_cutter import KIND
from nightporter.agent.drivers.key_cutter.driver import IndustryStandard, IndustryStandardOptions
from nightporter.agent.drivers.key_cutter.simulator import LockSystem
from nightporter.domain.sources import Sources
from nightporter.wire.command_data import KeyCutterCommandData

ENCODER = "Online Encoder 1"
COMMAND_ID = "019a0000-0000-7000-8000-000000000001"


def key_data(**changes: Any) -> KeyCutterCommandData:
    given: dict[str, Any] = {
        "key_cutter_id": None,
        "api_url": None,
        "key_cutter_data": None,
        "key_count": 1,
        "lock_ids": ["101"],
        "start_utc": datetime(2026, 3, 1, 14, 0, tzinfo=UTC),
        "end_utc": datetime(2026, 3, 4, 10, 0, tzinfo=UTC),
        "first_name": "Zoë",
        "last_name": "Quixote",
        "normalized_first_name": "Zoe",
        "normalized_last_name": "Quixote",
        "telephone": "+420 123 456 789",
        "email": "zoe@example.com",
        "reservation_id": None,
        "reservation_number": "52",
    }
    return KeyCutterCommandData(**(given | changes))


def key_task(**changes: Any) -> Task:
    return Task(COMMAND_ID, datetime(2026, 3, 1, 12, 0, tzinfo=UTC), key_data(**changes))


async def no_time(seconds: float) -> None:
    await asyncio.sleep(0)


SOURCES = Sources(lambda: datetime(2026, 3, 1, 12, 0, tzinfo=UTC), lambda: 0.0, lambda: COMMAND_ID, no_time)
SURROUNDINGS = Surroundings(SOURCES, ZoneInfo("Europe/Prague"), "reception")


@dataclass
class Record:
    """What an attempt wrote and told."""

    written: list[Notes] = field(default_factory=list)
    told: list[str | None] = field(default_factory=list)

    async def write(self, reference: Notes) -> None:
        self.written.append(reference)

    def attempt(self) -> Attempt:
        return Attempt(self.write, lambda percent, status: self.told.append(status))


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture
async def locks() -> AsyncIterator[LockSystem]:
    async with LockSystem() as running:
        yield running


def driver_of(address: str, **options: Any) -> IndustryStandard:
    given = {"encoder": ENCODER, "patience": 0.3, "waits": 0.3}
    made = KIND.make(IndustryStandardOptions(address=address, **(given | options)), SURROUNDINGS)
    assert isinstance(made, IndustryStandard)
    return made


def driver_at(locks: LockSystem, **options: Any) -> IndustryStandard:
    return driver_of(f"{locks.host}:{locks.port}", **options)


async def cut(driver: IndustryStandard, task: Task, record: Record, step: int = 1) -> Outcome:
    """Prepare and execute one step, as the agent does."""
    baseline = await driver.prepare(task, step)
    if isinstance(baseline, Refused):
        return baseline
    return await driver.execute(task, step, baseline, record.attempt())


async def settled(locks: LockSystem) -> None:
    """Wait until the lock system has nothing more to do for anybody."""
    async with asyncio.timeout(5):
        await asyncio.gather(*locks._talks)
