"""A wait that something may end."""

import asyncio
import time
from datetime import UTC, datetime

from nightporter.agent.pausing import pause_unless
from nightporter.domain.sources import Sources

SOURCES = Sources(now=lambda: datetime.now(UTC), elapsed=time.monotonic, new_id=str, pause=asyncio.sleep)


async def test_a_pause_ends_with_its_time_or_with_what_happens_whichever_comes_first() -> None:
    happened = asyncio.Event()
    async with asyncio.timeout(10):
        await pause_unless(SOURCES, 0.01, happened)
        waiting = asyncio.create_task(pause_unless(SOURCES, 3600, happened))
        await asyncio.sleep(0)
        assert not waiting.done()
        happened.set()
        await waiting
        await pause_unless(SOURCES, 3600, happened)


async def test_a_pause_that_ends_leaves_nothing_waiting() -> None:
    before = asyncio.all_tasks()
    async with asyncio.timeout(10):
        waiting = asyncio.create_task(pause_unless(SOURCES, 3600, asyncio.Event()))
        while len(asyncio.all_tasks() - before) < 3:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)
        waiting.cancel()
        while asyncio.all_tasks() - before:  # noqa: ASYNC110
            await asyncio.sleep(0)
