"""No orphans (DESIGN, "Beyond the contract"): what becomes of a command whose executor fell silent in Processing."""

import json
from datetime import timedelta
from typing import Any

import pytest

from nightporter.domain.command import CommandState
from nightporter.domain.deadlines import is_stalled
from nightporter.operations.administration.load_property import InvalidPropertyFile
from nightporter.settings import Settings
from tests.contract.hotel import (
    HOTEL,
    OLD_PRINTER,
    PAYLOAD_FISCAL,
    PLAIN_PRINTER,
    PRINTER,
    SPARE_PRINTER,
    active,
    command,
    history,
    load,
    move,
    print_page,
    told,
)
from tests.harness import RunningDesk

SILENCE = "Begun, then nothing was heard of it for 5 minutes (StalledAfter PT5M)."
BEGUN = [("Pending", "2026-03-01T12:00:00Z"), ("Processing", "2026-03-01T12:00:00Z")]


@pytest.fixture
def hotel(hotel: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """One printer for each policy; the spare one says no policy, which is to flag it."""
    policies = {PRINTER: "Error", PLAIN_PRINTER: "Pending", SPARE_PRINTER: None}
    for one in hotel["Devices"]:
        if one["Id"] in policies:
            one |= {"StalledAfter": "PT5M", "StalledPolicy": policies[one["Id"]]}
    return hotel


async def begun(desk: RunningDesk, printer: str, **fields: Any) -> str:
    command_id = await print_page(desk, printer)
    response = await desk.call("commands/update", CommandId=command_id, State="Processing", **fields)
    assert response.status_code == 200, response.text
    return command_id


async def test_error_ends_it_with_the_reason_and_one_event(agent: RunningDesk) -> None:
    command_id = await begun(agent, PRINTER, Executor="desk-1", Progress=40)
    agent.clock.move(299)
    assert await agent.desk.sweeper.sweep() == 0
    agent.clock.move(1)
    async with agent.socket() as socket:
        assert [await agent.desk.sweeper.sweep() for _ in range(2)] == [1, 0]
        (event,) = json.loads(await socket.recv())["Events"]
        assert (event["Id"], event["State"]) == (command_id, "Error")
    execution = await told(agent, command_id)
    assert execution["Notes"] == SILENCE
    assert (execution["Executor"], execution["Progress"]) == ("desk-1", 40)
    assert history(execution) == [*BEGUN, ("Error", "2026-03-01T12:05:00Z")]


async def test_pending_offers_it_again_to_anybody(agent: RunningDesk) -> None:
    command_id = await begun(agent, PLAIN_PRINTER, Executor="desk-1", Progress=40)
    assert command_id not in await active(agent)
    agent.clock.move(300)
    async with agent.socket() as socket:
        assert await agent.desk.sweeper.sweep() == 1
        (event,) = json.loads(await socket.recv())["Events"]
        assert (event["Id"], event["State"]) == (command_id, "Pending")
    assert command_id in await active(agent)
    execution = await told(agent, command_id)
    assert execution["Notes"] == f"{SILENCE} Offered again."
    assert (execution["Executor"], execution["Progress"]) == (None, None)
    assert history(execution) == [*BEGUN, ("Pending", "2026-03-01T12:05:00Z")]
    response = await agent.call("commands/update", CommandId=command_id, State="Received", Executor="desk-2")
    assert response.status_code == 200, response.text
    await move(agent, command_id, "Processing", "Processed")


async def test_what_is_offered_again_has_as_long_to_begin_as_it_had_at_first(agent: RunningDesk) -> None:
    record = {"Id": PLAIN_PRINTER, "EnterpriseId": HOTEL, "Type": "Printer", "Name": "P", "StalledPolicy": "Pending"}
    await load(agent, Devices=[{**record, "ExpiresAfter": "PT10M", "StalledAfter": "PT30M"}])
    command_id = await print_page(agent, PLAIN_PRINTER)
    for _ in range(2):
        await move(agent, command_id, "Processing")
        agent.clock.move(1800)
        await agent.desk.sweeper.sweep()
        agent.clock.move(599)
        assert command_id in await active(agent)
    agent.clock.move(1)
    assert command_id not in await active(agent)
    for _ in range(2):
        execution = await told(agent, command_id)
        assert history(execution)[-1] == ("Cancelled", "2026-03-01T13:19:59Z")
        assert execution["Notes"] == "Not begun within 10 minutes (ExpiresAfter PT10M)."
        await agent.desk.sweeper.sweep()


async def test_what_brings_down_everybody_who_takes_it_is_offered_five_times_and_no_more(agent: RunningDesk) -> None:
    command_id = await begun(agent, PLAIN_PRINTER)
    for _ in range(5):
        agent.clock.move(300)
        assert await agent.desk.sweeper.sweep() == 1
        assert command_id in await active(agent)
        await move(agent, command_id, "Received", "Processing", "Processing")
    agent.clock.move(300)
    async with agent.socket() as socket:
        assert [await agent.desk.sweeper.sweep() for _ in range(2)] == [1, 0]
        (event,) = json.loads(await socket.recv())["Events"]
        assert (event["Id"], event["State"]) == (command_id, "Error")
    execution = await told(agent, command_id)
    assert execution["Notes"] == f"{SILENCE} Offered again 5 times, and now no more."
    assert [state for state, _ in history(execution)].count("Pending") == 6
    await move(agent, command_id, "Processed")  # late truth


async def test_flag_writes_nothing(agent: RunningDesk) -> None:
    command_id = await begun(agent, SPARE_PRINTER)
    before = await told(agent, command_id)
    agent.clock.move(24 * 3600)
    assert await agent.desk.sweeper.sweep() == 0
    assert await told(agent, command_id) == before
    assert (await command(agent, command_id))["State"] == "Processing"


def test_a_command_is_stalled_when_processing_was_silent_for_so_long() -> None:
    from tests.harness import Clock

    updated = Clock().now
    for state in CommandState:
        expected = state is CommandState.PROCESSING
        assert is_stalled(state, updated, 300, updated + timedelta(seconds=300)) is expected
        assert not is_stalled(state, updated, 300, updated + timedelta(seconds=299))
        assert not is_stalled(state, updated, None, updated + timedelta(days=300))


async def test_every_word_counts_from_the_last_one(agent: RunningDesk) -> None:
    command_id = await begun(agent, PRINTER)
    for _ in range(4):
        agent.clock.move(299)
        await move(agent, command_id, "Processing")
        assert await agent.desk.sweeper.sweep() == 0
    agent.clock.move(300)
    assert await agent.desk.sweeper.sweep() == 1


async def test_only_processing_can_stall(agent: RunningDesk) -> None:
    waiting, taken, done = [await print_page(agent, PLAIN_PRINTER) for _ in range(3)]
    await move(agent, taken, "Received")
    await move(agent, done, "Processed")
    agent.clock.move(24 * 3600)
    assert await agent.desk.sweeper.sweep() == 0
    assert [(await command(agent, one))["State"] for one in (waiting, taken, done)] == [
        "Pending",
        "Received",
        "Processed",
    ]


async def test_a_word_that_came_in_the_meantime_keeps_it(agent: RunningDesk) -> None:
    """Between what the sweep reads and what it writes; the condition stands in the statement too."""
    command_id = await begun(agent, PRINTER)
    agent.clock.move(300)
    sweeper, writer = agent.desk.sweeper, agent.desk.writer

    class Between:
        async def write(self, intent: Any) -> Any:
            await move(agent, command_id, "Processing")
            return await writer.write(intent)

    sweeper._writer = Between()  # type: ignore[assignment]
    assert await sweeper.sweep() == 0
    assert (await command(agent, command_id))["State"] == "Processing"


async def test_a_device_out_of_service_leaves_no_orphans_either(agent: RunningDesk) -> None:
    command_id = await begun(agent, PRINTER)
    record = {"Id": PRINTER, "EnterpriseId": HOTEL, "Type": "Printer", "Name": "Printer", "IsActive": False}
    await load(agent, Devices=[{**record, "StalledAfter": "PT5M", "StalledPolicy": "Error"}])
    agent.clock.move(300)
    assert await agent.desk.sweeper.sweep() == 1
    assert (await command(agent, command_id))["State"] == "Error"


async def test_many_are_resolved_in_pieces(agent: RunningDesk) -> None:
    ids = [await begun(agent, PRINTER if number % 2 else PLAIN_PRINTER) for number in range(202)]
    agent.clock.move(300)
    assert await agent.desk.sweeper.sweep() == 202
    response = await agent.call("commands/getAllByIds", CommandIds=ids)
    states = [one["State"] for one in response.json()["Commands"]]
    assert (states.count("Error"), states.count("Pending")) == (101, 101)


@pytest.mark.parametrize("kind", ["PaymentTerminal", "FiscalMachine", "KeyCutter"])
async def test_what_must_not_be_done_twice_is_never_offered_again(agent: RunningDesk, kind: str) -> None:
    record = {"Id": OLD_PRINTER[:-1] + "9", "EnterpriseId": HOTEL, "Type": kind, "Name": "New"}
    for policy in ("Flag", "Error", None):
        await load(agent, Devices=[{**record, "StalledPolicy": policy}])
    with pytest.raises(InvalidPropertyFile, match=rf"Devices\[0\].*{kind}.*not offered again - at `\$.StalledPolicy`"):
        await load(agent, Devices=[{**record, "StalledPolicy": "Pending"}])


@pytest.mark.parametrize("kind", ["Printer", "PassportScanner"])
async def test_what_may_be_done_twice_can_be_offered_again(agent: RunningDesk, kind: str) -> None:
    record = {"Id": OLD_PRINTER[:-1] + "9", "EnterpriseId": HOTEL, "Type": kind, "Name": "New"}
    await load(agent, Devices=[{**record, "StalledPolicy": "Pending"}])


@pytest.mark.parametrize(
    "duration", ["", "5", "PT", "P", "P1M", "P1Y", "PT1.5S", "-PT5M", "PT5m", "P367D", 300, True, {}]
)
@pytest.mark.parametrize("field", ["ExpiresAfter", "StalledAfter"])
async def test_what_is_no_duration_is_named(agent: RunningDesk, field: str, duration: object) -> None:
    record = {"Id": PRINTER, "EnterpriseId": HOTEL, "Type": "Printer", "Name": "Printer", field: duration}
    with pytest.raises(InvalidPropertyFile, match=rf"Devices\[0\].*xpected a duration.* - at `\$.{field}`"):
        await load(agent, Devices=[record])


class TestDefaultsOfTheDesk:
    """Defaults for each type of device, as settings; the policy is that of the device."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(request_limit=0, port=0, stalled_after="Printer=PT1H,FiscalMachine=PT2H")

    @pytest.fixture
    def hotel(self, hotel: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
        for one in hotel["Devices"]:
            if one["Id"] == PRINTER:
                del one["StalledAfter"]
            if one["Id"] == PLAIN_PRINTER:
                one["StalledAfter"] = "PT0S"
        return hotel

    async def test_they_hold_for_devices_that_say_nothing_themselves(self, agent: RunningDesk) -> None:
        default, never = await begun(agent, PRINTER), await begun(agent, PLAIN_PRINTER)
        agent.clock.move(3599)
        assert await agent.desk.sweeper.sweep() == 0
        agent.clock.move(1)
        assert await agent.desk.sweeper.sweep() == 1
        agent.clock.move(24 * 3600)
        assert await agent.desk.sweeper.sweep() == 0
        states = [(await command(agent, one))["State"] for one in (default, never, PAYLOAD_FISCAL)]
        assert states == ["Error", "Processing", "Processing"]
