"""Nodes of one desk: applications in one process, each with its own connections to one PostgreSQL database."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from nightporter.host.clock import machine_sources
from nightporter.settings import Settings
from nightporter.storage.places import Place
from tests.contract import hotel as facts
from tests.harness import RunningDesk, running_desk


@pytest.fixture
def kind() -> str:
    return "postgres"


@pytest.fixture
def settings() -> Settings:
    return Settings(request_limit=0, port=0)


@pytest.fixture
async def nodes(home: Place, settings: Settings) -> AsyncIterator[list[RunningDesk]]:
    """Three nodes of the contract's hotel, on the machine's clock."""
    async with AsyncExitStack() as stack:
        hotel = facts.printed(facts.property_file())
        yield [
            await stack.enter_async_context(running_desk(home, hotel, settings, sources=machine_sources()))
            for _ in range(3)
        ]
