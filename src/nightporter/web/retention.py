"""What is over leaves by itself: every minute, in small batches with pauses between them (docs/retention.md)."""

import asyncio
from contextlib import suppress
from typing import Any

import structlog

from nightporter.domain.duration import read_duration
from nightporter.domain.errors import Unavailable
from nightporter.domain.retention import Kept, Retention
from nightporter.domain.sources import Sources
from nightporter.host.logs import reason
from nightporter.operations.administration.retention import take_away
from nightporter.settings import InvalidSetting, Settings
from nightporter.storage.database import Database
from nightporter.storage.idempotency import LIFETIME
from nightporter.storage.types import seconds
from nightporter.storage.writer import Writer

EVERY = 60.0
"""Seconds between two rounds."""
PAUSE = 0.05
"""Seconds between two batches of a round."""
MARGIN = 3600
"""Seconds by which a round begins before the end of the last one: the clocks of nodes differ."""
WHOLE = 24 * 3600.0
"""Seconds after which a round begins at the beginning again: what was loaded meanwhile may be old already."""
LONGEST = 36_525 * 24 * 3600
"""The longest time for which anything is kept, if not for ever, in seconds: a hundred years."""
_SETTINGS = {
    "keep_results": Kept.RESULTS,
    "keep_guests": Kept.GUESTS,
    "keep_documents": Kept.DOCUMENTS,
    "keep_commands": Kept.COMMANDS,
    "keep_tokens": Kept.RESOURCE_ACCESS_TOKENS,
    "keep_events": Kept.EVENTS,
    "keep_audit": Kept.AUDIT_RECORDS,
}
FOR_EVER = dict.fromkeys(_SETTINGS, "")
"""Settings with which nothing leaves, keys apart."""
_IN_ORDER_OF_END = (Kept.RESULTS, Kept.GUESTS, Kept.DOCUMENTS, Kept.COMMANDS)

_log = structlog.get_logger()


def retention_of(settings: Settings) -> Retention:
    """How long each is kept; raises InvalidSetting."""
    kept = {Kept.IDEMPOTENCY_KEYS: LIFETIME}
    for name, kind in _SETTINGS.items():
        if text := getattr(settings, name):
            try:
                kept[kind] = read_duration(text, LONGEST)
            except ValueError as error:
                raise InvalidSetting(f"{name} is {text!r}: {error}; or nothing, for ever") from None
    return Retention(kept)


class Purger:
    """Takes away from ``start`` to ``close`` what is over."""

    def __init__(self, database: Database, writer: Writer, sources: Sources, retention: Retention) -> None:
        self._database = database
        self._writer = writer
        self._sources = sources
        self._retention = retention
        self._places: dict[Kept, Any] = {}
        self._whole_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take away."""
        self._task = asyncio.create_task(self._go_on(), name="purger")

    async def close(self) -> None:
        """Stop; what was handed to the writer is carried out."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def round(self) -> dict[Kept, int]:
        """Take away all that is over now; returns how many of each kind went. Raises Unavailable."""
        elapsed = self._sources.elapsed()
        if self._whole_at is None or elapsed - self._whole_at > WHOLE:
            self._places, self._whole_at = {}, elapsed
        now = seconds(self._sources.now())
        until = self._retention.until(now)
        counts: dict[Kept, int] = {}
        async for kind, done in take_away(self._database, self._writer, until, now, self._places):
            counts[kind] = counts.get(kind, 0) + done
            if done:
                await self._sources.pause(PAUSE)
        self._places = {kind: (until[kind] - MARGIN, 0) for kind in _IN_ORDER_OF_END if kind in until}
        return {kind: count for kind, count in counts.items() if count}

    async def _go_on(self) -> None:
        failing = False
        while True:
            await self._sources.pause(EVERY)
            try:
                async with self._database.alone("retention") as is_mine:
                    gone = await self.round() if is_mine else {}
                if gone:
                    _log.info("taken away", **{kind.value: count for kind, count in gone.items()})
                failing = False
            except Exception as error:
                # Told once, not every minute; the next round may find the disk free again.
                if not failing:
                    trace = None if isinstance(error, Unavailable) else error
                    _log.error("what is over was not taken away", exc_info=trace, why=reason(error))
                failing = True
