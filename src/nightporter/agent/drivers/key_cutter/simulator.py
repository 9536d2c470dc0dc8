"""A lock system with encoders, made of software: it makes cards, holds rooms checked in, and fails as real ones do."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import ClassVar

from nightporter.agent.drivers.key_cutter.messages import (
    FIRST,
    FURTHER,
    Decoder,
    Frame,
    KeyOrder,
    Signal,
    read_order,
    write_frame,
)
from nightporter.agent.simulator import Asking, Simulator

CODES = ("ES", "NC", "NF", "OV", "EP", "EF", "TD", "ED", "EA", "OS", "EO", "EV", "EG", "XY")
WORDS = "Printer head open"
"""What it says of itself beside EG."""
CARD_WITHIN = 30.0
"""Seconds in which a card has to be put on."""


class LockSystem(Simulator):
    """A lock system of the Industry Standard. An encoder makes one card at a time, for whichever connection asked first.

    ``rooms`` None: it knows every room. ``is_checking`` False: it looks at no check byte and sends none.
    """

    FAULTS: ClassVar[Mapping[str, str]] = {
        **{code: f"answers an order with {code}, and makes no card" for code in CODES},
        "not ready": "answers an enquiry with NAK",
        "ready and not": "answers an enquiry with ACK, and NAK behind it",
        "nak": "turns an order back with NAK, unread",
        "nak and made": "turns an order back with NAK, and takes and carries it out all the same",
        "dropped before ack": "breaks the connection when it has an order, which it does not carry out",
        "made and dropped before ack": "carries an order out and breaks the connection without a word",
        "dropped after ack": "takes an order and breaks the connection; nobody puts a card on",
        "made and dropped after ack": "takes an order, carries it out, and breaks the connection before the answer",
        "dropped after answer": "answers and breaks the connection",
        "silent": "says nothing to an order, which it does not carry out",
        "silent to an enquiry": "says nothing to an enquiry",
        "made and silent": "takes an order, carries it out, and never answers",
        "slow": "waits for a card until `card_is_on` is set",
        "late": "keeps its answer for the next connection, where it comes before anything else",
        "old answer first": "sends the success of an earlier order of this encoder before it acknowledges the new one",
        "bad check byte": "sends its answer with a check byte that is wrong",
        "no check byte": "sends its answer with 0D in place of the check byte",
        "byte by byte": "sends everything to an order in single bytes",
        "joined": "sends ACK and answer in one piece",
        "other encoder": "sends first what belongs to another encoder: a success and an error",
        "other command": "sends first the answer to another command of the same encoder",
    }

    def __init__(
        self,
        encoders: Sequence[str] = ("Online Encoder 1", "Online Encoder 2"),
        rooms: Sequence[str] | None = None,
        is_checking: bool = True,
    ) -> None:
        super().__init__()
        self.orders: list[KeyOrder] = []
        """Every order that could be read, carried out or not."""
        self.checked_in: set[str] = set()
        self.card_is_on = asyncio.Event()
        self.asks_for_cards = False
        """Whether each order waits for a card of its own: for ``card_is_on`` to be set, as long as a lock system does."""
        self.waiting = Asking()
        """Set while an order waits so."""
        self._is_checking = is_checking
        self._encoders = frozenset(encoders)
        self._rooms = None if rooms is None else frozenset(rooms)
        self._busy: set[str] = set()
        self._late: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer enquiries and orders until the caller leaves."""
        for answer in self._late:
            writer.write(answer)
        self._late.clear()
        decoder = Decoder(self._is_checking)
        while data := await reader.read(4096):
            for heard in decoder.feed(data):
                if heard is Signal.ENQ and self.fails("silent to an enquiry") is None:
                    writer.write(self._readiness())
                elif isinstance(heard, Frame) and not await self._take(heard, writer):
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
                    return

    def _readiness(self) -> bytes:
        if self.fails("not ready"):
            return bytes([Signal.NAK])
        return bytes([Signal.ACK, Signal.NAK] if self.fails("ready and not") else [Signal.ACK])

    async def _take(self, frame: Frame, writer: asyncio.StreamWriter) -> bool:
        """Carry an order out as the next fault has it; whether the connection goes on."""
        order = self._read(frame)
        if not frame.is_sound or self.fails("nak"):
            writer.write(bytes([Signal.NAK]))
            return True
        if self.fails("dropped before ack"):
            return False
        if self.fails("silent"):
            return True
        if self.fails("made and dropped before ack"):
            await self._work(order)
            return False
        ack = bytes([Signal.ACK])
        if self.fails("nak and made"):
            writer.write(bytes([Signal.NAK]) + ack + await self._work(order))
            return True
        if order is not None and self.fails("old answer first"):
            writer.write(self._said(order.command, order.encoder))
        how = self.fails("byte by byte", "joined")
        if how is None:
            writer.write(ack)
        if self.fails("dropped after ack"):
            return False
        answer = await self._work(order)
        if self.fails("made and dropped after ack"):
            return False
        if self.fails("made and silent"):
            return True
        if self.fails("late"):
            self._late.append(answer)
            return True
        answer = self._others(order) + answer
        if how == "byte by byte":
            for byte in ack + answer:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)
        else:
            writer.write(ack + answer if how == "joined" else answer)
        return self.fails("dropped after answer") is None

    def _read(self, frame: Frame) -> KeyOrder | None:
        try:
            order = read_order(frame.fields)
        except ValueError:
            return None
        self.orders.append(order)
        return order

    async def _work(self, order: KeyOrder | None) -> bytes:
        """The answer to an order, after what it asks for was done."""
        if order is None:
            return self._said("ES")
        if code := self.fails(*CODES) or self._objection(order):
            return self._said(code, order.encoder, *([WORDS] if code == "EG" else []))
        self._busy.add(order.encoder)
        try:
            if self.fails("slow"):
                await self.card_is_on.wait()
            if self.asks_for_cards and not await self._card():
                return self._said("ED", order.encoder)
        finally:
            self._busy.discard(order.encoder)
        self.checked_in.update(order.rooms)
        self.effects.append(
            {"Effect": "key cut", "Command": order.command, "Rooms": list(order.rooms), "Encoder": order.encoder}
        )
        serial = [f"04A2B3C4D5{len(self.effects):04X}"] if order.serial else []
        return self._said(order.command, order.encoder, *serial)

    async def _card(self) -> bool:
        """Wait for one card, which is taken away again; whether it came."""
        self.waiting.set()
        try:
            async with asyncio.timeout(CARD_WITHIN):
                await self.card_is_on.wait()
        except TimeoutError:
            return False
        finally:
            self.waiting.clear()
            self.card_is_on.clear()
        return True

    def _objection(self, order: KeyOrder) -> str | None:
        if order.encoder not in self._encoders:
            return "NC"
        if order.encoder in self._busy:
            return "OV"
        if self._rooms is not None and not self._rooms.issuperset(order.rooms):
            return "TD"
        if order.command == FURTHER and order.rooms[0] not in self.checked_in:
            return "EA"
        return None

    def _others(self, order: KeyOrder | None) -> bytes:
        """What somebody else's exchange left on the line."""
        if order is None:
            return b""
        if self.fails("other encoder"):
            other = next(iter(sorted(self._encoders - {order.encoder})), "Elsewhere")
            return self._said(order.command, other) + self._said("ED", other)
        if self.fails("other command"):
            return self._said(FURTHER if order.command == FIRST else FIRST, order.encoder) + self._said(
                "LT", order.encoder
            )
        return b""

    def _said(self, *fields: str) -> bytes:
        frame = write_frame(fields, self._is_checking and not self.fails("no check byte"))
        return frame[:-1] + bytes([frame[-1] ^ 0x40]) if self.fails("bad check byte") else frame
