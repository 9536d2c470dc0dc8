"""A desk of the contract's hotel, and those who run it."""

from collections.abc import AsyncIterator

import pytest

from nightporter.settings import Settings
from nightporter.storage.places import Place
from tests.contract import hotel as facts
from tests.harness import Clock, RunningDesk, running_desk
from tests.postgres import kind


@pytest.fixture
async def front_desk(home: Place, settings: Settings, clock: Clock) -> AsyncIterator[RunningDesk]:
    """The hotel's desk, called by its agent where a client calls."""
    async with running_desk(home, facts.printed(facts.property_file()), settings, clock) as running:
        yield running.as_(facts.AGENT, facts.CLIENT_TOKEN)


__all__ = ["kind"]
