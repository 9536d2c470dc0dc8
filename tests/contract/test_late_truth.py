"""Late truth (DESIGN, "Beyond the contract"): an end that the desk set yields once to what an executor reports."""

import json

import pytest

from nightporter.domain.command import CommandState, EndedBy
from nightporter.storage.command_changes import MoveCommand
from tests.contract.hotel import HOTEL, PRINTER, active, command, history, load, move, print_page, refused, told
from tests.harness import RunningDesk

ENDS = ("Processed", "Cancelled", "Error")


@pytest.fixture(params=["Expiry", "Stall", "Administrator"])
async def ended(request: pytest.FixtureRequest, agent: RunningDesk) -> str:
    """A command that the desk ended at twenty past twelve, for each of its reasons."""
    times = {"Expiry": {"ExpiresAfter": "PT20M"}, "Stall": {"StalledAfter": "PT15M", "StalledPolicy": "Error"}}
    record = {"Id": PRINTER, "EnterpriseId": HOTEL, "Type": "Printer", "Name": "Printer"}
    await load(agent, Devices=[{**record, **times.get(request.param, {})}])
    command_id = await print_page(agent)
    agent.clock.move(300)
    if request.param != "Expiry":
        await move(agent, command_id, "Processing")
    agent.clock.move(900)
    if request.param == "Administrator":
        move_command = MoveCommand(
            HOTEL, command_id, CommandState.CANCELLED, None, "Called off.", ended_by=EndedBy.ADMINISTRATOR
        )
        assert await agent.desk.writer.write(move_command)
    assert await agent.desk.sweeper.sweep() == (request.param != "Administrator")
    assert (await command(agent, command_id))["State"] == ("Error" if request.param == "Stall" else "Cancelled")
    return command_id


@pytest.mark.parametrize("end", ENDS)
async def test_the_executor_has_the_last_word_once(agent: RunningDesk, ended: str, end: str) -> None:
    before = await told(agent, ended)
    agent.clock.move(60)
    async with agent.socket() as socket:
        response = await agent.call("commands/update", CommandId=ended, State=end, Notes="It was done after all.")
        assert response.status_code == 200, response.text
        (event,) = json.loads(await socket.recv())["Events"]
        assert (event["Id"], event["State"]) == (ended, end)
    after = await told(agent, ended)
    assert after["Notes"] == "It was done after all."
    assert history(after) == [*history(before), (end, "2026-03-01T12:21:00Z")], "both stay in the history"
    for other in ENDS:
        response = await agent.call("commands/update", CommandId=ended, State=other, Notes="Again.")
        if other == end:
            assert response.status_code == 200
        else:
            refused(response, 400, "Invalid CommandId")
    assert await told(agent, ended) == after


async def test_an_end_without_notes_leaves_the_reason_of_the_desk(agent: RunningDesk, ended: str) -> None:
    reason = (await told(agent, ended))["Notes"]
    assert reason
    await move(agent, ended, "Processed")
    assert (await told(agent, ended))["Notes"] == reason


@pytest.mark.parametrize("state", ["Pending", "Received", "Processing"])
async def test_what_is_no_end_comes_too_late(agent: RunningDesk, ended: str, state: str) -> None:
    refused(await agent.call("commands/update", CommandId=ended, State=state), 400, "Invalid CommandId")
    assert ended not in await active(agent)


async def test_a_payment_that_was_taken_after_all_is_told(agent: RunningDesk) -> None:
    """Nothing was swept: the report itself finds the command overdue, writes that, and then the truth."""
    record = {"Id": PRINTER, "EnterpriseId": HOTEL, "Type": "Printer", "Name": "Printer", "ExpiresAfter": "PT10M"}
    await load(agent, Devices=[record])
    command_id = await print_page(agent)
    agent.clock.move(660)
    async with agent.socket() as socket:
        await move(agent, command_id, "Processed")
        events = [json.loads(await socket.recv())["Events"][0] for _ in range(2)]
        assert [one["State"] for one in events] == ["Cancelled", "Processed"]
    assert history(await told(agent, command_id)) == [
        ("Pending", "2026-03-01T12:00:00Z"),
        ("Cancelled", "2026-03-01T12:10:00Z"),
        ("Processed", "2026-03-01T12:11:00Z"),
    ]


async def test_the_desk_does_not_overrule_itself_nor_an_executor(agent: RunningDesk, ended: str) -> None:
    cancel = MoveCommand(HOTEL, ended, CommandState.CANCELLED, None, "x", ended_by=EndedBy.ADMINISTRATOR)
    before = await told(agent, ended)
    assert not await agent.desk.writer.write(cancel)
    assert await told(agent, ended) == before
    await move(agent, ended, "Error")
    assert not await agent.desk.writer.write(cancel)


async def test_an_end_that_an_executor_reported_is_final(agent: RunningDesk) -> None:
    command_id = await print_page(agent)
    await move(agent, command_id, "Cancelled")
    refused(await agent.call("commands/update", CommandId=command_id, State="Processed"), 400, "Invalid CommandId")


async def test_another_executor_has_no_say(agent: RunningDesk) -> None:
    record = {"Id": PRINTER, "EnterpriseId": HOTEL, "Type": "Printer", "Name": "Printer", "ExpiresAfter": "PT10M"}
    await load(agent, Devices=[record])
    command_id = await print_page(agent)
    taken = {"CommandId": command_id, "State": "Received", "Executor": "desk-1"}
    assert (await agent.call("commands/update", **taken)).status_code == 200
    agent.clock.move(600)
    late = {"CommandId": command_id, "State": "Processed"}
    refused(await agent.call("commands/update", **late, Executor="desk-2"), 409)
    assert (await agent.call("commands/update", **late, Executor="desk-1")).status_code == 200
