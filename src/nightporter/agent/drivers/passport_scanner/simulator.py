"""A passport scanner made of software: what is laid on it goes to whoever is connected, as from a serial device server."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import ClassVar

from nightporter.agent.drivers.passport_scanner.messages import framed
from nightporter.agent.simulator import Asking, Simulator

SPECIMEN = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
"""The passport of ICAO Doc 9303 part 4."""
ANOTHER = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
"""The card of ICAO Doc 9303 part 5."""
GARBAGE = bytes(byte for byte in range(256) if not chr(byte).isalnum()) * 3


class PassportScanner(Simulator):
    """Reads what is presented to it, one document after the other, once somebody is connected.

    ``framing`` is one of ``messages.FRAMINGS``. ``hesitation`` is for how many seconds a guest waits, once somebody is
    connected, before the document is laid down: what comes at once is taken for a read of before.
    """

    FAULTS: ClassVar[Mapping[str, str]] = {
        "bad digit": "one check digit of the document is misread",
        "half": "the document is pulled away: its first half is sent, and then nothing",
        "burst": "a second, different document follows at once",
        "stray": "a document that was read before is sent when somebody connects",
        "cut": "the connection breaks in the middle of the document",
        "gone": "the connection breaks right behind the document",
        "garbage": "noise comes before the document",
        "deaf": "the caller is put off: the connection is closed as soon as it is made",
    }

    def __init__(self, framing: str = "CRLF", hesitation: float = 1.0) -> None:
        super().__init__()
        self.framing = framing
        self.waiting = Asking()
        """Set while somebody waits for a document."""
        self._hesitation = hesitation
        self._documents: deque[Sequence[str]] = deque()
        self._is_presented = asyncio.Event()

    def present(self, lines: Sequence[str] = SPECIMEN) -> None:
        """Lay a document down, or hold it ready until somebody is connected."""
        self._documents.append(lines)
        self._is_presented.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send what is presented until the caller leaves."""
        if self.fails("deaf"):
            return
        if self.fails("stray"):
            await self._send(writer, framed(ANOTHER, self.framing))
        leaving = asyncio.ensure_future(reader.read())
        try:
            await asyncio.wait((leaving,), timeout=self._hesitation)
            if not leaving.done():
                self.waiting.set()
            while not leaving.done():
                presented = asyncio.ensure_future(self._is_presented.wait())
                await asyncio.wait((leaving, presented), return_when=asyncio.FIRST_COMPLETED)
                presented.cancel()
                while self._documents and not leaving.done():
                    if not await self._read(writer, self._documents.popleft()):
                        return
                if not self._documents:
                    self._is_presented.clear()
        finally:
            if len(self._talks) <= 1:
                self.waiting.clear()
            leaving.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await leaving

    async def _read(self, writer: asyncio.StreamWriter, lines: Sequence[str]) -> bool:
        """Send one document; False when the connection is to break."""
        fault = self.fails("bad digit", "half", "burst", "cut", "gone", "garbage")
        message = framed(_misread(lines) if fault == "bad digit" else lines, self.framing)
        if fault in ("half", "cut"):
            await self._send(writer, message[: len(message) // 2])
            return fault == "half"
        if fault == "burst":
            message += framed(ANOTHER if tuple(lines) != ANOTHER else SPECIMEN, self.framing)
        await self._send(writer, GARBAGE + message if fault == "garbage" else message)
        self.effects.append({"Effect": "read"})
        return fault != "gone"

    async def _send(self, writer: asyncio.StreamWriter, message: bytes) -> None:
        writer.write(message)
        await writer.drain()


def _misread(lines: Sequence[str]) -> list[str]:
    """``lines`` with another check digit of the number: in the second line of two, in the first of three."""
    line, at = (1, 9) if len(lines) == 2 else (0, 14)
    told = list(lines)
    wrong = str((int(told[line][at]) + 1) % 10) if told[line][at].isdigit() else "0"
    told[line] = told[line][:at] + wrong + told[line][at + 1 :]
    return told
