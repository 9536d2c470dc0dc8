"""Pagination (contract 2.9), on every operation that has it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.contract.hotel import (
    BARE_FISCAL,
    FISCAL,
    FOREIGN_FISCAL_COMMAND,
    FOREIGN_TOKEN,
    NOBODY,
    PAYLOAD_FISCAL,
    PRINTED,
    SECOND_FISCAL,
    STAY,
    STRUCTURED_FISCAL,
    add_token,
    move,
    print_page,
    refused,
)
from tests.harness import RunningDesk

STATES = ["Pending", "Received", "Processing", "Processed", "Cancelled", "Error"]
Asked = dict[str, Any]


async def _active(desk: RunningDesk) -> tuple[list[str], Asked]:
    for command_id in (STRUCTURED_FISCAL, (await desk.call("commands/getAllActive")).json()["Commands"][-1]["Id"]):
        await move(desk, command_id, "Processed")
    return [await print_page(desk) for _ in range(5)][::-1], {}


async def _by_ids(desk: RunningDesk) -> tuple[list[str], Asked]:
    ids = [await print_page(desk) for _ in range(5)]
    return ids[::-1], {"CommandIds": sorted(ids)}


async def _fiscal(desk: RunningDesk) -> tuple[list[str], Asked]:
    return [PAYLOAD_FISCAL, STRUCTURED_FISCAL, BARE_FISCAL], {"DeviceIds": [FISCAL, SECOND_FISCAL], "States": STATES}


async def _tokens(desk: RunningDesk) -> tuple[list[str], Asked]:
    return [(await add_token(desk))["Id"] for _ in range(5)][::-1], {"ServiceOrderIds": [STAY]}


Prepare = Callable[[RunningDesk], Awaitable[tuple[list[str], Asked]]]
PAGED: list[Any] = [
    pytest.param("commands/getAllActive", "Commands", _active, id="getAllActive"),
    pytest.param("commands/getAllByIds", "Commands", _by_ids, id="getAllByIds"),
    pytest.param("fiscalMachineCommands/getAll", "Commands", _fiscal, id="fiscal"),
    pytest.param("resourceAccessTokens/getAll", "ResourceAccessTokens", _tokens, id="tokens"),
]
paged = pytest.mark.parametrize(("operation", "part", "prepare"), PAGED)


@paged
async def test_rules_1_to_7_page_by_page(agent: RunningDesk, operation: str, part: str, prepare: Prepare) -> None:
    """2.9 rule 1. 2.9 rule 2. 2.9 rule 3. 2.9 rule 4. 2.9 rule 5. 2.9 rule 7. D31."""
    expected, asked = await prepare(agent)
    for size in (1, 2, len(expected), 1000):
        seen: list[str] = []
        cursor = None
        while True:
            response = await agent.call(operation, **asked, Limitation={"Count": size, "Cursor": cursor})
            assert response.status_code == 200, response.text
            page = [one["Id"] for one in response.json()[part]]
            cursor = response.json()["Cursor"]
            assert cursor == (page[-1] if page else None)
            assert page == expected[len(seen) : len(seen) + size]
            seen += page
            if not page:
                break
        assert seen == expected


@paged
async def test_rule_6_the_cursor_is_there_when_a_page_was_asked_for(
    agent: RunningDesk, operation: str, part: str, prepare: Prepare
) -> None:
    """2.9 rule 6. D30."""
    _, asked = await prepare(agent)
    page = await agent.call(operation, **asked, Limitation={"Count": 1})
    assert set(page.json()) == {part, "Cursor"}
    if operation.startswith("commands/"):
        for absent in ({}, {"Limitation": None}):
            assert set((await agent.call(operation, **asked, **absent)).json()) == {part}


@paged
async def test_rule_8_unknown_and_foreign_cursors(
    agent: RunningDesk, operation: str, part: str, prepare: Prepare
) -> None:
    """2.9 rule 8. D27."""
    _, asked = await prepare(agent)
    for cursor in (NOBODY, FOREIGN_FISCAL_COMMAND, FOREIGN_TOKEN):
        response = await agent.call(operation, **asked, Limitation={"Count": 1, "Cursor": cursor})
        refused(response, 400, "Invalid Cursor")


async def test_rule_8_a_command_that_moved_on_is_still_a_position(agent: RunningDesk) -> None:
    """2.9 rule 8. D28."""
    ids = [await print_page(agent) for _ in range(3)][::-1]
    await move(agent, ids[1], "Processed")
    response = await agent.call("commands/getAllActive", Limitation={"Count": 1, "Cursor": ids[1]})
    assert [one["Id"] for one in response.json()["Commands"]] == [ids[2]]


async def test_rule_8_a_deleted_token_is_still_a_position(kiosk: RunningDesk) -> None:
    """2.9 rule 8. D28."""
    ids = [(await add_token(kiosk))["Id"] for _ in range(3)][::-1]
    await kiosk.call("resourceAccessTokens/delete", Ids=[ids[1]])
    response = await kiosk.call(
        "resourceAccessTokens/getAll",
        ServiceOrderIds=[STAY],
        ActivityStates=["Active"],
        Limitation={"Count": 5, "Cursor": ids[1].upper()},
    )
    assert [one["Id"] for one in response.json()["ResourceAccessTokens"]] == [ids[2]]


async def test_rule_9_filters_are_not_remembered(agent: RunningDesk) -> None:
    """2.9 rule 9. The next page is judged by what comes with it."""
    ids = [await print_page(agent) for _ in range(4)][::-1]
    first = await agent.call("commands/getAllByIds", CommandIds=ids[:2], Limitation={"Count": 1})
    response = await agent.call(
        "commands/getAllByIds", CommandIds=ids[2:], Limitation={"Count": 5, "Cursor": first.json()["Cursor"]}
    )
    assert [one["Id"] for one in response.json()["Commands"]] == ids[2:]
    refused(
        await agent.call("resourceAccessTokens/getAll", Limitation={"Count": 5, "Cursor": ids[0]}),
        400,
    )


async def test_rule_3_a_cursor_that_does_not_match_the_filters(agent: RunningDesk) -> None:
    """2.9 rule 3. 2.9 rule 8. It names a position in the order, not a match."""
    older, position, newer = [await print_page(agent) for _ in range(3)]
    response = await agent.call(
        "commands/getAllByIds", CommandIds=[older, newer], Limitation={"Count": 5, "Cursor": position}
    )
    assert [one["Id"] for one in response.json()["Commands"]] == [older]


async def test_rule_1_what_is_added_while_somebody_reads(agent: RunningDesk) -> None:
    """2.9 rule 1. New items are newer than every cursor, so no page shows an item twice or leaves one out."""
    ids = [await print_page(agent) for _ in range(4)][::-1]
    first = await agent.call("commands/getAllActive", Limitation={"Count": 2})
    await print_page(agent)
    second = await agent.call("commands/getAllActive", Limitation={"Count": 2, "Cursor": first.json()["Cursor"]})
    assert [one["Id"] for one in first.json()["Commands"] + second.json()["Commands"]] == ids


async def test_a_long_page_is_read_in_parts(agent: RunningDesk) -> None:
    """2.9 rule 2. More than the rows that are read at a time, and the count ends within a part."""
    ids = [await print_page(agent) for _ in range(130)][::-1]
    for count in (49, 50, 51, 100, 101, 125):
        response = await agent.call("commands/getAllActive", Limitation={"Count": count})
        assert [one["Id"] for one in response.json()["Commands"]] == ids[:count]
        assert response.json()["Cursor"] == ids[count - 1]


async def test_a_command_from_long_ago_in_the_order(agent: RunningDesk) -> None:
    """D29. By creation, not by id."""
    response = await agent.call("commands/getAllByIds", CommandIds=[PRINTED, BARE_FISCAL, STRUCTURED_FISCAL])
    assert [one["Id"] for one in response.json()["Commands"]] == [STRUCTURED_FISCAL, BARE_FISCAL, PRINTED]


@pytest.mark.parametrize("count", [1.0, 1000, 5])
async def test_counts_that_are_fine(agent: RunningDesk, count: float) -> None:
    """D26. D37."""
    assert (await agent.call("commands/getAllActive", Limitation={"Count": count})).status_code == 200


@pytest.mark.parametrize("limitation", [5, "x", [], True])
async def test_no_object(agent: RunningDesk, limitation: object) -> None:
    """D16."""
    refused(await agent.call("commands/getAllActive", Limitation=limitation), 400, "Invalid Limitation")
