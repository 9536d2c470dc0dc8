"""The queue from the command line: listed, followed, cancelled and added again, at a desk that runs."""

import base64
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from nightporter.cli.announcing import announce, withdraw
from nightporter.storage.lock import DatabaseLock
from tests.cli.program import Ran, Started, run, started
from tests.harness import RunningDesk

WAITING = "aa20961f-6d9e-4b35-ad25-071213530aec"
"""A printer command of the demo that waits from the start, on "Test Printer"."""
TOKEN = "of this start"
Typed = Callable[..., Awaitable[Ran]]


@pytest.fixture
def announced(desk: RunningDesk) -> Iterator[RunningDesk]:
    """The desk of the test as a server of its own would be found: its database is locked, its address told."""
    desk.desk.recognition.trust(TOKEN)
    with DatabaseLock(desk.database):
        announce(desk.database, desk.address, TOKEN)
        yield desk
        withdraw(desk.database)


@pytest.fixture
def typed(announced: RunningDesk) -> Typed:
    async def run_here(*words: str) -> Ran:
        return await run("commands", *words, NIGHTPORTER_DATABASE=str(announced.database))

    return run_here


def told(ran: Ran) -> list[dict[str, Any]]:
    assert (ran.code, ran.err) == (0, ""), ran
    return [json.loads(line) for line in ran.out.splitlines()]


async def state_of(desk: RunningDesk, command_id: str) -> str:
    (command,) = (await desk.call("commands/getAllByIds", CommandIds=[command_id])).json()["Commands"]
    state: str = command["State"]
    return state


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], True),
        (["--type", "printer", "--state", "pending", "--state", "Received"], True),
        (["--device", "Test Printer", "--since", "2015-09-01", "--until", "2015-10-01T00:00Z"], True),
        (["--type", "KeyCutter"], False),
        (["--state", "Processed"], False),
        (["--since", "2025-12-01", "--until", "2025-12-02"], False),
        (["--text", "no such words"], False),
        (["--enterprise", "4d0201db-36f5-428b-8d11-4f0a65e960cc"], False),
    ],
)
async def test_the_queue_is_listed_by_what_is_given(typed: Typed, words: list[str], found: bool) -> None:
    commands = told(await typed("list", "--json", *words))
    assert (WAITING in {command["Id"] for command in commands}) is found


async def test_a_list_tells_the_device_and_no_more_than_was_asked_for(typed: Typed) -> None:
    (line,) = (await typed("list", "--device", "Test Printer", "--limit", "1")).out.splitlines()
    assert line.split("\t")[0:1] + line.split("\t")[2:4] == [WAITING, "Pending", "Test Printer"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--since", "2026-03-02", "--until", "2026-03-01"], "--until must be after --since"),
        (["--since", "2020-01-01"], "at most three months"),
        (["--since", "yesterday"], "--since is not a time; write it like 2026-03-01T14:00Z"),
    ],
)
async def test_a_time_that_cannot_be_listed_is_refused(typed: Typed, words: list[str], reason: str) -> None:
    refused = await typed("list", *words)
    assert (refused.code, reason in refused.err) == (2, True), refused.err


async def test_a_command_is_cancelled_once_and_added_again(typed: Typed, announced: RunningDesk) -> None:
    done = await typed("cancel", WAITING, "--notes", "The paper is out")
    assert (done.code, done.out) == (0, f"{WAITING}\n")
    assert await state_of(announced, WAITING) == "Cancelled"
    (command,) = told(await typed("list", "--json", "--text", "paper"))
    assert (command["Id"], command["EndedBy"]) == (WAITING, "Administrator")
    ended = await typed("cancel", WAITING)
    assert (ended.code, ended.err) == (1, f"nightporter: ended already: {WAITING}\n")
    again = (await typed("again", WAITING, "-q")).out.strip()
    assert again != WAITING
    assert await state_of(announced, again) == "Pending"
    waits = await typed("again", again)
    assert (waits.code, "waits still; cancel it first" in waits.err) == (1, True)


BILL = "12345678-1234-1234-1234-123456789012"
MACHINE = "Fiscal Printer FP-002"


async def data_of(desk: RunningDesk, ran: Ran) -> dict[str, Any]:
    (added,) = told(ran)
    (command,) = (await desk.call("commands/getAllByIds", CommandIds=[added["CommandId"]])).json()["Commands"]
    assert command["State"] == "Pending"
    data: dict[str, Any] = command["Data"]
    return data


async def test_a_bill_is_fiscalised_by_its_id_and_from_a_file(
    typed: Typed, announced: RunningDesk, tmp_path: Path
) -> None:
    fiscalise = ("add-fiscal-machine", "--machine", MACHINE, "--json")
    by_id = await data_of(announced, await typed(*fiscalise, "--bill", BILL))
    assert (by_id["FiscalMachineId"], by_id["Bill"]["Id"]) == ("FM-002", BILL)
    sale = by_id["BillFiscalMachineData"]
    assert (sale["Value"]["IsRefund"], by_id["PayloadData"]) == (False, None)
    bill, receipt, refund = tmp_path / "bill.json", tmp_path / "receipt.bin", tmp_path / "refund.json"
    bill.write_text(json.dumps(by_id["Bill"]))
    receipt.write_bytes(b"\x00receipt\xff")
    refund.write_text(json.dumps({**sale, "Value": {"IsRefund": True, "RebatedReceiptNumber": "7"}}))
    ready = await data_of(announced, await typed(*fiscalise, "--bill-file", str(bill), "--payload", str(receipt)))
    assert ready["Bill"] == by_id["Bill"]
    assert base64.b64decode(ready["PayloadData"]["Value"]) == b"\x00receipt\xff"
    given_back = await data_of(announced, await typed(*fiscalise, "--bill", BILL, "--data", str(refund)))
    assert given_back["BillFiscalMachineData"]["Value"]["RebatedReceiptNumber"] == "7"


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        ([], 2, "give either --bill or --bill-file"),
        (["--bill", BILL, "--bill-file", "x"], 2, "give either --bill or --bill-file"),
        (["--bill", BILL, "--payload", "x", "--data", "x"], 2, "give either --payload or --data"),
        (["--bill", BILL], 1, "there are 2 devices of type FiscalMachine; choose one: --machine NAME"),
        (["--bill", BILL, "--machine", "Fax"], 1, "there is no device with the name Fax"),
        (["--bill", BILL, "--machine", "Test Printer"], 1, "Test Printer is a Printer, not a FiscalMachine"),
        (["--bill", WAITING, "--machine", MACHINE], 1, "there is no such bill at this desk"),
        (["--bill-file", "/dev/null", "--machine", MACHINE], 1, "/dev/null is not a JSON object"),
        (["--bill", BILL, "--payload", "nowhere", "--machine", MACHINE], 2, "nowhere cannot be read: No such file"),
    ],
)
async def test_why_nothing_is_fiscalised_is_told(typed: Typed, words: list[str], code: int, reason: str) -> None:
    refused = await typed("add-fiscal-machine", *words)
    assert (refused.code, reason in refused.err, refused.out) == (code, True, ""), refused.err


async def test_a_document_is_scanned_for_a_guest_and_a_stay(typed: Typed, announced: RunningDesk) -> None:
    stay = "be35b39e-ad7e-460a-8de9-4c7581e016a2"
    whose = ("--guest", "Dvořáková", "--reservation", stay)
    data = await data_of(announced, await typed("add-passport-scanner", *whose, "--json"))
    assert data["ReservationId"] == stay
    assert data["CustomerId"] is not None
    nobody = await data_of(announced, await typed("add-passport-scanner", "--scanner", "Passport scanner", "--json"))
    assert (nobody["CustomerId"], nobody["ReservationId"]) == (None, None)
    elsewhere = await typed("add-passport-scanner", "--enterprise", "Corvo e Luna Marina")
    assert elsewhere.code == 1
    assert "there is no device of type PassportScanner; make one: nightporter devices add" in elsewhere.err


def following(desk: RunningDesk, *words: str) -> AbstractAsyncContextManager[Started]:
    return started("commands", "list", "--follow", *words, NIGHTPORTER_DATABASE=str(desk.database))


async def added(desk: RunningDesk) -> str:
    document = {"CopyCount": 1, "Data": "JVBERi0xLjcKJSVFT0YK"}
    answer = await desk.call("commands/addPrinter", PrinterId="d117866d-78de-4459-9077-42d7ea0120e3", **document)
    command_id: str = answer.json()["CommandId"]
    return command_id


async def test_changes_are_told_as_they_come_and_nothing_from_before(announced: RunningDesk) -> None:
    before = await added(announced)
    received = ("--state", "Received", "--json")
    async with following(announced, "--type", "Printer") as changes, following(announced, *received) as some:
        await changes.says("following")
        await some.says("following")
        new = await added(announced)
        await announced.call("commands/update", CommandId=new, State="Received")
        await changes.says(new, "Pending")
        await changes.says(new, "Received")
        await some.says(new, '"State":"Received"')
        assert [json.loads(line)["Id"] for line in some.out] == [new]
    assert not [line for line in changes.out if before in line]


async def test_there_is_nothing_to_follow_without_a_server(announced: RunningDesk, tmp_path: Any) -> None:
    nobody = tmp_path / "other.db"
    assert (await run("tokens", "add", "--administration", "--database", str(nobody))).code == 0
    refused = await run("commands", "list", "--follow", "--database", str(nobody))
    assert (refused.code, "without one nothing happens there" in refused.err) == (1, True)
