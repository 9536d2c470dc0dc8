"""A payment terminal made of software: one transaction at a time, which goes on when the cash register is gone.

Its states are those of a real one: idle, waiting for the card, at the bank, printing, idle again. Each of its messages waits to
be acknowledged. Tests hold the card back with ``card`` and see by ``waiting`` and ``idle`` where the terminal is.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import ClassVar

from nightporter.agent.drivers.payment_terminal import codes, messages
from nightporter.agent.drivers.payment_terminal.messages import Apdu
from nightporter.agent.simulator import Asking, Simulator
from nightporter.domain.value import value

_TERMINAL = bytes.fromhex("29500295")
_CARD = bytes.fromhex("eeeeeeeeeeee4771")
_INSERT, _BANK, _WAIT = 0x0A, 0x04, 0x0E
_DECLINED, _LARGEST_OF_BANK = 0x05, 0x63
_PRINTS_PAYMENTS, _PRINTS_REST, _TELLS_STEPS = 0x02, 0x04, 0x08
_ACCEPTED = Apdu(messages.ACCEPTED)
_RESULTS = {f"result {code:02X}": code for code in (_DECLINED, *codes.RESULTS)}


@value
class _Record:
    amount: int
    receipt: int
    trace: int
    result: int
    when: datetime


class _Gone(Exception):
    """The cash register is no longer there, or does not acknowledge."""


class _Stopped(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Line:
    """The connection to one cash register, as the terminal sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float) -> None:
        self._reader, self._writer, self._patience = reader, writer, patience
        self._acknowledged: asyncio.Queue[Apdu | None] = asyncio.Queue()
        self._held = b""
        self._received = bytearray()
        self.config_byte = 0
        self.is_split = self.is_joined = False
        self.gone = asyncio.Event()

    async def next(self) -> Apdu | None:
        """The next message that wants an answer; None when the caller has left."""
        while True:
            apdu = messages.take(self._received)
            if apdu is None:
                piece = await self._reader.read(4096)
                if not piece:
                    self.leave()
                    return None
                self._received += piece
            elif apdu.is_answer:
                self._acknowledged.put_nowait(apdu)
            else:
                return apdu

    def leave(self) -> None:
        """Break the connection."""
        self.gone.set()
        self._acknowledged.put_nowait(None)
        self._writer.transport.abort()

    async def answer(self, apdu: Apdu) -> None:
        """Answer a command; held back for the next message where two are to come in one segment."""
        if self.is_joined:
            self._held = apdu.encoded()
        else:
            await self._write(apdu.encoded())

    async def say(self, apdu: Apdu) -> Apdu:
        """Say something and wait until it is acknowledged; raises _Gone."""
        if self.gone.is_set():
            raise _Gone
        held, self._held = self._held, b""
        await self._write(held + apdu.encoded())
        try:
            async with asyncio.timeout(self._patience):
                answer = await self._acknowledged.get()
        except TimeoutError:
            raise _Gone from None
        if answer is None:
            self._acknowledged.put_nowait(None)
            raise _Gone
        return answer

    async def _write(self, content: bytes) -> None:
        if self.gone.is_set():
            return
        pieces = [content[at : at + 1] for at in range(len(content))] if self.is_split else [content]
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            if self.is_split:
                await asyncio.sleep(0)


class PaymentTerminal(Simulator):
    """A terminal; ``now`` is its clock, in local time. ``goes_on`` tells whether a transaction outlives its connection."""

    FAULTS: ClassVar = {
        "busy": "it is busy when somebody signs on",
        "busy at the charge": "it is busy when it is asked to charge",
        "busy at the receipt": "it is busy when it is asked for its last transaction",
        "card inside": "it says that a card is still inside when it is asked how it is",
        "still talking": "it has something to say of earlier before it answers a sign-on",
        "no sign-on": "it does not let the cash register sign on",
        "silent": "it does not answer the request to charge, and does nothing",
        "cut before the answer": "it breaks the connection when it is asked to charge, and does nothing",
        "cut before the answer, going on": "the same, and it asks for the card nevertheless",
        "cut after the answer": "it breaks the connection when it has taken up the charge",
        "cut after the status": "it breaks the connection when it has told the result, which is acknowledged",
        "cut before the acknowledgement": "it breaks the connection in the moment in which it has told the result",
        "broken off": "it approves, tells so, and breaks off all the same",
        "no status": "it completes the charge without a word on how",
        "another amount": "it takes one unit more, as with a tip",
        "nobody came": "it gives up, because no card is presented",
        "declined": "the bank declines",
        "reversing": "it takes the payment back, because nobody acknowledged the result",
        "forgetting": "it tells no last transaction",
        "garbage": "something else than ZVT comes out of it",
        "split": "each byte of a charge comes in a segment of its own",
        "joined": "its answer and its first message come in one segment",
        **{name: f"the charge ends with code {code:02X}" for name, code in _RESULTS.items()},
    }

    def __init__(self, now: Callable[[], datetime], currency: int = 978, patience: float = 5.0) -> None:
        super().__init__()
        self.card = asyncio.Event()
        """Set while somebody presents a card as soon as the terminal asks for one."""
        self.card.set()
        self.keeps_card = True
        """Whether ``card`` stays set: the next guest presents one as well, without being told."""
        self.waiting = Asking()
        """Set while the terminal asks for a card."""
        self.idle = asyncio.Event()
        self.idle.set()
        self.answers_meanwhile = False
        """Whether it answers another connection in the middle of a transaction, which a good terminal refuses."""
        self.goes_on = True
        self.printed: list[str] = []
        self.last: _Record | None = None
        self.receipt, self.trace = 470, 1960
        self._now, self._currency, self._patience = now, currency, patience
        self._stop = asyncio.Event()
        self._transaction: asyncio.Task[None] | None = None
        self._line_of_transaction: _Line | None = None

    async def close(self) -> None:
        """See Simulator; a transaction under way is given up."""
        if self._transaction is not None:
            self._transaction.cancel()
            await asyncio.gather(self._transaction, return_exceptions=True)
        await super().close()

    def sell(self, amount: int, result: int = 0) -> None:
        """Somebody else is charged at the terminal itself."""
        self._note(amount, result)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """See Simulator."""
        line = _Line(reader, writer, self._patience)
        answering: set[asyncio.Task[None]] = set()
        try:
            while (apdu := await line.next()) is not None:
                task = asyncio.create_task(self._answer(line, apdu))
                answering.add(task)
                task.add_done_callback(answering.discard)
        finally:
            line.leave()
            for task in answering:
                task.cancel()
            await asyncio.gather(*answering, return_exceptions=True)

    async def _answer(self, line: _Line, apdu: Apdu) -> None:
        is_ours = line is self._line_of_transaction
        if apdu.command == messages.ABORT:
            if not self.idle.is_set() and (is_ours or self.answers_meanwhile):
                self._stop.set()
            await line.answer(_ACCEPTED if self.idle.is_set() or self._stop.is_set() else _refusal(codes.BUSY))
        elif not self.idle.is_set() and (is_ours or not self.answers_meanwhile):
            await line.answer(_refusal(codes.BUSY))
        elif apdu.command in (messages.PAYMENT, messages.RESERVATION):
            await self._take_up(line, apdu)
        else:
            try:
                await self._enquired(line, apdu)
            except _Gone:
                line.leave()

    async def _enquired(self, line: _Line, apdu: Apdu) -> None:
        if apdu.command == messages.REGISTRATION:
            if self.fails("garbage"):
                await line.answer(Apdu(0x0000, b"VER"))
            elif self.fails("busy"):
                await line.answer(_refusal(codes.BUSY))
            elif self.fails("no sign-on") or int(apdu.data[4:6].hex()) != self._currency:
                await line.answer(_refusal(codes.WRONG_CURRENCY))
            else:
                if self.fails("still talking"):
                    await line.say(Apdu(messages.INTERMEDIATE_STATUS, bytes((_WAIT,))))
                    await line.say(Apdu(messages.COMPLETION))
                line.config_byte = apdu.data[3]
                await line.answer(_ACCEPTED)
                await line.say(Apdu(messages.COMPLETION, messages.packed({0x19: b"\0", messages.TERMINAL: _TERMINAL})))
        elif apdu.command == messages.REPEAT_RECEIPT and self.fails("busy at the receipt"):
            await line.answer(_refusal(codes.BUSY))
        elif apdu.command == messages.REPEAT_RECEIPT:
            await line.answer(_ACCEPTED)
            if self.last is not None and not self.fails("forgetting"):
                await line.say(Apdu(messages.STATUS_INFORMATION, self._told(self.last)))
                await self._print(line, "Copy")
            await line.say(Apdu(messages.COMPLETION))
        elif apdu.command == messages.STATUS_ENQUIRY:
            await line.answer(_ACCEPTED)
            status = b"\xdc" if self.fails("card inside") else b"\0"
            await line.say(Apdu(messages.COMPLETION, b"\xf0\xf0\xf3" + b"1.0" + status))
        else:
            await line.answer(_refusal(0x83))

    async def _take_up(self, line: _Line, apdu: Apdu) -> None:
        cut = self.fails("silent", "busy at the charge", "cut before the answer", "cut before the answer, going on")
        if cut == "busy at the charge":
            await line.answer(_refusal(codes.BUSY))
        elif cut in ("cut before the answer", "cut before the answer, going on"):
            line.leave()
        if cut not in (None, "cut before the answer, going on"):
            return
        self.idle.clear()
        self._stop.clear()
        self._line_of_transaction = line
        line.is_split, line.is_joined = bool(self.fails("split")), bool(self.fails("joined"))
        fault = self.fails("cut after the answer")
        await line.answer(_ACCEPTED)
        if fault:
            line.leave()
        self._transaction = asyncio.create_task(self._transact(line, apdu))

    async def _transact(self, line: _Line, apdu: Apdu) -> None:
        """Carry a charge through; where the cash register is gone, without it."""
        try:
            found = messages.fields(apdu.data)
            amount = int(found[messages.AMOUNT].hex())
            try:
                if int(found.get(messages.CURRENCY, b"\x09\x78").hex()) != self._currency:
                    raise _Stopped(codes.WRONG_CURRENCY)
                await self._card(line)
                ended = await self._bank(line, apdu.command, amount)
            except _Stopped as error:
                record = self._note(amount, error.code)
                await self._try(line, Apdu(messages.STATUS_INFORMATION, self._told(record)))
                ended = Apdu(messages.ABORTED, bytes((error.code,)))
            line.is_split = line.is_joined = False
            await self._try(line, ended)
        finally:
            self.waiting.clear()
            self._line_of_transaction = None
            self.idle.set()

    async def _card(self, line: _Line) -> None:
        await self._tell(line, _INSERT)
        self.waiting.set()
        if fault := self.fails("nobody came", *_RESULTS):
            raise _Stopped(_RESULTS.get(fault, codes.CALLED_OFF))
        ends = [self.card, self._stop] if self.goes_on else [self.card, self._stop, line.gone]
        waits = [asyncio.create_task(end.wait()) for end in ends]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self.waiting.clear()
        if not self.keeps_card:
            self.card.clear()
        if self._stop.is_set() or (line.gone.is_set() and not self.goes_on):
            raise _Stopped(codes.CALLED_OFF)

    async def _bank(self, line: _Line, command: int, amount: int) -> Apdu:
        """Ask the bank and tell the result; returns how it ends."""
        await self._tell(line, _WAIT)
        await self._tell(line, _BANK)
        if self.fails("declined"):
            raise _Stopped(_DECLINED)
        taken = amount + 1 if self.fails("another amount") else amount
        record = self._note(taken, 0)
        effect = "payment" if command == messages.PAYMENT else "reservation"
        self.effects.append({"Effect": effect, "Amount": _units(taken), "Receipt": record.receipt})
        if self.fails("no status"):
            return Apdu(messages.COMPLETION)
        status = Apdu(messages.STATUS_INFORMATION, self._told(record))
        if self.fails("cut before the acknowledgement"):
            line.leave()
        if not await self._try(line, status) and self.fails("reversing"):
            self.effects.append(
                {"Effect": "reversal", "Amount": _units(taken), "Receipt": self._note(taken, 0).receipt}
            )
        if self.fails("cut after the status"):
            line.leave()
        if self.fails("broken off"):
            return Apdu(messages.ABORTED, b"\xff")
        if line.config_byte & _PRINTS_PAYMENTS and not line.gone.is_set():
            await self._try(line, _print_line("Receipt"))
        else:
            self.printed.append("Receipt")
        return Apdu(messages.COMPLETION)

    async def _print(self, line: _Line, text: str) -> None:
        if line.config_byte & _PRINTS_REST:
            await line.say(_print_line(text))
        else:
            self.printed.append(text)

    async def _tell(self, line: _Line, step: int) -> None:
        if line.config_byte & _TELLS_STEPS:
            await self._try(line, Apdu(messages.INTERMEDIATE_STATUS, bytes((step,))))

    async def _try(self, line: _Line, apdu: Apdu) -> bool:
        """Say something to a cash register that may be gone; whether it was acknowledged."""
        try:
            await line.say(apdu)
        except _Gone:
            line.leave()
            return False
        return True

    def _note(self, amount: int, result: int) -> _Record:
        """Remember a transaction as the last; one that never came to the bank has no numbers, and is told once only."""
        if result > _LARGEST_OF_BANK:
            return _Record(amount, 0, 0, result, self._now())
        self.receipt, self.trace = self.receipt + 1, self.trace + 1
        self.last = _Record(amount, self.receipt, self.trace, result, self._now())
        return self.last

    def _told(self, record: _Record) -> bytes:
        return messages.packed(dict(self._fields(record)))

    def _fields(self, record: _Record) -> Iterator[tuple[int, bytes]]:
        yield messages.RESULT, bytes((record.result,))
        yield messages.AMOUNT, messages.decimal(record.amount, 6)
        yield messages.CURRENCY, messages.decimal(self._currency, 2)
        yield messages.TIME, bytes.fromhex(f"{record.when:%H%M%S}")
        yield messages.DATE, bytes.fromhex(f"{record.when:%m%d}")
        yield messages.TERMINAL, _TERMINAL
        yield messages.TRACE, messages.decimal(record.trace, 3)
        if record.result == 0:
            yield messages.RECEIPT, messages.decimal(record.receipt, 2)
            yield messages.CARD, _CARD
            yield messages.ATTRIBUTE, b"611804\0\0"
            yield messages.CARD_NAME, b"Debit Mastercard\0"
            yield messages.TLV, bytes.fromhex("6009") + bytes.fromhex("4307a0000000041010")


def _units(minor: int) -> str:
    """``1230`` as ``12.30``; all currencies of terminals have two decimals."""
    return f"{minor // 100}.{minor % 100:02}"


def _refusal(code: int) -> Apdu:
    return Apdu(0x8400 | code)


def _print_line(text: str) -> Apdu:
    return Apdu(messages.PRINT_LINE, b"\0" + text.encode("ascii"))
