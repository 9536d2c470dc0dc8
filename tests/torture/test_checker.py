"""The judgement alone: a small run in which nothing is wrong, then one thing after another."""

from dataclasses import replace

import pytest

from torture import hotel
from torture.adders import document
from torture.checker import judge
from torture.reading import Kept, KeptToken, Told, Truth
from torture.report import Outcome
from torture.witness import (
    DEFECT,
    DOUBLED,
    HALF,
    ILLEGAL,
    LOST,
    OUT_OF_ORDER,
    Add,
    Finding,
    Hearing,
    Report,
    TokenBatch,
    Witness,
)

PRINT, CUT, PAY = "print", "cut", "pay"


def kept(command_id: str, device_id: str, number: int, *states: str) -> Kept:
    times = tuple(f"2026-03-01T12:00:{place:02d}Z" for place in range(len(states)))
    content = document(number) if device_id == hotel.PRINTER else None
    return Kept(command_id, device_id, number, content, states[-1], states, times, "desk 1" if states[1:] else None)


def witness() -> Witness:
    """Three commands, two of them carried out; a listener at the printer; a batch that was changed."""
    seen = Witness({})
    seen.adds = {
        "a": Add(1, hotel.KIOSK, hotel.PRINTER, [PRINT]),
        "b": Add(2, hotel.KIOSK, hotel.CUTTER, [CUT]),
        "c": Add(3, hotel.TILL, hotel.TERMINAL, [PAY]),
        "d": Add(4, hotel.TILL, hotel.TERMINAL, given_up=True),
    }
    seen.reports = {
        PRINT: [Report("desk 1", "Processing", True), Report("desk 1", "Processed", True)],
        PAY: [Report("desk 1", "Received", False), Report("desk 1", "Processed", True)],
    }
    printed = [(PRINT, state) for state in ("Pending", "Processing", "Processing", "Processed")]
    seen.hearings = [
        Hearing("Printroom", hotel.PRINTROOM, True, 0, "6", printed),
        Hearing("Till", hotel.TILL, True, 4, "7", [(PAY, "Cancelled"), (PAY, "Processed")]),
        Hearing("Passer", hotel.PASSER, False, 0, "2", []),
    ]
    seen.batches = [TokenBatch(5, hotel.TOKEN_STAYS[0], 2, ["t1", "t2"], generation=1, asked=1)]
    return seen


def truth() -> Truth:
    commands = (
        kept(PRINT, hotel.PRINTER, 1, "Pending", "Processing", "Processed"),
        kept(CUT, hotel.CUTTER, 2, "Pending"),
        kept(PAY, hotel.TERMINAL, 3, "Pending", "Cancelled", "Processed"),
    )
    events = (
        Told(1, PRINT, hotel.PRINTER, "Pending"),
        Told(2, CUT, hotel.CUTTER, "Pending"),
        Told(3, PAY, hotel.TERMINAL, "Pending"),
        Told(4, PRINT, hotel.PRINTER, "Processing"),
        Told(5, PRINT, hotel.PRINTER, "Processing"),
        Told(6, PRINT, hotel.PRINTER, "Processed"),
        Told(7, PAY, hotel.TERMINAL, "Cancelled"),
        Told(8, PAY, hotel.TERMINAL, "Processed"),
    )
    tokens = (KeptToken("t1", 5, 1, True), KeptToken("t2", 5, 1, True))
    return Truth(events, {one.command_id: one for one in commands}, (PRINT, CUT, PAY), tokens)


def kinds(seen: Witness, said: Truth) -> set[str]:
    return {one.kind for one in judge(seen, said)}


def with_command(said: Truth, command: Kept) -> Truth:
    return replace(said, commands={**said.commands, command.command_id: command})


def history(command_id: str, *states: str) -> Truth:
    """The truth with another history of one command, and the events that go with it."""
    said = truth()
    old = said.commands[command_id]
    events = [one for one in said.events if one.command_id != command_id]
    events += [Told(10 + place, command_id, old.device_id, state) for place, state in enumerate(states)]
    said = with_command(replace(said, events=tuple(events)), kept(command_id, old.device_id, old.number, *states))
    return replace(said, commands={**said.commands, command_id: replace(said.commands[command_id], executor="desk 1")})


def silent() -> Witness:
    """The run without listeners."""
    seen = witness()
    seen.hearings = []
    return seen


def test_a_run_in_which_nothing_is_wrong_has_no_findings():
    assert list(judge(witness(), truth())) == []


def test_an_acknowledged_command_that_is_not_there_is_lost():
    said = truth()
    commands = {name: one for name, one in said.commands.items() if name != CUT}
    assert LOST in kinds(witness(), replace(said, commands=commands))
    assert kinds(witness(), replace(said, listed=(PRINT, PAY))) == {LOST}


def test_two_commands_of_one_key_are_doubled_also_when_nobody_was_told_of_the_second():
    said = with_command(truth(), kept("twin", hotel.CUTTER, 2, "Pending"))
    assert DOUBLED in kinds(witness(), said)
    assert kinds(witness(), replace(truth(), listed=(PRINT, CUT, PAY, PAY))) == {DOUBLED}


def test_a_doubt_that_was_left_alone_may_have_come_true_once():
    said = with_command(truth(), kept("late", hotel.TERMINAL, 4, "Pending"))
    said = replace(said, events=(*said.events, Told(9, "late", hotel.TERMINAL, "Pending")))
    assert kinds(silent(), said) == set()
    said = with_command(said, kept("later", hotel.TERMINAL, 4, "Pending"))
    said = replace(said, events=(*said.events, Told(10, "later", hotel.TERMINAL, "Pending")))
    assert kinds(silent(), said) == {DOUBLED}


def test_a_command_that_nobody_asked_for_or_that_holds_something_else_is_illegal():
    assert ILLEGAL in kinds(witness(), with_command(truth(), kept("x", hotel.CUTTER, 99, "Pending")))
    changed = replace(truth().commands[PRINT], document=document(2))
    assert kinds(witness(), with_command(truth(), changed)) == {ILLEGAL}


@pytest.mark.parametrize(
    ("command_id", "states", "found"),
    [
        (PRINT, ("Pending", "Processing", "Processed"), set()),
        (PRINT, ("Pending", "Processing"), {LOST}),
        (PRINT, ("Pending", "Processed"), {LOST}),
        (PRINT, ("Pending", "Received", "Processing", "Processed"), {ILLEGAL}),
        (PRINT, ("Pending", "Processing", "Processed", "Received"), {ILLEGAL}),
        (PRINT, ("Pending", "Processing", "Received", "Processed"), {ILLEGAL}),
        (PRINT, ("Processing", "Processed"), {ILLEGAL}),
        (PRINT, ("Pending", "Cancelled", "Processing", "Processed"), {ILLEGAL}),
        (PAY, ("Pending", "Processed"), set()),
        (PAY, ("Pending", "Cancelled"), {LOST}),
        (PAY, ("Pending", "Cancelled", "Cancelled", "Processed"), {ILLEGAL}),
        (PAY, ("Pending", "Processing", "Cancelled", "Processed"), {ILLEGAL}),
    ],
)
def test_histories_are_legal_and_equal_what_was_acknowledged(command_id: str, states: tuple[str, ...], found: set[str]):
    assert kinds(silent(), history(command_id, *states)) == found


def test_a_report_without_an_answer_may_have_been_written_or_not():
    seen = silent()
    seen.reports[PRINT][-1].acknowledged = None
    assert kinds(seen, history(PRINT, "Pending", "Processing")) == set()
    assert kinds(seen, history(PRINT, "Pending", "Processing", "Processed")) == set()


def test_two_takers_are_illegal():
    seen = witness()
    seen.reports[PRINT][1].executor = "desk 2"
    assert kinds(seen, truth()) == {ILLEGAL}
    other = replace(truth().commands[PRINT], executor="desk 3")
    assert kinds(witness(), with_command(truth(), other)) == {ILLEGAL}


def test_a_history_whose_times_go_back_is_out_of_order():
    command = truth().commands[PRINT]
    assert kinds(witness(), with_command(truth(), replace(command, times=command.times[::-1]))) == {OUT_OF_ORDER}


def test_an_event_that_was_not_written_is_lost():
    said = truth()
    assert kinds(silent(), replace(said, events=said.events[:-1])) == {LOST}


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        (["Pending", "Processing", "Processing", "Processed"], set()),
        (["Pending", "Processing", "Processed"], {LOST}),
        ([], {LOST}),
        (["Pending", "Pending", "Processing", "Processing", "Processed"], {DOUBLED}),
        (["Pending", "Processing", "Processed", "Processing"], {OUT_OF_ORDER}),
        (["Pending", "Processing", "Processing", "Processed", "Error"], {ILLEGAL}),
    ],
)
def test_a_listener_hears_everything_once_and_in_order(heard: list[str], found: set[str]):
    seen = witness()
    seen.hearings[0].heard = [(PRINT, state) for state in heard]
    assert kinds(seen, truth()) == found


def test_who_loses_a_device_now_and_then_may_miss_its_events_and_nothing_else():
    seen = witness()
    seen.hearings[2].heard = [(CUT, "Pending")]
    assert kinds(seen, truth()) == set()
    seen.hearings[2].heard = [(CUT, "Pending"), (CUT, "Pending")]
    assert kinds(seen, truth()) == {DOUBLED}
    seen.hearings[2].heard = [(PRINT, "Pending")]
    assert kinds(seen, truth()) == {ILLEGAL}


@pytest.mark.parametrize(
    ("tokens", "found"),
    [
        ([("t1", 1, True), ("t2", 1, True)], set()),
        ([], {LOST}),
        ([("t1", 1, True)], {HALF}),
        ([("t1", 1, True), ("t2", 0, True)], {HALF}),
        ([("t1", 1, True), ("t2", 1, False)], {HALF}),
        ([("t1", 0, True), ("t2", 0, True)], {LOST}),
        ([("t1", 1, False), ("t2", 1, False)], {ILLEGAL}),
        ([("t1", 1, True), ("t3", 1, True)], {LOST}),
        ([("t1", 1, True), ("t2", 1, True), ("t3", 1, True), ("t4", 1, True)], {DOUBLED}),
    ],
)
def test_token_batches_are_whole_or_absent(tokens: list[tuple[str, int, bool]], found: set[str]):
    said = replace(truth(), tokens=tuple(KeptToken(one, 5, generation, active) for one, generation, active in tokens))
    assert kinds(witness(), said) == found


def test_a_change_in_doubt_may_come_late_and_no_other():
    said = {
        value: replace(truth(), tokens=tuple(KeptToken(one, 5, value, True) for one in ("t1", "t2")))
        for value in (0, 1)
    }
    seen = witness()
    seen.batches[0].generation = seen.batches[0].asked = 2
    assert kinds(seen, said[1]) == {LOST}
    seen.batches[0].in_doubt = {1}
    assert kinds(seen, said[1]) == set()
    assert kinds(seen, said[0]) == {LOST}


def test_a_batch_that_was_deleted_stays_so():
    seen = witness()
    seen.batches[0].deleted = True
    assert kinds(seen, truth()) == {LOST}


def test_what_clients_found_themselves_counts():
    seen = witness()
    seen.find(DEFECT, "a 500")
    assert kinds(seen, truth()) == {DEFECT}


def outcome(**fields: object) -> Outcome:
    empty = {name: {} for name in ("operations", "refused", "faults", "least_in_flight", "observed")}
    return Outcome(
        **{"database": "sqlite", "seconds": 60, "seed": 7, "command": "again", "logs": "here", **empty, **fields}
    )  # type: ignore[arg-type]


def test_a_run_holds_when_it_counts_and_nothing_was_found():
    assert outcome().holds
    assert not outcome(void=["no full disk"]).holds
    assert not outcome(findings=[Finding(LOST, "one")]).holds


def test_the_table_tells_the_counts_the_seed_and_each_kind_of_finding():
    told = outcome(findings=[Finding(LOST, f"number {one}") for one in range(9)], faults={"kill": 3}).told()
    assert "| lost | 9 |" in told
    assert "| kill (at least 0 requests in flight) | 3 |" in told
    assert "seed 7. Again: `again`" in told
    assert "LOST: number 4" in told
    assert "LOST: and 4 more" in told
