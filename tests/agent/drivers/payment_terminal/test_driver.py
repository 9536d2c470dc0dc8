import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from nightporter.agent.driver import Away, Done, Refused, Surroundings, Task, Unknown
from nightporter.agent.drivers.payment_terminal import KIND, codes, messages
from nightporter.agent.drivers.payment_terminal.charge import charge_of
from nightporter.agent.drivers.payment_terminal.driver import ZvtOptions
from nightporter.domain.sources import Sources
from tests.agent.drivers.payment_terminal.desk import GUEST, ID, NOW, ZONE, Desk, data


async def test_a_payment_is_taken(desk: Desk) -> None:
    done = await desk.execute()
    assert isinstance(done, Done)
    assert done.notes == "12.00 EUR were taken with Debit Mastercard. Receipt 471."
    assert done.result == {
        "Function": "Payment",
        "Amount": "12.00",
        "Currency": "EUR",
        "ReceiptNumber": 471,
        "TraceNumber": 1961,
        "TerminalId": "29500295",
        "CardName": "Debit Mastercard",
        "CardEnding": "4771",
        "AuthorisationAttribute": "611804",
        "ApplicationId": "A0000000041010",
        "TransactionTime": "2026-03-02T00:59:30+01:00",
    }
    assert desk.terminal.effects == [{"Effect": "payment", "Amount": "12.00", "Receipt": 471}]


async def test_an_amount_is_reserved(desk: Desk) -> None:
    desk.task = Task("command", NOW, data("230.50", payment_id=None, preauthorization_id=ID))
    done = await desk.execute()
    assert isinstance(done, Done)
    assert done.notes.startswith("230.50 EUR were reserved")
    assert desk.terminal.effects == [{"Effect": "reservation", "Amount": "230.50", "Receipt": 471}]


async def test_the_guest_is_followed_in_words(desk: Desk) -> None:
    await desk.execute()
    assert desk.journal.told == [
        "The payment terminal asks for 12.00 EUR.",
        "The terminal waits for the card.",
        "The terminal is working.",
        "The terminal waits for the bank.",
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (data(payment_id=None), "does not say whether"),
        (data(preauthorization_id=ID), "does not say whether"),
        (data("0"), "not above zero"),
        (data("-1"), "not above zero"),
        (data("NaN"), "not above zero"),
        (data("1.005"), "finer than EUR allows"),
        (data("10000000000"), "larger than"),
        (data(currency="CZK"), "takes EUR only"),
        (data(fee="1"), "asks for a fee"),
    ],
)
async def test_what_would_have_to_be_guessed_is_refused(desk: Desk, given: Any, says: str) -> None:
    refused = await desk.driver().prepare(Task("command", NOW, given), 1)
    assert isinstance(refused, Refused)
    assert says in refused.notes


def test_amounts_are_exact_in_the_smallest_unit() -> None:
    for text, minor in (("0.01", 1), ("12", 1200), ("1E+2", 10000), ("9999999999.99", 999_999_999_999), ("0.10", 10)):
        charge = charge_of(data(text, fee="0"), "EUR", True)
        assert not isinstance(charge, Refused)
        assert charge.minor == minor


async def test_reservations_can_be_switched_off(desk: Desk) -> None:
    task = Task("command", NOW, data(payment_id=None, preauthorization_id=ID))
    refused = await desk.driver(reservations=False).prepare(task, 1)
    assert isinstance(refused, Refused)
    assert "not reserved at this payment terminal" in refused.notes


@pytest.mark.parametrize("code", [0x05, *codes.RESULTS])
async def test_every_code_of_a_failed_payment_has_words_and_no_effect(desk: Desk, code: int) -> None:
    desk.terminal.fail(f"result {code:02X}")
    refused = await desk.execute()
    assert isinstance(refused, Refused)
    assert codes.reason(code) in refused.notes
    assert refused.is_cancelled == (code == codes.CALLED_OFF)
    assert desk.effects == []


async def test_a_declined_card_is_told(desk: Desk) -> None:
    desk.terminal.fail("declined")
    refused = await desk.execute()
    assert refused == Refused(
        "The payment of 12.00 EUR did not go through: the bank declined it (code 05). Nothing was taken."
    )


async def test_nobody_at_the_terminal_calls_it_off(desk: Desk) -> None:
    desk.terminal.fail("nobody came")
    refused = await desk.execute()
    assert isinstance(refused, Refused)
    assert refused.is_cancelled


@pytest.mark.parametrize("fault", ["split", "joined"])
async def test_how_messages_are_cut_into_segments_does_not_matter(desk: Desk, fault: str) -> None:
    desk.terminal.fail(fault)
    assert isinstance(await desk.execute(), Done)


async def test_what_the_terminal_still_had_to_say_is_passed_over(desk: Desk) -> None:
    desk.terminal.fail("still talking")
    assert isinstance(await desk.execute(), Done)


@pytest.mark.parametrize("fault", ["busy", "busy at the receipt"])
async def test_a_busy_terminal_is_away_before_anything_was_announced(desk: Desk, fault: str) -> None:
    desk.terminal.fail(fault)
    with pytest.raises(Away, match="busy"):
        await desk.driver().execute(desk.task, 1, {}, desk.journal.attempt())
    assert desk.journal.written == []


async def test_a_terminal_that_became_busy_refuses(desk: Desk) -> None:
    desk.terminal.fail("busy at the charge")
    refused = await desk.execute()
    assert isinstance(refused, Refused)
    assert "busy" in refused.notes
    assert desk.effects == []


async def test_a_terminal_of_another_currency_is_told_at_once(desk: Desk) -> None:
    refused = await desk.driver(currency="CHF").prepare(Task("command", NOW, data(currency="CHF")), 1)
    assert isinstance(refused, Refused)
    assert "does not take this currency" in refused.notes


async def test_another_amount_than_asked_for_is_for_a_person_to_see(desk: Desk) -> None:
    desk.terminal.fail("another amount")
    unknown = await desk.execute()
    assert isinstance(unknown, Unknown)
    assert "Look at its receipt 471" in unknown.notes


async def test_approved_and_broken_off_is_for_a_person_to_see(desk: Desk) -> None:
    desk.terminal.fail("broken off")
    assert isinstance(await desk.execute(), Unknown)


async def test_a_completion_without_a_word_is_asked_about(desk: Desk) -> None:
    desk.terminal.fail("no status")
    with pytest.raises(Away, match="did not say how"):
        await desk.execute()


async def test_what_is_called_off_before_is_not_begun(desk: Desk) -> None:
    attempt = desk.journal.attempt()
    attempt.cancelled.set()
    refused = await desk.execute(attempt=attempt)
    assert isinstance(refused, Refused)
    assert refused.is_cancelled
    assert desk.journal.written == []


async def test_what_is_called_off_while_waiting_for_the_card_is_stopped(desk: Desk) -> None:
    desk.terminal.card.clear()
    attempt = desk.journal.attempt()
    executing = asyncio.create_task(desk.execute(attempt=attempt))
    await desk.terminal.waiting.wait()
    attempt.cancelled.set()
    assert await executing == Refused(
        "It was called off while the payment terminal waited for a card. Nothing was taken.", is_cancelled=True
    )
    desk.terminal.card.set()
    await desk.terminal.idle.wait()
    assert desk.effects == []


async def test_what_is_called_off_after_the_card_is_finished(desk: Desk) -> None:
    attempt = desk.journal.attempt()
    at_the_bank = next(
        at for at, apdu in enumerate(await seen_of_a_payment(), 1) if apdu == messages.Apdu(0x04FF, b"\x04")
    )
    desk.line.strike(at_the_bank + 1, after=True, do=attempt.cancelled.set)
    assert isinstance(await desk.execute(on_line=True, attempt=attempt), Done)
    assert desk.effects == ["payment"]
    assert messages.ABORT not in [apdu.command for apdu in desk.line.seen]


async def seen_of_a_payment() -> list[messages.Apdu]:
    async with Desk() as desk:
        await desk.execute(on_line=True)
        return desk.line.seen


async def test_the_receipt_of_the_guest_before_is_not_printed_again(desk: Desk) -> None:
    desk.terminal.sell(999)
    await desk.execute()
    assert desk.terminal.printed == ["Receipt"]


async def test_nothing_is_printed_where_the_receipts_go_to_the_agent(desk: Desk) -> None:
    await desk.driver(config_byte=0xBE).execute(desk.task, 1, {}, desk.journal.attempt())
    assert desk.effects == ["payment"]
    assert desk.terminal.printed == []


async def test_no_guest_and_no_card_is_written_down(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    baseline = await desk.driver().prepare(desk.task, 1)
    done = await desk.execute()
    assert isinstance(done, Done)
    text = f"{baseline} {desk.journal.written} {desk.journal.told} {done.notes} {caplog.text}"
    for secret in (GUEST, "4771", "000000"):
        assert secret not in text
    msgspec.json.encode([baseline, desk.journal.written, done.result])


async def test_a_terminal_says_who_and_how_it_is(desk: Desk) -> None:
    probe = await desk.driver().probe()
    assert probe.identity == "ZVT terminal 29500295 1.0"
    assert probe.problems == ()


async def test_a_card_left_inside_is_a_problem(desk: Desk) -> None:
    desk.terminal.fail("card inside")
    assert (await desk.driver().probe()).problems == ("A card is still in the terminal; take it out.",)


async def test_a_terminal_that_lets_nobody_sign_on_is_a_problem(desk: Desk) -> None:
    desk.terminal.fail("no sign-on")
    assert (await desk.driver().probe()).problems == (
        "The terminal does not let the agent sign on: the terminal does not take this currency.",
    )


async def test_something_that_is_no_terminal_is_away(desk: Desk) -> None:
    desk.terminal.fail("garbage")
    with pytest.raises(Away, match="does not speak ZVT"):
        await desk.driver().probe()


async def test_a_terminal_that_is_switched_off_is_away(desk: Desk) -> None:
    await desk.terminal.close()
    with pytest.raises(Away, match="switched on"):
        await desk.driver().prepare(desk.task, 1)


def surroundings() -> Surroundings:
    async def pause(seconds: float) -> None:
        raise AssertionError

    return Surroundings(Sources(lambda: datetime.now(UTC), lambda: 0.0, lambda: ID, pause), ZONE, "Desk")


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": ""},
        {"address": "host:0"},
        {"address": "host:70000"},
        {"address": "zvt://host"},
        {"password": "12345"},
        {"password": "12345x"},
        {"currency": "XXX"},
        {"config_byte": 256},
        {"patience": 0.0},
        {"waits": -1.0},
    ],
)
def test_options_that_cannot_be_right_are_refused_in_words(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        KIND.make(ZvtOptions(**{"address": "host", **wrong}), surroundings())


def test_the_same_terminal_has_the_same_place() -> None:
    assert KIND.place(ZvtOptions(address="Terminal.Local")) == KIND.place(ZvtOptions(address="terminal.local:20007"))
    assert KIND.place(ZvtOptions(address="[::1]:1")) == "::1:1"


def test_the_password_is_not_printed() -> None:
    assert "271828" not in repr(ZvtOptions(address="host", password="271828"))
    assert list(ZvtOptions(address="host", password="271828").__rich_repr__()) == [
        ("address", "host"),
        ("currency", "EUR"),
    ]


def test_options_come_from_the_configuration() -> None:
    read = msgspec.convert({"address": "host", "waits": 60}, KIND.options)
    assert read == ZvtOptions(address="host", waits=60)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"address": "host", "wait": 60}, KIND.options)
