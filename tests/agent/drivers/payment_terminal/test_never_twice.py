"""The answer is lost at every place where it can be lost, and the money taken is counted."""

import asyncio
import contextlib
from typing import Any

import pytest

from nightporter.agent.driver import Away, Done, Happened, Notes, Refused, Unknown
from nightporter.agent.drivers.payment_terminal import messages
from nightporter.agent.drivers.payment_terminal.messages import Apdu
from tests.agent.drivers.payment_terminal.desk import Desk


async def struck(desk: Desk, at: int, way: str) -> bool:
    """Execute, and have the line cut or the agent die at message ``at``; whether it came that far."""
    executing = asyncio.create_task(desk.execute(on_line=True))

    def die() -> None:
        executing.cancel()

    desk.line.strike(at, after=way.endswith("after"), do=desk.line.cut if way.startswith("cut") else die)
    with contextlib.suppress(Away, asyncio.CancelledError):
        await executing
    return len(desk.line.seen) >= at


@pytest.mark.parametrize("way", ["cut before", "cut after", "dies before", "dies after"])
@pytest.mark.parametrize("sold_before", [False, True])
async def test_no_message_can_be_lost_so_that_money_is_taken_twice_or_forgotten(way: str, sold_before: bool) -> None:
    at, seen = 0, []
    while True:
        at += 1
        async with Desk() as desk:
            if sold_before:
                desk.terminal.sell(999)
            if not await struck(desk, at, way):
                break
            seen.append(at)
            if not desk.journal.written:
                assert desk.effects == [], f"message {at}"
                continue
            async with asyncio.timeout(5):
                resolution = await desk.resolve()
                await desk.terminal.idle.wait()
            if desk.effects:
                assert desk.effects == ["payment"], f"message {at}"
                assert isinstance(resolution, Happened), f"message {at}: {resolution}"
            elif sold_before:
                assert isinstance(resolution, Refused), f"message {at}: {resolution}"
            else:  # a terminal that never told a last transaction proves nothing
                assert isinstance(resolution, Unknown), f"message {at}: {resolution}"
    assert len(seen) > 20


async def test_what_is_asked_for_is_on_the_disk_before_the_terminal_hears_of_it(desk: Desk) -> None:
    heard: list[list[int]] = []

    async def look(notes: Notes) -> None:
        heard.append([apdu.command for apdu in desk.line.seen])

    desk.journal.before_write = look
    await desk.execute(on_line=True)
    assert messages.PAYMENT not in heard[0]
    assert messages.STATUS_INFORMATION in heard[1]
    assert heard[1][-1] == messages.STATUS_INFORMATION, "its numbers are written before it is acknowledged"


async def test_nothing_is_asked_for_when_the_disk_fails(desk: Desk) -> None:
    async def fail(notes: Notes) -> None:
        raise OSError("no space")

    desk.journal.before_write = fail
    with pytest.raises(OSError, match="no space"):
        await desk.execute(on_line=True)
    assert messages.PAYMENT not in [apdu.command for apdu in desk.line.seen]
    assert desk.effects == []


@pytest.mark.parametrize(
    "fault",
    [
        "cut before the answer, going on",
        "cut after the answer",
        "cut after the status",
        "cut before the acknowledgement",
    ],
)
async def test_what_was_taken_is_found_at_the_terminal(desk: Desk, fault: str) -> None:
    desk.terminal.sell(999)
    desk.terminal.fail(fault)
    await desk.lose()
    found = await desk.resolve()
    assert isinstance(found, Happened)
    assert found.result is not None
    assert found.result["ReceiptNumber"] == desk.terminal.effects[0]["Receipt"]
    assert desk.effects == ["payment"]


async def test_what_is_found_taken_stops_nobody(desk: Desk) -> None:
    desk.terminal.sell(999)
    desk.terminal.fail("cut after the status")
    await desk.lose()
    driver = desk.driver(on_line=True)
    found = await driver.resolve(desk.task, 1, {}, desk.journal.written[-1], desk.journal.attempt())
    assert isinstance(found, Happened)
    assert messages.ABORT not in [apdu.command for apdu in desk.line.seen]


async def test_what_was_not_begun_is_refused_and_never_asked_for_again(desk: Desk) -> None:
    desk.terminal.sell(999)
    desk.terminal.fail("cut before the answer")
    await desk.lose()
    found = await desk.resolve()
    assert isinstance(found, Refused)
    assert "has taken nothing since" in found.notes
    assert desk.effects == []


async def test_a_terminal_that_does_not_answer_is_asked_what_it_did(desk: Desk) -> None:
    desk.terminal.sell(999)
    desk.terminal.fail("silent")
    with pytest.raises(Away, match="stopped answering"):
        await desk.driver(patience=0.05).execute(desk.task, 1, {}, desk.journal.attempt())
    assert isinstance(await desk.resolve(), Refused)


async def test_a_card_presented_after_the_link_dropped_is_waited_for(desk: Desk) -> None:
    desk.terminal.sell(999)
    desk.terminal.card.clear()
    desk.terminal.fail("cut after the answer")
    await desk.lose()

    async def present() -> None:
        desk.terminal.card.set()
        await desk.terminal.idle.wait()

    desk.while_pausing = present
    assert isinstance(await desk.resolve(), Happened)
    assert desk.effects == ["payment"]
    assert "The payment terminal is still busy; it is asked again until it is free." in desk.journal.told


async def test_a_terminal_that_stays_busy_leaves_it_open(desk: Desk) -> None:
    desk.terminal.card.clear()
    desk.terminal.fail("cut after the answer")
    await desk.lose()
    with pytest.raises(Away, match="busy"):
        await desk.resolve()
    assert desk.elapsed >= 180


async def test_no_card_can_be_charged_after_it_was_called_untaken(desk: Desk) -> None:
    """A terminal that answers while it still asks for a card is stopped first."""
    desk.terminal.sell(999)
    desk.terminal.answers_meanwhile = True
    desk.terminal.card.clear()
    desk.terminal.fail("cut after the answer")
    await desk.lose()
    await desk.terminal.waiting.wait()
    assert isinstance(await desk.resolve(), Refused)
    desk.terminal.card.set()
    await desk.terminal.idle.wait()
    assert desk.effects == []


async def test_a_card_presented_between_two_looks_counts(desk: Desk) -> None:
    desk.terminal.sell(999)
    desk.terminal.answers_meanwhile = True
    desk.terminal.card.clear()
    desk.terminal.fail("cut after the answer")
    await desk.lose()
    await desk.terminal.waiting.wait()

    def present() -> None:
        desk.terminal.card.set()

    driver = desk.driver(on_line=True)
    looked = 4 + 8  # the sign-on and the first look; then comes the next sign-on
    desk.line.strike(looked, after=False, do=present)
    found = await driver.resolve(desk.task, 1, {}, desk.journal.written[-1], desk.journal.attempt())
    await desk.terminal.idle.wait()
    assert isinstance(found, Happened if desk.effects else Refused)
    assert len(desk.effects) <= 1


async def test_a_terminal_with_a_card_inside_is_asked_again(desk: Desk) -> None:
    desk.terminal.sell(999)
    desk.terminal.fail("cut before the answer")
    desk.terminal.fail("card inside")
    await desk.lose()
    assert isinstance(await desk.resolve(), Refused)
    assert desk.elapsed > 0


async def test_a_terminal_that_gives_up_with_its_line_has_taken_nothing(desk: Desk) -> None:
    desk.terminal.sell(999)
    desk.terminal.goes_on = False
    desk.terminal.card.clear()
    desk.terminal.fail("cut after the answer")
    await desk.lose()
    assert isinstance(await desk.resolve(), Refused)
    assert desk.effects == []


async def test_a_decline_that_got_lost_is_told(desk: Desk) -> None:
    desk.terminal.sell(999)
    desk.terminal.fail("cut after the answer")
    desk.terminal.fail("declined")
    await desk.lose()
    found = await desk.resolve()
    assert isinstance(found, Refused)
    assert "the bank declined it (code 05)" in found.notes


async def test_what_the_terminal_took_back_is_for_a_person_to_see(desk: Desk) -> None:
    desk.terminal.sell(999)
    desk.terminal.fail("cut before the acknowledgement")
    desk.terminal.fail("reversing")
    await desk.lose()
    found = await desk.resolve()
    assert desk.effects == ["payment", "reversal"]
    assert isinstance(found, Unknown)
    assert "Look at the terminal's journal for 12.00 EUR" in found.notes


async def test_what_was_approved_and_then_told_to_have_failed_is_for_a_person_to_see(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = desk.terminal._try

    async def failing(line: Any, apdu: Apdu) -> bool:
        if apdu.command == messages.COMPLETION:
            failed = messages.packed({messages.RESULT: b"\x05", messages.AMOUNT: messages.decimal(1200, 6)})
            await ended(line, Apdu(messages.STATUS_INFORMATION, failed))
            return await ended(line, Apdu(messages.ABORTED, b"\x05"))
        return await ended(line, apdu)

    monkeypatch.setattr(desk.terminal, "_try", failing)
    outcome = await desk.execute()
    assert isinstance(outcome, Unknown)
    assert "approved 12.00 EUR and then broke off" in outcome.notes


async def test_another_sale_of_the_same_amount_is_not_taken_for_it(desk: Desk) -> None:
    desk.terminal.sell(999)
    desk.terminal.fail("cut before the answer")
    await desk.lose()
    desk.terminal.sell(1200)
    desk.terminal.sell(1200)
    assert isinstance(await desk.resolve(), Unknown)


async def test_a_single_sale_of_the_same_amount_is_the_one_thing_that_is_taken_for_it(desk: Desk) -> None:
    """Written down, because it is the assumption that docs/drivers/zvt.md tells: nobody else charges there meanwhile."""
    desk.terminal.sell(999)
    desk.terminal.fail("cut before the answer")
    await desk.lose()
    desk.terminal.sell(1200)
    assert isinstance(await desk.resolve(), Happened)


async def test_a_sale_between_baseline_and_charge_is_not_taken_for_it(desk: Desk) -> None:
    desk.terminal.sell(999)
    baseline = await desk.driver().prepare(desk.task, 1)
    assert isinstance(baseline, dict)
    desk.terminal.sell(1200)
    desk.terminal.fail("cut before the answer")
    with pytest.raises(Away):
        await desk.driver().execute(desk.task, 1, baseline, desk.journal.attempt())
    assert isinstance(await desk.resolve(), Refused)


async def test_a_terminal_that_keeps_no_receipt_leaves_it_unknown(desk: Desk) -> None:
    desk.terminal.fail("cut after the answer")
    desk.terminal.fail("forgetting", 2)
    await desk.lose()
    found = await desk.resolve()
    assert isinstance(found, Unknown)
    assert desk.effects == ["payment"]


async def test_a_terminal_that_is_gone_leaves_it_open(desk: Desk) -> None:
    desk.terminal.fail("cut after the answer")
    await desk.lose()
    await desk.terminal.close()
    with pytest.raises(Away, match="cannot be reached"):
        await desk.resolve()
    doubt = desk.driver().doubt(desk.task, 1, desk.journal.written[-1])
    assert "Look at the terminal's journal for 12.00 EUR before asking again." in doubt


async def test_a_charge_told_and_then_gone_from_the_terminal_is_unknown(desk: Desk) -> None:
    desk.terminal.sell(999)
    last = desk.terminal.last
    desk.terminal.fail("cut after the status")
    await desk.lose()
    desk.terminal.last = last
    found = await desk.resolve()
    assert isinstance(found, Unknown)
    assert "(receipt 472)" in found.notes


async def test_a_charge_is_done_once_where_nothing_is_lost(desk: Desk) -> None:
    assert isinstance(await desk.execute(), Done)
    assert desk.effects == ["payment"]
