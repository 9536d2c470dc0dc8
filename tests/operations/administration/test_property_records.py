"""What becomes of each record of a property file, as the operations then see it, and what its refusals say."""

import json
import sqlite3
from typing import Any

import pytest

from nightporter.operations.administration.load_property import InvalidPropertyFile
from tests.harness import RunningDesk
from tests.operations.administration.test_load_property import (
    COMMAND,
    COMPANION,
    ENTERPRISE,
    GUEST,
    NOBODY,
    ROOM,
    SECOND,
    STAY,
    Hotel,
    as_agent,
    fiscal_file,
    load,
    printer_file,
    refusal,
    small_hotel,
    tokens,
)

NOW = "2026-03-01T12:00:00Z"


@pytest.fixture
def hotel() -> Hotel:
    return small_hotel()


@pytest.fixture
def demo_hotel() -> bytes:
    """These tests begin with an empty desk."""
    return b"{}"


def kept(desk: RunningDesk, table: str) -> list[dict[str, Any]]:
    """The rows of a table by the names of their columns."""
    with sqlite3.connect(desk.database) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
    connection.close()
    return rows


async def fiscal_commands(desk: RunningDesk, **filters: Any) -> list[dict[str, Any]]:
    found = await as_agent(desk).call("fiscalMachineCommands/getAll", Limitation={"Count": 10}, **filters)
    listed: list[dict[str, Any]] = found.json()["Commands"]
    return listed


# Parties.


async def test_an_enterprise_that_is_not_enabled_admits_nobody(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Enterprises"][0]["IsEnabled"] = False
    await load(desk, hotel)
    assert (await as_agent(desk).call("devices/getAll")).status_code == 401


async def test_an_integration_that_is_not_enabled_is_not_admitted(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Integrations"][0]["IsEnabled"] = False
    await load(desk, hotel)
    assert (await as_agent(desk).call("devices/getAll")).status_code == 401


@pytest.mark.parametrize("rights", [[], ["ReadFiscalMachineCommands"]])
async def test_a_client_has_the_rights_of_its_record(desk: RunningDesk, hotel: Hotel, rights: list[str]) -> None:
    hotel["Clients"][0]["Rights"] = rights
    await load(desk, hotel)
    asked = await as_agent(desk).call("fiscalMachineCommands/getAll", CommandIds=[COMMAND], Limitation={"Count": 10})
    assert asked.status_code == (200 if rights else 401)


async def test_an_enterprise_of_a_portfolio_that_is_nowhere_is_named_by_its_place(
    desk: RunningDesk, hotel: Hotel
) -> None:
    hotel["Portfolios"] = [{"Id": SECOND, "Name": "Both", "EnterpriseIds": [ENTERPRISE, NOBODY]}]
    assert await refusal(desk, hotel) == (
        f"Portfolios[0] (Id {SECOND}): Expected an enterprise of this file or the desk - at `$.EnterpriseIds[1]`"
    )


async def test_a_portfolio_has_an_id_of_its_own(desk: RunningDesk, hotel: Hotel) -> None:
    both = {"Id": SECOND, "Name": "Both", "EnterpriseIds": [ENTERPRISE]}
    hotel["Portfolios"] = [both, {**both, "Id": NOBODY}]
    assert (await load(desk, hotel))["Portfolios"] == 2
    hotel["Portfolios"].append(both)
    assert (await refusal(desk, hotel)).endswith(
        f"Expected an Id of its own, Portfolios[0] (Id {SECOND}) has it already - at `$.Id`"
    )


@pytest.mark.parametrize("part", ["Customers", "Devices", "Bills"])
async def test_without_any_enterprise_in_the_file_every_record_names_its_own(
    desk: RunningDesk, hotel: Hotel, part: str
) -> None:
    await load(desk, hotel)
    records = {
        "Customers": {"Id": SECOND, "LastName": "Guest"},
        "Devices": {"Id": SECOND, "Type": "Printer", "Name": "Printer"},
        "Bills": {"Id": SECOND, "State": "Open"},
    }
    assert await refusal(desk, {part: [records[part]]}) == (
        f"{part}[0] (Id {SECOND}): Expected EnterpriseId, which only a file with exactly one enterprise may leave out"
    )


async def test_an_access_token_has_an_id_of_its_own(desk: RunningDesk, hotel: Hotel) -> None:
    agent = hotel["Integrations"][0]
    agent["AccessTokens"].append({**agent["AccessTokens"][0], "AccessToken": "another-of-the-inn"})
    who = f"Integrations[0] (Id {agent['Id']})"
    assert await refusal(desk, hotel) == (
        f"{who}: Expected an Id of its own, {who} has it already - at `$.AccessTokens[1].Id`"
    )


# Facts.


async def test_a_device_is_told_as_its_record_says(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Devices"][0]["Identifier"] = "lobby-1"
    await load(desk, hotel)
    (device,) = (await as_agent(desk).call("devices/getAll")).json()["Devices"]
    assert device == {
        "Id": hotel["Devices"][0]["Id"],
        "Type": "PassportScanner",
        "Name": "Scanner",
        "Identifier": "lobby-1",
    }


async def test_a_companionship_is_that_of_its_stay(desk: RunningDesk, hotel: Hotel) -> None:
    other = {**hotel["Reservations"][0], "Id": SECOND}
    hotel["Reservations"].append(other)
    await load(desk, hotel)
    wanted = {
        "CompanionshipId": COMPANION,
        "Type": "PinCode",
        "Value": "2222",
        "ValidityStartUtc": NOW,
        "ValidityEndUtc": "2026-03-02T12:00:00Z",
        "Permissions": {"Room": True},
    }
    for stay, status in ((STAY, 200), (SECOND, 400)):
        added = await as_agent(desk).call(
            "resourceAccessTokens/add", ResourceAccessTokenParameters=[{**wanted, "ServiceOrderId": stay}]
        )
        assert added.status_code == status, added.text
    (row,) = kept(desk, "companionships")
    assert (row["customer_id"], row["reservation_id"]) == (GUEST, STAY)


async def test_a_bed_is_in_its_room(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Resources"].append({"Id": SECOND, "EnterpriseId": ENTERPRISE, "Name": "1A", "ParentResourceId": ROOM})
    await load(desk, hotel)
    assert {row["name"]: row["parent_resource_id"] for row in kept(desk, "resources")} == {"1": None, "1A": ROOM}


async def test_a_stay_may_end_when_it_begins(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Reservations"][0] |= {"ScheduledStartUtc": NOW, "ScheduledEndUtc": NOW}
    assert (await load(desk, hotel))["Reservations"] == 1


# Commands.


async def test_what_happened_just_now_is_not_to_come(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Commands"][0] |= {"CreatedUtc": NOW, "UpdatedUtc": NOW}
    hotel["ResourceAccessTokens"][0] |= {"CreatedUtc": NOW, "UpdatedUtc": NOW}
    assert await load(desk, hotel)


async def test_a_command_was_created_and_updated_when_its_record_says(desk: RunningDesk, hotel: Hotel) -> None:
    hotel = fiscal_file(hotel)
    hotel["Commands"][0]["UpdatedUtc"] = "2026-02-03T15:00:00Z"
    await load(desk, hotel)
    days = {"StartUtc": "2026-02-03T00:00:00Z", "EndUtc": "2026-02-04T00:00:00Z"}
    device = hotel["Devices"][0]["Id"]
    (command,) = await fiscal_commands(desk, DeviceIds=[device], States=["Pending"], UpdatedUtc=days)
    assert command["CreatedUtc"] == "2026-02-01T15:00:00Z"


async def test_a_command_tells_the_device_of_its_record(desk: RunningDesk, hotel: Hotel) -> None:
    hotel = fiscal_file(hotel)
    hotel["Devices"][0] |= {"Name": "Till", "Identifier": "till-1"}
    await load(desk, hotel)
    (command,) = await fiscal_commands(desk, CommandIds=[COMMAND])
    device_id = hotel["Devices"][0]["Id"]
    assert command["Device"] == {"Id": device_id, "Type": "FiscalMachine", "Name": "Till", "Identifier": "till-1"}


async def test_a_command_that_was_not_updated_was_last_changed_when_it_was_created(
    desk: RunningDesk, hotel: Hotel
) -> None:
    hotel = fiscal_file(hotel)
    await load(desk, hotel)
    days = {"StartUtc": "2026-02-01T00:00:00Z", "EndUtc": "2026-02-02T00:00:00Z"}
    device = hotel["Devices"][0]["Id"]
    assert len(await fiscal_commands(desk, DeviceIds=[device], States=["Pending"], UpdatedUtc=days)) == 1


@pytest.mark.parametrize("profile", [None, "ABCDEF00-0000-4000-8000-000000000000"])
async def test_a_command_has_the_creator_of_its_record(desk: RunningDesk, hotel: Hotel, profile: str | None) -> None:
    hotel = fiscal_file(hotel)
    hotel["Commands"][0]["Creator"] = {
        "FirstName": "Jan",
        "LastName": "Clerk",
        "ImageUrl": "https://example.com/jan.png",
        "Discriminator": "Enterprise",
        "ProfileId": profile,
    }
    await load(desk, hotel)
    (flat,) = await fiscal_commands(desk, CommandIds=[COMMAND])
    told = None if profile is None else {"ProfileId": profile.lower()}
    assert flat["Creator"] == {"Discriminator": "Enterprise", "EnterpriseProfile": told}
    (nested,) = (await as_agent(desk).call("commands/getAllByIds", CommandIds=[COMMAND])).json()["Commands"]
    assert nested["Creator"] == {
        "FirstName": "Jan",
        "LastName": "Clerk",
        "ImageUrl": "https://example.com/jan.png",
    }


async def test_a_command_to_print_keeps_its_file_and_no_other_has_one(desk: RunningDesk, hotel: Hotel) -> None:
    await load(desk, hotel)
    assert kept(desk, "documents") == []
    printing = printer_file(small_hotel(), CopyCount=3)
    for part in ("Devices", "Commands"):
        printing[part][0]["Id"] = SECOND
    printing["Commands"][0]["DeviceId"] = SECOND
    printing["Integrations"][0]["ConnectedDeviceIds"] = [SECOND]
    await load(desk, printing)
    (command,) = (await as_agent(desk).call("commands/getAllByIds", CommandIds=[SECOND])).json()["Commands"]
    assert command["Data"] == {
        "CopyCount": 3,
        "FileType": "application/pdf",
        "FileData": "JVBERi0=",
        "PrinterName": "",
        "PrinterDriverName": "",
        "PrinterPortName": "",
    }


# Resource access tokens.


async def test_a_pin_of_the_stay_alone_names_no_companionship_and_no_resource(desk: RunningDesk, hotel: Hotel) -> None:
    for left_out in ("CompanionshipId", "ResourceId"):
        del hotel["ResourceAccessTokens"][0][left_out]
    await load(desk, hotel)
    (token,) = await tokens(as_agent(desk))
    assert (token["CompanionshipId"], token["ResourceId"]) == (None, None)


async def test_a_pin_is_kept_with_everything_that_its_record_says(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["ResourceAccessTokens"][0] |= {
        "Type": "RfidTag",
        "Value": "AABB",
        "SerialNumber": "S-1",
        "Permissions": {"Bed": True, "Room": False, "Floor": True, "Building": False},
        "UpdatedUtc": "2026-02-02T15:00:00Z",
        "IsActive": False,
    }
    await load(desk, hotel)
    (token,) = await tokens(as_agent(desk))
    assert token == {**token, **hotel["ResourceAccessTokens"][0]}
    hotel["ResourceAccessTokens"][0]["Permissions"] = {"Bed": False, "Room": True, "Floor": False, "Building": True}
    await load(desk, hotel)
    assert (await tokens(as_agent(desk)))[0]["Permissions"] == hotel["ResourceAccessTokens"][0]["Permissions"]


# What refusals say, whole.


@pytest.mark.parametrize(
    ("part", "fields", "problem"),
    [
        (
            "ResourceAccessTokens",
            {"CreatedUtc": "2026-03-01T12:00:01Z"},
            "Expected a time that is not to come - at `$.CreatedUtc`",
        ),
        (
            "ResourceAccessTokens",
            {"Type": "Key"},
            "Expected one of PinCode, RfidTag; invalid enum value 'Key' - at `$.Type`",
        ),
        (
            "Enterprises",
            {"AcceptedCurrencies": ["XXZ", "EUR", "XXY"]},
            "Expected ISO 4217 codes, got XXY, XXZ - at `$.AcceptedCurrencies`",
        ),
        (
            "Clients",
            {"Rights": ["Nothing", "Everything"]},
            "Expected of AddPaymentTerminalCommands, ReadFiscalMachineCommands, got Everything, Nothing "
            "- at `$.Rights`",
        ),
        (
            "Customers",
            {"Notes": {"Pa\0st": 1}},
            "Expected a text without NUL - at `key in $.Notes`",
        ),
    ],
)
async def test_a_refusal_says_the_whole_problem(
    desk: RunningDesk, hotel: Hotel, part: str, fields: dict[str, Any], problem: str
) -> None:
    hotel[part][0] |= fields
    assert await refusal(desk, hotel) == f"{part}[0] (Id {hotel[part][0]['Id']}): {problem}"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"Rooms": [], "Customers": [], "Guests": []}', "The file has unknown parts: Guests, Rooms. Known are "),
        (b'{"Bills": \n [], "Customers": {}}', "Customers: Expected a list of records"),
    ],
)
async def test_the_part_that_is_wrong_is_told_among_good_ones(desk: RunningDesk, content: bytes, told: str) -> None:
    assert (await refusal(desk, content)).startswith(told)


async def test_a_record_is_read_or_refused_however_deep_it_is(desk: RunningDesk) -> None:
    enterprise = {"Id": ENTERPRISE, "Name": "Inn", "AcceptedCurrencies": ["EUR"]}
    before = json.dumps({"Enterprises": [enterprise], "Customers": [{"Id": GUEST, "LastName": "Guest"}]})
    outcomes = set()
    for depth in range(900, 1000):
        text = before.replace('"Guest"', '"Guest", "Notes": ' + "[" * depth + "]" * depth)
        try:
            await load(desk, text.encode())
        except InvalidPropertyFile as refused:
            outcomes.add(str(refused).rpartition(": ")[2].split(" (")[0])
    assert outcomes <= {"Expected less depth"}
