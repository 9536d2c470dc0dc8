"""Cut at every message, killed at every step: the simulator counts what came out, and it is never two."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nightporter.agent.driver import Attempt, Away, Done, Happened, Notes, NotHappened, Refused, Unknown
from nightporter.agent.drivers.printer.messages import Group, Message
from nightporter.agent.drivers.printer.operations import JobState
from nightporter.agent.drivers.printer.simulator import PrinterSimulator
from tests.agent.drivers.printer.carrying import DEADLINE, PDF, Journal, carry, driving, settle, task

IN_TWO = (
    "get-printer-attributes",
    "validate-job",
    "create-job",
    "get-job-attributes",
    "send-document",
)
IN_ONE = ("get-printer-attributes", "validate-job", "print-job", "get-job-attributes")
CUTS = ("cut-before", "cut-after", "garbage")


def printed(simulator: PrinterSimulator) -> int:
    """How often something came out."""
    return sum(one["Effect"].startswith("printed") for one in simulator.effects)


@pytest.mark.parametrize("operation", IN_TWO)
@pytest.mark.parametrize("cut", CUTS)
async def test_a_cut_link_prints_once_where_the_printer_makes_jobs(tmp_path: Path, operation: str, cut: str) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        simulator.fail(f"{operation}-{cut}")
        outcome = await carry(driver, task(tmp_path))
        assert isinstance(outcome, Done | Happened), outcome
        assert printed(simulator) == 1
        assert all(job.state in (7, 9) for job in simulator.jobs.values()), "nothing is left to block the printer"


@pytest.mark.parametrize("operation", IN_ONE)
@pytest.mark.parametrize("cut", CUTS)
async def test_a_cut_link_prints_at_most_once_where_it_does_not(tmp_path: Path, operation: str, cut: str) -> None:
    async with PrinterSimulator(creates_jobs=False) as simulator, driving(simulator.uri) as driver:
        simulator.fail(f"{operation}-{cut}")
        outcome = await carry(driver, task(tmp_path))
        if (operation, cut) == ("print-job", "cut-before"):
            assert isinstance(outcome, Unknown), "nobody can tell whether it had arrived"
            assert printed(simulator) == 0
        else:
            assert isinstance(outcome, Done | Happened), outcome
            assert printed(simulator) == 1


@pytest.mark.parametrize("creates_jobs", [True, False])
async def test_a_link_cut_within_the_document(tmp_path: Path, creates_jobs: bool) -> None:
    async with PrinterSimulator(creates_jobs=creates_jobs) as simulator, driving(simulator.uri) as driver:
        simulator.fail("send-document-cut-within" if creates_jobs else "print-job-cut-within")
        outcome = await carry(driver, task(tmp_path, PDF * 20))
        assert isinstance(outcome, Done | Happened if creates_jobs else Unknown), outcome
        assert printed(simulator) == (1 if creates_jobs else 0)


async def test_a_poll_that_is_lost_again_and_again_changes_nothing(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        simulator.fail("send-document-cut-after")
        simulator.fail("get-printer-attributes-cut-before", 3)
        simulator.fail("get-job-attributes-garbage", 3)
        assert isinstance(await carry(driver, task(tmp_path)), Happened)
        assert printed(simulator) == 1


async def test_a_printer_that_forgot_the_job_leaves_it_unknown(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        simulator.fail("forgets-jobs")
        outcome = await carry(driver, task(tmp_path))
        assert isinstance(outcome, Unknown), outcome
        assert printed(simulator) == 0


async def test_after_a_restart_a_strangers_job_with_the_same_number_is_not_ours(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver, driving(simulator.uri) as stranger:
        one, journal = task(tmp_path), Journal()
        baseline = await driver.prepare(one, 1)
        assert not isinstance(baseline, Refused)
        assert isinstance(await driver.execute(one, 1, baseline, journal.attempt()), Done)
        simulator.restart()
        assert isinstance(await carry(stranger, task(tmp_path)), Done)
        assert [job.id for job in simulator.jobs.values()] == [journal.references[-1]["job-id"]]
        assert isinstance(await settle(driver, one, baseline, journal), Unknown)
        assert printed(simulator) == 2


async def test_another_printer_at_the_address_knows_nothing_of_the_job(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        one, journal = task(tmp_path), Journal()
        baseline = await driver.prepare(one, 1)
        assert not isinstance(baseline, Refused)
        assert isinstance(await driver.execute(one, 1, baseline, journal.attempt()), Done)
        simulator.uuid = "urn:uuid:00000000-0000-4000-8000-000000000000"
        found = await settle(driver, one, baseline, journal)
        assert isinstance(found, Unknown)
        assert "Another printer" in found.notes


async def killed(simulator: PrinterSimulator, folder: Path, after: int, on_disk: int) -> tuple[Any, bool]:
    """Kill the agent once ``after`` requests arrived, or in the write before ``on_disk`` more; then carry on with a new one.

    Returns the outcome, and whether it was killed at all.
    """
    one, journal = task(folder), Journal()
    is_dead = asyncio.Event()
    attempt = journal.attempt()
    written: list[Notes] = []

    async def write(reference: Notes) -> None:
        if len(written) >= on_disk:
            is_dead.set()
            await asyncio.Event().wait()
        written.append(reference)
        journal.references.append(reference)

    attempt._write = write
    baseline: Any = None
    async with driving(simulator.uri) as driver:

        async def life() -> Any:
            nonlocal baseline
            baseline = await driver.prepare(one, 1)
            return await driver.execute(one, 1, baseline, attempt)

        living = asyncio.create_task(life())
        async with asyncio.timeout(DEADLINE):
            while not living.done() and not is_dead.is_set() and len(simulator.asked) < after:  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0)
        if living.done():
            return await living, False
        living.cancel()
        await asyncio.wait([living])
    async with driving(simulator.uri) as again:
        if journal.references:
            found = await settle(again, one, baseline, journal)
            if not isinstance(found, NotHappened):
                return found, True
        return await carry(again, one), True


@pytest.mark.parametrize("creates_jobs", [True, False])
async def test_an_agent_killed_after_any_request_prints_once(tmp_path: Path, creates_jobs: bool) -> None:
    after, deaths = 1, 0
    while True:
        async with PrinterSimulator(creates_jobs=creates_jobs) as simulator:
            outcome, was_killed = await killed(simulator, tmp_path, after, 9)
            assert isinstance(outcome, Done | Happened), (after, outcome)
            assert printed(simulator) == 1, after
        if not was_killed:
            break
        deaths += 1
        after += 1
    assert deaths >= 3


@pytest.mark.parametrize("on_disk", [0, 1])
async def test_an_agent_killed_before_its_journal_was_written_prints_once(tmp_path: Path, on_disk: int) -> None:
    async with PrinterSimulator() as simulator:
        outcome, was_killed = await killed(simulator, tmp_path, 10**6, on_disk)
        assert was_killed
        assert isinstance(outcome, Done | Happened), outcome
        assert printed(simulator) == 1
        assert all(job.state in (7, 9) for job in simulator.jobs.values()), "nothing is left to block the printer"


async def test_what_is_sent_is_on_the_disk_before(tmp_path: Path) -> None:
    """What the printer was asked when each note was written: nothing that it could not undo had left."""
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        one, seen = task(tmp_path), []
        attempt = Journal().attempt()

        async def write(reference: Notes) -> None:
            seen.append((reference["stage"], simulator.asked[-1]))

        attempt._write = write
        baseline = await driver.prepare(one, 1)
        assert not isinstance(baseline, Refused)
        assert isinstance(await driver.execute(one, 1, baseline, attempt), Done)
        assert seen == [("create", "get-printer-attributes"), ("send", "create-job")]
        assert simulator.asked.count("send-document") == 1


async def test_asking_has_no_effect(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        await driver.probe()
        assert not isinstance(await driver.prepare(task(tmp_path), 1), Refused)
        assert simulator.jobs == {}


async def test_a_printer_that_is_switched_off_is_away(tmp_path: Path) -> None:
    async with PrinterSimulator() as simulator:
        uri = simulator.uri
    async with driving(uri) as driver:
        with pytest.raises(Away, match="cannot be reached"):
            await driver.prepare(task(tmp_path), 1)


async def test_a_job_that_the_printer_closed_without_its_document_was_not_printed(tmp_path: Path) -> None:
    class Died(Exception):
        pass

    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        one, journal = task(tmp_path), Journal()

        async def dies(reference: Notes) -> None:
            journal.references.append(reference)
            if reference["stage"] == "send":
                raise Died

        baseline, attempt = await driver.prepare(one, 1), Attempt(dies, lambda *_: None)
        assert isinstance(baseline, dict)
        with pytest.raises(Died):
            await driver.execute(one, 1, baseline, attempt)
        simulator._end(simulator.jobs[1], JobState.COMPLETED, "job-completed-successfully")
        assert isinstance(await settle(driver, one, baseline, journal), Unknown)
        assert printed(simulator) == 0


async def test_a_job_that_was_closed_when_its_document_was_turned_down_was_not_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with PrinterSimulator() as simulator, driving(simulator.uri) as driver:
        cancel = simulator._cancel

        def close(message: Message, about: Group, document: bytes) -> Message:
            simulator._end(simulator.jobs[1], JobState.COMPLETED, "job-completed-successfully")
            return cancel(message, about, document)

        monkeypatch.setattr(simulator, "_cancel", close)
        simulator.fail("send-document-refused")
        assert isinstance(await carry(driver, task(tmp_path)), Unknown)
        assert printed(simulator) == 0
