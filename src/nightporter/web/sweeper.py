"""Writing down what the clock has decided: commands that did not begin in time, and those nothing is heard of any more."""

import asyncio
from contextlib import suppress

import structlog

from nightporter.domain.deadlines import Deadlines
from nightporter.domain.errors import Unavailable
from nightporter.domain.sources import Sources
from nightporter.host.logs import reason
from nightporter.storage.command_changes import ExpireCommands, ResolveStalled
from nightporter.storage.database import Database
from nightporter.storage.overdue import overdue, stalled
from nightporter.storage.writer import Writer

EVERY = 1.0
"""Seconds between two sweeps."""
PASSES = 30
"""How many sweeps a node does before another may have its turn."""
BATCH = 100
"""How many commands one intent changes: a backlog must hold up nobody."""

_log = structlog.get_logger()


class Sweeper:
    """Sweeps from ``start`` to ``close``. Nobody relies on its being in time: reads and updates go by the clock."""

    def __init__(self, database: Database, writer: Writer, sources: Sources, deadlines: Deadlines) -> None:
        self._database = database
        self._writer = writer
        self._sources = sources
        self._deadlines = deadlines
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to sweep."""
        self._task = asyncio.create_task(self._go_on(), name="sweeper")

    async def close(self) -> None:
        """Stop; what was handed to the writer is carried out."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def sweep(self) -> int:
        """Write down all that is due now; returns how many commands were changed. Raises Unavailable."""
        return await self._expire() + await self._resolve()

    async def _expire(self) -> int:
        changed = 0
        while due := await overdue(self._database, self._sources.now(), BATCH):
            done = await self._writer.write(ExpireCommands(tuple(due)))
            changed += done
            if done < BATCH:
                break
        return changed

    async def _resolve(self) -> int:
        changed = 0
        while due := await stalled(self._database, self._deadlines, self._sources.now(), BATCH):
            done = await self._writer.write(ResolveStalled(tuple(due)))
            changed += done
            if done < BATCH:
                break
        return changed

    async def _go_on(self) -> None:
        failing = False
        while True:
            await self._sources.pause(EVERY)
            try:
                async with self._database.alone("sweep") as is_mine:
                    for _ in range(PASSES if is_mine else 0):
                        await self.sweep()
                        failing = False
                        await self._sources.pause(EVERY)
            except Exception as error:
                # Told once, not every second; the next sweep may find the disk free again.
                if not failing:
                    _log.error(
                        "the sweep failed",
                        exc_info=None if isinstance(error, Unavailable) else error,
                        why=reason(error),
                    )
                failing = True
