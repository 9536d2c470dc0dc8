"""The demo property against its description, row by row: what the documents' samples name is there, as what they name it."""

import base64
import json
import re
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from nightporter.access.rights import Right
from nightporter.cli import demo
from nightporter.domain.command import ACTIVE, CommandState
from nightporter.domain.reservation import ReservationState
from nightporter.operations.administration.load_property import read_property
from nightporter.wire.bills import OlderBill
from nightporter.wire.command_data import DATA_OF
from nightporter.wire.property_file import RECORDS
from tests import harness
from tests.harness import RunningDesk

HOTEL, MARINA = "3fa85f64-5717-4562-b3fc-2c963f66afa6", "4d0201db-36f5-428b-8d11-4f0a65e960cc"
PRINTER, TEST_PRINTER = "d117866d-78de-4459-9077-42d7ea0120e3", "63efb573-fc58-4065-b687-9bdd51568529"
KEY_CUTTER = "7dafffff-a727-4917-a203-bd53995f21bf"
TERMINAL_AND_STAY = "be35b39e-ad7e-460a-8de9-4c7581e016a2"
GUEST_STAY_AND_TOKEN = "35d4b117-4e60-44a3-9580-c582117eff98"
COMPANIONSHIP, ROOM = "25d4b117-4e60-44a3-9580-c582117eff98", "65d4b117-4e60-44a3-9580-c582117eff98"
COMMAND = "aa20961f-6d9e-4b35-ad25-071213530aec"
TOKEN = "72d4b117-1f84-44a3-1f84-8b2c0635ac60"
NEWER_TOKEN, OLDER_TOKEN = "e7f26210-10e7-462e-9da8-ae8300be8ab7", "90eff5aa-36b4-4689-80c0-ab3a00bb412e"
STAY_OF_2020 = "65eff5aa-36b4-4689-80c0-ab3a00bb412e"
Record = dict[str, Any]


@pytest.fixture(scope="module")
def text() -> str:
    return files("nightporter.operations.administration").joinpath("demo_property.json").read_text("utf-8")


@pytest.fixture(scope="module")
def hotel(text: str) -> dict[str, list[Record]]:
    parts: dict[str, list[Record]] = json.loads(text)
    return parts


def one(hotel: dict[str, list[Record]], part: str, record_id: str) -> Record:
    (record,) = [record for record in hotel[part] if record["Id"] == record_id]
    return record


def of(hotel: dict[str, list[Record]], part: str, enterprise: str = HOTEL) -> list[Record]:
    return [record for record in hotel[part] if record["EnterpriseId"] == enterprise]


def devices(hotel: dict[str, list[Record]], kind: str, enterprise: str = HOTEL) -> list[Record]:
    return [device for device in of(hotel, "Devices", enterprise) if device["Type"] == kind]


def integration(hotel: dict[str, list[Record]], token: str) -> Record:
    (found,) = [
        record for record in hotel["Integrations"] if token in [kept["AccessToken"] for kept in record["AccessTokens"]]
    ]
    return found


def is_now(start: str, end: str) -> bool:
    return start < "2026-03-01T12:00:00Z" and end > "2032-01-01T00:00:00Z"


def test_it_is_readable_and_every_part_is_used(text: str, hotel: dict[str, list[Record]]) -> None:
    assert text == json.dumps(hotel, ensure_ascii=False, indent=1) + "\n"
    assert list(hotel) == list(RECORDS)
    assert all(hotel.values())


def test_it_could_be_loaded_years_ago(text: str) -> None:
    """Nothing in it happened later, so that a machine whose clock is behind can still begin."""
    read_property(text.encode(), int(datetime(2025, 2, 1, tzinfo=UTC).timestamp()))


def test_every_name_of_a_field_is_a_known_or_the_vendors_one(hotel: dict[str, list[Record]]) -> None:
    for part, records in hotel.items():
        read = {known.encode_name for known in msgspec.structs.fields(RECORDS[part])}
        for record in records:
            assert "Id" in record
            assert all(re.fullmatch(r"([A-Z][A-Za-z]+)", name) for name in record)
            if part in (
                "Enterprises",
                "Portfolios",
                "Clients",
                "Integrations",
                "Devices",
                "Commands",
                "ResourceAccessTokens",
            ):
                assert set(record) <= read, f"{part} has fields that nothing reads"


# The rows of the table.


def test_the_sample_client_has_all_rights_and_every_device(hotel: dict[str, list[Record]]) -> None:
    (client,) = hotel["Clients"]
    assert client["ClientToken"] == demo.CLIENT_TOKEN == harness.CLIENT_TOKEN
    assert client["Name"] == "Sample Client"
    assert set(client["Rights"]) == set(Right)
    sample = integration(hotel, harness.ACCESS_TOKEN)
    assert demo.ACCESS_TOKEN == harness.ACCESS_TOKEN
    assert (sample["ClientId"], sample["EnterpriseId"]) == (client["Id"], HOTEL)
    assert sorted(sample["ConnectedDeviceIds"]) == sorted(device["Id"] for device in of(hotel, "Devices"))


def test_my_pos_is_connected_to_nothing(hotel: dict[str, list[Record]]) -> None:
    pos = integration(hotel, harness.POS_TOKEN)
    assert demo.POS_TOKEN == harness.POS_TOKEN
    assert (pos["Name"], pos["EnterpriseId"], pos["ConnectedDeviceIds"]) == ("MyPOS", HOTEL, [])
    assert pos["ClientId"] == hotel["Clients"][0]["Id"]


def test_the_portfolio_token_is_the_one_that_the_demo_prints(hotel: dict[str, list[Record]]) -> None:
    chain = integration(hotel, demo.PORTFOLIO_TOKEN)
    assert chain["ClientId"] == hotel["Clients"][0]["Id"]
    assert set(one(hotel, "Portfolios", chain["PortfolioId"])["EnterpriseIds"]) == {HOTEL, MARINA}
    assert sorted(chain["ConnectedDeviceIds"]) == sorted(device["Id"] for device in hotel["Devices"])


def test_every_access_token_has_the_vendors_form(hotel: dict[str, list[Record]]) -> None:
    for record in hotel["Integrations"]:
        for token in record["AccessTokens"]:
            assert re.fullmatch(r"[0-9A-F]{32}-[0-9A-F]{31}", token["AccessToken"])
            assert token["AccessToken"][:32].lower() == record["Id"].replace("-", "")


def test_the_two_printers(hotel: dict[str, list[Record]]) -> None:
    named = {PRINTER: "Printer", TEST_PRINTER: "Test Printer"}
    assert {device["Id"]: device["Name"] for device in devices(hotel, "Printer")} == named


def test_the_key_cutter_has_an_address_and_data(hotel: dict[str, list[Record]]) -> None:
    (cutter,) = devices(hotel, "KeyCutter")
    assert cutter["Id"] == KEY_CUTTER
    assert cutter["Configuration"]["ApiUrl"].startswith("http")
    assert json.loads(cutter["Configuration"]["CustomData"])


def test_the_terminal_and_the_stay_of_the_same_id(hotel: dict[str, list[Record]]) -> None:
    (terminal,) = devices(hotel, "PaymentTerminal")
    assert terminal["Id"] == TERMINAL_AND_STAY
    stay = one(hotel, "Reservations", TERMINAL_AND_STAY)
    assert (stay["EnterpriseId"], stay["State"]) == (HOTEL, "Started")
    assert is_now(stay["ScheduledStartUtc"], stay["ScheduledEndUtc"])
    room, owner = one(hotel, "Resources", stay["AssignedResourceId"]), one(hotel, "Customers", stay["AccountId"])
    assert room["LockIds"]
    assert not owner["FirstName"].isascii()
    assert owner["Phone"]
    assert "@" in owner["Email"]


def test_the_guest_the_stay_and_the_token_of_the_same_id(hotel: dict[str, list[Record]]) -> None:
    assert one(hotel, "Customers", GUEST_STAY_AND_TOKEN)["EnterpriseId"] == HOTEL
    assert one(hotel, "Reservations", GUEST_STAY_AND_TOKEN)["EnterpriseId"] == HOTEL
    token = one(hotel, "ResourceAccessTokens", GUEST_STAY_AND_TOKEN)
    assert (token["EnterpriseId"], token["IsActive"]) == (HOTEL, True)


def test_the_companionship_and_the_room_of_the_sample(hotel: dict[str, list[Record]]) -> None:
    companionship = one(hotel, "Companionships", COMPANIONSHIP)
    assert companionship["ReservationId"] == GUEST_STAY_AND_TOKEN
    assert one(hotel, "Resources", ROOM)["EnterpriseId"] == HOTEL


def test_one_printer_command_is_all_that_waits(hotel: dict[str, list[Record]]) -> None:
    (waiting,) = [command for command in hotel["Commands"] if CommandState(command["State"]) in ACTIVE]
    assert (waiting["Id"], waiting["DeviceId"], waiting["State"]) == (COMMAND, TEST_PRINTER, "Pending")


def test_the_token_of_the_sample(hotel: dict[str, list[Record]]) -> None:
    assert one(hotel, "ResourceAccessTokens", TOKEN) == {
        "Id": TOKEN,
        "EnterpriseId": HOTEL,
        "ServiceOrderId": GUEST_STAY_AND_TOKEN,
        "CompanionshipId": COMPANIONSHIP,
        "ResourceId": ROOM,
        "Type": "PinCode",
        "Value": "1234#",
        "SerialNumber": None,
        "ValidityStartUtc": "2020-10-09T22:00:00Z",
        "ValidityEndUtc": "2020-10-10T22:00:00Z",
        "Permissions": {"Bed": True, "Room": False, "Floor": False, "Building": False},
        "CreatedUtc": "2023-10-01T11:48:57Z",
        "UpdatedUtc": "2023-10-28T11:48:57Z",
        "IsActive": True,
    }


def test_the_tokens_of_february_2020(hotel: dict[str, list[Record]]) -> None:
    newer, older = (one(hotel, "ResourceAccessTokens", token) for token in (NEWER_TOKEN, OLDER_TOKEN))
    assert newer["CreatedUtc"] > older["CreatedUtc"]
    for token in (newer, older):
        assert (token["ServiceOrderId"], token["EnterpriseId"]) == (STAY_OF_2020, HOTEL)
        assert "2020-02-01T00:00:00Z" < token["ValidityStartUtc"] < token["ValidityEndUtc"] < "2020-03-01T00:00:00Z"
    assert one(hotel, "Reservations", STAY_OF_2020)["EnterpriseId"] == HOTEL


def test_the_two_enterprises(hotel: dict[str, list[Record]]) -> None:
    assert {record["Id"] for record in hotel["Enterprises"]} == {HOTEL, MARINA}
    assert one(hotel, "Enterprises", HOTEL)["AcceptedCurrencies"] == ["EUR", "GBP", "USD"]
    assert sorted(device["Type"] for device in of(hotel, "Devices", MARINA)) == ["KeyCutter", "Printer"]
    (room,) = of(hotel, "Resources", MARINA)
    (stay,) = of(hotel, "Reservations", MARINA)
    assert stay["AssignedResourceId"] == room["Id"]
    assert is_now(stay["ScheduledStartUtc"], stay["ScheduledEndUtc"])


def test_both_shapes_of_fiscal_data_and_a_passport_to_scan(hotel: dict[str, list[Record]]) -> None:
    machines = {device["Id"] for device in devices(hotel, "FiscalMachine")}
    assert len(machines) == 2
    commands = [command for command in hotel["Commands"] if command["DeviceId"] in machines]
    assert {command["DeviceId"] for command in commands} == machines
    assert len(commands) == 2
    structured, payload = sorted(commands, key=lambda command: command["Data"]["PayloadData"] is not None)
    assert structured["Data"]["BillFiscalMachineData"]["Discriminator"] == "ItalianFiscalMachineData"
    assert payload["Data"]["BillFiscalMachineData"] is None
    assert payload["Data"]["PayloadData"]["Discriminator"] == "ItalianFiscalMachine"
    assert base64.b64decode(payload["Data"]["PayloadData"]["Value"], validate=True).startswith(b"<?xml")
    for command in commands:
        assert command["Creator"]["Discriminator"] == "Enterprise"
        assert command["Creator"]["ProfileId"] == "3cd637ef-4728-47f9-8fb1-afb900c9cdcf"
        assert command["Data"]["Bill"] == one(hotel, "Bills", command["Data"]["Bill"]["Id"])
    (scanner,) = devices(hotel, "PassportScanner")
    (scan,) = [command for command in hotel["Commands"] if command["DeviceId"] == scanner["Id"]]
    assert one(hotel, "Reservations", scan["Data"]["ReservationId"])


def test_a_company_and_bills_of_both_states(hotel: dict[str, list[Record]]) -> None:
    companies = {company["Id"] for company in of(hotel, "Companies")}
    assert any(stay["AccountId"] in companies for stay in hotel["Reservations"])
    assert {bill["State"] for bill in hotel["Bills"]} == {"Open", "Closed"}
    assert {bill["Type"] for bill in hotel["Bills"]} == {"Receipt", "Invoice"}
    assert {bill["AccountType"] for bill in hotel["Bills"]} == {"Customer", "Company"}


def test_stays_in_every_state(hotel: dict[str, list[Record]]) -> None:
    assert {stay["State"] for stay in of(hotel, "Reservations")} == set(ReservationState)
    others = [stay for stay in of(hotel, "Reservations") if stay["State"] == "Started"]
    assert len(others) > 2
    for stay in others:
        assert is_now(stay["ScheduledStartUtc"], stay["ScheduledEndUtc"])


def test_a_building_with_floors_rooms_and_a_dormitory_with_beds(hotel: dict[str, list[Record]]) -> None:
    resources = {record["Id"]: record for record in of(hotel, "Resources")}
    (building,) = [record for record in resources.values() if record["ParentResourceId"] is None]
    below: dict[str, list[Record]] = {}
    for record in resources.values():
        below.setdefault(record["ParentResourceId"], []).append(record)
        assert record["LockIds"], f"{record['Name']} can be opened"
    floors = below[building["Id"]]
    rooms = [room for floor in floors for room in below[floor["Id"]]]
    assert len(floors) >= 3
    assert len([room for room in rooms if room["Name"].isdigit()]) == 30
    (dormitory,) = [room for room in rooms if room["Name"] == "Dormitory"]
    assert len(below[dormitory["Id"]]) == 6
    stayed_in = {stay["AssignedResourceId"] for stay in hotel["Reservations"] if stay["State"] == "Started"}
    assert stayed_in & {bed["Id"] for bed in below[dormitory["Id"]]}
    assert one(hotel, "Resources", ROOM) in rooms


# Data that replies print.


def test_the_data_of_every_command_has_all_fields_of_its_shape(hotel: dict[str, list[Record]]) -> None:
    kinds = {device["Id"]: device["Type"] for device in hotel["Devices"]}
    used = set()
    for command in hotel["Commands"]:
        shape = DATA_OF[kinds[command["DeviceId"]]]
        used.add(shape)
        assert set(command["Data"]) == {known.encode_name for known in msgspec.structs.fields(shape)}
        msgspec.convert(command["Data"], shape)
    assert used == set(DATA_OF.values()), "one command for each kind of device"


BILL = {known.encode_name for known in msgspec.structs.fields(OlderBill)}
AMOUNT = {"Currency", "NetValue", "GrossValue", "TaxValues", "Breakdown"}
EXTENDED = AMOUNT | {"Value", "Net", "Tax", "TaxRate"}
ORDER_ITEM = {
    "Id", "AccountId", "OrderId", "BillId", "AccountingCategoryId", "UnitCount", "UnitAmount", "Amount", "OriginalAmount",
    "RevenueType", "CreatorProfileId", "UpdaterProfileId", "CreatedUtc", "UpdatedUtc", "ConsumedUtc", "CanceledUtc",
    "ClosedUtc", "StartUtc", "AccountingState", "Data",
}  # fmt: skip
PAYMENT_ITEM = {
    "Id", "AccountId", "BillId", "AccountingCategoryId", "Amount", "OriginalAmount", "AmountDefault", "Notes",
    "SettlementId", "ConsumedUtc", "ClosedUtc", "AccountingState", "State", "Identifier", "Data",
}  # fmt: skip


def test_bills_have_the_whole_older_shape(hotel: dict[str, list[Record]]) -> None:
    for bill in hotel["Bills"]:
        assert set(bill) == BILL
        msgspec.convert(bill, OlderBill)
        for item in bill["OrderItems"]:
            assert set(item) == ORDER_ITEM
            assert set(item["UnitAmount"]) == AMOUNT
            check_amount(item["Amount"])
        for item in bill["PaymentItems"]:
            assert set(item) == PAYMENT_ITEM
            check_amount(item["Amount"])
    full = [bill for bill in hotel["Bills"] if all(bill[part] for part in ("Options", "OwnerData", "EnterpriseData"))]
    assert full
    assert full[0]["OrderItems"]
    assert full[0]["PaymentItems"]


def check_amount(amount: Record) -> None:
    assert set(amount) == EXTENDED
    assert amount["GrossValue"] == amount["Value"] == pytest.approx(amount["NetValue"] + amount["Tax"])
    (item,) = amount["Breakdown"]["Items"]
    assert (item["NetValue"], item["TaxValue"]) == (amount["Net"], amount["Tax"])
    assert sum(tax["Value"] for tax in amount["TaxValues"]) == amount["Tax"]


def test_the_payments_of_a_closed_bill_settle_its_items(hotel: dict[str, list[Record]]) -> None:
    for bill in hotel["Bills"]:
        if bill["State"] == "Closed":
            owed = sum(item["Amount"]["Value"] for item in bill["OrderItems"])
            assert owed == pytest.approx(-sum(item["Amount"]["Value"] for item in bill["PaymentItems"]))


def test_references_stay_within_the_enterprise(hotel: dict[str, list[Record]]) -> None:
    ids = {
        (part, record["EnterpriseId"], record["Id"])
        for part, records in hotel.items()
        for record in records
        if "EnterpriseId" in record
    }
    refers = {
        "Resources": {"ParentResourceId": ["Resources"]},
        "Reservations": {"AccountId": ["Customers", "Companies"], "AssignedResourceId": ["Resources"]},
        "Companionships": {"CustomerId": ["Customers"], "ReservationId": ["Reservations"]},
        "Bills": {"AccountId": ["Customers", "Companies"]},
        "PaymentRequests": {"AccountId": ["Customers"], "ReservationId": ["Reservations"]},
        "Commands": {"DeviceId": ["Devices"]},
        "ResourceAccessTokens": {
            "ServiceOrderId": ["Reservations"],
            "CompanionshipId": ["Companionships"],
            "ResourceId": ["Resources"],
        },
    }
    for part, fields in refers.items():
        for record in hotel[part]:
            for field, kinds in fields.items():
                if record[field] is not None:
                    assert any((kind, record["EnterpriseId"], record[field]) in ids for kind in kinds), record["Id"]


def test_nobody_in_it_can_be_reached(hotel: dict[str, list[Record]]) -> None:
    for guest in hotel["Customers"]:
        assert guest["Email"] is None or guest["Email"].endswith("@example.com")
    assert len(hotel["Customers"]) > 20
    assert sum(not f"{guest['FirstName']}{guest['LastName']}".isascii() for guest in hotel["Customers"]) > 10


# Seen from outside.


async def test_no_id_of_the_other_enterprise_is_shown_to_the_sample_client(
    desk: RunningDesk, hotel: dict[str, list[Record]]
) -> None:
    foreign = {record["Id"] for part in hotel for record in hotel[part] if record.get("EnterpriseId") == MARINA}
    commands = [command["Id"] for command in hotel["Commands"]]
    tokens = [token["Id"] for token in hotel["ResourceAccessTokens"]]
    page = {"Count": 1000}
    replies = [
        await desk.call("devices/getAll"),
        await desk.call("commands/getAllActive"),
        await desk.call("commands/getAllByIds", CommandIds=commands),
        await desk.call("fiscalMachineCommands/getAll", CommandIds=commands, Limitation=page),
        await desk.call("resourceAccessTokens/getAll", ResourceAccessTokenIds=tokens, Limitation=page),
    ]
    assert len(foreign) > 5
    for reply in replies:
        assert reply.status_code == 200
        assert not [one for one in foreign if one in reply.text]
        assert MARINA not in reply.text
    assert len(replies[2].json()["Commands"]) == len(commands)
    assert len(replies[3].json()["Commands"]) == 2
    assert len(replies[4].json()["ResourceAccessTokens"]) == len(tokens) - 1


async def test_the_portfolio_token_sees_both_and_prints_in_both(
    desk: RunningDesk, hotel: dict[str, list[Record]]
) -> None:
    chain = desk.as_(demo.PORTFOLIO_TOKEN)
    tokens = [token["Id"] for token in hotel["ResourceAccessTokens"]]
    found = await chain.call("resourceAccessTokens/getAll", ResourceAccessTokenIds=tokens, Limitation={"Count": 1000})
    assert {token["EnterpriseId"] for token in found.json()["ResourceAccessTokens"]} == {HOTEL, MARINA}
    for enterprise in (HOTEL, MARINA):
        printer = devices(hotel, "Printer", enterprise)[0]["Id"]
        printed = await chain.call(
            "commands/addPrinter", EnterpriseId=enterprise, PrinterId=printer, CopyCount=1, Data="JVBERi0="
        )
        assert printed.status_code == 200, printed.text


async def test_a_key_can_be_cut_for_everyone_in_the_house_and_for_nobody_who_left(
    desk: RunningDesk, hotel: dict[str, list[Record]]
) -> None:
    for stay in of(hotel, "Reservations"):
        reply = await desk.call("commands/addKeyCutter", KeyCutterId=KEY_CUTTER, ReservationId=stay["Id"], KeyCount=1)
        has_key = stay["State"] not in ("Processed", "Canceled") and stay["AssignedResourceId"]
        assert reply.status_code == (200 if has_key else 403), stay["State"]
