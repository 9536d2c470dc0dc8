"""The connection to a terminal: one message at a time, each of the terminal's acknowledged, and every wait has an end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field
from types import TracebackType
from typing import Self

from nightporter.agent.driver import Away
from nightporter.agent.drivers.payment_terminal.codes import BUSY
from nightporter.agent.drivers.payment_terminal.messages import ABORTED, ACCEPTED, COMPLETION, Apdu, Garbled, take
from nightporter.domain.value import value
from nightporter.host.lingering import DELIVERED, DROPPED, Option

_CHUNK = 4096
_LARGEST = 70_000  # the longest message that its length can tell, and some
_ACKNOWLEDGED = Apdu(ACCEPTED).encoded()


class Occupied(Away):
    """The terminal answers, and is at something else."""


@value
class Ending:
    """How a command ended: ``code`` is 0 for a completion, else why not; ``data`` are those of the completion.

    ``is_taken_up`` is false where the terminal refused to begin.
    """

    code: int
    is_taken_up: bool
    data: bytes = field(default=b"", repr=False)


class Link:
    """A connection to one terminal; use it as an asynchronous context manager. Raises Away wherever it breaks."""

    def __init__(self, host: str, port: int, patience: float) -> None:
        self._host, self._port, self._patience = host, port, patience
        self._received = bytearray()
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(self._patience):
                self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError):
            raise Away(
                "The payment terminal cannot be reached. Check that it is switched on and connected to the network."
            ) from None
        # A request that never left must not reach the terminal after that was found to have taken nothing.
        self._set(DROPPED)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            # The last acknowledgement is to arrive, lest the terminal takes back what it did.
            self._set(DELIVERED)
        self._writer.transport.abort()

    async def send(self, apdu: Apdu) -> None:
        """Send a message; raises Away."""
        await self._write(apdu.encoded())

    async def acknowledge(self) -> None:
        """Answer a message of the terminal; raises Away."""
        await self._write(_ACKNOWLEDGED)

    async def receive(self, limit: float) -> Apdu:
        """The next message, within ``limit`` seconds; raises Away. Cancelled, it loses nothing."""
        try:
            async with asyncio.timeout(limit):
                while (apdu := take(self._received)) is None:
                    piece = await self._reader.read(_CHUNK)
                    if not piece or len(self._received) > _LARGEST:
                        raise Away("The connection to the payment terminal broke off.")
                    self._received += piece
                return apdu
        except TimeoutError:
            raise Away("The payment terminal stopped answering. Look at its display.") from None
        except OSError:
            raise Away("The connection to the payment terminal broke off.") from None
        except Garbled:
            raise Away(
                "What answers at the payment terminal's address does not speak ZVT. Check the address and its settings."
            ) from None

    async def begin(self, command: Apdu) -> int | None:
        """Send ``command`` and wait for the answer: None when it is taken up, else the reason why not. Raises Away.

        What the terminal still had to say of something earlier is acknowledged and passed over.
        """
        await self.send(command)
        while not (apdu := await self.receive(self._patience)).is_answer:
            await self.acknowledge()
        return apdu.refusal

    async def run(self, command: Apdu, limit: float, heard: Callable[[Apdu], None] | None = None) -> Ending:
        """Carry ``command`` through to its end, at most ``limit`` seconds from one message to the next. Raises Away.

        All that the terminal says in between is acknowledged and passed to ``heard``.
        """
        refusal = await self.begin(command)
        if refusal is not None:
            return Ending(refusal, False)
        while True:
            apdu = await self.receive(limit)
            if apdu.is_answer:
                continue
            await self.acknowledge()
            if ending := ending_of(apdu):
                return ending
            if heard is not None:
                heard(apdu)

    def _set(self, option: Option) -> None:
        with suppress(OSError):  # closed already
            self._writer.get_extra_info("socket").setsockopt(*option)

    async def _write(self, content: bytes) -> None:
        try:
            async with asyncio.timeout(self._patience):
                self._writer.write(content)
                await self._writer.drain()
        except (OSError, TimeoutError):
            raise Away("The connection to the payment terminal broke off.") from None


def ending_of(apdu: Apdu) -> Ending | None:
    """How the message ends a command; None when it does not."""
    if apdu.command == COMPLETION:
        return Ending(0, True, apdu.data)
    if apdu.command == ABORTED:
        return Ending(apdu.data[0] if apdu.data and apdu.data[0] else 0xFF, True)
    return None


def free(ending: Ending) -> Ending:
    """The same ending; raises Occupied where the terminal is at something else."""
    if ending.code == BUSY:
        raise Occupied("The payment terminal is busy with something else. It is asked again in a moment.")
    return ending
