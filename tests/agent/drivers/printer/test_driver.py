"""What the driver makes of a printer that misbehaves as told, and what it tells a receptionist."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from nightporter.agent.driver import Away, Done, Happened, Refused, Unknown
from nightporter.agent.drivers.printer.driver import KIND, IppOptions
from nightporter.agent.drivers.printer.reasons import OF_PRINTER, sentence, stops
from nightporter.agent.drivers.printer.simulator import PrinterSimulator
from tests.agent.drivers.printer.carrying import PDF, SURROUNDINGS, Journal, carry, driving, settle, task


async def test_the_printer_gets_the_document_its_copies_and_its_name(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        one = task(tmp_path, copies=2)
        outcome = await carry(driver, one)
        assert simulator.effects == [
            {
                "Effect": "printed",
                "Name": one.command_id,
                "Copies": 2,
                "Sha256": hashlib.sha256(PDF).hexdigest(),
                "Size": len(PDF),
            }
        ]
        result = {"Printer": simulator.uri, "JobId": 1, "JobUri": f"{simulator.uri}/1", "Impressions": 4}
        assert outcome == Done("Printed, 2 copies.", result)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("paper-out", "The printer is out of paper (media-empty-error). Refill it; printing goes on by itself."),
        ("jam", "Paper is jammed in the printer (media-jam-error). Take it out and close all covers"),
    ],
)
async def test_what_holds_it_up_is_told_until_it_is_mended(tmp_path: Path, fault: str, told: str) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        simulator.fail(fault)
        journal = Journal()
        carrying = asyncio.create_task(carry(driver, task(tmp_path), journal))
        await journal.hears(told, carrying)
        simulator.mend()
        assert isinstance(await carrying, Done)
        assert 0 not in [percent for percent, _ in journal.told], "before the first page nothing is known"


@pytest.mark.parametrize("creates_jobs", [True, False])
async def test_a_printer_that_stops_taking_the_document_is_told_and_waited_for(
    tmp_path: Path, creates_jobs: bool
) -> None:
    simulated = PrinterSimulator(creates_jobs=creates_jobs)
    async with simulated as simulator, driving(simulator.uri, patience=0.3) as driver:
        simulator.fail("document-stalls")
        journal = Journal()
        carrying = asyncio.create_task(carry(driver, task(tmp_path, PDF * 100), journal))
        await journal.hears("The printer is out of paper", carrying)
        simulator.mend()
        assert isinstance(await carrying, Done)
        assert len(simulator.effects) == 1


async def test_progress_counts_pages_and_never_says_all(tmp_path: Path) -> None:
    async with PrinterSimulator(pages=4) as simulator, driving(simulator.uri) as driver:
        simulator.fail("jam")
        journal = Journal()
        carrying = asyncio.create_task(carry(driver, task(tmp_path, copies=2), journal))
        await journal.hears("jam", carrying)
        assert journal.told[-1][0] == 12.5
        simulator.mend()
        assert isinstance(await carrying, Done)
        assert max(percent or 0 for percent, _ in journal.told) < 100


async def test_a_job_given_up_in_the_middle_is_unknown(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        simulator.fail("abort")
        outcome = await carry(driver, task(tmp_path))
        assert isinstance(outcome, Unknown)
        assert outcome.notes == (
            "The printer gave the job up (aborted-by-system). The job was not printed to its end after 1 page. "
            "Look what came out of the printer before you print it again."
        )


async def test_cancelled_before_it_began_nothing_is_asked(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        one, journal = task(tmp_path), Journal()
        baseline = await driver.prepare(one, 1)
        assert not isinstance(baseline, Refused)
        journal.cancelled.set()
        outcome = await driver.execute(one, 1, baseline, journal.attempt())
        assert isinstance(outcome, Refused)
        assert outcome.is_cancelled
        assert journal.references == []
        assert simulator.jobs == {}


@pytest.mark.parametrize(("fault", "expected"), [("paper-out", Refused), ("jam", Unknown)])
async def test_cancelled_meanwhile_it_is_cancelled_at_the_printer(tmp_path: Path, fault: str, expected: Any) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        simulator.fail(fault)
        journal = Journal()
        carrying = asyncio.create_task(carry(driver, task(tmp_path), journal))
        await journal.hears("The printer is out of paper" if fault == "paper-out" else "jammed", carrying)
        journal.cancelled.set()
        outcome = await carrying
        assert isinstance(outcome, expected), outcome
        assert "cancelled" in outcome.notes
        assert simulator.jobs[1].state == 7
        if isinstance(outcome, Refused):
            assert outcome.is_cancelled
            assert simulator.effects == []
        else:
            assert "after 1 page" in outcome.notes


async def test_a_cancellation_that_comes_too_late_is_told_as_printed(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        simulator.fail("paper-out")
        simulator.fail("cancel-job-cut-before")
        journal = Journal()
        one = task(tmp_path)
        baseline = await driver.prepare(one, 1)
        assert not isinstance(baseline, Refused)
        carrying = asyncio.create_task(driver.execute(one, 1, baseline, journal.attempt()))
        await journal.hears("out of paper", carrying)
        journal.cancelled.set()
        with pytest.raises(Away):
            await carrying
        simulator.mend()
        assert isinstance(await settle(driver, one, baseline, journal), Happened)
        assert len(simulator.effects) == 1


@pytest.mark.parametrize(("fault", "expected"), [("paper-out", Refused), ("jam", Unknown)])
async def test_what_stands_still_for_too_long_is_called_off(tmp_path: Path, fault: str, expected: Any) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri, waits=0.3) as driver:
        simulator.fail(fault)
        outcome = await carry(driver, task(tmp_path))
        assert isinstance(outcome, expected), outcome
        assert "stood still" in outcome.notes
        assert "It had said: " in outcome.notes
        assert not getattr(outcome, "is_cancelled", False)
        assert simulator.jobs[1].state == 7


async def test_a_slow_job_is_not_called_off(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri, waits=0.1) as driver:
        simulator.fail("slow")
        journal = Journal()
        carrying = asyncio.create_task(carry(driver, task(tmp_path), journal))
        while len(journal.told) < 12:
            await asyncio.wait_for(journal.heard.wait(), 10)
            journal.heard.clear()
        simulator.mend()
        assert isinstance(await carrying, Done)


async def test_a_busy_printer_is_waited_for_and_given_up_in_the_end(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri, waits=0.3) as driver:
        simulator.fail("busy", 2)
        journal = Journal()
        assert isinstance(await carry(driver, task(tmp_path), journal), Done)
        assert journal.statuses() == [
            "The printer is busy or takes no jobs (server-error-busy). This one waits for its turn."
        ]
        simulator.fail("busy", 1000)
        outcome = await carry(driver, task(tmp_path))
        assert isinstance(outcome, Refused)
        assert "Nothing was printed" in outcome.notes
        assert len(simulator.effects) == 1


async def test_a_busy_wait_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri, poll=30) as driver:
        simulator.fail("busy", 2)
        journal = Journal()
        carrying = asyncio.create_task(carry(driver, task(tmp_path), journal))
        await journal.hears("server-error-busy", carrying)
        journal.cancelled.set()
        outcome = await asyncio.wait_for(carrying, 10)
        assert isinstance(outcome, Refused)
        assert outcome.is_cancelled


@pytest.mark.parametrize("creates_jobs", [True, False])
async def test_an_error_of_the_printer_prints_nothing_or_is_asked_for(tmp_path: Path, creates_jobs: bool) -> None:
    async with PrinterSimulator(creates_jobs=creates_jobs) as simulator, driving(simulator.uri) as driver:
        simulator.fail("send-document-refused" if creates_jobs else "print-job-refused")
        outcome = await carry(driver, task(tmp_path))
        assert isinstance(outcome, Refused if creates_jobs else Unknown), outcome
        assert simulator.effects == []
        simulator.fail("create-job-refused" if creates_jobs else "validate-job-refused")
        assert isinstance(await carry(driver, task(tmp_path)), Done), "that may pass by, and is tried again"


async def test_what_it_cannot_print_is_refused_with_advice(tmp_path: Path) -> None:
    async with PrinterSimulator(formats=("image/pwg-raster",)) as simulator, driving(simulator.uri) as driver:
        outcome = await carry(driver, task(tmp_path))
        assert isinstance(outcome, Refused)
        assert "Set up a CUPS queue" in outcome.notes
        (problem,) = (await driver.probe()).problems
        assert outcome.notes == f"{problem} Nothing was printed."
        assert simulator.asked == ["get-printer-attributes"] * 2


@pytest.mark.parametrize(
    ("most", "told"), [(5, "at most 5 copies"), (1, "at most one copy"), (None, "at most one copy")]
)
async def test_more_copies_than_it_makes_are_refused(tmp_path: Path, most: int | None, told: str) -> None:
    async with PrinterSimulator(most_copies=most) as simulator, driving(simulator.uri) as driver:
        outcome = await carry(driver, task(tmp_path, copies=6))
        assert isinstance(outcome, Refused)
        assert told in outcome.notes
        assert outcome.notes.endswith("Print fewer at a time. Nothing was printed.")
        assert isinstance(await carry(driver, task(tmp_path, copies=1)), Done)
        assert len(simulator.effects) == 1


async def test_an_empty_document_is_refused(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        assert await carry(driver, task(tmp_path, b"")) == Refused(
            "The command has no document. Nothing was printed. Print it again."
        )


async def test_copies_that_the_printer_passes_over_as_it_prints_are_told_and_never_made_up_for(tmp_path: Path) -> None:
    told = (
        "Printed. The printer took no notice of the number of copies: fewer than 3 may have come out. "
        "Look before you print more."
    )
    async with PrinterSimulator(creates_jobs=False) as simulator, driving(simulator.uri) as driver:
        simulator.fail("ignores-copies", 2)
        journal, one = Journal(), task(tmp_path, copies=3)
        baseline = await driver.prepare(one, 1)
        assert not isinstance(baseline, Refused)
        outcome = await driver.execute(one, 1, baseline, journal.attempt())
        assert isinstance(outcome, Done), outcome
        assert outcome.notes == told
        assert await settle(driver, one, baseline, journal) == Happened(told, outcome.result), "after a crash as well"
        single = await carry(driver, task(tmp_path))
        assert single.notes == "Printed."
        assert [one["Copies"] for one in simulator.effects] == [1, 1]


async def test_copies_that_the_printer_passes_over_before_it_has_the_document_are_refused(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        simulator.fail("ignores-copies")
        outcome = await carry(driver, task(tmp_path, copies=3))
        assert outcome == Refused("The printer does not make so many copies. Nothing was printed. Print it in parts.")
        assert simulator.effects == []
        assert simulator.jobs[1].state == 7


async def test_a_printer_that_counts_no_pages_is_not_told_to_have_printed_none(tmp_path: Path) -> None:
    async with PrinterSimulator(pages=0) as simulator, driving(simulator.uri) as driver:
        journal = Journal()
        outcome = await carry(driver, task(tmp_path), journal)
        assert isinstance(outcome, Done), outcome
        assert outcome.result is not None
        assert "Impressions" not in outcome.result
        assert {percent for percent, _ in journal.told} <= {None}


@pytest.mark.parametrize("end", ["", "-error", "-warning", "-report"])
def test_every_reason_is_told_in_sentences_with_the_printers_own_word(end: str) -> None:
    for name in OF_PRINTER:
        told = sentence([name + end], [])
        assert told is not None
        assert f" ({name}{end}). " in told
        assert told.endswith(".")
    assert sentence(["none-of-ours"], ["job-printing"]) is None


def test_what_stops_it_is_told_before_what_does_not() -> None:
    told = sentence(["toner-low-warning", "media-jam-error"], [])
    assert told is not None
    assert told.startswith("Paper is jammed in the printer (media-jam-error).")
    assert stops(["media-jam-error"], [])
    assert not stops(["toner-low-warning"], ["job-printing"])


async def test_doubt_says_what_to_check(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        one = task(tmp_path)
        assert "nothing was printed" in driver.doubt(one, 1, {"stage": "create"})
        assert "Look what came out" in driver.doubt(one, 1, {"stage": "send"})
        assert driver.steps(one) == 1


async def test_neither_the_journal_nor_what_is_told_holds_the_document(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        one, journal = task(tmp_path, b"%PDF-1.7 Ada Lovelace"), Journal()
        baseline = await driver.prepare(one, 1)
        assert not isinstance(baseline, Refused)
        outcome = await driver.execute(one, 1, baseline, journal.attempt())
        assert "Lovelace" not in f"{baseline} {journal} {outcome}"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"uri": "http://10.0.0.5/"}, "ipp://"),
        ({"uri": "ipp:///ipp/print"}, "name a host"),
        ({"uri": "ipp://me:secret@10.0.0.5/ipp/print"}, "without user"),
        ({"uri": "ipp://10.0.0.5/ipp/print", "poll": 0}, "more than 0"),
        ({"uri": "ipp://10.0.0.5/ipp/print", "requesting_user": ""}, "requesting_user"),
        ({"uri": "ipp://10.0.0.5/ipp/print", "certificate": "printer.pem"}, "not encrypted"),
        ({"uri": "ipps://10.0.0.5/ipp/print", "certificate": "nowhere.pem"}, "nowhere.pem holds no certificate"),
    ],
)
def test_options_that_cannot_be_right_are_refused_in_one_sentence(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told) as raised:
        KIND.make(IppOptions(**options), SURROUNDINGS)
    assert "secret" not in str(raised.value)


def test_the_same_printer_is_the_same_place() -> None:
    uris = ("ipp://Printer.local/ipp/print", "ipps://printer.local:631/ipp/print")
    assert {KIND.place(IppOptions(uri=uri)) for uri in uris} == {"printer.local:631/ipp/print"}
    assert KIND.place(IppOptions(uri="ipp://localhost/printers/a")) != KIND.place(
        IppOptions(uri="ipp://localhost/printers/b")
    )
