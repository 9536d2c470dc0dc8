"""The same driver at a queue of a real CUPS, in front of ``ippeveprinter``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from nightporter.agent.driver import Done, Happened, NotHappened, Refused
from tests.agent.drivers.printer.carrying import Journal, carry, driving, settle, task
from tests.agent.peers.cupsd import Queues, cupsd
from tests.agent.peers.ippeveprinter import Printer, ippeveprinter
from tests.end_to_end.pdf import real_pdf

TELLS = 'echo "$IPP_COPIES" >> "$(dirname "$0")/told"'


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[tuple[Queues, Printer]]:
    async with ippeveprinter(folder / "printer", TELLS) as printer, cupsd() as queues:
        await queues.add("desk", printer.uri)
        yield queues, printer


async def test_a_document_goes_through_the_queue_and_the_end_is_told_when_the_printer_has_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as (queues, printer), driving(queues.uri("desk")) as driver:
        assert (await driver.probe()).problems == ()
        outcome = await carry(driver, task(tmp_path, real_pdf(3, seed=1), copies=2), Journal())
        assert isinstance(outcome, Done), outcome
        assert outcome.result is not None
        assert outcome.result["JobUri"].endswith(f"/jobs/{outcome.result['JobId']}")
        assert len(printer.documents()) == 1
        assert (tmp_path / "printer" / "told").read_text().split() == ["2"], "it is the printer that makes the copies"


async def test_a_paused_queue_is_told_and_resumed_it_goes_on(tmp_path: Path) -> None:
    async with desk(tmp_path) as (queues, printer), driving(queues.uri("desk")) as driver:
        await queues.disable("desk")
        assert any("paused" in one for one in (await driver.probe()).problems)
        journal = Journal()
        carrying = asyncio.create_task(carry(driver, task(tmp_path, real_pdf(1, seed=2)), journal))
        await journal.hears("The printer is paused", carrying)
        assert printer.documents() == []
        await queues.enable("desk")
        assert isinstance(await carrying, Done)
        assert len(printer.documents()) == 1


async def test_a_job_cancelled_in_a_paused_queue_was_never_printed(tmp_path: Path) -> None:
    async with desk(tmp_path) as (queues, printer), driving(queues.uri("desk")) as driver:
        await queues.disable("desk")
        journal = Journal()
        carrying = asyncio.create_task(carry(driver, task(tmp_path, real_pdf(1, seed=2)), journal))
        await journal.hears("paused", carrying)
        journal.cancelled.set()
        outcome = await carrying
        assert isinstance(outcome, Refused), outcome
        assert outcome.is_cancelled
        assert printer.documents() == []


async def test_the_history_of_the_queue_tells_what_became_of_a_job(tmp_path: Path) -> None:
    async with desk(tmp_path) as (queues, printer), driving(queues.uri("desk")) as driver:
        journal, one = Journal(), task(tmp_path, real_pdf(1, seed=3))
        baseline = await driver.prepare(one, 1)
        assert not isinstance(baseline, Refused)
        outcome = await driver.execute(one, 1, baseline, journal.attempt())
        assert isinstance(outcome, Done), outcome
        found = await settle(driver, one, baseline, journal)
        assert found == Happened(outcome.notes, outcome.result)
        # Without the number, the name alone finds it, as after a crash that came before the number was written down.
        journal.references.append({"stage": "print", "job-name": one.command_id})
        assert await settle(driver, one, baseline, journal) == found
        assert len(printer.documents()) == 1


async def test_an_empty_job_is_taken_off_the_queue(tmp_path: Path) -> None:
    async with desk(tmp_path) as (queues, printer), driving(queues.uri("desk")) as driver:
        journal, one = Journal(), task(tmp_path, real_pdf(1, seed=3))
        baseline = await driver.prepare(one, 1)
        assert not isinstance(baseline, Refused)
        attempt = journal.attempt()

        async def written(reference: dict[str, object]) -> None:
            journal.references.append(reference)
            if reference["stage"] == "send":
                raise KeyError("the agent dies")

        attempt._write = written
        with suppress(KeyError):
            await driver.execute(one, 1, baseline, attempt)
        assert [one["stage"] for one in journal.references] == ["create", "send"]
        assert isinstance(await settle(driver, one, baseline, journal), NotHappened)
        assert isinstance(await carry(driver, one), Done)
        assert len(printer.documents()) == 1
