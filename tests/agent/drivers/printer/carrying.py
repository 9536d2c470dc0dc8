"""What the agent does with a printer's driver, in as few lines as it takes: the journal is a list."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from nightporter.agent.driver import Attempt, Away, Document, Notes, NotHappened, Refused, Surroundings, Task
from nightporter.agent.drivers.printer.driver import KIND, IppDriver, IppOptions
from nightporter.domain.sources import Sources
from nightporter.wire.command_data import PrinterCommandData

DEADLINE = 30.0
SOURCES = Sources(
    now=lambda: datetime.now(UTC), elapsed=time.monotonic, new_id=lambda: str(uuid4()), pause=asyncio.sleep
)
SURROUNDINGS = Surroundings(SOURCES, ZoneInfo("Europe/Rome"), "printer-1")
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 600 + b"\n%%EOF\n"


def task(folder: Path, content: bytes = PDF, copies: int = 1, file_type: str = "application/pdf") -> Task:
    command_id = str(uuid4())
    path = folder / command_id
    path.write_bytes(content)
    data = PrinterCommandData(copies, file_type, "", "Front Desk", "", "")
    return Task(command_id, datetime(2026, 3, 1, 12, tzinfo=UTC), data, Document(path))


@asynccontextmanager
async def driving(uri: str, **options: Any) -> AsyncIterator[IppDriver]:
    driver = KIND.make(IppOptions(uri=uri, **{"poll": 0.05, "patience": 5.0, **options}), SURROUNDINGS)
    assert isinstance(driver, IppDriver)
    try:
        yield driver
    finally:
        await driver.close()


@dataclass
class Journal:
    """What came onto the disk, and what was told."""

    references: list[Notes] = field(default_factory=list)
    told: list[tuple[float | None, str | None]] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    resolutions: list[Any] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def attempt(self) -> Attempt:
        attempt = Attempt(self._write, self._tell)
        attempt.cancelled = self.cancelled
        return attempt

    async def _write(self, reference: Notes) -> None:
        self.references.append(reference)

    def _tell(self, percent: float | None, status: str | None) -> None:
        self.told.append((percent, status))
        self.heard.set()

    def statuses(self) -> list[str]:
        """Every sentence that was told, once."""
        return list(dict.fromkeys(status for _, status in self.told if status))

    async def hears(self, words: str, carrying: "asyncio.Task[Any]") -> None:
        """Wait until a sentence with these words was told. Raises AssertionError when it ends without."""
        carrying.add_done_callback(lambda _: self.heard.set())
        async with asyncio.timeout(DEADLINE):
            while not any(words in one for one in self.statuses()):
                assert not carrying.done(), (carrying, self.statuses())
                self.heard.clear()
                await self.heard.wait()


async def settle(driver: IppDriver, one: Task, baseline: Notes, journal: Journal) -> Any:
    """Resolve what the journal holds until it is known; Away is asked again."""
    while True:
        try:
            found = await driver.resolve(one, 1, baseline, journal.references[-1], journal.attempt())
        except Away:
            continue
        journal.resolutions.append(found)
        return found


async def carry(driver: IppDriver, one: Task, journal: Journal | None = None) -> Any:
    """Carry a task out as the agent does: prepare, execute, resolve what was lost, and anew only what did not happen."""
    journal = journal or Journal()
    async with asyncio.timeout(DEADLINE):
        while True:
            attempt = journal.attempt()
            try:
                baseline = await driver.prepare(one, 1)
                if isinstance(baseline, Refused):
                    return baseline
                return await driver.execute(one, 1, baseline, attempt)
            except Away:
                if not attempt.is_sent:
                    continue
            found = await settle(driver, one, baseline, journal)
            if not isinstance(found, NotHappened):
                return found
