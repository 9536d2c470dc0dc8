import asyncio
import itertools
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nightporter.agent.agent import Agent
from nightporter.agent.configuration import Configuration, load
from nightporter.agent.journal import Journal
from nightporter.agent.metrics import Metrics
from nightporter.agent.spool import Spool
from nightporter.domain.sources import Sources
from nightporter.settings import Settings
from tests.agent.bell import BELLS, KINDS, Bell
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, Clock, RunningDesk, copied, running_desk

PRINTER = "d117866d-78de-4459-9077-42d7ea0120e3"
CUTTER = "7dafffff-3b2b-4d5a-8fa5-ad8c0125d6e9"
TERMINAL = "be35b39e-ad7e-460a-8de9-4c7581e016a2"
GUEST = "35d4b117-4e60-44a3-9580-c582117eff98"
PDF = b"%PDF-1.7\n%%EOF\n"
DEADLINE = 20.0


@pytest.fixture
def bell() -> Bell:
    BELLS.clear()
    BELLS["front"], BELLS["back"] = Bell(), Bell()
    return BELLS["front"]


@pytest.fixture
def back(bell: Bell) -> Bell:
    return BELLS["back"]


async def until(holds: Callable[[], object]) -> None:
    """Until ``holds``, which nobody announces."""
    async with asyncio.timeout(DEADLINE):
        while not holds():  # noqa: ASYNC110 - as said
            await asyncio.sleep(0)


@dataclass
class Property:
    """Where an agent works: its folder, the desk, and machines as the configuration names them."""

    desk: RunningDesk
    folder: Path
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    waited: list[float] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.folder / "agent.toml"

    def write(self, *machines: str, **top: str) -> None:
        lines = [f'{name} = "{value}"' for name, value in top.items()]
        lines += ["[platform]", f'address = "{self.desk.address}"']
        lines += [f'client_token = "{CLIENT_TOKEN}"', f'access_token = "{ACCESS_TOKEN}"']
        self.path.write_text("\n".join([*lines, *machines]))

    def configuration(self) -> Configuration:
        return load(self.path, KINDS, "here", {})

    def sources(self) -> Sources:
        async def pause(seconds: float) -> None:
            # Time passes as fast as the loop turns, except where somebody waits for hours.
            self.waited.append(seconds)
            if seconds >= 3600:
                await asyncio.Event().wait()
            self.desk.clock.elapsed += seconds
            await asyncio.sleep(0)

        return Sources(
            now=lambda: self.desk.clock.now,
            elapsed=lambda: self.desk.clock.elapsed,
            new_id=lambda: f"{next(self.numbers)}",
            pause=pause,
        )

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[Agent]:
        """An agent at work; at the end it is struck down, as by a power cut."""
        configuration, sources = self.configuration(), self.sources()
        journal = Journal(configuration.state, sources.now)
        spool, locks = Spool(configuration.state / "spool"), self.folder / "locks"
        one = Agent(configuration, journal, spool, sources, locks, Metrics())
        running = asyncio.create_task(one.run(asyncio.Event()))
        try:
            yield one
        finally:
            running.cancel()
            await asyncio.wait({running})
            await journal.close()

    async def print(self, copies: int = 1, device: str = PRINTER) -> str:
        reply = await self.desk.call(
            "commands/addPrinter", PrinterId=device, CopyCount=copies, Data=b64encode(PDF).decode()
        )
        return str(reply.json()["CommandId"])

    async def pay(self) -> str:
        reply = await self.desk.call(
            "commands/addPaymentTerminal",
            TerminalId=TERMINAL, CustomerId=GUEST, Type="Payment", Amount={"Currency": "EUR", "Value": 230},
        )  # fmt: skip
        return str(reply.json()["CommandId"])

    async def command(self, command_id: str) -> dict[str, Any]:
        reply = await self.desk.call("commands/getAllByIds", CommandIds=[command_id], Extent={"Execution": True})
        command: dict[str, Any] = reply.json()["Commands"][0]
        return command

    async def ended(self, command_id: str) -> dict[str, Any]:
        """The command with what became of it, once it has ended."""
        async with asyncio.timeout(DEADLINE):
            async for command in self._looks(command_id):
                if command["State"] in ("Processed", "Cancelled", "Error"):
                    return command
        raise AssertionError

    async def _looks(self, command_id: str) -> AsyncIterator[dict[str, Any]]:
        while True:
            yield await self.command(command_id)

    async def until(self, command_id: str, **execution: Any) -> None:
        """Until the desk tells this of how the command is carried out."""
        async with asyncio.timeout(DEADLINE):
            async for command in self._looks(command_id):
                if execution.items() <= command["Execution"].items():
                    return


BELL = f'[machines.Front]\ndevice = "{PRINTER}"\ndriver = "bell"\nbell = "front"\n'


TILL = f'[machines.Till]\ndevice = "{TERMINAL}"\ndriver = "till"\nbell = "back"\n'


@pytest.fixture
def place(desk: RunningDesk, tmp_path: Path, bell: Bell) -> Property:
    """A property with one machine, a bell at the front desk, that stands for the demo's first printer."""
    folder = tmp_path / "agent"
    folder.mkdir()
    one = Property(desk, folder)
    one.write(BELL)
    return one


@asynccontextmanager
async def today(database: Path, hotel: bytes) -> AsyncIterator[RunningDesk]:
    """The demo property on today's clock, for agents that are processes of their own; nothing waits in its queue."""
    settings, clock = Settings(request_limit=0, port=0, log_level="error"), Clock(now=datetime.now(UTC))
    async with running_desk(database, hotel, settings, clock) as running:
        for command in (await running.call("commands/getAllActive")).json()["Commands"]:
            await running.call("commands/update", CommandId=command["Id"], State="Cancelled")
        yield running


@pytest.fixture
async def desks(empty_database: Path, demo_hotel: bytes, tmp_path: Path) -> AsyncIterator[list[RunningDesk]]:
    """Several such desks: an agent on each at the same time."""
    async with AsyncExitStack() as stack:
        found = []
        for number in range(4):
            folder = tmp_path / f"desk-{number}"
            folder.mkdir()
            found.append(await stack.enter_async_context(today(copied(empty_database, folder), demo_hotel)))
        yield found
