"""The hotel of the contract's rules, and everybody who calls its desk (tests/contract/hotel.py says who is who)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from nightporter.settings import Settings
from nightporter.storage.places import Place
from tests.contract import hotel as facts
from tests.harness import Clock, RunningDesk, running_desk
from tests.postgres import kind


@pytest.fixture
def hotel() -> dict[str, list[dict[str, Any]]]:
    """The property file, before the desk opens; a test may change it by parametrising or overriding this fixture."""
    return facts.property_file()


@pytest.fixture
async def front_desk(
    home: Place, hotel: dict[str, Any], settings: Settings, clock: Clock
) -> AsyncIterator[RunningDesk]:
    """The hotel's desk, served over HTTP for one test; without a caller of its own, so take one of those below."""
    async with running_desk(home, facts.printed(hotel), settings, clock) as running:
        yield running


@pytest.fixture
def kiosk(front_desk: RunningDesk) -> RunningDesk:
    return front_desk.as_(facts.KIOSK, facts.CLIENT_TOKEN)


@pytest.fixture
def agent(front_desk: RunningDesk) -> RunningDesk:
    return front_desk.as_(facts.AGENT, facts.CLIENT_TOKEN)


@pytest.fixture
def spare(front_desk: RunningDesk) -> RunningDesk:
    return front_desk.as_(facts.SPARE, facts.CLIENT_TOKEN)


@pytest.fixture
def partner(front_desk: RunningDesk) -> RunningDesk:
    return front_desk.as_(facts.PARTNER, facts.PARTNER_CLIENT_TOKEN)


@pytest.fixture
def chain(front_desk: RunningDesk) -> RunningDesk:
    return front_desk.as_(facts.CHAIN, facts.CLIENT_TOKEN)


@pytest.fixture
def stranger(front_desk: RunningDesk) -> RunningDesk:
    return front_desk.as_(facts.STRANGER, facts.CLIENT_TOKEN)


__all__ = ["kind"]
