"""commands/getAllActive (contract 7.1)."""

import pytest

from tests.contract.hotel import (
    HOTEL,
    NOBODY,
    PDF,
    PLAIN_PRINTER,
    PRINTED,
    PRINTER,
    SCAN,
    SPARE_PRINTER,
    STRUCTURED_FISCAL,
    active,
    command,
    load,
    move,
    print_page,
    refused,
)
from tests.harness import RunningDesk


async def test_rule_1_commands_of_connected_devices(
    kiosk: RunningDesk, agent: RunningDesk, spare: RunningDesk, stranger: RunningDesk
) -> None:
    """7.1 rule 1. 3 rule 3. The adder itself is not connected, so it is not shown."""
    mine = await print_page(kiosk)
    theirs = await print_page(kiosk, SPARE_PRINTER)
    assert await active(agent) == [theirs, mine, STRUCTURED_FISCAL, SCAN]
    assert await active(spare) == [theirs]
    assert await active(kiosk) == []
    assert mine not in await active(stranger)


async def test_a_device_of_several_integrations(kiosk: RunningDesk, agent: RunningDesk, partner: RunningDesk) -> None:
    """3 rule 1. Both see its queue, and whoever takes a command over takes it from both."""
    command_id = await print_page(kiosk)
    assert command_id in await active(agent)
    assert command_id in await active(partner)
    await move(partner, command_id, "Processing")
    assert command_id not in await active(agent)


@pytest.mark.parametrize("state", ["Pending", "Received", "Processing", "Processed", "Cancelled", "Error"])
async def test_rule_2_pending_and_received_only(agent: RunningDesk, state: str) -> None:
    """7.1 rule 2."""
    command_id = await print_page(agent)
    await move(agent, command_id, state)
    assert (command_id in await active(agent)) == (state in {"Pending", "Received"})


async def test_rule_3_newest_first(agent: RunningDesk) -> None:
    """7.1 rule 3. D29. The second is equal for all three; their sequence decides."""
    ids = [await print_page(agent) for _ in range(3)]
    agent.clock.move(1)
    ids.append(await print_page(agent))
    assert (await active(agent))[:4] == ids[::-1]


async def test_rule_4_complete_data_with_the_file(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """7.1 rule 4."""
    command_id = await print_page(kiosk, CopyCount=2)
    first = (await agent.call("commands/getAllActive")).json()["Commands"][0]
    assert first == {
        "Id": command_id,
        "State": "Pending",
        "CreatedUtc": "2026-03-01T12:00:00Z",
        "Creator": {"FirstName": None, "LastName": "Kiosk", "ImageUrl": None},
        "Device": {"Id": PRINTER, "Type": "Printer", "Name": "Printer", "Identifier": "P1"},
        "Data": {
            "CopyCount": 2,
            "FileType": "application/pdf",
            "FileData": PDF,
            "PrinterName": "HP",
            "PrinterDriverName": "HP Driver",
            "PrinterPortName": "LPT1",
        },
    }


async def test_rule_4_a_large_file_comes_whole(agent: RunningDesk) -> None:
    """7.1 rule 4. Large files are streamed beside their row; what arrives is the same text."""
    data = PDF * 20_000
    command_id = await print_page(agent, Data=data)
    small = await print_page(agent)
    found = {one["Id"]: one["Data"] for one in (await agent.call("commands/getAllActive")).json()["Commands"]}
    assert found[command_id]["FileData"] == data
    assert found[small]["FileData"] == PDF


async def test_rule_5_reading_changes_nothing(agent: RunningDesk) -> None:
    """7.1 rule 5. D44."""
    command_id = await print_page(agent)
    async with agent.socket("?cursor=") as socket:
        await socket.recv()
        agent.clock.move(10)
        assert await active(agent) == await active(agent)
        assert (await command(agent, command_id))["State"] == "Pending"
        marker = await print_page(agent)
        assert marker in str(await socket.recv()), "the reads sent no event"


async def test_rule_5_reading_is_no_update(agent: RunningDesk) -> None:
    """7.1 rule 5. The update time of a fiscal command stays the time of its creation."""
    await agent.call("commands/getAllActive")
    await agent.call("commands/getAllByIds", CommandIds=[STRUCTURED_FISCAL])
    instant = "2026-02-01T11:00:00Z"
    response = await agent.call(
        "fiscalMachineCommands/getAll",
        DeviceIds=[(await command(agent, STRUCTURED_FISCAL))["Device"]["Id"]],
        States=["Pending"],
        UpdatedUtc={"StartUtc": instant, "EndUtc": instant},
        Limitation={"Count": 10},
    )
    assert [one["Id"] for one in response.json()["Commands"]] == [STRUCTURED_FISCAL]


async def test_rule_6_without_limitation_all_of_them(agent: RunningDesk) -> None:
    """7.1 rule 6. More than the rows that are read at a time."""
    ids = [await print_page(agent) for _ in range(120)]
    response = await agent.call("commands/getAllActive")
    assert [one["Id"] for one in response.json()["Commands"]] == [*ids[::-1], STRUCTURED_FISCAL, SCAN]
    assert "Cursor" not in response.json()


async def test_rule_7_what_the_socket_missed(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """7.1 rule 7. 5 rule 4."""
    async with agent.socket():
        pass
    command_id = await print_page(kiosk)
    async with agent.socket() as socket:
        assert command_id in await active(agent)
        later = await print_page(kiosk)
        assert later in str(await socket.recv()), "a socket without a cursor gets no history"


async def test_an_inactive_device_keeps_its_queue(agent: RunningDesk) -> None:
    """D96. What was added before the device was taken out stays in the list."""
    command_id = await print_page(agent, PLAIN_PRINTER)
    device = {
        "Id": PLAIN_PRINTER,
        "EnterpriseId": HOTEL,
        "Type": "Printer",
        "Name": "Plain printer",
        "IsActive": False,
    }
    await load(agent, Devices=[device])
    assert command_id in await active(agent)
    await move(agent, command_id, "Processed")
    refused(
        await agent.call("commands/addPrinter", PrinterId=PLAIN_PRINTER, CopyCount=1, Data=PDF),
        400,
        "Invalid PrinterId",
    )


@pytest.mark.parametrize("count", [0, -1, 1001, 1.5, "10", True, None, [], {}, 2**31, 1e300])
async def test_error_invalid_count(agent: RunningDesk, count: object) -> None:
    """7.1 error: Invalid Count. D26. D37."""
    refused(await agent.call("commands/getAllActive", Limitation={"Count": count}), 400, "Invalid Count")


@pytest.mark.parametrize("cursor", [NOBODY, PRINTED.replace("-", ""), "", 5, True, {}])
async def test_error_invalid_cursor(agent: RunningDesk, cursor: object) -> None:
    """7.1 error: Invalid Cursor. D27."""
    response = await agent.call("commands/getAllActive", Limitation={"Count": 1, "Cursor": cursor})
    refused(response, 400, "Invalid Cursor")


async def test_a_foreign_cursor_is_unknown(agent: RunningDesk, spare: RunningDesk) -> None:
    """7.1 error: Invalid Cursor. D27, D40: neither another hotel's nor an unconnected device's command."""
    response = await spare.call("commands/getAllActive", Limitation={"Count": 1, "Cursor": PRINTED})
    refused(response, 400, "Invalid Cursor")
    response = await agent.call("commands/getAllActive", Limitation={"Count": 1, "Cursor": PRINTED})
    assert response.json() == {"Commands": [], "Cursor": None}


async def test_devices_without_anything_to_do(spare: RunningDesk) -> None:
    """An empty queue is an empty list, not null."""
    assert (await spare.call("commands/getAllActive")).json() == {"Commands": []}
