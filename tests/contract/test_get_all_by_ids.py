"""commands/getAllByIds (contract 7.2)."""

import pytest

from tests.contract.hotel import (
    FOREIGN_FISCAL_COMMAND,
    GUEST,
    NOBODY,
    PAYLOAD_FISCAL,
    PDF,
    PRINTED,
    SCAN,
    SCANNER,
    SPARE_PRINTER,
    STAY,
    STRUCTURED_DATA,
    STRUCTURED_FISCAL,
    bill,
    command,
    move,
    print_page,
    refused,
)
from tests.harness import RunningDesk


async def ids_of(desk: RunningDesk, *ids: str, **fields: object) -> list[str]:
    response = await desk.call("commands/getAllByIds", CommandIds=list(ids), **fields)
    assert response.status_code == 200, response.text
    return [one["Id"] for one in response.json()["Commands"]]


@pytest.mark.parametrize("state", ["Pending", "Received", "Processing", "Processed", "Cancelled", "Error"])
async def test_rule_1_whatever_the_state(kiosk: RunningDesk, agent: RunningDesk, state: str) -> None:
    """7.2 rule 1."""
    command_id = await print_page(kiosk)
    await move(agent, command_id, state)
    assert (await command(kiosk, command_id))["State"] == state


async def test_rule_1_connected_or_own(
    kiosk: RunningDesk, agent: RunningDesk, spare: RunningDesk, partner: RunningDesk
) -> None:
    """7.2 rule 1. 3 rule 4. D43."""
    mine, theirs = await print_page(kiosk), await print_page(agent, SPARE_PRINTER)
    assert await ids_of(agent, mine, theirs) == [theirs, mine]
    assert await ids_of(kiosk, mine, theirs) == [mine]
    assert await ids_of(spare, mine, theirs) == [theirs]
    assert await ids_of(partner, mine, theirs) == [theirs, mine]


async def test_rule_2_unknown_foreign_and_invisible_ids_are_left_out(agent: RunningDesk, kiosk: RunningDesk) -> None:
    """7.2 rule 2. D39. D40."""
    assert await ids_of(agent, NOBODY, FOREIGN_FISCAL_COMMAND, PRINTED) == [PRINTED]
    assert await ids_of(kiosk, PRINTED) == []


async def test_rule_3_duplicates_count_once(agent: RunningDesk) -> None:
    """7.2 rule 3. D38. The limit is on the array as sent."""
    assert await ids_of(agent, PRINTED, PRINTED.upper(), PRINTED) == [PRINTED]
    assert await ids_of(agent, *[PRINTED] * 1000) == [PRINTED]
    refused(await agent.call("commands/getAllByIds", CommandIds=[PRINTED] * 1001), 400, "Invalid CommandIds")


async def test_rule_4_newest_first(agent: RunningDesk) -> None:
    """7.2 rule 4. D29."""
    ids = [await print_page(agent) for _ in range(3)]
    assert await ids_of(agent, ids[1], ids[2], ids[0]) == ids[::-1]


async def test_rule_5_without_limitation_all_and_no_cursor(agent: RunningDesk) -> None:
    """7.2 rule 5. D30. More than the rows that are read at a time."""
    ids = [await print_page(agent) for _ in range(110)]
    response = await agent.call("commands/getAllByIds", CommandIds=ids)
    assert [one["Id"] for one in response.json()["Commands"]] == ids[::-1]
    assert "Cursor" not in response.json()


async def test_rule_6_reading_changes_nothing(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """7.2 rule 6. D44."""
    command_id = await print_page(kiosk)
    async with agent.socket() as socket:
        before = await command(agent, command_id)
        agent.clock.move(5)
        assert await command(agent, command_id) == before
        marker = await print_page(kiosk)
        assert marker in str(await socket.recv()), "the reads sent no event"


async def test_the_data_of_a_passport_scanner(agent: RunningDesk) -> None:
    """Contract 8.8, first table."""
    found = await command(agent, SCAN)
    assert found["Device"] == {"Id": SCANNER, "Type": "PassportScanner", "Name": "Scanner", "Identifier": "S1"}
    assert found["Data"] == {"PassportScannerId": "SCAN-1", "CustomerId": GUEST, "ReservationId": STAY}
    assert found["Creator"] == {"FirstName": "Ada", "LastName": "Night", "ImageUrl": None}


async def test_the_nested_data_of_a_fiscal_machine(agent: RunningDesk) -> None:
    """Contract 8.8 and 8.10: the older bill, structured data and a payload, each as coproduct A; D69."""
    structured = (await command(agent, STRUCTURED_FISCAL))["Data"]
    assert structured["BillFiscalMachineData"] == {
        "Discriminator": "ItalianFiscalMachineData",
        "Value": STRUCTURED_DATA,
    }
    assert structured["PayloadData"] is None
    assert structured["Bill"].items() >= bill().items()
    assert (structured["Bill"]["Revenue"], structured["Bill"]["Payments"]) == ([], [])
    payload = (await command(agent, PAYLOAD_FISCAL))["Data"]
    assert payload["PayloadData"] == {"Discriminator": "ItalianFiscalMachine", "Value": "PGZ2cF9kb2MvPg=="}
    assert payload["BillFiscalMachineData"] is None


async def test_a_picture_of_the_creator(agent: RunningDesk) -> None:
    found = await command(agent, PRINTED)
    assert found["Creator"] == {"FirstName": None, "LastName": "Night", "ImageUrl": "https://example.com/ada.png"}
    assert found["Data"]["FileData"] == PDF


BAD_ID = [
    PRINTED.replace("-", ""),
    "{" + PRINTED + "}",
    "urn:uuid:" + PRINTED,
    PRINTED + " ",
    PRINTED[:-1],
    PRINTED + "0",
    PRINTED.replace("-", "_"),
    PRINTED[:-1] + "g",
    PRINTED[:-1] + "\N{ARABIC-INDIC DIGIT ONE}",
    "",
    None,
    5,
    True,
    [],
    {"Value": PRINTED},
]


@pytest.mark.parametrize("bad", BAD_ID)
async def test_error_a_malformed_id(agent: RunningDesk, bad: object) -> None:
    """7.2 error: Invalid CommandIds. D36. D38."""
    refused(await agent.call("commands/getAllByIds", CommandIds=[PRINTED, bad]), 400, "Invalid CommandIds")


@pytest.mark.parametrize("ids", [None, [], [PRINTED] * 1001, PRINTED, {"0": PRINTED}, 5, True])
async def test_error_no_usable_list_of_ids(agent: RunningDesk, ids: object) -> None:
    """7.2 error: Invalid CommandIds."""
    refused(await agent.call("commands/getAllByIds", CommandIds=ids), 400, "Invalid CommandIds")


async def test_error_no_list_of_ids(agent: RunningDesk) -> None:
    """7.2 error: Invalid CommandIds."""
    refused(await agent.call("commands/getAllByIds"), 400, "Invalid CommandIds")


@pytest.mark.parametrize("written", [PRINTED.upper(), "72D4B117-1f84-44a3-1F84-8b2c0635ac60", NOBODY])
async def test_any_letter_case_and_variant_of_an_id(agent: RunningDesk, written: str) -> None:
    """D36. Upper case is found; ids come back in lower case."""
    assert await ids_of(agent, written) == ([PRINTED] if written == PRINTED.upper() else [])


async def test_limitation_pages_what_matches(agent: RunningDesk) -> None:
    """V3. The cursor of one page begins the next."""
    ids = [await print_page(agent) for _ in range(3)]
    first = await agent.call("commands/getAllByIds", CommandIds=ids, Limitation={"Count": 2})
    assert [one["Id"] for one in first.json()["Commands"]] == [ids[2], ids[1]]
    assert first.json()["Cursor"] == ids[1]
    assert await ids_of(agent, *ids, Limitation={"Count": 2, "Cursor": ids[1]}) == [ids[0]]
    refused(await agent.call("commands/getAllByIds", CommandIds=ids, Limitation={"Count": 0}), 400, "Invalid Count")
    refused(
        await agent.call("commands/getAllByIds", CommandIds=ids, Limitation={"Count": 1, "Cursor": NOBODY}),
        400,
        "Invalid Cursor",
    )
