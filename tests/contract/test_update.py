"""commands/update (contract 7.6); the table of states is in test_life_cycle.py."""

import asyncio
import json
from typing import Any

import pytest

from tests.contract.hotel import (
    FISCAL,
    FOREIGN_FISCAL_COMMAND,
    NOBODY,
    PRINTED,
    SPARE_PRINTER,
    STRUCTURED_FISCAL,
    active,
    command,
    move,
    print_page,
    refused,
)
from tests.harness import RunningDesk, sql


def kept(desk: RunningDesk, command_id: str) -> tuple[Any, ...]:
    """What operators may see of a command: state, progress and notes as they are stored."""
    return sql(desk.database, "SELECT state, progress, notes FROM commands WHERE id = ?", command_id)[0]


async def test_rule_1_only_commands_of_connected_devices(
    kiosk: RunningDesk, agent: RunningDesk, spare: RunningDesk, stranger: RunningDesk
) -> None:
    """7.6 rule 1. 3 rule 5. 7.6 error: Invalid CommandId. D43: not even the one who added it."""
    command_id = await print_page(kiosk)
    for caller in (kiosk, spare, stranger):
        response = await caller.call("commands/update", CommandId=command_id, State="Processed")
        refused(response, 400, "Invalid CommandId")
    assert (await command(agent, command_id))["State"] == "Pending"
    await move(agent, command_id, "Processed")


async def test_rule_2_transitions(agent: RunningDesk) -> None:
    """7.6 rule 2. Every cell of the table is in test_life_cycle.py; here the long way."""
    command_id = await print_page(agent)
    await move(agent, command_id, "Received", "Processing", "Processed")
    assert (await command(agent, command_id))["State"] == "Processed"


@pytest.mark.parametrize("state", ["Received", "Processed", "Cancelled", "Error"])
async def test_rule_3_progress_counts_only_with_processing(agent: RunningDesk, state: str) -> None:
    """7.6 rule 3."""
    command_id = await print_page(agent)
    response = await agent.call("commands/update", CommandId=command_id, State=state, Progress=70)
    assert response.status_code == 200
    assert kept(agent, command_id) == (state, None, None)


@pytest.mark.parametrize("state", ["Received", "Processing"])
async def test_rule_3_notes_count_only_with_an_end(agent: RunningDesk, state: str) -> None:
    """7.6 rule 3."""
    command_id = await print_page(agent)
    response = await agent.call("commands/update", CommandId=command_id, State=state, Notes="n" * 5000)
    assert response.status_code == 200
    assert kept(agent, command_id) == (state, None, None)


@pytest.mark.parametrize("state", ["Processed", "Cancelled", "Error"])
async def test_rule_5_notes_are_kept(agent: RunningDesk, state: str) -> None:
    """7.6 rule 5. D49. D50."""
    command_id = await print_page(agent)
    await agent.call("commands/update", CommandId=command_id, State=state, Notes="Paper jam")
    assert kept(agent, command_id) == (state, None, "Paper jam")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b"0", 0),
        (b"50", 50),
        (b"0.5", 0.5),
        (b"1e1", 10),
        (b"101", 100),
        (b"-3", 0),
        (b"1e9999999", 100),
        (b"-1e9999999", 0),
        (b"9" * 100_000, 100),
        (b"0." + b"1" * 100_000, 0.1111111111111111),
        (b"null", None),
    ],
)
async def test_rule_5_progress_is_kept_within_bounds(agent: RunningDesk, sent: bytes, stored: float | None) -> None:
    """7.6 rule 5. D48. Any number, answered at once, clamped to 0…100."""
    command_id = await print_page(agent)
    body = json.dumps(agent.body(CommandId=command_id, State="Processing", Progress="SENT")).encode()
    response = await agent.send("commands/update", body.replace(b'"SENT"', sent))
    assert response.status_code == 200, response.text
    assert kept(agent, command_id) == ("Processing", stored, None)


async def test_rule_5_neither_progress_nor_notes_are_told(agent: RunningDesk) -> None:
    """7.6 rule 5."""
    command_id = await print_page(agent)
    await agent.call("commands/update", CommandId=command_id, State="Processing", Progress=33.25)
    await agent.call("commands/update", CommandId=command_id, State="Error", Notes="Paper jam")
    told = await agent.call("commands/getAllByIds", CommandIds=[command_id])
    assert "33.25" not in told.text
    assert "Paper jam" not in told.text
    assert kept(agent, command_id) == ("Error", 33.25, "Paper jam")


async def test_notes_are_cut_and_cleaned(agent: RunningDesk) -> None:
    """D49. Longer text is cut, a NUL is taken out; the update does not fail for it."""
    command_id = await print_page(agent)
    await agent.call("commands/update", CommandId=command_id, State="Error", Notes="a\0b\0" + "é" * 2000)
    assert kept(agent, command_id)[2] == "ab" + "é" * 998


async def updated_at(desk: RunningDesk, instant: str) -> list[str]:
    """The fiscal commands that were last updated at this very second."""
    response = await desk.call(
        "fiscalMachineCommands/getAll",
        DeviceIds=[FISCAL],
        States=["Pending", "Received", "Processing", "Processed", "Cancelled", "Error"],
        UpdatedUtc={"StartUtc": instant, "EndUtc": instant},
        Limitation={"Count": 10},
    )
    return [one["Id"] for one in response.json()["Commands"]]


async def test_rule_4_an_effective_update_sets_the_time_and_sends_one_event(agent: RunningDesk) -> None:
    """7.6 rule 4. A progress report counts; a repeated state does not."""
    async with agent.socket() as socket:
        await move(agent, STRUCTURED_FISCAL, "Received")
        assert await updated_at(agent, "2026-03-01T12:00:00Z") == [STRUCTURED_FISCAL]
        agent.clock.move(60)
        await move(agent, STRUCTURED_FISCAL, "Received")
        assert await updated_at(agent, "2026-03-01T12:00:00Z") == [STRUCTURED_FISCAL]
        await move(agent, STRUCTURED_FISCAL, "Processing")
        assert await updated_at(agent, "2026-03-01T12:01:00Z") == [STRUCTURED_FISCAL]
        agent.clock.move(60)
        await move(agent, STRUCTURED_FISCAL, "Processing")
        assert await updated_at(agent, "2026-03-01T12:02:00Z") == [STRUCTURED_FISCAL]
        await move(agent, STRUCTURED_FISCAL, "Error")
        states = [json.loads(await socket.recv())["Events"][0]["State"] for _ in range(4)]
        assert states == ["Received", "Processing", "Processing", "Error"]


async def test_rule_6_concurrent_updates_are_judged_one_after_the_other(agent: RunningDesk) -> None:
    """7.6 rule 6. D51. Of different ends one wins, and every other is refused by the state that won."""
    command_id = await print_page(agent)
    ends = ["Processed", "Cancelled", "Error"] * 5
    async with agent.socket() as socket:
        responses = await asyncio.gather(
            *(agent.call("commands/update", CommandId=command_id, State=state) for state in ends)
        )
        won = (await command(agent, command_id))["State"]
        for state, response in zip(ends, responses, strict=True):
            if state == won:
                assert response.status_code == 200
            else:
                refused(response, 400, "Invalid CommandId")
        marker = await print_page(agent)
        told = [json.loads(await socket.recv())["Events"][0] for _ in range(2)]
        assert [one["Id"] for one in told] == [command_id, marker], "one event for the one change"


async def test_error_409_is_never_needed_for_what_can_wait(agent: RunningDesk) -> None:
    """7.6 error: 409. D19. Reports at the same moment are carried out one after the other; none is turned away."""
    command_id = await print_page(agent)
    async with agent.socket() as socket:
        responses = await asyncio.gather(
            *(agent.call("commands/update", CommandId=command_id, State="Processing", Progress=n) for n in range(40))
        )
        assert {response.status_code for response in responses} == {200}
        for _ in responses:
            (told,) = json.loads(await socket.recv())["Events"]
            assert (told["Id"], told["State"]) == (command_id, "Processing")


@pytest.mark.parametrize("bad", [NOBODY, FOREIGN_FISCAL_COMMAND, None, "", "x", 5, [NOBODY]])
async def test_error_invalid_command_id(agent: RunningDesk, bad: object) -> None:
    """7.6 error: Invalid CommandId."""
    refused(await agent.call("commands/update", CommandId=bad, State="Received"), 400, "Invalid CommandId")


@pytest.mark.parametrize("state", ["Pending", "Received", "Processing", "Cancelled", "Error"])
async def test_error_a_command_that_has_ended(agent: RunningDesk, state: str) -> None:
    """7.6 error: Invalid CommandId. D47."""
    refused(await agent.call("commands/update", CommandId=PRINTED, State=state), 400, "Invalid CommandId")


@pytest.mark.parametrize("state", ["Done", "pending", "Canceled", "", None, 0, [], {"Value": "Received"}])
async def test_error_invalid_state(agent: RunningDesk, state: object) -> None:
    """7.6 error: Invalid State. D6."""
    command_id = await print_page(agent)
    refused(await agent.call("commands/update", CommandId=command_id, State=state), 400, "Invalid State")


async def test_error_a_state_that_goes_back(agent: RunningDesk) -> None:
    """7.6 error: Invalid State."""
    command_id = await print_page(agent)
    await move(agent, command_id, "Processing")
    refused(await agent.call("commands/update", CommandId=command_id, State="Received"), 400, "Invalid State")


@pytest.mark.parametrize("state", ["Processing", "Processed"])
@pytest.mark.parametrize("progress", ["50", True, [], {"Value": 50}])
async def test_error_invalid_progress(agent: RunningDesk, state: str, progress: object) -> None:
    """7.6 error: Invalid Progress. Also where it would not count."""
    command_id = await print_page(agent)
    response = await agent.call("commands/update", CommandId=command_id, State=state, Progress=progress)
    refused(response, 400, "Invalid Progress")


@pytest.mark.parametrize("state", ["Processing", "Processed"])
@pytest.mark.parametrize("notes", [5, True, [], {"Value": "jam"}])
async def test_error_invalid_notes(agent: RunningDesk, state: str, notes: object) -> None:
    """7.6 error: Invalid Notes. Also where they would not count."""
    command_id = await print_page(agent)
    response = await agent.call("commands/update", CommandId=command_id, State=state, Notes=notes)
    refused(response, 400, "Invalid Notes")


async def test_error_each_field_is_required(agent: RunningDesk) -> None:
    """7.6 error: Invalid CommandId / Invalid State."""
    refused(await agent.call("commands/update", State="Received"), 400, "Invalid CommandId")
    refused(await agent.call("commands/update", CommandId=NOBODY), 400, "Invalid State")


@pytest.mark.parametrize("value", [{"Value": "x"}, {"Value": None}, {}, None])
async def test_external_request_identifier_is_ignored(agent: RunningDesk, value: object) -> None:
    """V52."""
    command_id = await print_page(agent)
    response = await agent.call(
        "commands/update", CommandId=command_id, State="Received", ExternalRequestIdentifier=value
    )
    assert response.json() == {}


async def test_the_reply_is_empty(agent: RunningDesk) -> None:
    """2.6 rule 1. 2.6 rule 2."""
    command_id = await print_page(agent, SPARE_PRINTER)
    response = await agent.call("commands/update", CommandId=command_id, State="Received")
    assert (response.status_code, response.json()) == (200, {})
    minimal = {"Prefer": "return=minimal"}
    response = await agent.call("commands/update", CommandId=command_id, State="Processed", headers=minimal)
    assert response.status_code == 204
    response = await agent.call("commands/update", CommandId=command_id, State="Processed", headers=minimal)
    assert response.status_code == 204, "a repeated state succeeds just the same"
    assert command_id not in await active(agent)
