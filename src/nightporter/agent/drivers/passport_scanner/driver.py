"""The driver ``mrz``: waits for a document at the scanner and hands over whose it is.

To read has no effect at the machine, so that nothing is announced as sent: after a crash a command that is still wanted
just runs again. What must never happen is that a read goes to the wrong guest: whatever came before the command is
thrown away, and two documents at once are turned down.
"""

import asyncio
import os
from contextlib import suppress
from datetime import date
from typing import Literal

from nightporter.agent.driver import (
    Attempt,
    Done,
    Kind,
    Notes,
    NotHappened,
    Options,
    Outcome,
    Probe,
    Refused,
    Surroundings,
    Task,
)
from nightporter.agent.drivers.passport_scanner.identity import notes, result
from nightporter.agent.drivers.passport_scanner.link import Link, SerialLink, TcpLink
from nightporter.agent.drivers.passport_scanner.reading import QUIET, Reading
from nightporter.agent.tcp_address import read_address
from nightporter.domain.device import DeviceType


class MrzOptions(Options, kw_only=True):
    """What the configuration says of a scanner: ``port``, a serial one, or ``address``, ``host:port``; one of the two."""

    port: str | None = None
    """Like /dev/ttyACM0 or COM3."""
    baud: int = 9600
    address: str | None = None
    window: float = 60.0
    """Seconds to wait for a document."""
    number: Literal["keep", "omit"] = "keep"
    """``omit`` where the numbers of documents may not be collected."""


class MrzDriver:
    """Reads documents at one scanner, to which it is connected only while a command waits."""

    def __init__(self, options: MrzOptions, surroundings: Surroundings, link: Link) -> None:
        place = _place(options)
        self._found = f"something answers at {place}" if options.address else f"the port {place} can be opened"
        self._window = options.window
        self._keeps_number = options.number == "keep"
        self._surroundings = surroundings
        self._link = link

    async def probe(self) -> Probe:
        """Whether something can be reached there; a scanner says nothing of itself. Raises Away."""
        await self._reach()
        return Probe(f"{self._found}; whether it is a scanner shows when a document is laid on it")

    def steps(self, task: Task) -> int:
        """One document."""
        return 1

    async def prepare(self, task: Task, step: int) -> Notes | Refused:
        """Whether the scanner can be reached; there is nothing to compare with later. Raises Away."""
        await self._reach()
        return {}

    async def execute(self, task: Task, step: int, baseline: Notes, attempt: Attempt) -> Outcome:
        """Wait for one clean document. Raises Away when the scanner cannot be reached first, or as the window closes."""
        reading = asyncio.create_task(self._read(attempt))
        calling_off = asyncio.create_task(attempt.cancelled.wait())
        try:
            await asyncio.wait((reading, calling_off), return_when=asyncio.FIRST_COMPLETED)
            if attempt.cancelled.is_set():
                return Refused("The command was called off; no document was handed over.", is_cancelled=True)
            return reading.result()
        finally:
            reading.cancel()
            calling_off.cancel()
            await asyncio.gather(reading, calling_off, return_exceptions=True)

    async def resolve(self, task: Task, step: int, baseline: Notes, reference: Notes, attempt: Attempt) -> NotHappened:
        """Nothing is ever announced; a document that was not handed over may be read again."""
        return NotHappened()

    def doubt(self, task: Task, step: int, reference: Notes) -> str:
        """That the document is to be scanned again."""
        return "Nobody knows whether a document was read; nothing was kept of it. Scan it again."

    async def close(self) -> None:
        """Let go of the scanner."""
        await self._link.close()

    async def _reach(self) -> None:
        try:
            await self._link.open()
            # A device server that serves somebody else takes the connection and breaks it at once.
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET):
                    while True:
                        await self._link.hear()
        finally:
            await self._link.close()

    def _today(self) -> date:
        return self._surroundings.sources.now().astimezone(self._surroundings.time_zone).date()

    async def _read(self, attempt: Attempt) -> Outcome:
        reading = Reading(self._link, self._surroundings.sources, self._today, attempt)
        try:
            await reading.begin()
            async with asyncio.timeout(self._window):
                read = await reading.document()
        except TimeoutError:
            if reading.away is not None:
                raise reading.away from None
            return Refused(_in_vain(self._window, reading.fault))
        finally:
            await self._link.close()
        return Done(notes(read, self._keeps_number), result(read, self._keeps_number))


def _in_vain(window: float, fault: str | None) -> str:
    if fault is None:
        return f"No document was read within {window:g} seconds. Ask for the document again and start anew."
    return (
        f"No document was read cleanly within {window:g} seconds; the last one was turned down ({fault}). "
        "Start anew, or enter the data by hand."
    )


def _address(address: str) -> tuple[str, int]:
    return read_address(address, "192.0.2.7:4001")


def _place(options: MrzOptions) -> str:
    if options.address is not None:
        return "{}:{}".format(*_address(options.address))
    port = options.port or ""
    # Udev gives one port several names; those of Windows know no letter case.
    return f"serial {os.path.realpath(port) if port.startswith('/') else port.upper()}"


def _driver(options: MrzOptions, surroundings: Surroundings) -> MrzDriver:
    if bool(options.port) == bool(options.address):
        raise ValueError("A passport scanner needs either port (a serial one) or address (host:port).")
    if not options.window > 0:
        raise ValueError("window has to be more than 0 seconds.")
    if options.baud <= 0:
        raise ValueError("baud has to be more than 0.")
    link: Link
    link = TcpLink(*_address(options.address)) if options.address else SerialLink(options.port or "", options.baud)
    return MrzDriver(options, surroundings, link)


KIND = Kind(
    name="mrz",
    device_type=DeviceType.PASSPORT_SCANNER,
    options=MrzOptions,
    make=_driver,
    place=_place,
)
"""The entry for the table of drivers."""
