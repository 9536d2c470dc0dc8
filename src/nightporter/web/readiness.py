"""Whether the desk can really write: one question, for probes, for metrics and for the service manager."""

import asyncio

import structlog

from nightporter.domain.errors import Unavailable
from nightporter.storage.events import bounds
from nightporter.storage.writer import Probe
from nightporter.web.desk import Desk

READY_FOR = 1.0
"""Seconds for which an answer stands, so that probes cost one write a second at most."""
PROBE_PATIENCE = 5.0
STUCK_AFTER = 30.0
"""Seconds without an answer of the writer after which it counts as stuck, where the database answers others."""

_TOO_LONG = f"The database took longer than {PROBE_PATIENCE:g} s to write."
_log = structlog.get_logger()


class Readiness:
    """Asks the writer of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._checked = float("-inf")
        self._trouble: str | None = None
        self._answered = desk.sources.elapsed()
        self._checking = asyncio.Lock()

    async def trouble(self) -> str | None:
        """Why the desk cannot write, as a sentence; None when it can."""
        async with self._checking:
            now = self._desk.sources.elapsed()
            if now - self._checked >= READY_FOR:
                self._trouble = await self._probe()
                self._checked = now
        return self._trouble

    @property
    def is_alive(self) -> bool:
        """Whether a new start of the desk would be of no help, by what was found the last time.

        A desk with a database of its own must be able to write. One that shares it may find it away, and waits for it.
        """
        if self._trouble is None or not self._desk.database.is_shared:
            return self._trouble is None
        return self._desk.sources.elapsed() - self._answered < STUCK_AFTER

    async def _probe(self) -> str | None:
        trouble = await self._written()
        if trouble != _TOO_LONG or not await self._is_read():
            self._answered = self._desk.sources.elapsed()
        return trouble

    async def _is_read(self) -> bool:
        """Whether the database answers those who only read."""
        try:
            async with asyncio.timeout(PROBE_PATIENCE):
                await bounds(self._desk.database)
        except (Unavailable, TimeoutError):
            return False
        return True

    async def _written(self) -> str | None:
        try:
            async with asyncio.timeout(PROBE_PATIENCE):
                await self._desk.writer.write(Probe())
        except Unavailable as trouble:
            return trouble.message
        except TimeoutError:
            return _TOO_LONG
        except Exception as defect:
            _log.error("the database cannot be written to", exc_info=defect)
            return "The database cannot be written to; the log says more."
        return None
