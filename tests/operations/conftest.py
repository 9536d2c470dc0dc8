from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nightporter.settings import Settings
from nightporter.web.app import App
from nightporter.web.desk import Desk
from tests.contract import hotel
from tests.harness import Clock, copied
from tests.operations.calls import Caller


@pytest.fixture
async def opened(empty_database: Path, tmp_path: Path, settings: Settings, clock: Clock) -> AsyncIterator[Desk]:
    """The hotel of the contract's rules, open, not served."""
    filled = hotel.printed(hotel.property_file())
    async with App(settings, clock.sources(), copied(empty_database, tmp_path), fill=filled).open() as desk:
        yield desk


@pytest.fixture
def agent(opened: Desk, clock: Clock) -> Caller:
    """The integration that is connected to every device."""
    return Caller(opened, clock)


@pytest.fixture
def kiosk(agent: Caller) -> Caller:
    """The integration that adds commands and is connected to nothing."""
    return agent.as_(hotel.KIOSK)
