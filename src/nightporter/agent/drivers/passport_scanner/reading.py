"""One wait for a document: what comes is taken in bursts, and a burst counts when it holds one clean document."""

import asyncio
from collections.abc import Callable
from datetime import date

from nightporter.agent.driver import Attempt, Away
from nightporter.agent.drivers.passport_scanner.link import Link
from nightporter.agent.drivers.passport_scanner.messages import zones
from nightporter.agent.drivers.passport_scanner.mrz import Holder, NotClean, holder
from nightporter.domain.sources import Sources

QUIET = 0.3
"""Seconds of silence that end a burst; at 9600 baud a whole document takes a tenth of a second."""
LONGEST = 2.0
"""Seconds after which a burst is judged though the scanner never falls silent."""
LARGEST = 8192
"""Bytes; what goes beyond them in one burst is thrown away."""
RETRY = 0.5
"""Seconds between two tries to reach a scanner that left while it was waited for."""


class Reading:
    """Waits at one scanner until a document was read cleanly; what stood in others is forgotten at once."""

    def __init__(self, link: Link, sources: Sources, today: Callable[[], date], attempt: Attempt) -> None:
        self._link = link
        self._sources = sources
        self._today = today
        self._attempt = attempt
        self.fault: str | None = None
        """What was wrong with the last document that was not clean, without its data."""
        self.away: Away | None = None
        """Why the scanner cannot be heard at the moment."""

    async def begin(self, status: str = "Waiting for a document…") -> None:
        """Connect, throw away what comes of before, and tell that a document may be laid down. Raises Away.

        A read that waited in the machine, or was on its way, is of another guest.
        """
        await self._link.open()
        try:
            async with asyncio.timeout(LONGEST):
                while True:
                    async with asyncio.timeout(QUIET):
                        await self._link.hear()
        except TimeoutError:
            self._attempt.progress(None, status)

    async def document(self) -> Holder:
        """Wait for one clean document; where the link breaks, begin anew. The link stays open."""
        while True:
            try:
                if self.away is not None:
                    await self._link.close()
                    await self._sources.pause(RETRY)
                    await self.begin("The scanner can be reached again; scan the document once more.")
                    self.away = None
                if read := self._judged(await self._burst()):
                    return read
            except Away as away:
                if self.away is None:
                    self._attempt.progress(None, "The connection to the scanner broke; it is being tried again…")
                self.away = away

    async def _burst(self) -> bytearray:
        """Everything until the next silence. Raises Away when the link broke and nothing had come."""
        burst = bytearray(await self._link.hear())
        try:
            async with asyncio.timeout(LONGEST):
                while True:
                    async with asyncio.timeout(QUIET):
                        piece = await self._link.hear()
                    burst += piece[: LARGEST - len(burst)]
        except (TimeoutError, Away):
            return burst

    def _judged(self, burst: bytearray) -> Holder | None:
        """The one clean document in ``burst``, which is wiped; else tells what was wrong."""
        found, is_broken = zones(bytes(burst))
        burst[:] = bytes(len(burst))
        fault = "it came only in part" if is_broken and not found else None
        clean: list[Holder] = []
        for zone in found:
            try:
                read = holder(zone, self._today())
            except NotClean as error:
                fault = str(error)
            else:
                clean += [read] if read not in clean else []
        if len(clean) == 1 and fault is None:
            return clean[0]
        if len(clean) > 1:
            self.fault = "two different documents at once"
            self._attempt.progress(None, "Two different documents came at once; scan only the one of the guest.")
        elif fault is not None:
            self.fault = fault
            self._attempt.progress(None, f"The document was not read cleanly ({fault}); scan it again.")
        return None
