"""Whether the desk can really write: one question, for probes, for metrics and for the service manager."""

import asyncio

import structlog

from nightporter.domain.errors import Unavailable
from nightporter.storage.writer import Probe
from nightporter.web.desk import Desk

READY_FOR = 1.0
"""Seconds for which an answer stands, so that probes cost one write a second at most."""
PROBE_PATIENCE = 5.0

_log = structlog.get_logger()


class Readiness:
    """Asks the writer of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._checked = float("-inf")
        self._trouble: str | None = None
        self._checking = asyncio.Lock()

    async def trouble(self) -> str | None:
        """Why the desk cannot write, as a sentence; None when it can."""
        async with self._checking:
            now = self._desk.sources.elapsed()
            if now - self._checked >= READY_FOR:
                self._trouble = await self._probe()
                self._checked = now
        return self._trouble

    async def _probe(self) -> str | None:
        try:
            async with asyncio.timeout(PROBE_PATIENCE):
                await self._desk.writer.write(Probe())
        except Unavailable as trouble:
            return trouble.message
        except TimeoutError:
            return f"The database took longer than {PROBE_PATIENCE:g} s to write."
        except Exception as defect:
            _log.error("the database cannot be written to", exc_info=defect)
            return "The database cannot be written to; the log says more."
        return None
