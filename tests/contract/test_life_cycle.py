"""The life of a command (contract 4)."""

import json

import pytest

from tests.contract.hotel import active, command, move, print_page, refused
from tests.harness import RunningDesk

STATES = ("Pending", "Received", "Processing", "Processed", "Cancelled", "Error")
TERMINAL = ("Processed", "Cancelled", "Error")
OK, SAME, STATE, COMMAND = "ok", "ok, no change", "Invalid State", "Invalid CommandId"

TABLE = {
    # from: what becomes of a request for Pending, Received, Processing, Processed, Cancelled, Error
    "Pending": (SAME, OK, OK, OK, OK, OK),
    "Received": (STATE, SAME, OK, OK, OK, OK),
    "Processing": (STATE, STATE, OK, OK, OK, OK),
    "Processed": (COMMAND, COMMAND, COMMAND, SAME, COMMAND, COMMAND),
    "Cancelled": (COMMAND, COMMAND, COMMAND, COMMAND, SAME, COMMAND),
    "Error": (COMMAND, COMMAND, COMMAND, COMMAND, COMMAND, SAME),
}
CELLS = [
    (current, requested, outcome)
    for current, outcomes in TABLE.items()
    for requested, outcome in zip(STATES, outcomes, strict=True)
]


@pytest.mark.parametrize(("current", "requested", "outcome"), CELLS)
async def test_every_cell_of_the_table(agent: RunningDesk, current: str, requested: str, outcome: str) -> None:
    """D45. D46. D47. The reply, the state and the event of one update."""
    command_id = await print_page(agent)
    await move(agent, command_id, current)
    async with agent.socket() as socket:
        response = await agent.call("commands/update", CommandId=command_id, State=requested)
        if outcome in (OK, SAME):
            assert (response.status_code, response.json()) == (200, {})
        else:
            refused(response, 400, outcome)
        expected = requested if outcome in (OK, SAME) else current
        assert (await command(agent, command_id))["State"] == expected
        assert (command_id in await active(agent)) == (expected in {"Pending", "Received"})
        marker = await print_page(agent)
        told = json.loads(await socket.recv())["Events"]
        if outcome == OK:
            assert told == [{"Type": "DeviceCommand", "Id": command_id, "State": requested}]
            told = json.loads(await socket.recv())["Events"]
        assert [one["Id"] for one in told] == [marker], "nothing else was sent"


async def test_fetching_takes_nothing_over(agent: RunningDesk) -> None:
    """D44."""
    command_id = await print_page(agent)
    for _ in range(3):
        assert command_id in await active(agent)
        assert (await command(agent, command_id))["State"] == "Pending"


@pytest.mark.parametrize("end", TERMINAL)
async def test_the_shortest_client(agent: RunningDesk, end: str) -> None:
    """D45. Pending to an end in one step."""
    command_id = await print_page(agent)
    await move(agent, command_id, end)
    assert (await command(agent, command_id))["State"] == end


async def test_a_printer_command_waits_for_any_length_of_time(agent: RunningDesk) -> None:
    """D52. Printers have no expiry by default."""
    command_id = await print_page(agent)
    agent.clock.move(400 * 24 * 3600)
    assert command_id in await active(agent)
    await move(agent, command_id, "Received", "Processed")
