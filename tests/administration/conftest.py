"""A desk of the contract's hotel, and those who run it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nightporter.settings import Settings
from tests.contract import hotel as facts
from tests.harness import Clock, RunningDesk, copied, running_desk


@pytest.fixture
async def front_desk(
    empty_database: Path, tmp_path: Path, settings: Settings, clock: Clock
) -> AsyncIterator[RunningDesk]:
    """The hotel's desk, called by its agent where a client calls."""
    database = copied(empty_database, tmp_path)
    async with running_desk(database, facts.printed(facts.property_file()), settings, clock) as running:
        yield running.as_(facts.AGENT, facts.CLIENT_TOKEN)
