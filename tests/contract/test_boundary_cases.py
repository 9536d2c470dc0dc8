"""The boundary cases of contract 12, in its order."""

import json
from typing import Any

import pytest

from nightporter.settings import Settings
from tests.contract.hotel import (
    CUTTER,
    FISCAL,
    HOTEL,
    NOBODY,
    SPARE_PRINTER,
    STAY,
    STRUCTURED_FISCAL,
    active,
    command,
    fiscal_command,
    load,
    move,
    print_page,
    refused,
)
from tests.harness import PREFIX, RunningDesk, check_reply

FISCAL_PATH = "fiscalMachineCommands/getAll"


async def test_row_1_paths_and_methods(kiosk: RunningDesk) -> None:
    """12 row 1. V44."""
    for path in ("commands/getAllByIDs", "commands/update/"):
        refused(await kiosk.call(path), 404)
    for path in ("commands/getAllActive", "commands/update", "devices/getAll"):
        response = await kiosk.http.get(PREFIX + path)
        check_reply(PREFIX + path, response)
        refused(response, 404)


async def test_row_2_a_trailing_comma(kiosk: RunningDesk) -> None:
    """12 row 2."""
    body = json.dumps(kiosk.body()).encode()[:-1] + b",}"
    refused(await kiosk.send("devices/getAll", body), 400, "Invalid JSON")


@pytest.mark.parametrize(("count", "status"), [("1.0", 200), ("1.5", 400), ('"1"', 400), ("true", 400), ("0", 400)])
async def test_row_3_key_counts(kiosk: RunningDesk, count: str, status: int) -> None:
    """12 row 3."""
    fields = kiosk.body(KeyCutterId=CUTTER, ReservationId=STAY, KeyCount="COUNT")
    body = json.dumps(fields).replace('"COUNT"', count).encode()
    assert (await kiosk.send("commands/addKeyCutter", body)).status_code == status


async def test_row_4_a_language_without_a_culture(kiosk: RunningDesk) -> None:
    """12 row 4."""
    assert (await kiosk.call("devices/getAll", LanguageCode="de-DE")).status_code == 200
    response = await kiosk.call("commands/update", LanguageCode="de-DE", CommandId=NOBODY, State="Received")
    refused(response, 400, "Invalid CommandId")


async def pages(desk: RunningDesk, ids: list[str], headers: dict[str, str] | None = None) -> list[Any]:
    responses, cursor = [], None
    for _ in range(3):
        response = await desk.call(
            "commands/getAllByIds", CommandIds=ids, Limitation={"Count": 5, "Cursor": cursor}, headers=headers
        )
        responses.append(response)
        cursor = response.json()["Cursor"] if response.content else None
    return responses


async def test_row_5_ten_items_in_pages_of_five(agent: RunningDesk) -> None:
    """12 row 5."""
    ids = [await print_page(agent) for _ in range(10)][::-1]
    first, second, third = await pages(agent, ids)
    assert [first.json()["Cursor"], second.json()["Cursor"]] == [ids[4], ids[9]]
    assert third.json() == {"Commands": [], "Cursor": None}


async def test_row_6_the_same_with_return_minimal(agent: RunningDesk) -> None:
    """12 row 6."""
    ids = [await print_page(agent) for _ in range(10)]
    responses = await pages(agent, ids, {"Prefer": "return=minimal"})
    assert [response.status_code for response in responses] == [200, 200, 204]
    assert responses[2].content == b""
    assert "content-type" not in responses[2].headers


async def updated(desk: RunningDesk, start: str, end: str) -> Any:
    return await desk.call(
        FISCAL_PATH,
        DeviceIds=[FISCAL],
        States=["Pending", "Received"],
        UpdatedUtc={"StartUtc": start, "EndUtc": end},
        Limitation={"Count": 10},
    )


async def test_row_7_three_months(agent: RunningDesk) -> None:
    """12 row 7."""
    assert (await updated(agent, "2025-01-01", "2025-04-01")).status_code == 200
    refused(await updated(agent, "2025-01-01", "2025-04-02"), 400, "Invalid UpdatedUtc")


async def test_row_8_exactly_the_time_of_the_update(agent: RunningDesk) -> None:
    """12 row 8."""
    await move(agent, STRUCTURED_FISCAL, "Received")
    found = await updated(agent, "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z")
    assert [one["Id"] for one in found.json()["Commands"]] == [STRUCTURED_FISCAL]


async def test_row_9_updated_exactly_at_the_end(agent: RunningDesk) -> None:
    """12 row 9."""
    await move(agent, STRUCTURED_FISCAL, "Received")
    found = await updated(agent, "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z")
    assert found.json() == {"Commands": [], "Cursor": None}


async def test_row_10_progress_end_and_repetition(agent: RunningDesk) -> None:
    """12 row 10."""
    command_id = await print_page(agent)
    reports: list[dict[str, Any]] = [
        {"State": "Processing", "Progress": 10},
        {"State": "Processing", "Progress": 50},
        {"State": "Processed"},
        {"State": "Processed"},
        {"State": "Error"},
    ]
    async with agent.socket() as socket:
        responses = [await agent.call("commands/update", CommandId=command_id, **report) for report in reports]
        assert [response.status_code for response in responses] == [200, 200, 200, 200, 400]
        marker = await print_page(agent)
        told = [json.loads(await socket.recv())["Events"][0] for _ in range(4)]
        assert [one["State"] for one in told] == ["Processing", "Processing", "Processed", "Pending"]
        assert [one["Id"] for one in told] == [command_id] * 3 + [marker]


async def test_row_11_1001_ids(agent: RunningDesk) -> None:
    """12 row 11."""
    refused(await agent.call("commands/getAllByIds", CommandIds=[NOBODY] * 1001), 400, "Invalid CommandIds")


@pytest.mark.parametrize("settings", [Settings(port=0)])
async def test_row_12_the_201st_request(agent: RunningDesk) -> None:
    """12 row 12. The limit as it comes: 200 in 30 seconds."""
    for _ in range(200):
        assert (await agent.call("devices/getAll")).status_code == 200
    response = await agent.call("devices/getAll")
    refused(response, 429)
    assert response.headers["retry-after"] == "30"


async def test_row_13_the_adder_the_executor_and_the_other(
    kiosk: RunningDesk, agent: RunningDesk, spare: RunningDesk
) -> None:
    """12 row 13. A adds, B is connected, C is connected to something else."""
    async with kiosk.socket() as of_a, agent.socket() as of_b, spare.socket() as of_c:
        command_id = await print_page(kiosk)
        assert command_id in await active(agent)
        assert command_id not in await active(kiosk)
        assert command_id not in await active(spare)
        assert (await command(agent, command_id))["Id"] == command_id
        assert (await command(kiosk, command_id))["Id"] == command_id
        nothing = await spare.call("commands/getAllByIds", CommandIds=[command_id])
        assert nothing.json() == {"Commands": []}
        await move(agent, command_id, "Processed")
        for caller in (kiosk, spare):
            response = await caller.call("commands/update", CommandId=command_id, State="Processed")
            refused(response, 400, "Invalid CommandId")
        marker = await print_page(agent, SPARE_PRINTER)
        for socket in (of_a, of_b):
            told = [json.loads(await socket.recv())["Events"][0] for _ in range(2)]
            assert told == [
                {"Type": "DeviceCommand", "Id": command_id, "State": state} for state in ("Pending", "Processed")
            ]
        assert json.loads(await of_c.recv())["Events"][0]["Id"] == marker, "C heard nothing before"


async def test_a_thousand_ids_are_found(agent: RunningDesk) -> None:
    """12 row 11. The most that may be asked for."""
    ids = [f"00000039-0000-4000-8000-{place:012d}" for place in range(1000)]
    device = {"Id": FISCAL, "EnterpriseId": HOTEL, "Type": "FiscalMachine", "Name": "Fiscal machine"}
    await load(agent, Devices=[device], Commands=[fiscal_command(one, FISCAL) for one in ids])
    response = await agent.call(FISCAL_PATH, CommandIds=ids, Limitation={"Count": 1000})
    assert sorted(one["Id"] for one in response.json()["Commands"]) == ids
    response = await agent.call("commands/getAllByIds", CommandIds=ids)
    assert sorted(one["Id"] for one in response.json()["Commands"]) == ids
