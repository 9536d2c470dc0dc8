"""The driver at ``ippeveprinter``: a printer that nobody here wrote."""

import asyncio
import contextlib
from pathlib import Path

from nightporter.agent.driver import Done, NotHappened, Refused, Unknown
from nightporter.agent.drivers.printer.messages import Tag, attribute
from nightporter.agent.drivers.printer.operations import Operation
from tests.agent.drivers.printer.carrying import DEADLINE, PDF, Journal, carry, driving, settle, task
from tests.agent.peers.ippeveprinter import ippeveprinter
from tests.end_to_end.pdf import real_pdf

WAITS_FOR_FILE = 'while [ ! -e "$(dirname "$0")/go" ]; do sleep 0.05; done'


async def test_the_printer_gets_the_same_bytes_and_the_result_names_its_job(tmp_path: Path) -> None:
    document = real_pdf(40, seed=7)
    async with ippeveprinter(tmp_path / "printer") as printer, driving(printer.uri) as driver:
        probe = await driver.probe()
        assert probe.problems == ()
        assert "Front Desk" in probe.identity
        one = task(tmp_path, document)
        outcome = await carry(driver, one)
        assert isinstance(outcome, Done), outcome
        assert outcome.notes == "Printed."
        assert outcome.result is not None
        assert outcome.result["JobId"] == 1
        assert "Impressions" not in outcome.result, "it says 0, and it came out"
        assert [path.read_bytes() for path in printer.documents()] == [document]
        assert printer.documents()[0].name == f"1-{one.command_id}.pdf"


async def test_copies_are_made_by_the_printer(tmp_path: Path) -> None:
    tells = 'echo "$IPP_COPIES $IPP_JOB_NAME" >> "$(dirname "$0")/told"'
    async with ippeveprinter(tmp_path / "printer", tells) as printer, driving(printer.uri) as driver:
        one = task(tmp_path, copies=3)
        outcome = await carry(driver, one)
        assert isinstance(outcome, Done), outcome
        assert outcome.notes == "Printed, 3 copies."
        assert (tmp_path / "printer" / "told").read_text().split() == ["3", one.command_id]
        assert len(printer.documents()) == 1


async def test_jobs_appear_under_the_name_that_is_configured(tmp_path: Path) -> None:
    async with (
        ippeveprinter(tmp_path / "printer") as printer,
        driving(printer.uri, requesting_user="front-desk") as driver,
        driving(printer.uri) as other,
    ):
        for number, (one, user) in enumerate([(driver, "front-desk"), (other, "nightporter")], start=1):
            assert isinstance(await carry(one, task(tmp_path)), Done)
            asked = attribute(Tag.INTEGER, "job-id", number)
            told = await driver._jobs.ask(Operation.GET_JOB_ATTRIBUTES, asked)
            assert told.group(Tag.JOB).text("job-originating-user-name") == user


async def test_more_copies_than_it_makes_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with ippeveprinter(tmp_path / "printer") as printer, driving(printer.uri) as driver:
        outcome = await carry(driver, task(tmp_path, copies=100_000))
        assert isinstance(outcome, Refused)
        assert "copies of a document at a time" in outcome.notes
        assert printer.documents() == []


async def test_out_of_paper_is_told_and_refilled_it_goes_on(tmp_path: Path) -> None:
    async with ippeveprinter(tmp_path / "printer") as printer, driving(printer.uri) as driver:
        await printer.fill(0)
        assert any("out of paper" in one for one in (await driver.probe()).problems)
        journal = Journal()
        carrying = asyncio.create_task(carry(driver, task(tmp_path), journal))
        await journal.hears("The printer is out of paper (media-empty", carrying)
        assert not carrying.done()
        await printer.fill(250)
        assert isinstance(await carrying, Done)
        assert len(printer.documents()) == 1


async def test_without_paper_for_too_long_the_job_is_taken_off(tmp_path: Path) -> None:
    async with ippeveprinter(tmp_path / "printer") as printer, driving(printer.uri, waits=0.5) as driver:
        await printer.fill(0)
        journal = Journal()
        carrying = asyncio.create_task(carry(driver, task(tmp_path), journal))
        await journal.hears("called off", carrying)
        await printer.fill(250)  # this printer ends no job before it has paper
        outcome = await carrying
        assert isinstance(outcome, Refused), outcome
        assert not outcome.is_cancelled
        assert "out of paper" in outcome.notes
        assert isinstance(await carry(driver, task(tmp_path)), Done)


async def test_a_busy_printer_is_waited_for(tmp_path: Path) -> None:
    async with (
        ippeveprinter(tmp_path / "printer", WAITS_FOR_FILE) as printer,
        driving(printer.uri) as one,
        driving(printer.uri) as other,
    ):
        first, second = Journal(), Journal()
        earlier = asyncio.create_task(carry(one, task(tmp_path), first))
        await printing(first)
        later = asyncio.create_task(carry(other, task(tmp_path), second))
        await second.hears("server-error-busy", later)
        (tmp_path / "printer" / "go").touch()
        assert isinstance(await earlier, Done)
        assert isinstance(await later, Done)
        assert len(printer.documents()) == 2


async def test_a_job_that_the_printer_gives_up_is_not_called_printed(tmp_path: Path) -> None:
    says = ("STATE: +media-jam-error", "ATTR: job-impressions-completed=2", "STATE: -media-jam-error")
    script = "\n".join(f'echo "{one}" >&2' for one in says)
    async with ippeveprinter(tmp_path / "printer", f"{script}\nexit 1") as printer, driving(printer.uri) as driver:
        outcome = await carry(driver, task(tmp_path))
        assert isinstance(outcome, Unknown), outcome
        assert "Look what came out" in outcome.notes
        assert len(printer.documents()) == 1


async def test_a_cancelled_job_is_cancelled_at_the_printer(tmp_path: Path) -> None:
    async with ippeveprinter(tmp_path / "printer") as printer, driving(printer.uri) as driver:
        await printer.fill(0)
        journal = Journal()
        carrying = asyncio.create_task(carry(driver, task(tmp_path), journal))
        await journal.hears("out of paper", carrying)
        journal.cancelled.set()
        await journal.hears("called off", carrying)
        await printer.fill(250)
        outcome = await carrying
        assert isinstance(outcome, Refused), outcome
        assert outcome.is_cancelled


async def test_a_printer_killed_in_the_middle_of_a_job_leaves_it_unknown(tmp_path: Path) -> None:
    async with ippeveprinter(tmp_path / "printer", WAITS_FOR_FILE) as printer, driving(printer.uri) as driver:
        journal = Journal()
        carrying = asyncio.create_task(carry(driver, task(tmp_path), journal))
        await printing(journal)
        await printer.kill()
        await printer.start()
        outcome = await carrying
        assert isinstance(outcome, Unknown), outcome
        assert "switched off" in outcome.notes
        assert len(printer.documents()) == 1


async def test_an_agent_that_died_finds_its_job_again(tmp_path: Path) -> None:
    async with ippeveprinter(tmp_path / "printer", WAITS_FOR_FILE) as printer:
        journal, one = Journal(), task(tmp_path)
        async with driving(printer.uri) as driver:
            baseline = await driver.prepare(one, 1)
            assert not isinstance(baseline, Refused)
            carrying = asyncio.create_task(driver.execute(one, 1, baseline, journal.attempt()))
            await printing(journal)
            carrying.cancel()
        (tmp_path / "printer" / "go").touch()
        async with driving(printer.uri) as again:
            outcome = await settle(again, one, baseline, journal)
        assert (outcome.notes, outcome.result["JobId"]) == ("Printed.", 1)
        assert len(printer.documents()) == 1


async def test_an_agent_that_died_before_the_document_left_takes_the_empty_job_off(tmp_path: Path) -> None:
    async with ippeveprinter(tmp_path / "printer") as printer, driving(printer.uri) as driver:
        journal, one = Journal(), task(tmp_path)
        baseline = await driver.prepare(one, 1)
        assert not isinstance(baseline, Refused)
        attempt = journal.attempt()

        async def dies(reference: dict[str, object]) -> None:
            if reference["stage"] == "send":
                raise KeyError("the agent dies")
            journal.references.append(reference)

        attempt._write = dies
        with contextlib.suppress(KeyError):
            await driver.execute(one, 1, baseline, attempt)
        assert isinstance(await settle(driver, one, baseline, journal), NotHappened)
        assert isinstance(await carry(driver, one), Done), "the printer was free again"
        assert [path.read_bytes() for path in printer.documents()] == [PDF]


async def printing(journal: Journal) -> None:
    """Wait until the document was sent and the job looked at."""
    async with asyncio.timeout(DEADLINE):
        while not journal.told:
            journal.heard.clear()
            await journal.heard.wait()
