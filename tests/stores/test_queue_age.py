from datetime import timedelta

from nightporter.domain.command import CommandState
from nightporter.storage.property import SetProperty
from nightporter.storage.queue_age import queue_ages
from tests.stores.store import CUTTER, MACHINE, PRINTER, SISTER_MACHINE, Store


async def test_the_oldest_active_command_of_each_type_in_every_enterprise(store: Store):
    now = store.clock.now
    assert await queue_ages(store.database, now) == {}
    states = [
        (PRINTER, CommandState.PENDING, 30), (PRINTER, CommandState.RECEIVED, 60), (PRINTER, CommandState.PROCESSING, 90),
        (CUTTER, CommandState.PROCESSED, 500), (MACHINE, CommandState.PENDING, 5), (SISTER_MACHINE, CommandState.PENDING, 7),
    ]  # fmt: skip
    commands = [
        store.command(device, state=state, created=now - timedelta(seconds=age), updated=now)
        for device, state, age in states
    ]
    await store.write(SetProperty({}, commands))
    assert await queue_ages(store.database, now) == {"Printer": 60, "FiscalMachine": 7}


async def test_a_clock_that_went_back_makes_no_queue_younger_than_new(store: Store):
    ahead = store.clock.now + timedelta(hours=1)
    await store.write(SetProperty({}, [store.command(CUTTER, created=ahead, updated=ahead)]))
    assert await queue_ages(store.database, store.clock.now) == {"KeyCutter": 0}
