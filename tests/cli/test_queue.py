"""The queue from the command line: listed, followed, cancelled and added again, at a desk that runs."""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
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
