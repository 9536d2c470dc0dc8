"""One taker (DESIGN, "Beyond the contract"): once a named Executor has a command, another one gets 409."""

import asyncio

import pytest

from tests.contract.hotel import move, print_page, refused, told
from tests.harness import RunningDesk


async def report(desk: RunningDesk, command_id: str, state: str, executor: object = None) -> int:
    fields = {} if executor is None else {"Executor": executor}
    response = await desk.call("commands/update", CommandId=command_id, State=state, **fields)
    return response.status_code


@pytest.mark.parametrize("state", ["Received", "Processing"])
async def test_another_executor_is_told_who_has_it(agent: RunningDesk, partner: RunningDesk, state: str) -> None:
    """The state that both ask for is the very case: whoever repeats it must not think that it has the command."""
    command_id = await print_page(agent)
    assert await report(agent, command_id, state, "desk-1") == 200
    for asked in (state, "Processing", "Processed"):
        response = await partner.call("commands/update", CommandId=command_id, State=asked, Executor="desk-2")
        refused(response, 409)
        assert "desk-1" in response.json()["Message"]
    execution = await told(agent, command_id)
    assert execution["Executor"] == "desk-1"
    assert [one["State"] for one in execution["States"]] == ["Pending", state]


async def test_the_one_who_has_it_goes_on(agent: RunningDesk) -> None:
    command_id = await print_page(agent)
    for state in ("Received", "Received", "Processing", "Processing", "Processed", "Processed"):
        assert await report(agent, command_id, state, "desk-1") == 200


async def test_whoever_names_no_executor_notices_nothing(agent: RunningDesk) -> None:
    command_id = await print_page(agent)
    assert await report(agent, command_id, "Received", "desk-1") == 200
    await move(agent, command_id, "Received", "Processing", "Processed")
    assert (await told(agent, command_id))["Executor"] == "desk-1"


async def test_the_first_name_takes_a_command_that_nobody_named_has(agent: RunningDesk) -> None:
    command_id = await print_page(agent)
    await move(agent, command_id, "Received")
    assert (await told(agent, command_id))["Executor"] is None
    assert await report(agent, command_id, "Processing", "desk-1") == 200
    assert await report(agent, command_id, "Processing", "desk-2") == 409


async def test_of_many_at_the_same_moment_one_has_it(agent: RunningDesk) -> None:
    command_id = await print_page(agent)
    names = [f"desk-{number}" for number in range(20)]
    statuses = await asyncio.gather(*(report(agent, command_id, "Received", name) for name in names))
    assert sorted(statuses) == [200] + [409] * 19
    assert (await told(agent, command_id))["Executor"] == names[statuses.index(200)]


async def test_a_command_that_has_ended_is_refused_as_that(agent: RunningDesk) -> None:
    command_id = await print_page(agent)
    assert await report(agent, command_id, "Processed", "desk-1") == 200
    response = await agent.call("commands/update", CommandId=command_id, State="Error", Executor="desk-2")
    refused(response, 400, "Invalid CommandId")
    assert await report(agent, command_id, "Processed", "desk-2") == 409


@pytest.mark.parametrize("name", ["a", "é" * 255, "front desk / printer 1", " "])
async def test_a_name_is_any_text(agent: RunningDesk, name: str) -> None:
    command_id = await print_page(agent)
    assert await report(agent, command_id, "Received", name) == 200
    assert (await told(agent, command_id))["Executor"] == name


@pytest.mark.parametrize("name", ["", "a" * 256, "a\0b", 5, True, [], {}])
@pytest.mark.parametrize("state", ["Pending", "Received"])
async def test_a_name_that_cannot_be_one(agent: RunningDesk, state: str, name: object) -> None:
    command_id = await print_page(agent)
    response = await agent.call("commands/update", CommandId=command_id, State=state, Executor=name)
    refused(response, 400, "Invalid Executor")
    assert (await told(agent, command_id))["States"][-1]["State"] == "Pending"
