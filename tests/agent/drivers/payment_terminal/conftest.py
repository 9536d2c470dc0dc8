from collections.abc import AsyncIterator

import pytest

from tests.agent.drivers.payment_terminal.desk import Desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk() as one:
        yield one
