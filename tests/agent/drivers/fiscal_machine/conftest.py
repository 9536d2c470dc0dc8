from collections.abc import AsyncIterator

import pytest

from nightporter.agent.drivers.fiscal_machine.simulator import FiscalMachineSimulator
from tests.agent.drivers.fiscal_machine.hotel import Till, local_time


@pytest.fixture
async def machine() -> AsyncIterator[FiscalMachineSimulator]:
    async with FiscalMachineSimulator(local_time) as running:
        yield running


@pytest.fixture
async def till(machine: FiscalMachineSimulator) -> AsyncIterator[Till]:
    """A driver of ``machine``, and the journal of what it does."""
    async with Till(machine.address) as one:
        yield one
