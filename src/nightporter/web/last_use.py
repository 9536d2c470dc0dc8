"""Writing down when tokens were last used: gathered in memory, one intent every few minutes and one at the end."""

import asyncio
from contextlib import suppress

import structlog

from nightporter.domain.errors import Unavailable
from nightporter.domain.sources import Sources
from nightporter.host.logs import reason
from nightporter.storage.administration import TouchTokens
from nightporter.storage.writer import Writer
from nightporter.web.recognition import Recognition

EVERY = 300.0
"""Seconds between two writes; ``LastUsedUtc`` is as exact as that."""

_log = structlog.get_logger()


class LastUse:
    """Writes from ``start`` to ``close``; a desk that is killed forgets the last minutes, which is worth no fsync a call."""

    def __init__(self, recognition: Recognition, writer: Writer, sources: Sources) -> None:
        self._recognition = recognition
        self._writer = writer
        self._sources = sources
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write from time to time."""
        self._task = asyncio.create_task(self._go_on(), name="last use of tokens")

    async def close(self) -> None:
        """Stop, and write what is left."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.write()

    async def write(self) -> None:
        """Write down which tokens were used since the last time; keeps them for the next when that cannot be."""
        if used := self._recognition.take_used():
            try:
                await self._writer.write(TouchTokens(used))
            except Exception as error:
                # The loop must go on and the desk must close, whatever this was.
                self._recognition.used.update(used)
                trace = None if isinstance(error, Unavailable) else error
                _log.warning("the last use of tokens was not written", exc_info=trace, why=reason(error))

    async def _go_on(self) -> None:
        while True:
            await self._sources.pause(EVERY)
            await self.write()
