"""The connection to a scanner, over a serial port or TCP; it lives for one command, and only hears."""

import asyncio
import threading
from contextlib import suppress
from typing import Protocol

from serial import Serial

from nightporter.agent.driver import Away

CONNECTING = 5.0
"""Seconds in which a scanner has to answer, or its port to open."""
CHUNK = 4096
_LOOK = 0.1
"""Seconds after which the thread of a serial port looks whether it is still wanted."""


class Link(Protocol):
    """Hears one scanner."""

    async def open(self) -> None:
        """Connect. Raises Away."""
        ...

    async def hear(self) -> bytes:
        """The next bytes, at least one, as soon as they come; safe to be cancelled. Raises Away when the link broke."""
        ...

    async def close(self) -> None:
        """Let go of the scanner; a closed link can be opened again."""
        ...


class TcpLink:
    """A scanner behind ``host`` and ``port``: one with a network of its own, or behind a serial device server."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Connect. Raises Away."""
        try:
            async with asyncio.timeout(CONNECTING):
                self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError):
            raise Away(
                "The passport scanner does not answer. Check that it is switched on and connected to the network."
            ) from None

    async def hear(self) -> bytes:
        """The next bytes. Raises Away."""
        return await _heard(self._reader)

    async def close(self) -> None:
        """Disconnect."""
        reader, writer = self._reader, self._writer
        self._reader = self._writer = None
        if reader is not None and writer is not None:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


class SerialLink:
    """A scanner on a serial port, which a thread of its own opens, reads and closes."""

    def __init__(self, port: str, baud: int) -> None:
        self._port, self._baud = port, baud
        self._reader: asyncio.StreamReader | None = None
        self._thread: threading.Thread | None = None
        self._unwanted = threading.Event()

    async def open(self) -> None:
        """Have the port opened, by nobody else at the same time. Raises Away."""
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        self._reader = asyncio.StreamReader()
        self._unwanted = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(loop, opened, self._reader, self._unwanted), name="passport scanner", daemon=True
        )
        self._thread.start()
        try:
            async with asyncio.timeout(CONNECTING):
                await opened
        except Exception:
            self._unwanted.set()
            raise Away(
                "The port of the passport scanner cannot be opened. "
                "Check that it is plugged in and that no other program uses it."
            ) from None

    async def hear(self) -> bytes:
        """The next bytes. Raises Away."""
        return await _heard(self._reader)

    async def close(self) -> None:
        """Have the port closed, and wait for it."""
        self._unwanted.set()
        self._reader = None
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.join, CONNECTING)

    def _run(
        self,
        loop: asyncio.AbstractEventLoop,
        opened: "asyncio.Future[None]",
        reader: asyncio.StreamReader,
        unwanted: threading.Event,
    ) -> None:
        def told(error: Exception | None) -> None:
            if opened.done():
                return
            if error is None:
                opened.set_result(None)
            else:
                opened.set_exception(error)

        # A loop that is closed has nobody left to tell.
        with suppress(RuntimeError):
            try:
                with Serial(self._port, self._baud, timeout=_LOOK, exclusive=True) as port:
                    loop.call_soon_threadsafe(told, None)
                    while not unwanted.is_set():
                        if data := port.read(min(port.in_waiting, CHUNK) or 1):
                            loop.call_soon_threadsafe(reader.feed_data, data)
            except Exception as error:  # termios, where there is one, has errors of its own
                loop.call_soon_threadsafe(told, error)
            finally:
                loop.call_soon_threadsafe(reader.feed_eof)


async def _heard(reader: asyncio.StreamReader | None) -> bytes:
    if reader is None:
        raise Away("The passport scanner is not connected.")
    with suppress(OSError):
        if data := await reader.read(CHUNK):
            return data
    raise Away("The connection to the passport scanner broke. Check its cable.")
