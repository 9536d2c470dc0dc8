"""The connection to a lock system, for one exchange: open it, ask, hand over, listen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from nightporter.agent.driver import Away
from nightporter.agent.drivers.key_cutter.messages import Decoder, Frame, Heard, Signal
from nightporter.domain.value import value
from nightporter.host.lingering import DELIVERED, DROPPED, Option

UNREACHABLE = "The lock system cannot be reached. Check that its computer is on and that its interface is running."
SILENT = "The lock system does not answer. Check that its interface is running and speaks the Industry Standard."
BROKEN = "The lock system broke off the connection."


@value
class Place:
    """Where a lock system listens, how many seconds it may take to acknowledge, and whether check bytes are looked at."""

    host: str
    port: int
    patience: float
    is_checked: bool


class Link(asyncio.Protocol):
    """One open connection. Every method that listens raises Away when it breaks, or nothing comes in time."""

    def __init__(self, place: Place) -> None:
        self._patience = place.patience
        self._decoder = Decoder(place.is_checked)
        self._heard: asyncio.Queue[Heard | None] = asyncio.Queue()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        for heard in self._decoder.feed(data):
            self._heard.put_nowait(heard)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the event loop."""
        self._transport = None
        self._heard.put_nowait(None)

    @property
    def is_open(self) -> bool:
        """Whether nobody is known to have closed it."""
        return self._transport is not None and not self._transport.is_closing()

    def forget(self) -> bool:
        """Pass over what came in until now; whether the lock system said anything in that."""
        has_spoken = False
        while not self._heard.empty():
            has_spoken |= self._heard.get_nowait() is not None
        if not self.is_open:
            self._heard.put_nowait(None)
        return has_spoken

    async def enquire(self) -> bool:
        """Ask whether the lock system takes messages; this has no effect on any card."""
        return await self._ask(bytes([Signal.ENQ]))

    async def hand_over(self, frame: bytes) -> bool:
        """Send a message, once. True: it was taken, an answer will follow; False: it was turned back, not carried out."""
        return await self._ask(frame)

    async def _ask(self, message: bytes) -> bool:
        # Answers that come before the acknowledgement belong to somebody else's exchange.
        self.forget()
        self._write(message)
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    heard = await self._next()
                    if heard is Signal.ACK or heard is Signal.NAK:
                        return heard is Signal.ACK
        except TimeoutError:
            raise Away(SILENT) from None

    async def answer(self) -> Frame:
        """The next message, however long it takes."""
        while True:
            heard = await self._next()
            if isinstance(heard, Frame):
                return heard

    def _write(self, message: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise Away(BROKEN)
        self._transport.write(message)

    async def _next(self) -> Heard:
        heard = await self._heard.get()
        if heard is None:
            self._heard.put_nowait(None)
            raise Away(BROKEN)
        return heard


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Link]:
    """A new connection, closed at the end: what an earlier one still had to say is not heard here. Raises Away."""
    try:
        async with asyncio.timeout(place.patience):
            transport, link = await asyncio.get_running_loop().create_connection(
                lambda: Link(place), place.host, place.port
            )
    except OSError:  # the timeout is one too
        raise Away(UNREACHABLE) from None
    # An order that never left must not arrive after a person was told to look whether the card was made.
    _set(transport, DROPPED)
    try:
        yield link
    except BaseException:
        transport.abort()
        raise
    else:
        _set(transport, DELIVERED)
        transport.close()


def _set(transport: asyncio.Transport, option: Option) -> None:
    with suppress(OSError):  # the connection is gone already
        transport.get_extra_info("socket").setsockopt(*option)
