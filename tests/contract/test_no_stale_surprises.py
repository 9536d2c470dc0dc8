"""No stale surprises (DESIGN, "Beyond the contract"): a command that has not begun in time is Cancelled, by the clock."""

import asyncio
import json
from typing import Any

import pytest

from nightporter.settings import Settings
from tests.contract.hotel import (
    FISCAL,
    GUEST,
    HOTEL,
    PAYLOAD_FISCAL,
    PLAIN_PRINTER,
    PLAIN_TERMINAL,
    PRINTER,
    SCAN,
    STRUCTURED_FISCAL,
    TERMINAL,
    active,
    command,
    fiscal_command,
    history,
    load,
    move,
    print_page,
    refused,
    told,
)
from tests.harness import Clock, RunningDesk

MINUTES = 60.0
NOTE = "Not begun within 10 minutes (ExpiresAfter PT10M)."
PENDING, CANCELLED = ("Pending", "2026-03-01T12:00:00Z"), ("Cancelled", "2026-03-01T12:10:00Z")


def device(hotel: dict[str, list[dict[str, Any]]], device_id: str) -> dict[str, Any]:
    return next(one for one in hotel["Devices"] if one["Id"] == device_id)


@pytest.fixture
def hotel(hotel: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """The printer gives its commands an hour, the plain terminal any length of time, the fiscal machine a month."""
    device(hotel, PRINTER)["ExpiresAfter"] = "PT60M"
    device(hotel, PLAIN_TERMINAL)["ExpiresAfter"] = "PT0S"
    device(hotel, FISCAL)["ExpiresAfter"] = "P31D"
    return hotel


async def pay(desk: RunningDesk, terminal: str = TERMINAL) -> str:
    response = await desk.call(
        "commands/addPaymentTerminal",
        TerminalId=terminal,
        CustomerId=GUEST,
        Type="Payment",
        Amount={"Currency": "EUR", "Value": 5},
    )
    assert response.status_code == 200, response.text
    return str(response.json()["CommandId"])


async def test_a_till_that_comes_back_after_ten_minutes_asks_nobody_for_a_card(agent: RunningDesk) -> None:
    """Payment terminals expire by default, and the clock decides: nothing was swept here."""
    command_id = await pay(agent)
    agent.clock.move(10 * MINUTES - 1)
    assert command_id in await active(agent)
    agent.clock.move(1)
    assert command_id not in await active(agent)
    assert (await command(agent, command_id))["State"] == "Cancelled"
    response = await agent.call("commands/update", CommandId=command_id, State="Processing")
    refused(response, 400, "Invalid CommandId")


async def test_what_the_clock_decided_reads_the_same_before_and_after_the_sweep_has_written_it(
    agent: RunningDesk,
) -> None:
    command_id = await pay(agent)
    agent.clock.move(600)
    before = await command(agent, command_id), await told(agent, command_id)
    assert before[1]["Notes"] == NOTE
    assert history(before[1]) == [PENDING, CANCELLED]
    agent.clock.move(3600)
    assert await agent.desk.sweeper.sweep() == 1
    assert (await command(agent, command_id), await told(agent, command_id)) == before


async def test_the_sweep_tells_every_listener_once(agent: RunningDesk, kiosk: RunningDesk) -> None:
    async with agent.socket() as near, kiosk.socket() as far:
        command_id = await pay(kiosk)
        agent.clock.move(600)
        assert [await agent.desk.sweeper.sweep() for _ in range(2)] == [1, 0]
        marker = await print_page(kiosk)
        for socket in (near, far):
            events = [json.loads(await socket.recv())["Events"][0] for _ in range(3)]
            assert [(one["Id"], one["State"]) for one in events] == [
                (command_id, "Pending"),
                (command_id, "Cancelled"),
                (marker, "Pending"),
            ]


async def test_an_update_that_comes_too_late_writes_the_expiry_before_it_is_judged(agent: RunningDesk) -> None:
    command_id = await pay(agent)
    agent.clock.move(600)
    async with agent.socket() as socket:
        refused(await agent.call("commands/update", CommandId=command_id, State="Received"), 400, "Invalid CommandId")
        (event,) = json.loads(await socket.recv())["Events"]
        assert (event["Id"], event["State"]) == (command_id, "Cancelled")
    assert await agent.desk.sweeper.sweep() == 0, "it is written"
    assert (await told(agent, command_id))["Notes"] == NOTE


async def test_updates_that_come_too_late_together_write_the_expiry_once(agent: RunningDesk) -> None:
    command_id = await pay(agent)
    agent.clock.move(600)
    sweeping = agent.desk.sweeper.sweep()
    updates = (agent.call("commands/update", CommandId=command_id, State="Processing") for _ in range(5))
    _, *responses = await asyncio.gather(sweeping, *updates)
    assert {response.status_code for response in responses} == {400}
    assert history(await told(agent, command_id)) == [PENDING, CANCELLED]


async def test_received_is_not_begun(agent: RunningDesk) -> None:
    command_id = await pay(agent)
    await move(agent, command_id, "Received")
    agent.clock.move(600)
    assert command_id not in await active(agent)
    assert (await command(agent, command_id))["State"] == "Cancelled"


async def test_what_has_begun_in_time_does_not_expire(agent: RunningDesk) -> None:
    begun, done = await pay(agent), await pay(agent)
    agent.clock.move(599)
    await move(agent, begun, "Processing")
    await move(agent, done, "Processed")
    agent.clock.move(3600)
    assert await agent.desk.sweeper.sweep() == 0
    assert [(await command(agent, one))["State"] for one in (begun, done)] == ["Processing", "Processed"]
    await move(agent, begun, "Processed")


async def test_a_device_says_it_itself_and_never_is_said_with_no_time_at_all(agent: RunningDesk) -> None:
    page, eternal = await print_page(agent), await pay(agent, PLAIN_TERMINAL)
    agent.clock.move(3599)
    assert {page, eternal} <= set(await active(agent))
    agent.clock.move(1)
    assert eternal in await active(agent)
    assert page not in await active(agent)
    assert (await told(agent, page))["Notes"] == "Not begun within 1 hour (ExpiresAfter PT1H)."
    agent.clock.move(400 * 24 * 3600)
    assert eternal in await active(agent)


async def test_a_command_keeps_the_time_that_it_was_added_with(agent: RunningDesk) -> None:
    """A device that is set anew changes what is added from then on."""
    old = await pay(agent)
    record = {"Id": TERMINAL, "EnterpriseId": HOTEL, "Type": "PaymentTerminal", "Name": "Terminal"}
    await load(agent, Devices=[{**record, "ExpiresAfter": "PT1M"}])
    new = await pay(agent)
    agent.clock.move(60)
    assert [(await command(agent, one))["State"] for one in (old, new)] == ["Pending", "Cancelled"]


async def test_fiscal_commands_that_expired_are_listed_as_what_they_are(agent: RunningDesk) -> None:
    """By state, by the time of the last update, and by ids."""

    async def listed(*states: str, **more: Any) -> dict[str, str]:
        fields = {"DeviceIds": [FISCAL], "States": states, **more, "Limitation": {"Count": 10}}
        response = await agent.call("fiscalMachineCommands/getAll", **fields)
        return {one["Id"]: one["State"] for one in response.json()["Commands"]}

    day = {"UpdatedUtc": {"StartUtc": "2026-02-01T00:00:00Z", "EndUtc": "2026-02-02T00:00:00Z"}}
    assert await listed("Pending") == await listed("Pending", **day) == {STRUCTURED_FISCAL: "Pending"}
    assert await listed("Cancelled") == await listed("Cancelled", **day) == {}
    agent.clock.move(3 * 24 * 3600)
    for more in ({}, day):
        assert await listed("Pending", "Received", **more) == {}
        assert await listed("Cancelled", **more) == {STRUCTURED_FISCAL: "Cancelled"}
        assert STRUCTURED_FISCAL in await listed("Cancelled", "Pending", "Processed")
    response = await agent.call(
        "fiscalMachineCommands/getAll", CommandIds=[STRUCTURED_FISCAL], Limitation={"Count": 10}
    )
    assert [one["State"] for one in response.json()["Commands"]] == ["Cancelled"]
    await agent.desk.sweeper.sweep()
    assert await listed("Cancelled") == {STRUCTURED_FISCAL: "Cancelled"}
    assert await listed("Pending") == {}


async def test_a_command_loaded_with_a_later_state_has_begun(agent: RunningDesk) -> None:
    number = STRUCTURED_FISCAL.replace("000000000001", "000000000077")
    begun = fiscal_command(number, FISCAL, State="Processing", CreatedUtc="2025-01-01T00:00:00Z")
    await load(agent, Devices=[{"Id": FISCAL, "EnterpriseId": HOTEL, "Type": "FiscalMachine", "Name": "F",
                                "ExpiresAfter": "PT1M"}], Commands=[begun])  # fmt: skip
    assert await agent.desk.sweeper.sweep() == 0
    assert (await command(agent, number))["State"] == "Processing"


async def test_an_expiry_that_was_written_stays_when_the_clock_goes_back(agent: RunningDesk) -> None:
    written, unwritten = await pay(agent), await pay(agent)
    agent.clock.move(600)
    refused(await agent.call("commands/update", CommandId=written, State="Received"), 400, "Invalid CommandId")
    agent.clock.move(-3600)
    assert (await command(agent, written))["State"] == "Cancelled"
    assert written not in await active(agent)
    assert unwritten in await active(agent)
    await move(agent, unwritten, "Processing")
    late = await pay(agent)
    agent.clock.move(3600 + 599)
    assert late in await active(agent), "it was stamped with the time that does not go back"


async def test_a_backlog_is_written_in_pieces(agent: RunningDesk) -> None:
    ids = {await pay(agent) for _ in range(205)}
    agent.clock.move(600)
    assert await agent.desk.sweeper.sweep() == 205
    assert not ids & set(await active(agent))


async def test_a_command_that_expired_can_be_read_by_whoever_added_it(kiosk: RunningDesk) -> None:
    command_id = await pay(kiosk)
    kiosk.clock.move(600)
    assert (await command(kiosk, command_id))["State"] == "Cancelled"


async def test_other_devices_wait_for_any_length_of_time(agent: RunningDesk) -> None:
    agent.clock.move(300 * 24 * 3600)
    await agent.desk.sweeper.sweep()
    assert SCAN in await active(agent)
    assert (await command(agent, PAYLOAD_FISCAL))["State"] == "Processing"


class TestDefaultsOfTheDesk:
    """Defaults for each type of device, as settings."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(request_limit=0, port=0, expires_after="Printer=P1D")

    async def test_they_replace_those_that_are_built_in(self, agent: RunningDesk, clock: Clock) -> None:
        eternal, day = await pay(agent), await print_page(agent, PLAIN_PRINTER)
        hour = await print_page(agent)
        clock.move(3600)
        assert hour not in await active(agent)
        assert {eternal, day} <= set(await active(agent))
        clock.move(23 * 3600)
        assert day not in await active(agent)
        assert eternal in await active(agent)
