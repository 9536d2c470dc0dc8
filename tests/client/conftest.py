import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from nightporter.client import Client, Means, Patience
from tests.client.peer import ACCESS_TOKEN, CLIENT_TOKEN, Peer, running_peer

SWEEP = 300.0


@dataclass
class Waits:
    """Waiting that takes no time and is written down; the wait for a sweep lasts until ``sweep`` is set."""

    waited: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    sweep: asyncio.Event = field(default_factory=asyncio.Event)
    is_sweeping: bool = False
    keys: int = 0

    async def sleep(self, seconds: float) -> None:
        if seconds == SWEEP:
            self.is_sweeping = True
            await self.sweep.wait()
            self.is_sweeping = False
            self.sweep.clear()
            self.elapsed += seconds
            return
        self.waited.append(seconds)
        self.elapsed += seconds
        await asyncio.sleep(0)

    def new_key(self) -> str:
        self.keys += 1
        return f"key-{self.keys}"

    def means(self) -> Means:
        return Means(sleep=self.sleep, elapsed=lambda: self.elapsed, random=lambda: 0.5, new_key=self.new_key)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with running_peer() as running:
        yield running


@pytest.fixture
async def client(peer: Peer, waits: Waits) -> AsyncIterator[Client]:
    """A client of the server that is not ours."""
    async with Client(
        peer.address,
        CLIENT_TOKEN,
        ACCESS_TOKEN,
        "Tests 1.0",
        peer.socket_address,
        patience=Patience(sweep=SWEEP, deaf=SWEEP, look=SWEEP),
        means=waits.means(),
    ) as one:
        yield one
