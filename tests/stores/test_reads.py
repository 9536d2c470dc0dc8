"""Long reads: they hold up nobody, and end when nobody waits for them."""

import asyncio
import random
import sys
import threading

import pytest
from sqlalchemy import func, select

from nightporter.storage.commands import AddCommands
from nightporter.storage.dialects.sqlite import READERS
from nightporter.storage.statements import Statement
from nightporter.storage.tables import events
from tests.stores.store import Store

COUNT = Statement(select(func.count()).select_from(events))


def endless() -> Statement:
    """A read that would take years: every event with every other, many times over."""
    several = [events.alias(f"e{number}") for number in range(6)]
    return Statement(select(func.count()).where(*(one.c.number != several[0].c.number for one in several[1:])))


async def fill(store: Store) -> None:
    await store.write(AddCommands(tuple(store.command() for _ in range(200))))


async def test_a_read_that_nobody_waits_for_ends_and_makes_room(store: Store):
    await fill(store)
    reads = [asyncio.ensure_future(store.database.many(endless())) for _ in range(6)]
    await store.add()  # while it is carried out, some begin
    assert not any(read.done() for read in reads)
    await store.add()
    for read in reads:
        read.cancel()
    for read in reads:
        with pytest.raises(asyncio.CancelledError):
            await read
    assert await asyncio.wait_for(store.database.many(COUNT), 10) == [(202,)]


async def test_a_read_given_up_before_its_first_step_ends_too(store: Store):
    """Whenever the caller leaves, also between the thread's taking of the read and its first step."""
    await fill(store)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for pause in range(30 if store.database.is_shared else 200):  # each costs PostgreSQL a connection of its own
            read = asyncio.ensure_future(store.database.many(endless()))
            for _ in range(pause % 10):
                await asyncio.sleep(0)
            read.cancel()
            with pytest.raises(asyncio.CancelledError):
                await read
        assert await asyncio.wait_for(store.database.many(COUNT), 10) == [(200,)]
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_a_read_given_up_before_it_has_its_connection_ends_too(store: Store, monkeypatch):
    await fill(store)
    free = store.database._free
    at_the_gate, gate = threading.Event(), threading.Event()

    class Gated:
        put = free.put

        def get(self):
            at_the_gate.set()
            gate.wait()
            return free.get()

    monkeypatch.setattr(store.database, "_free", Gated())
    read = asyncio.ensure_future(store.database.many(endless()))
    await asyncio.to_thread(at_the_gate.wait)
    read.cancel()
    with pytest.raises(asyncio.CancelledError):
        await read
    gate.set()
    for one in [await asyncio.to_thread(free.get, timeout=10) for _ in range(READERS)]:  # none of them is kept
        free.put(one)


async def test_the_end_of_one_read_never_ends_another(store: Store):
    await fill(store)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads meet at many more places than they usually do
    try:
        await many_readers(store)
    finally:
        sys.setswitchinterval(interval)


async def many_readers(store: Store) -> None:
    dice = random.Random(3)

    async def reader(*, gives_up: bool) -> None:
        for _ in range(300):
            reading = asyncio.ensure_future(store.database.many(COUNT))
            for _ in range(dice.randrange(8)):
                await asyncio.sleep(0)
            if gives_up and not reading.done():
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
            else:
                assert await reading == [(200,)]

    await asyncio.gather(*(reader(gives_up=bool(number % 2)) for number in range(6)))
