"""What is left when the link is cut or the agent dies: at most one card for a step, whatever is lost."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from nightporter.agent.driver import Attempt, Away, Done, Notes, Outcome, Refused, Unknown
from nightporter.agent.drivers.key_cutter.driver import IndustryStandard
from nightporter.agent.drivers.key_cutter.link import opened
from nightporter.agent.drivers.key_cutter.messages import Decoder
from nightporter.agent.drivers.key_cutter.orders import order_of
from nightporter.agent.drivers.key_cutter.simulator import CODES, LockSystem
from tests.agent.drivers.key_cutter.conftest import (
    Record,
    cut,
    driver_at,
    driver_of,
    key_data,
    key_task,
    settled,
)

MESSAGES = [
    *("enquiry to prepare", "its acknowledgement"),
    *("enquiry", "its acknowledgement", "order", "its acknowledgement", "answer"),
]


@dataclass
class Cutter:
    """Passes messages on, whole and in both directions, and breaks both links before or after one of them.

    ``at`` counts over all connections: one prepares, the next carries out.
    """

    locks: LockSystem
    at: int
    after: bool
    port: int = 0
    passed: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_locks, to_locks = await asyncio.open_connection(self.locks.host, self.locks.port)
        ways = [(reader, to_locks), (from_locks, writer)]
        carrying = [asyncio.create_task(self.carry(*way)) for way in ways]
        await asyncio.wait(carrying, return_when=asyncio.FIRST_COMPLETED)
        for one in (writer, to_locks):
            one.close()
        await asyncio.gather(*carrying)

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


PAGE = Path(__file__).parents[4] / "docs" / "drivers" / "industry-standard.md"
CUTS = {
    f"the link is cut {when} {number} {name}": (number - 1, when == "after")
    for number, name in enumerate(MESSAGES, 1)
    for when in ("before", "after")
}
FAULTS = [fault for fault in LockSystem.FAULTS if fault not in CODES and fault != "slow"]
TOLD: dict[type[Outcome], str] = {Done: "made", Refused: "not made", Unknown: "a person checks"}
TABLE = {
    what: (told, int(cards))
    for what, told, cards in re.findall(r"^\| ([^|]+) \| ([^|]+) \| (\d) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
}


def test_the_page_tells_of_every_message_and_every_fault() -> None:
    assert sorted(TABLE) == sorted([*CUTS, *FAULTS, "ED"])


async def ended(locks: LockSystem, driver: IndustryStandard, record: Record, step: int) -> str:
    """What becomes of one step, in the words of the page. What is tried again must end with one card."""
    try:
        outcome = await carried(driver, record.attempt(), record, step, keys=2)
    except Away:
        assert record.written == []
        await settled(locks)
        assert locks.effects == []
        again = await carried(driver_at(locks), record.attempt(), record, step, keys=2)
        assert isinstance(again, Done)
        assert len(locks.effects) == 1
        locks.effects.clear()
        return "tried again"
    await settled(locks)
    if not isinstance(outcome, Done):
        may_be = "may have been cut on" if isinstance(outcome, Unknown) else "was not made."
        assert outcome.notes.startswith(f"Key {step} of 2 {may_be}")
    assert len(record.written) == 1
    return TOLD[type(outcome)]


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("what", CUTS)
async def test_a_link_cut_at_any_message_never_makes_two(
    locks: LockSystem, record: Record, what: str, step: int
) -> None:
    locks.checked_in.add("101")
    at, after = CUTS[what]
    async with cutting(locks, at, after) as cutter:
        told = await ended(locks, driver_of(f"127.0.0.1:{cutter.port}"), record, step)
    expected, cards = TABLE[what]
    assert told in expected.split(" or ")
    assert len(locks.effects) == cards


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("fault", [*FAULTS, "ED"])
async def test_no_fault_of_the_lock_system_makes_two(locks: LockSystem, record: Record, fault: str, step: int) -> None:
    locks.checked_in.add("101")
    locks.fail(fault)
    assert (await ended(locks, driver_at(locks), record, step), len(locks.effects)) == TABLE[fault]
    assert locks._faults == deque(), "the fault was committed"


async def test_the_link_breaks_after_an_order_was_turned_back_and_there_is_no_card(
    locks: LockSystem, record: Record
) -> None:
    locks.fail("nak")
    async with cutting(locks, 5, after=True) as cutter:
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
    # Not prepared, where it would be heard and passed over already.
    outcome = await driver.execute(key_task(), 1, {}, Record().attempt())
    assert isinstance(outcome, Refused), "the success that came first was the earlier order's"
    assert len(locks.effects) == 1


async def test_an_old_answer_before_the_acknowledgement_is_not_this_orders(locks: LockSystem, record: Record) -> None:
    locks.fail("old answer first")
    locks.fail("ED")
    assert isinstance(await cut(driver_at(locks), key_task(), record), Refused)
    assert (len(locks.orders), locks.effects) == (1, [])


async def test_what_was_said_before_the_order_left_does_not_turn_it_back(locks: LockSystem, record: Record) -> None:
    locks.fail("ready and not")
    assert isinstance(await driver_at(locks).execute(key_task(), 1, {}, record.attempt()), Done)
    assert (len(locks.orders), len(locks.effects)) == (1, 1)


async def test_a_damaged_answer_is_told_at_once(locks: LockSystem, record: Record) -> None:
    locks.fail("bad check byte")
    async with asyncio.timeout(5):
        assert isinstance(await cut(driver_at(locks, waits=60), key_task(), record), Unknown)


def test_a_doubt_says_what_another_key_would_do(locks: LockSystem) -> None:
    driver, task = driver_at(locks), key_task(key_count=3)
    first, further = (driver.doubt(task, step, {"Encoder": "Desk"}) for step in (1, 2))
    assert first == (
        "Key 1 of 3 may have been cut on the encoder Desk; try the card on the lock before making another. If it was cut, "
        "cards made earlier for the room may no longer open it, and a repeat would lock out this one."
    )
    assert further == (
        "Key 2 of 3 may have been cut on the encoder Desk; try the card on the lock before making another. A repeat of the "
        "whole command makes a new first key, which would lock out the cards made before."
    )
