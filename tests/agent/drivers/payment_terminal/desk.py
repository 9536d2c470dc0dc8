"""A desk with a payment terminal: the driver, the simulator, a journal in memory, and a line between them that can be cut."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from nightporter.agent.driver import Attempt, Away, Notes, Outcome, Resolution, Surroundings, Task
from nightporter.agent.drivers.payment_terminal.driver import KIND, ZvtDriver, ZvtOptions
from nightporter.agent.drivers.payment_terminal.messages import Apdu, take
from nightporter.agent.drivers.payment_terminal.simulator import PaymentTerminal
from nightporter.domain.account import AccountType
from nightporter.domain.sources import Sources
from nightporter.wire.command_data import (
    AccountData,
    CustomerAccountData,
    ExtendedAmount,
    PaymentTerminalCommandData,
)

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 1, 23, 59, 30, tzinfo=UTC)
GUEST = "Adelheid Sample"
ID = "35d4b117-4e60-44a3-9580-c582117eff98"


def data(
    value: str = "12",
    currency: str = "EUR",
    payment_id: str | None = ID,
    preauthorization_id: str | None = None,
    fee: str | None = None,
) -> PaymentTerminalCommandData:
    return PaymentTerminalCommandData(
        payment_terminal_id="TERM-01",
        account_id=ID,
        bill_id=None,
        payment_id=payment_id,
        preauthorization_id=preauthorization_id,
        amount=ExtendedAmount.untaxed(currency, Decimal(value)),
        fee=None if fee is None else ExtendedAmount.untaxed(currency, Decimal(fee)),
        payment_terminal_data=None,
        account_data=AccountData(AccountType.CUSTOMER, CustomerAccountData(GUEST), None),
        customer_id=ID,
        full_name=GUEST,
    )


class Line:
    """Passes messages on, counts them, and can do something at the n-th: before it goes on, or after."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.port = 0
        self.seen: list[Apdu] = []
        self.at = 0
        self.do: Callable[[], None] = self.cut
        self.is_after = False
        self._server: asyncio.Server | None = None
        self._open: list[asyncio.StreamWriter] = []
        self._pumps: set[asyncio.Task[None]] = set()

    def strike(self, at: int, *, after: bool, do: Callable[[], None] | None = None) -> None:
        self.seen.clear()
        self.at, self.is_after, self.do = at, after, do or self.cut

    def cut(self) -> None:
        """What was written still arrives, then both ends see the connection closed."""
        for writer in self._open:
            writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pumps.add(task)
        their_reader, their_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._open = [writer, their_writer]
        try:
            await asyncio.gather(self._pump(reader, their_writer), self._pump(their_reader, writer))
        finally:
            self._pumps.discard(task)
            for one in (writer, their_writer):
                one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = bytearray()
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(4096):
                received += piece
                while (apdu := take(received)) is not None:
                    self.seen.append(apdu)
                    is_struck = len(self.seen) == self.at
                    if is_struck and not self.is_after:
                        self.do()
                    if not writer.is_closing():
                        writer.write(apdu.encoded())
                        await writer.drain()
                    if is_struck and self.is_after:
                        self.do()
        writer.close()


@dataclass
class Journal:
    """What the agent would have on its disk of one command, and what it told meanwhile."""

    written: list[Notes] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    before_write: Callable[[Notes], Awaitable[None]] | None = None

    def attempt(self) -> Attempt:
        async def write(notes: Notes) -> None:
            if self.before_write is not None:
                await self.before_write(notes)
            self.written.append(dict(notes))

        return Attempt(write, lambda percent, status: self.told.append(status or ""))


class Desk:
    """Everything at one desk; ``line`` lies between the driver and the terminal while ``is_on_line``."""

    def __init__(self, **options: Any) -> None:
        self.now = NOW
        self.elapsed = 0.0
        self.terminal = PaymentTerminal(lambda: self.now.astimezone(ZONE), patience=2.0)
        self.journal = Journal()
        self.task = Task("command", NOW, data())
        self.while_pausing: Callable[[], Awaitable[None]] | None = None
        self._options = options

    async def __aenter__(self) -> Self:
        await self.terminal.start()
        self.line = await Line(self.terminal.port).__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.line.__aexit__(None, None, None)
        await self.terminal.close()

    async def pause(self, seconds: float) -> None:
        self.elapsed += seconds
        if self.while_pausing is not None:
            await self.while_pausing()
        await asyncio.sleep(0)

    def driver(self, *, on_line: bool = False, **options: Any) -> ZvtDriver:
        port = self.line.port if on_line else self.terminal.port
        made = ZvtOptions(**{"address": f"127.0.0.1:{port}", "patience": 2.0, **self._options, **options})
        sources = Sources(lambda: self.now, lambda: self.elapsed, lambda: ID, self.pause)
        driver: ZvtDriver = KIND.make(made, Surroundings(sources, ZONE, "Desk"))  # type: ignore[assignment]
        return driver

    async def execute(self, *, on_line: bool = False, attempt: Attempt | None = None) -> Outcome:
        driver = self.driver(on_line=on_line)
        baseline = await self.driver().prepare(self.task, 1)
        assert isinstance(baseline, dict)
        return await driver.execute(self.task, 1, baseline, attempt or self.journal.attempt())

    async def lose(self, *, on_line: bool = False) -> None:
        """Execute, and lose the answer after it was announced."""
        try:
            outcome = await self.execute(on_line=on_line)
        except Away:
            assert self.journal.written
        else:
            raise AssertionError(f"the answer was not lost: {outcome}")

    async def resolve(self) -> Resolution:
        return await self.driver().resolve(self.task, 1, {}, self.journal.written[-1], self.journal.attempt())

    async def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    @property
    def effects(self) -> list[str]:
        return [effect["Effect"] for effect in self.terminal.effects]
