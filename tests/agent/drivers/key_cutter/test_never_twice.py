"""What is left when the link is cut or the agent dies: at most one card for a step, whatever is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from nightporter.agent.driver import Attempt, Away, Done, Notes, Outcome, Refused, Unknown
from nightporter.agent.drivers.key_cutter.driver import IndustryStandard
from nightporter.agent.drivers.key_cutter.link import opened
from nightporter.agent.drivers.key_cutter.messages import Decoder
from nightporter.agent.drivers.key_cutter.orders import order_of
from nightporter.agent.drivers.key_cutter.simulator import LockSystem
from tests.agent.drivers.key_cutter.conftest import (
    Record,
    cut,
    driver_at,
    driver_of,
    key_data,
    key_task,
    settled,
)

MESSAGES = ["enquiry", "its acknowledgement", "order", "its acknowledgement", "answer"]


@dataclass
class Cutter:
    """Passes messages on, whole and in both directions, and breaks both links before or after one of them."""

    locks: LockSystem
    at: int
    after: bool
    port: int = 0
    passed: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_locks, to_locks = await asyncio.open_connection(self.locks.host, self.locks.port)
        self._writers += [writer, to_locks]
        await asyncio.gather(self.carry(reader, to_locks), self.carry(from_locks, writer))

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder, message = Decoder(), b""
        while byte := await reader.read(1):
            message += byte
            if not decoder.feed(byte):
                continue
            if self.passed == self.at and not self.after:
                break
            writer.write(message)
            await writer.drain()
            message = b""
            self.passed += 1
            if self.passed == self.at + 1 and self.after:
                break
        for one in self._writers:
            one.close()


@asynccontextmanager
async def cutting(locks: LockSystem, at: int, after: bool) -> AsyncIterator[Cutter]:
    cutter = Cutter(locks, at, after)
    server = await asyncio.start_server(cutter.talk, "127.0.0.1", 0)
    cutter.port = server.sockets[0].getsockname()[1]
    async with server:
        yield cutter


async def carried(driver: IndustryStandard, attempt: Attempt, record: Record, step: int = 1, keys: int = 1) -> Outcome:
    """Carry a step out as the agent does: away before anything was announced, it tries again; afterwards, it resolves."""
    task = key_task(key_count=keys)
    baseline = await driver.prepare(task, step)
    assert isinstance(baseline, dict)
    try:
        return await driver.execute(task, step, baseline, attempt)
    except Away:
        if not attempt.is_sent:
            raise
        outcome = await driver.resolve(task, step, baseline, record.written[-1], attempt)
        assert isinstance(outcome, Unknown)
        return outcome


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(len(MESSAGES)), ids=[f"{n} {name}" for n, name in enumerate(MESSAGES, 1)])
@pytest.mark.parametrize("step", [1, 2])
async def test_a_link_cut_at_any_message_never_makes_two(
    locks: LockSystem, record: Record, at: int, after: bool, step: int
) -> None:
    locks.checked_in.add("101")
    outcome: Outcome
    async with cutting(locks, at, after) as cutter:
        try:
            outcome = await carried(driver_of(f"127.0.0.1:{cutter.port}"), record.attempt(), record, step, keys=2)
        except Away:
            assert at < 2, "only what comes before the order is tried again"
            assert record.written == []
            await settled(locks)
            assert locks.effects == []
            outcome = await carried(driver_at(locks), record.attempt(), record, step, keys=2)
            assert isinstance(outcome, Done)
    await settled(locks)
    assert len(locks.effects) <= 1
    if isinstance(outcome, Done):
        assert len(locks.effects) == 1
    elif isinstance(outcome, Refused):
        assert locks.effects == []
    else:
        assert outcome.notes.startswith(f"Key {step} of 2 may have been cut")
    if (at, after) == (4, True):
        assert isinstance(outcome, Done)
    if (at, after) >= (2, True) and (at, after) != (4, True):
        assert isinstance(outcome, Unknown)
        assert len(locks.effects) == 1


@pytest.mark.parametrize(
    ("fault", "cards"),
    [
        ("silent", 0),
        ("dropped before ack", 0),
        ("made and dropped before ack", 1),
        ("dropped after ack", 0),
        ("made and dropped after ack", 1),
        ("made and silent", 1),
        ("late", 1),
        ("bad check byte", 1),
        ("nak and made", 1),
    ],
)
async def test_a_lost_answer_ends_with_a_person_whether_or_not_there_is_a_card(
    locks: LockSystem, record: Record, fault: str, cards: int
) -> None:
    locks.fail(fault)
    outcome = await carried(driver_at(locks), record.attempt(), record)
    assert isinstance(outcome, Unknown)
    assert "may have been cut" in outcome.notes
    assert "try the card on the lock before making another" in outcome.notes
    await settled(locks)
    assert len(locks.effects) == cards
    assert len(record.written) == 1


async def test_the_link_breaks_after_an_order_was_turned_back_and_there_is_no_card(
    locks: LockSystem, record: Record
) -> None:
    locks.fail("nak")
    async with cutting(locks, 3, after=True) as cutter:
        outcome = await carried(driver_of(f"127.0.0.1:{cutter.port}"), record.attempt(), record)
    assert isinstance(outcome, Refused)
    await settled(locks)
    assert locks.effects == []


async def test_the_order_leaves_only_when_it_is_on_the_disk(locks: LockSystem) -> None:
    class DiskIsFull(Exception):
        pass

    async def write(reference: Notes) -> None:
        raise DiskIsFull

    driver = driver_at(locks)
    with pytest.raises(DiskIsFull):
        await driver.execute(key_task(), 1, {}, Attempt(write, lambda percent, status: None))
    await settled(locks)
    assert (locks.orders, locks.effects) == ([], [])


async def test_a_link_that_broke_before_the_order_left_has_made_no_card(locks: LockSystem) -> None:
    driver = driver_at(locks)
    order = order_of(key_data(), 1, driver._house)
    async with opened(driver._place) as link:
        assert await link.enquire()
        await locks.close()
        async with asyncio.timeout(5):
            while link.is_open:  # noqa: ASYNC110 - the event loop tells the link alone
                await asyncio.sleep(0)
        assert isinstance(await driver._hand_over(link, order, 1, 1), Refused)
    assert (locks.orders, locks.effects) == ([], [])


@pytest.mark.parametrize("is_made", [False, True], ids=["before the card", "after the card"])
async def test_an_agent_that_dies_while_it_waits_asks_nobody_and_repeats_nothing(
    locks: LockSystem, record: Record, is_made: bool
) -> None:
    locks.fail("made and silent" if is_made else "slow")
    attempt = record.attempt()
    driver = driver_at(locks, waits=60)
    dying = asyncio.create_task(driver.execute(key_task(), 1, {}, attempt))
    async with asyncio.timeout(5):
        while not record.told:  # noqa: ASYNC110 - told by a plain function
            await asyncio.sleep(0)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    heard = len(locks.orders)
    outcome = await driver_at(locks).resolve(key_task(), 1, {}, record.written[-1], record.attempt())
    locks.card_is_on.set()
    await settled(locks)
    assert isinstance(outcome, Unknown)
    assert (heard, len(locks.orders), len(locks.effects)) == (1, 1, 1)


async def test_a_command_called_off_while_the_card_is_awaited_ends_as_the_lock_system_says(
    locks: LockSystem, record: Record
) -> None:
    locks.fail("slow")
    attempt = record.attempt()
    running = asyncio.create_task(driver_at(locks, waits=60).execute(key_task(), 1, {}, attempt))
    async with asyncio.timeout(5):
        while not record.told:  # noqa: ASYNC110 - told by a plain function
            await asyncio.sleep(0)
    attempt.cancelled.set()
    locks.card_is_on.set()
    assert isinstance(await running, Done)
    assert len(locks.effects) == 1


async def test_a_late_answer_is_not_taken_for_that_of_the_next_order(locks: LockSystem, record: Record) -> None:
    driver = driver_at(locks)
    locks.fail("late")
    assert isinstance(await carried(driver, record.attempt(), record), Unknown)
    locks.fail("ED")
    outcome = await cut(driver, key_task(), Record())
    assert isinstance(outcome, Refused), "the success that came first was the earlier order's"
    assert len(locks.effects) == 1


def test_a_doubt_says_what_another_key_would_do(locks: LockSystem) -> None:
    driver, task = driver_at(locks), key_task(key_count=3)
    first, further = (driver.doubt(task, step, {"Encoder": "Desk"}) for step in (1, 2))
    assert first == (
        "Key 1 of 3 may have been cut on the encoder Desk; try the card on the lock before making another. If it was cut, "
        "cards made earlier for the room no longer open it, and a repeat would lock out this one."
    )
    assert further == (
        "Key 2 of 3 may have been cut on the encoder Desk; try the card on the lock before making another. A repeat of the "
        "whole command makes a new first key, which would lock out the cards made before."
    )
