"""Loading a property file: what it makes, that it is all or nothing, and what its refusals say."""

import copy
import json
import sqlite3
from typing import Any

import pytest

from nightporter.operations.administration.load_property import InvalidPropertyFile, load_property
from nightporter.wire.property_file import RECORDS
from tests.harness import RunningDesk

ENTERPRISE = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
OTHER_ENTERPRISE = "4d0201db-36f5-428b-8d11-4f0a65e960cc"
CLIENT, INTEGRATION, TOKEN, DEVICE, GUEST, ROOM, STAY, COMPANION, COMMAND, PIN = (
    f"{n:08d}-0000-4000-8000-000000000000" for n in range(1, 11)
)
NOBODY = "99999999-0000-4000-8000-000000000000"
SECOND = "88888888-0000-4000-8000-000000000000"
Hotel = dict[str, list[dict[str, Any]]]


@pytest.fixture
def hotel() -> Hotel:
    return small_hotel()


def small_hotel() -> Hotel:
    """A small hotel with one record of every part that others refer to."""
    return {
        "Enterprises": [{"Id": ENTERPRISE, "Name": "Inn", "AcceptedCurrencies": ["EUR"]}],
        "Clients": [{"Id": CLIENT, "Name": "Client", "ClientToken": "client-of-the-inn"}],
        "Integrations": [
            {
                "Id": INTEGRATION,
                "ClientId": CLIENT,
                "Name": "Agent",
                "EnterpriseId": ENTERPRISE,
                "AccessTokens": [{"Id": TOKEN, "AccessToken": "agent-of-the-inn"}],
                "ConnectedDeviceIds": [DEVICE],
            }
        ],
        "Devices": [{"Id": DEVICE, "EnterpriseId": ENTERPRISE, "Type": "PassportScanner", "Name": "Scanner"}],
        "Resources": [{"Id": ROOM, "EnterpriseId": ENTERPRISE, "Name": "1"}],
        "Customers": [{"Id": GUEST, "EnterpriseId": ENTERPRISE, "LastName": "Guest"}],
        "Reservations": [
            {
                "Id": STAY,
                "EnterpriseId": ENTERPRISE,
                "State": "Started",
                "ScheduledStartUtc": "2026-02-01T14:00:00Z",
                "ScheduledEndUtc": "2026-04-01T10:00:00Z",
                "AccountId": GUEST,
                "AssignedResourceId": ROOM,
            }
        ],
        "Companionships": [{"Id": COMPANION, "EnterpriseId": ENTERPRISE, "CustomerId": GUEST, "ReservationId": STAY}],
        "Commands": [
            {
                "Id": COMMAND,
                "EnterpriseId": ENTERPRISE,
                "DeviceId": DEVICE,
                "State": "Pending",
                "CreatedUtc": "2026-02-01T15:00:00Z",
                "Creator": {"LastName": "Desk"},
                "Data": {"PassportScannerId": None, "CustomerId": GUEST, "ReservationId": STAY},
            }
        ],
        "ResourceAccessTokens": [
            {
                "Id": PIN,
                "EnterpriseId": ENTERPRISE,
                "ServiceOrderId": STAY,
                "CompanionshipId": COMPANION,
                "ResourceId": ROOM,
                "Type": "PinCode",
                "Value": "1111",
                "ValidityStartUtc": "2026-02-01T14:00:00Z",
                "ValidityEndUtc": "2026-04-01T10:00:00Z",
                "Permissions": {"Bed": False, "Room": True, "Floor": False, "Building": False},
                "CreatedUtc": "2026-02-01T15:00:00Z",
                "UpdatedUtc": "2026-02-01T15:00:00Z",
            }
        ],
    }


@pytest.fixture
def demo_hotel() -> bytes:
    """These tests begin with an empty desk."""
    return b"{}"


async def load(desk: RunningDesk, hotel: Hotel | bytes) -> dict[str, int]:
    content = hotel if isinstance(hotel, bytes) else json.dumps(hotel).encode()
    return await load_property(desk.desk.writer, desk.clock.sources(), content)


async def refusal(desk: RunningDesk, hotel: Hotel | bytes) -> str:
    """What the refusal says; nothing at all was changed by it."""
    before = everything(desk)
    with pytest.raises(InvalidPropertyFile) as refused:
        await load(desk, hotel)
    assert everything(desk) == before
    return str(refused.value)


def everything(desk: RunningDesk) -> dict[str, list[Any]]:
    """Every row of every table."""
    with sqlite3.connect(desk.database) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in tables}
        del rows["desk"]  # holds the time of the last write, whatever it was
    connection.close()
    return rows


def as_agent(desk: RunningDesk, token: str = "agent-of-the-inn") -> RunningDesk:
    return desk.as_(token, "client-of-the-inn")


async def test_a_hotel_is_there_once_it_is_loaded(desk: RunningDesk, hotel: Hotel) -> None:
    assert await load(desk, hotel) == dict.fromkeys(hotel, 1)
    (command,) = (await as_agent(desk).call("commands/getAllActive")).json()["Commands"]
    assert command["Id"] == COMMAND
    assert command["Data"] == {"PassportScannerId": None, "CustomerId": GUEST, "ReservationId": STAY}


async def test_loading_twice_changes_nothing(desk: RunningDesk, hotel: Hotel) -> None:
    await load(desk, hotel)
    before = everything(desk)
    desk.clock.move(3600)
    await load(desk, hotel)
    assert everything(desk) == before


async def test_the_demo_loaded_twice_changes_nothing(desk: RunningDesk, shipped: bytes) -> None:
    await load(desk, shipped)
    before = everything(desk)
    desk.clock.move(3600)
    await load(desk, shipped)
    assert everything(desk) == before


@pytest.fixture
def shipped() -> bytes:
    from importlib.resources import files

    return files("nightporter.operations.administration").joinpath("demo_property.json").read_bytes()


async def test_loading_again_replaces_facts_and_deletes_none(desk: RunningDesk, hotel: Hotel) -> None:
    await load(desk, hotel)
    hotel["Customers"] = [{"Id": SECOND, "EnterpriseId": ENTERPRISE, "LastName": "Another"}]
    hotel["Devices"][0]["Name"] = "Old scanner"
    await load(desk, hotel)
    rows = everything(desk)
    assert len(rows["customers"]) == 2
    (device,) = (await as_agent(desk).call("devices/getAll")).json()["Devices"]
    assert device["Name"] == "Old scanner"


async def test_a_command_that_went_on_is_not_reset(desk: RunningDesk, hotel: Hotel) -> None:
    await load(desk, hotel)
    agent = as_agent(desk)
    assert (await agent.call("commands/update", CommandId=COMMAND, State="Processed")).status_code == 200
    await load(desk, hotel)
    (command,) = (await agent.call("commands/getAllByIds", CommandIds=[COMMAND])).json()["Commands"]
    assert command["State"] == "Processed"


async def test_a_pin_that_was_deleted_is_not_brought_back(desk: RunningDesk, hotel: Hotel) -> None:
    await load(desk, hotel)
    agent = as_agent(desk)
    assert (await agent.call("resourceAccessTokens/delete", Ids=[PIN])).status_code == 200
    await load(desk, hotel)
    assert not (await tokens(agent))[0]["IsActive"]


async def test_a_pin_in_a_later_export_replaces_the_kept_one(desk: RunningDesk, hotel: Hotel) -> None:
    await load(desk, hotel)
    hotel["ResourceAccessTokens"][0] |= {"Value": "2222", "UpdatedUtc": "2026-02-02T00:00:00Z"}
    await load(desk, hotel)
    assert (await tokens(as_agent(desk)))[0]["Value"] == "2222"


async def tokens(desk: RunningDesk) -> list[dict[str, Any]]:
    found = await desk.call("resourceAccessTokens/getAll", ResourceAccessTokenIds=[PIN], Limitation={"Count": 10})
    listed: list[dict[str, Any]] = found.json()["ResourceAccessTokens"]
    return listed


async def test_a_revoked_access_token_stays_revoked_until_its_text_changes(desk: RunningDesk, hotel: Hotel) -> None:
    await load(desk, hotel)
    with sqlite3.connect(desk.database) as connection:
        connection.execute("UPDATE access_tokens SET revoked = 1")
    connection.close()
    await load(desk, hotel)
    assert (await as_agent(desk).call("devices/getAll")).status_code == 401
    hotel["Integrations"][0]["AccessTokens"][0]["AccessToken"] = "agent-with-a-new-token"
    await load(desk, hotel)
    assert (await as_agent(desk).call("devices/getAll")).status_code == 401
    assert (await as_agent(desk, "agent-with-a-new-token").call("devices/getAll")).status_code == 200


async def test_a_file_may_rely_on_what_the_desk_has(desk: RunningDesk, hotel: Hotel) -> None:
    later: Hotel = {part: hotel.pop(part) for part in ("Integrations", "ResourceAccessTokens", "Companionships")}
    await load(desk, hotel)
    await load(desk, later)
    assert (await tokens(as_agent(desk)))[0]["Value"] == "1111"


async def test_several_enterprises_of_a_portfolio_are_seen_by_its_integration(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Enterprises"].append({"Id": OTHER_ENTERPRISE, "Name": "Annex", "AcceptedCurrencies": ["EUR"]})
    hotel["Portfolios"] = [{"Id": SECOND, "Name": "Both", "EnterpriseIds": [ENTERPRISE, OTHER_ENTERPRISE]}]
    hotel["Integrations"][0] |= {"EnterpriseId": None, "PortfolioId": SECOND}
    await load(desk, hotel)
    assert len(await tokens(as_agent(desk))) == 1


async def test_ids_are_read_in_any_letter_case_and_kept_in_one(desk: RunningDesk, hotel: Hotel) -> None:
    text = json.dumps(hotel).replace(ENTERPRISE, ENTERPRISE.upper()).replace("1111", "abc")
    await load(desk, text.encode())
    assert (await tokens(as_agent(desk)))[0]["EnterpriseId"] == ENTERPRISE


# The vendor's own records.


async def test_records_without_an_enterprise_belong_to_the_only_one_of_the_file(
    desk: RunningDesk, hotel: Hotel
) -> None:
    for part in ("Devices", "Customers", "Reservations", "Companionships", "Commands"):
        del hotel[part][0]["EnterpriseId"]
    await load(desk, hotel)
    added = await as_agent(desk).call("commands/getAllActive")
    assert len(added.json()["Commands"]) == 1


async def test_with_two_enterprises_every_record_names_its_own(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Enterprises"].append({"Id": OTHER_ENTERPRISE, "Name": "Annex", "AcceptedCurrencies": ["EUR"]})
    del hotel["Customers"][0]["EnterpriseId"]
    assert await refusal(desk, hotel) == (
        f"Customers[0] (Id {GUEST}): Expected EnterpriseId, which only a file with exactly one enterprise may leave out"
    )


VENDOR_RESERVATION = {
    "Id": STAY,
    "ServiceId": SECOND,
    "AccountId": GUEST,
    "AccountType": "Customer",
    "Number": "52",
    "State": "Confirmed",
    "Origin": "Connector",
    "CreatedUtc": "2023-03-23T16:00:00Z",
    "UpdatedUtc": "2023-04-22T17:00:00Z",
    "CancelledUtc": None,
    "Options": {"OwnerCheckedIn": True},
    "AssignedResourceId": ROOM,
    "StartUtc": "2023-04-23T15:00:00Z",
    "EndUtc": "2023-04-25T13:00:00Z",
    "ScheduledStartUtc": "2023-04-23T14:00:00Z",
    "ScheduledEndUtc": "2023-04-25T12:00:00Z",
    "PersonCounts": [{"AgeCategoryId": SECOND, "Count": 2}],
}
OLDER_VENDOR_RESERVATION = {
    "Id": STAY,
    "Number": "52",
    "State": "Enquired",
    "StartUtc": "2023-04-23T14:00:00Z",
    "EndUtc": "2023-04-25T12:00:00Z",
    "CustomerId": GUEST,
    "AssignedSpaceId": ROOM,
    "AdultCount": 2,
}


@pytest.mark.parametrize(
    ("record", "state"), [(VENDOR_RESERVATION, "Confirmed"), (OLDER_VENDOR_RESERVATION, "Inquired")]
)
async def test_a_reservation_loads_in_both_of_the_vendors_versions(
    desk: RunningDesk, hotel: Hotel, record: dict[str, Any], state: str
) -> None:
    hotel["Reservations"] = [record]
    await load(desk, hotel)
    (kept,) = everything(desk)["reservations"]
    assert kept[:8] == (ENTERPRISE, STAY, "52", state, 1682258400, 1682424000, GUEST, ROOM)
    assert json.loads(kept[8]) == {"EnterpriseId": ENTERPRISE, **record}


async def test_an_export_of_every_other_kind_loads_as_it_is(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Customers"].append(
        {
            "Id": SECOND,
            "ChainId": ENTERPRISE,
            "Number": "12345",
            "Title": "Mister",
            "FirstName": "José",
            "LastName": "Müller",
            "Email": "jose@example.com",
            "Phone": "00420123456789",
            "Address": {"Line1": "Somewhere", "Latitude": None},
            "Classifications": ["Returning"],
            "IsActive": True,
        }
    )
    hotel["Companies"] = [
        {"Id": SECOND, "ChainId": ENTERPRISE, "Name": "Über Reisen", "Number": 11, "Options": {"Invoiceable": True}}
    ]
    hotel["Resources"].append(
        {
            "Id": SECOND,
            "EnterpriseId": ENTERPRISE,
            "IsActive": True,
            "ParentResourceId": ROOM,
            "Name": "1A",
            "State": "Inspected",
            "Descriptions": {},
            "Data": {"Discriminator": "Space", "Value": {"FloorNumber": "1", "LocationNotes": None}},
        }
    )
    hotel["Companionships"].append({"Id": SECOND, "CustomerId": GUEST, "ReservationGroupId": SECOND})
    hotel["Bills"] = [{"Id": SECOND, "EnterpriseId": ENTERPRISE, "State": "Closed", "Options": None, "Revenue": []}]
    hotel["PaymentRequests"] = [
        {
            "Id": SECOND,
            "EnterpriseId": ENTERPRISE,
            "AccountId": GUEST,
            "State": "Pending",
            "Amount": {"Currency": "EUR"},
        }
    ]
    await load(desk, hotel)
    rows = everything(desk)
    (guest,) = [row for row in rows["customers"] if row[1] == SECOND]
    assert guest[2:6] == ("José", "Müller", "00420123456789", "jose@example.com")
    for part, table in (("Bills", "bills"), ("PaymentRequests", "payment_requests"), ("Companies", "companies")):
        (row,) = rows[table]
        assert json.loads(row[-1]) == {"EnterpriseId": ENTERPRISE, **hotel[part][0]}, "the whole record is kept"


# What a refusal says: the record, the field and what was expected.


def changed(hotel: Hotel, part: str, **fields: Any) -> Hotel:
    copied = copy.deepcopy(hotel)
    copied[part][0] |= fields
    return copied


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (
        "Enterprises",
        {"AcceptedCurrencies": ["EUR", "XXZ"]},
        "Expected ISO 4217 codes, got XXZ - at `$.AcceptedCurrencies`",
    ),
    ("Enterprises", {"Name": 1}, "Expected `str`, got `int` - at `$.Name`"),
    (
        "Clients",
        {"Rights": ["Everything"]},
        "Expected of AddPaymentTerminalCommands, ReadFiscalMachineCommands, got Everything - at `$.Rights`",
    ),
    ("Clients", {"ClientToken": ""}, "Expected `str` of length >= 1 - at `$.ClientToken`"),
    ("Integrations", {"ClientId": NOBODY}, "Expected a client of this file or the desk - at `$.ClientId`"),
    ("Integrations", {"EnterpriseId": NOBODY}, "Expected an enterprise of this file or the desk - at `$.EnterpriseId`"),
    (
        "Integrations",
        {"EnterpriseId": None, "PortfolioId": NOBODY},
        "Expected a portfolio of this file or the desk - at `$.PortfolioId`",
    ),
    ("Integrations", {"EnterpriseId": None}, "Expected either EnterpriseId or PortfolioId"),
    ("Integrations", {"PortfolioId": NOBODY}, "Expected either EnterpriseId or PortfolioId"),
    (
        "Integrations",
        {"ConnectedDeviceIds": [DEVICE, NOBODY]},
        f"Expected devices of the integration's enterprises, got {NOBODY} - at `$.ConnectedDeviceIds`",
    ),
    (
        "Integrations",
        {"AccessTokens": [{"Id": TOKEN}]},
        "Object missing required field `AccessToken` - at `$.AccessTokens[0]`",
    ),
    (
        "Devices",
        {"Type": "Scanner"},
        "Expected one of Printer, PaymentTerminal, KeyCutter, FiscalMachine, PassportScanner",
    ),
    ("Resources", {"EnterpriseId": NOBODY}, "Expected an enterprise of this file or the desk - at `$.EnterpriseId`"),
    ("Resources", {"LockIds": [""]}, "Expected `str` of length >= 1 - at `$.LockIds[0]`"),
    ("Customers", {"Id": "not-an-id"}, "Expected a uuid with hyphens - at `$.Id`"),
    ("Customers", {"LastName": "Gu\0est"}, "Expected a text without NUL - at `$.LastName`"),
    ("Customers", {"Notes": {"Past": ["fine", "a\0b"]}}, "Expected a text without NUL - at `$.Notes.Past[1]`"),
    ("Reservations", {"State": "Here"}, "Expected one of Inquired, Confirmed, Started, Processed, Canceled,"),
    (
        "Reservations",
        {"ScheduledStartUtc": "tomorrow"},
        "Expected a date and time in UTC, like 2025-01-31T12:00:00Z - at `$.ScheduledStartUtc`",
    ),
    ("Reservations", {"ScheduledStartUtc": None}, "Object missing required field `ScheduledStartUtc`"),
    ("Reservations", {"ScheduledEndUtc": None}, "Object missing required field `ScheduledEndUtc`"),
    (
        "Reservations",
        {"ScheduledEndUtc": "2026-01-31T12:00:00Z"},
        "Expected an end that is not before the start - at `$.ScheduledEndUtc`",
    ),
    (
        "Reservations",
        {"AccountId": NOBODY},
        "Expected a customer or company of this file or the desk - at `$.AccountId`",
    ),
    (
        "Companionships",
        {"ReservationId": NOBODY},
        "Expected a reservation of this file or the desk - at `$.ReservationId`",
    ),
    ("Commands", {"DeviceId": NOBODY}, "Expected a device of this file - at `$.DeviceId`"),
    ("Commands", {"State": "Done"}, "Expected one of Pending, Received, Processing, Processed, Cancelled, Error"),
    ("Commands", {"CreatedUtc": "2026-03-01T12:00:01Z"}, "Expected a time that is not to come - at `$.CreatedUtc`"),
    ("Commands", {"UpdatedUtc": "2026-03-01T12:00:01Z"}, "Expected a time that is not to come - at `$.UpdatedUtc`"),
    ("Commands", {"Creator": {"LastName": ""}}, "Expected `str` of length >= 1 - at `$.Creator.LastName`"),
    (
        "Commands",
        {"Creator": {"LastName": "A", "ProfileId": NOBODY}},
        "Expected the Discriminator Enterprise beside a ProfileId - at `$.Creator.Discriminator`",
    ),
    ("Commands", {"Data": {"CustomerId": GUEST}}, "Object missing required field `PassportScannerId` - at `$.Data`"),
    (
        "Commands",
        {"Data": {"PassportScannerId": 1, "CustomerId": None, "ReservationId": None}},
        "Expected `str | null`, got `int` - at `$.Data.PassportScannerId`",
    ),
    (
        "Commands",
        {"Data": {"PassportScannerId": None, "CustomerId": "guest", "ReservationId": None}},
        "Expected a uuid with hyphens - at `$.Data.CustomerId`",
    ),
    (
        "ResourceAccessTokens",
        {"ServiceOrderId": NOBODY},
        "Expected a reservation of this file or the desk - at `$.ServiceOrderId`",
    ),
    (
        "ResourceAccessTokens",
        {"CompanionshipId": NOBODY},
        "Expected a companionship of this file or the desk - at `$.CompanionshipId`",
    ),
    (
        "ResourceAccessTokens",
        {"ResourceId": NOBODY},
        "Expected a resource of this file or the desk - at `$.ResourceId`",
    ),
    ("ResourceAccessTokens", {"Type": "Key"}, "Expected one of PinCode, RfidTag"),
    (
        "ResourceAccessTokens",
        {"ValidityEndUtc": "2026-02-01T14:00:00Z"},
        "Expected an end after the start - at `$.ValidityEndUtc`",
    ),
    (
        "ResourceAccessTokens",
        {"UpdatedUtc": "2026-03-01T12:00:01Z"},
        "Expected a time that is not to come - at `$.UpdatedUtc`",
    ),
    (
        "ResourceAccessTokens",
        {"SerialNumber": "1" * 256},
        "Expected `str` of length <= 255 - at `$.SerialNumber`",
    ),
]


@pytest.mark.parametrize(("part", "fields", "problem"), REFUSED)
async def test_a_refusal_names_the_record_the_field_and_what_was_expected(
    desk: RunningDesk, hotel: Hotel, part: str, fields: dict[str, Any], problem: str
) -> None:
    wrong = changed(hotel, part, **fields)
    told = await refusal(desk, wrong)
    assert told.startswith(f"{part}[0] (Id {wrong[part][0]['Id']}): {problem}")


async def test_the_record_is_named_by_its_place_in_a_long_list(desk: RunningDesk, hotel: Hotel) -> None:
    one = hotel["Reservations"][0]
    hotel["Reservations"] = [{**one, "Id": f"00000000-0000-4000-8000-{n:012d}"} for n in range(900)]
    del hotel["Reservations"][811]["ScheduledStartUtc"]
    hotel["Companionships"] = hotel["ResourceAccessTokens"] = []
    assert await refusal(desk, hotel) == (
        "Reservations[811] (Id 00000000-0000-4000-8000-000000000811): Object missing required field `ScheduledStartUtc`"
    )


@pytest.mark.parametrize(
    "part", ["Enterprises", "Clients", "Integrations", "Devices", "Customers", "Commands", "ResourceAccessTokens"]
)
async def test_an_id_stands_once_in_a_part(desk: RunningDesk, hotel: Hotel, part: str) -> None:
    again = copy.deepcopy(hotel[part][0])
    if part == "Clients":
        again["ClientToken"] = "another"
    hotel[part].append(again)
    assert await refusal(desk, hotel) == (
        f"{part}[1] (Id {again['Id']}): Expected an Id of its own, {part}[0] (Id {again['Id']}) has it already - at `$.Id`"
    )


async def test_one_id_may_stand_in_several_parts_and_enterprises(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Enterprises"].append({"Id": OTHER_ENTERPRISE, "Name": "Annex", "AcceptedCurrencies": ["EUR"]})
    hotel["Customers"].append({"Id": GUEST, "EnterpriseId": OTHER_ENTERPRISE, "LastName": "Guest there"})
    hotel["Resources"].append({"Id": GUEST, "EnterpriseId": ENTERPRISE, "Name": "2"})
    assert (await load(desk, hotel))["Customers"] == 2


async def test_two_clients_of_a_file_cannot_share_a_token(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Clients"].append({"Id": SECOND, "Name": "Second", "ClientToken": "client-of-the-inn"})
    assert await refusal(desk, hotel) == (
        f"Clients[1] (Id {SECOND}): Expected a token of its own, Clients[0] (Id {CLIENT}) has it already - at `$.ClientToken`"
    )


async def test_a_client_token_of_another_client_of_the_desk_is_refused(desk: RunningDesk, hotel: Hotel) -> None:
    await load(desk, hotel)
    told = await refusal(desk, {"Clients": [{"Id": SECOND, "Name": "Second", "ClientToken": "client-of-the-inn"}]})
    assert told == f"Clients[0] (Id {SECOND}): Expected a token of its own, {CLIENT} has it already"


async def test_an_access_token_of_another_integration_is_refused(desk: RunningDesk, hotel: Hotel) -> None:
    await load(desk, hotel)
    other = {
        **hotel["Integrations"][0],
        "Id": SECOND,
        "AccessTokens": [{"Id": SECOND, "AccessToken": "agent-of-the-inn"}],
    }
    assert await refusal(desk, {"Integrations": [other]}) == (
        f"Integrations[0] (Id {SECOND}): Expected a token of its own, {TOKEN} has it already"
    )
    assert (await refusal(desk, {"Integrations": [hotel["Integrations"][0], other]})).endswith(
        "has it already - at `$.AccessTokens[0].AccessToken`"
    )


async def test_a_device_cannot_become_another_kind_of_machine(desk: RunningDesk, hotel: Hotel) -> None:
    await load(desk, hotel)
    hotel["Devices"][0]["Type"] = "Printer"
    assert await refusal(desk, {"Devices": hotel["Devices"], "Enterprises": hotel["Enterprises"]}) == (
        f"Devices[0] (Id {DEVICE}): Expected PassportScanner, which this device is at the desk; "
        "another kind of machine needs an Id of its own - at `$.Type`"
    )


async def test_a_device_of_another_enterprise_is_not_connected(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Enterprises"].append({"Id": OTHER_ENTERPRISE, "Name": "Annex", "AcceptedCurrencies": ["EUR"]})
    hotel["Devices"].append({"Id": SECOND, "EnterpriseId": OTHER_ENTERPRISE, "Type": "Printer", "Name": "There"})
    hotel["Integrations"][0]["ConnectedDeviceIds"] = [SECOND]
    assert f"got {SECOND}" in await refusal(desk, hotel)


async def test_what_is_over_may_name_an_account_that_is_gone(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Reservations"][0] |= {"AccountId": NOBODY, "State": "Processed"}
    assert await load(desk, hotel)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The file is not a JSON object: Input data was truncated"),
        (b"[]", "The file is not a JSON object: Expected `object`, got `array`"),
        (b'{"Guests": []}', "The file has unknown parts: Guests. Known are Enterprises, Portfolios, Clients,"),
        (b'{"Customers": {}}', "Customers: Expected a list of records"),
        (b'{"Customers": 7}', "Customers: Expected a list of records"),
        (b'{"Customers": [7]}', "Customers[0]: Expected `object`, got `int`"),
        (b'{"Customers": [{"Id": 7}]}', "Customers[0]: Expected a uuid with hyphens - at `$.Id`"),
        (b'{"Customers": [{"LastName": "\xff"}]}', "Customers[0]: "),
        (b'{"Customers": [{"Notes": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}", "The file is not a JSON object"),
        (b'{"Customers": [{"Notes": 1e999}]}', "Customers[0]: Number out of range"),
    ],
)
async def test_a_file_that_is_no_property_file_is_refused(desk: RunningDesk, content: bytes, told: str) -> None:
    assert (await refusal(desk, content)).startswith(told)


async def test_nothing_of_a_refused_file_is_kept(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["ResourceAccessTokens"][0]["Value"] = ""
    assert "$.Value" in await refusal(desk, hotel)
    assert (await as_agent(desk).call("devices/getAll")).status_code == 401


async def test_every_part_has_a_record(hotel: Hotel) -> None:
    assert set(hotel) < set(RECORDS)


# Data of commands: replies print it, so it must be what replies may hold.


def printer_file(hotel: Hotel, **data: Any) -> Hotel:
    hotel["Devices"][0]["Type"] = "Printer"
    printed = {"CopyCount": 1, "FileType": "application/pdf", "FileData": "JVBERi0=", "PrinterName": "",
               "PrinterDriverName": "", "PrinterPortName": ""}  # fmt: skip
    hotel["Commands"][0]["Data"] = {**printed, **data}
    return hotel


def fiscal_file(hotel: Hotel, bill: dict[str, Any] | None = None, **data: Any) -> Hotel:
    hotel["Devices"][0]["Type"] = "FiscalMachine"
    hotel["Clients"][0]["Rights"] = ["ReadFiscalMachineCommands"]
    hotel["Commands"][0]["Data"] = {
        "FiscalMachineId": None,
        "ApiUrl": None,
        "FiscalMachineData": None,
        "TaxIdentifier": None,
        "BillFiscalMachineData": None,
        "PayloadData": None,
        "Bill": {
            "Id": SECOND,
            "EnterpriseId": ENTERPRISE,
            "AccountId": GUEST,
            "AccountType": "Customer",
            "State": "Closed",
            "CreatedUtc": "2026-01-01T00:00:00Z",
            "UpdatedUtc": "2026-01-01T00:00:00Z",
            **(bill or {}),
        },
        **data,
    }
    return hotel


async def test_a_file_to_print_is_base64(desk: RunningDesk, hotel: Hotel) -> None:
    assert (await refusal(desk, printer_file(hotel, FileData="..."))).endswith("Expected base64 - at `$.Data.FileData`")


async def test_a_payload_is_base64(desk: RunningDesk, hotel: Hotel) -> None:
    payload = {"Discriminator": "ItalianFiscalMachine", "Value": "..."}
    told = await refusal(desk, fiscal_file(hotel, PayloadData=payload))
    assert told.endswith("Expected base64 - at `$.Data.PayloadData.Value`")


@pytest.mark.parametrize(
    ("bill", "problem"),
    [
        ({"AccountId": "x"}, "Expected a uuid with hyphens - at `$.Data.Bill.AccountId`"),
        ({"State": "Shut"}, "Invalid enum value 'Shut' - at `$.Data.Bill.State`"),
        (
            {"CreatedUtc": "2026-01-01T00:00:00"},
            "Expected `datetime` with a timezone component - at `$.Data.Bill.CreatedUtc`",
        ),
        (
            {"AssociatedAccountIds": [GUEST, "x"]},
            "Expected a uuid with hyphens - at `$.Data.Bill.AssociatedAccountIds[1]`",
        ),
        (
            {"OwnerData": {"Discriminator": "BillCustomerData", "Value": {"Id": GUEST}}},
            "Object missing required field `LastName` - at `$.Data.Bill.OwnerData.Value`",
        ),
        (
            {"OwnerData": {"Discriminator": "BillCompanyData", "Value": {"Id": "x", "Name": "X"}}},
            "Expected a uuid with hyphens - at `$.Data.Bill.Owner.BillCompanyData.Id`",
        ),
    ],
)
async def test_a_bill_is_one_that_both_shapes_can_print(
    desk: RunningDesk, hotel: Hotel, bill: dict[str, Any], problem: str
) -> None:
    assert (await refusal(desk, fiscal_file(hotel, bill))).endswith(problem)


async def test_ids_and_times_of_a_bill_are_printed_in_the_wires_form(desk: RunningDesk, hotel: Hotel) -> None:
    bill = {
        "Id": SECOND.upper(),
        "AssociatedAccountIds": [GUEST.upper()],
        "IssuedUtc": "2026-01-01T01:30:00.75+01:00",
        "EnterpriseId": ENTERPRISE.upper(),
    }
    await load(desk, fiscal_file(hotel, bill))
    found = await as_agent(desk).call("fiscalMachineCommands/getAll", CommandIds=[COMMAND], Limitation={"Count": 1})
    printed = found.json()["Commands"][0]["Bill"]
    assert printed["Id"] == SECOND
    assert printed["EnterpriseId"] == ENTERPRISE
    assert printed["AssociatedAccountIds"] == [GUEST]
    assert printed["IssuedUtc"] == "2026-01-01T00:30:00Z"


PAYMENT: dict[str, Any] = {
    "PaymentTerminalId": "T",
    "AccountId": GUEST,
    "BillId": None,
    "PaymentId": SECOND,
    "PreauthorizationId": None,
    "Amount": {
        "Currency": "EUR", "NetValue": 1, "GrossValue": 1, "TaxValues": [], "Breakdown": {"Items": []},
        "Value": 1, "Net": 1, "Tax": 0, "TaxRate": 0,
    },
    "Fee": None,
    "PaymentTerminalData": None,
    "AccountData": {"Discriminator": "Customer", "Customer": {"FullName": "A"}, "Company": None},
    "CustomerId": GUEST,
    "FullName": "A",
}  # fmt: skip


@pytest.mark.parametrize("value", ["NaN", "Infinity", 1e300, 12345678901234567])
async def test_an_amount_is_a_number_that_replies_may_hold(desk: RunningDesk, hotel: Hotel, value: Any) -> None:
    hotel["Devices"][0]["Type"] = "PaymentTerminal"
    hotel["Commands"][0]["Data"] = {**PAYMENT, "Amount": {**PAYMENT["Amount"], "NetValue": value}}
    told = await refusal(desk, hotel)
    assert told.endswith("Expected a number of at most 15 digits - at `$.Data.Amount.NetValue`")


async def test_an_amount_is_printed_in_its_shortest_form(desk: RunningDesk, hotel: Hotel) -> None:
    hotel["Devices"][0] |= {"Type": "PaymentTerminal", "ExpiresAfter": "PT0S"}
    hotel["Commands"][0]["Data"] = PAYMENT
    text = json.dumps(hotel).replace('"NetValue": 1,', '"NetValue": -230.00,').replace('"Net": 1,', '"Net": 1.50,')
    await load(desk, text.encode())
    found = await as_agent(desk).call("commands/getAllActive")
    assert '"NetValue":-230,' in found.text
    assert '"Net":1.5,' in found.text
