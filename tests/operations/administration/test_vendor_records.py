"""The vendor's own records load as they are: every example that it prints, and every state that it documents."""

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nightporter.domain.reservation import ReservationState
from nightporter.wire.bills import NewerBill, OlderBill
from nightporter.wire.property_file import LEFT_OUT, RECORDS, RecordedState, as_sent
from tests.harness import RunningDesk
from tests.operations.administration.test_load_property import ENTERPRISE, Hotel, as_agent, load, refusal
from tests.operations.administration.test_property_records import kept

VENDOR = Path(__file__).parent / "vendor"
REPLIES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted(VENDOR.glob("*.json"))
}
ORDER = (
    # What refers to something comes after it; the order in which somebody would ask.
    "resources_getAll",
    "customers_getAll",
    "companies_getAll",
    "reservations_getAll_2023-06-06",
    "reservations_getAll_2017-04-12",
    "companionships_getAll",
    "bills_getAll",
    "paymentRequests_getAll",
    "devices_getAll",
)
TABLES = {
    "Resources": "resources",
    "Customers": "customers",
    "Companies": "companies",
    "Reservations": "reservations",
    "Companionships": "companionships",
    "Bills": "bills",
    "PaymentRequests": "payment_requests",
}
INN = {"Id": ENTERPRISE, "Name": "Inn", "AcceptedCurrencies": ["EUR"]}
ROOM, BED = "20e00c32-d561-4008-8609-82d8aa525714", "1ec29188-01ca-4294-9983-fac59f85a448"
JOHN, OTHER_JOHN = "fadd5bb6-b428-45d5-94f8-fd0d89fece6d", "35d4b117-4e60-44a3-9580-c582117eff98"
STAY, OLDER_STAY = "0f515589-99b4-423d-b83a-b237009f0509", "bfee2c44-1f84-4326-a862-5289598f6e2d"
KEY_CUTTER = "d14efcfd-75b9-4bd3-9f10-5657a01f860a"


@pytest.fixture
def demo_hotel() -> bytes:
    """These tests begin with an empty desk."""
    return b"{}"


@pytest.fixture
async def taken_over(desk: RunningDesk) -> RunningDesk:
    """A desk that was given the vendor's replies, whole, one after the other."""
    for name in ORDER:
        await load(desk, {"Enterprises": [INN], **REPLIES[name]})
    return desk


def example(name: str, part: str, **fields: Any) -> dict[str, Any]:
    """The first record of a reply, with some fields changed."""
    first: dict[str, Any] = copy.deepcopy(REPLIES[name][part][0])
    return first | fields


def row(desk: RunningDesk, table: str, record_id: str) -> dict[str, Any]:
    (found,) = [one for one in kept(desk, table) if one["id"] == record_id]
    return found


def shown(found: dict[str, Any]) -> dict[str, Any]:
    """A row without what every record has."""
    return {name: value for name, value in found.items() if name not in ("enterprise_id", "id", "record")}


async def one(desk: RunningDesk, part: str, record: dict[str, Any], **others: list[dict[str, Any]]) -> dict[str, Any]:
    """The row that a record becomes in a small file."""
    await load(desk, {"Enterprises": [INN], **others, part: [record]})
    return shown(row(desk, TABLES[part], record["Id"]))


def test_every_printed_reply_is_tried() -> None:
    assert set(REPLIES) == {*ORDER, "enterprises_getAll", "resourceAccessTokens_getAll"}


@pytest.mark.parametrize("name", ORDER)
async def test_of_every_reply_every_record_is_kept_whole(taken_over: RunningDesk, name: str) -> None:
    for part, records in REPLIES[name].items():
        for record in records if part in TABLES and records else ():
            found = row(taken_over, TABLES[part], record["Id"])
            assert found["enterprise_id"] == ENTERPRISE
            assert json.loads(found["record"]) == {"EnterpriseId": ENTERPRISE, **record}


async def test_a_resource(taken_over: RunningDesk) -> None:
    assert shown(row(taken_over, "resources", ROOM)) == {"name": "101", "parent_resource_id": None, "lock_ids": "[]"}
    assert shown(row(taken_over, "resources", BED)) == {"name": "101A", "parent_resource_id": ROOM, "lock_ids": "[]"}
    assert len(kept(taken_over, "resources")) == 3


async def test_a_customer(taken_over: RunningDesk) -> None:
    assert shown(row(taken_over, "customers", JOHN)) == {
        "first_name": "John",
        "last_name": "Smith",
        "telephone": "00420123456789",
        "email": "j.smith@example.com",
    }
    assert shown(row(taken_over, "customers", OTHER_JOHN))["email"] is None


async def test_a_company(taken_over: RunningDesk) -> None:
    assert sorted(one["name"] for one in kept(taken_over, "companies")) == ["Sample Company 1", "Sample Company 2"]


async def test_a_reservation_of_2023(taken_over: RunningDesk) -> None:
    assert shown(row(taken_over, "reservations", STAY)) == {
        "number": "52",
        "state": "Confirmed",
        "start_time": 1682258400,
        "end_time": 1682424000,
        "account_id": JOHN,
        "resource_id": ROOM,
    }


async def test_a_reservation_of_2017(taken_over: RunningDesk) -> None:
    assert shown(row(taken_over, "reservations", OLDER_STAY)) == {
        "number": "52",
        "state": "Processed",
        "start_time": 1455973200,
        "end_time": 1456138800,
        "account_id": OTHER_JOHN,
        "resource_id": ROOM,
    }


async def test_a_companionship(taken_over: RunningDesk) -> None:
    (found,) = kept(taken_over, "companionships")
    assert shown(found) == {"reservation_id": OLDER_STAY, "customer_id": OTHER_JOHN}


async def test_a_bill(taken_over: RunningDesk) -> None:
    (found,) = kept(taken_over, "bills")
    assert shown(found) == {"state": "Closed"}


async def test_a_payment_request(taken_over: RunningDesk) -> None:
    (found,) = kept(taken_over, "payment_requests")
    assert found["id"] == "bcc76295-4e47-4cf1-a7cb-afae00bd1c35"


async def test_an_enterprise_needs_only_its_currencies_beside_what_the_vendor_tells(desk: RunningDesk) -> None:
    told = example("enterprises_getAll", "Enterprises")
    assert "AcceptedCurrencies" in await refusal(desk, {**REPLIES["enterprises_getAll"]})
    await load(desk, {**REPLIES["enterprises_getAll"], "Enterprises": [{**told, "AcceptedCurrencies": ["EUR"]}]})
    (found,) = kept(desk, "enterprises")
    assert (found["id"], found["name"], found["is_enabled"]) == (ENTERPRISE, "Sample Portfolio Hotel", 1)


async def test_a_resource_access_token(desk: RunningDesk) -> None:
    (told,) = REPLIES["resourceAccessTokens_getAll"]["ResourceAccessTokens"]
    stay = example("reservations_getAll_2023-06-06", "Reservations", Id=told["ServiceOrderId"])
    await load(
        desk,
        {
            "Enterprises": [INN],
            "Customers": REPLIES["customers_getAll"]["Customers"],
            "Reservations": [stay],
            "Companionships": [{"Id": told["CompanionshipId"], "CustomerId": JOHN, "ReservationId": stay["Id"]}],
            "Resources": [example("resources_getAll", "Resources", Id=told["ResourceId"])],
            **REPLIES["resourceAccessTokens_getAll"],
        },
    )
    (found,) = kept(desk, "resource_access_tokens")
    assert {name: found[name] for name in ("id", "value", "type", "validity_start", "updated", "bed", "room")} == {
        "id": told["Id"],
        "value": "1234#",
        "type": "PinCode",
        "validity_start": 1602280800,
        "updated": 1698493737,
        "bed": 1,
        "room": 0,
    }


async def test_a_key_is_cut_from_nothing_but_the_vendors_records(taken_over: RunningDesk) -> None:
    await load(
        taken_over,
        {
            "Clients": [{"Id": BED, "Name": "Agent", "ClientToken": "client-of-the-inn"}],
            "Integrations": [
                {
                    "Id": BED,
                    "ClientId": BED,
                    "Name": "Agent",
                    "EnterpriseId": ENTERPRISE,
                    "AccessTokens": [{"Id": BED, "AccessToken": "agent-of-the-inn"}],
                    "ConnectedDeviceIds": [KEY_CUTTER],
                }
            ],
        },
    )
    agent = as_agent(taken_over)
    key = {"KeyCutterId": KEY_CUTTER, "KeyCount": 1, "ReservationId": STAY}
    assert (await agent.call("commands/addKeyCutter", **key)).status_code == 200
    (command,) = (await agent.call("commands/getAllActive")).json()["Commands"]
    told = {"ReservationNumber": "52", "LockIds": ["101"], "StartUtc": "2023-04-23T14:00:00Z", "LastName": "Smith"}
    assert told.items() <= command["Data"].items()


# Bills: the record is what a fiscal machine is sent, in both shapes.

ITEM = {
    "Id": "784a29df-6196-4402-96a0-58695a881239",
    "AccountId": JOHN,
    "Amount": {
        "Currency": "EUR",
        "NetValue": 19.38,
        "GrossValue": 23.26,
        "TaxValues": [{"Code": "UK-S", "Value": 3.88}],
    },
    "Type": "ServiceRevenue",
    "ConsumptionUtc": "2016-03-10T13:00:00Z",
    "ClosedUtc": None,
    "Notes": None,
}
GUEST_OF_A_BILL = {"Id": JOHN, "LastName": "Smith", "FirstName": "John", "TitlePrefix": "Mister", "Address": None}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Revenue": [ITEM], "Payments": [ITEM], "OrderItems": [ITEM], "PaymentItems": [ITEM]},
        {
            "State": "Open",
            "Type": "Receipt",
            "Number": None,
            "IssuedUtc": None,
            "OwnerData": None,
            "EnterpriseData": None,
        },
        {"OwnerData": {"Discriminator": "BillCustomerData", "Value": GUEST_OF_A_BILL}, "AccountType": "Customer"},
        {
            "AssociatedAccountData": [
                {"Discriminator": "BillCustomerData", "BillCustomerData": GUEST_OF_A_BILL, "BillCompanyData": None}
            ]
        },
        {"AssociatedAccountIds": None, "AssociatedAccountData": None, "Options": None},
        *(
            {"CorrectionState": "CorrectiveBill", "CorrectionType": kind, "CorrectedBillId": JOHN}
            for kind in ("Cancellation", "Edit", "CreditNote", "Reinstatement", "ReceivablePaymentsBalance")
        ),
    ],
)
async def test_a_kept_bill_can_be_printed_in_both_shapes(desk: RunningDesk, fields: dict[str, Any]) -> None:
    record = example("bills_getAll", "Bills", **fields)
    assert await one(desk, "Bills", record) == {"state": record["State"]}
    (found,) = kept(desk, "bills")
    bill = msgspec.json.decode(found["record"], type=OlderBill)
    as_sent(bill, "$")
    as_sent(NewerBill.of(bill), "$")
    assert bill.revenue == record["Revenue"]


# Every state that is documented.


@pytest.mark.parametrize("version", ["2023-06-06", "2017-04-12"])
@pytest.mark.parametrize("state", RecordedState)
async def test_a_reservation_in_every_state(desk: RunningDesk, version: str, state: str) -> None:
    name = f"reservations_getAll_{version}"
    guests = [{"Id": guest, "LastName": "Smith"} for guest in (JOHN, OTHER_JOHN)]
    found = await one(desk, "Reservations", example(name, "Reservations", State=state), Customers=guests)
    assert found["state"] == ("Inquired" if state == "Enquired" else state)


def test_the_states_of_both_versions_are_those_of_the_desk_and_one_older_word() -> None:
    assert set(RecordedState) == {*ReservationState, "Enquired"}


@pytest.mark.parametrize("state", ["Dirty", "Clean", "Inspected", "OutOfService", "OutOfOrder"])
@pytest.mark.parametrize(
    "data",
    [
        {"Discriminator": "Space", "Value": {"FloorNumber": "1", "LocationNotes": None}},
        {"Discriminator": "Object", "Value": {}},
        {"Discriminator": "Person", "Value": None},
    ],
)
async def test_a_resource_of_every_kind_in_every_state_active_or_not(
    desk: RunningDesk, state: str, data: dict[str, Any]
) -> None:
    for active in (True, False):
        record = example("resources_getAll", "Resources", State=state, Data=data, IsActive=active)
        assert (await one(desk, "Resources", record))["name"] == "101"


@pytest.mark.parametrize("state", ["Pending", "Completed", "Canceled", "Expired"])
async def test_a_payment_request_in_every_state(desk: RunningDesk, state: str) -> None:
    record = example("paymentRequests_getAll", "PaymentRequests", State=state, ReservationId=None)
    assert await one(desk, "PaymentRequests", record) == {}


# What is null, blank or no longer active.


@pytest.mark.parametrize(
    ("names", "kept_names"),
    [
        ({"FirstName": None, "LastName": "Sukarno"}, (None, "Sukarno")),
        ({"FirstName": "Sukarno", "LastName": ""}, (None, "Sukarno")),
        ({"FirstName": "Sukarno", "LastName": None}, (None, "Sukarno")),
        ({"FirstName": "", "LastName": ""}, (None, "")),
        ({"FirstName": None, "LastName": None}, (None, "")),
    ],
)
async def test_a_guest_with_one_name_or_none(
    desk: RunningDesk, names: dict[str, Any], kept_names: tuple[str | None, str]
) -> None:
    gone = {"IsActive": False, "ActivityState": "Deleted", "Email": "", "Phone": "", "Address": None}
    record = example("customers_getAll", "Customers", **gone, **names)
    assert await one(desk, "Customers", record) == {
        "first_name": kept_names[0],
        "last_name": kept_names[1],
        "telephone": None,
        "email": None,
    }


async def test_a_guest_without_the_field_is_refused_since_it_may_be_misspelt(desk: RunningDesk) -> None:
    record = example("customers_getAll", "Customers", Lastname="Smith")
    del record["LastName"]
    told = await refusal(desk, {"Enterprises": [INN], "Customers": [record]})
    assert told == f"Customers[0] (Id {JOHN}): Object missing required field `LastName`"


@pytest.mark.parametrize(("part", "name"), [("Resources", "resources_getAll"), ("Companies", "companies_getAll")])
async def test_a_room_and_a_company_have_a_name_of_any_length(desk: RunningDesk, part: str, name: str) -> None:
    assert (await one(desk, part, example(name, part, Name="A" * 300)))["name"] == "A" * 300
    told = await refusal(desk, {"Enterprises": [INN], part: [example(name, part, Name="")]})
    assert told.endswith("Expected `str` of length >= 1 - at `$.Name`")


async def test_locks_may_be_written_beside_what_the_vendor_tells(desk: RunningDesk) -> None:
    record = example("resources_getAll", "Resources", LockIds=["1.01", "pool"])
    assert (await one(desk, "Resources", record))["lock_ids"] == '["1.01", "pool"]'


@pytest.mark.parametrize(
    ("actual", "start"),
    [
        ("2023-04-23T10:30:00Z", 1682245800),
        ("2023-04-23T20:00:00Z", 1682258400),
        (None, 1682258400),
    ],
)
async def test_a_stay_begins_when_the_guest_came_if_that_was_early(
    desk: RunningDesk, actual: str | None, start: int
) -> None:
    record = example(
        "reservations_getAll_2023-06-06", "Reservations", State="Started", ActualStartUtc=actual, AccountId=None
    )
    found = await one(desk, "Reservations", record)
    assert (found["start_time"], found["end_time"]) == (start, 1682424000)


async def test_a_stay_that_ended_early_keeps_its_scheduled_end(desk: RunningDesk) -> None:
    times = {"ActualStartUtc": "2023-04-23T15:00:00Z", "ActualEndUtc": "2023-04-24T08:00:00Z"}
    record = example("reservations_getAll_2023-06-06", "Reservations", State="Processed", **times)
    assert (await one(desk, "Reservations", record))["end_time"] == 1682424000


@pytest.mark.parametrize(
    ("fields", "account"),
    [
        ({"OwnerId": JOHN, "CustomerId": OTHER_JOHN}, JOHN),
        ({"OwnerId": None, "CustomerId": OTHER_JOHN}, OTHER_JOHN),
        ({"CustomerId": None, "CompanyId": JOHN}, None),
    ],
)
async def test_the_owner_of_an_older_reservation(
    desk: RunningDesk, fields: dict[str, Any], account: str | None
) -> None:
    record = example("reservations_getAll_2017-04-12", "Reservations", **fields)
    assert (await one(desk, "Reservations", record))["account_id"] == account


async def test_a_companion_of_a_whole_group_has_no_reservation(desk: RunningDesk) -> None:
    record = example("companionships_getAll", "Companionships", ReservationId=None)
    assert (await one(desk, "Companionships", record))["reservation_id"] is None


# What replies bring beside the parts.


def test_every_name_in_a_reply_is_a_part_or_known_to_be_left_out() -> None:
    assert {name for reply in REPLIES.values() for name in reply} <= {*RECORDS, *LEFT_OUT}
    assert not {*RECORDS} & {*LEFT_OUT}


@pytest.mark.parametrize("name", LEFT_OUT)
async def test_what_the_desk_has_no_use_for_is_left_out(desk: RunningDesk, name: str) -> None:
    for value in ([{"Id": "anything"}], None, "a text"):
        assert await load(desk, json.dumps({"Enterprises": [INN], name: value}).encode()) == {"Enterprises": 1}


@pytest.mark.parametrize("part", RECORDS)
async def test_null_stands_for_a_part_that_was_not_asked_for(desk: RunningDesk, part: str) -> None:
    assert await load(desk, json.dumps({part: None}).encode()) == {}


@pytest.mark.parametrize("name", ["cursor", "Cursors", "Reservation", "Spaces", "Customer"])
async def test_any_other_name_is_refused_since_it_may_be_a_part_misspelt(desk: RunningDesk, name: str) -> None:
    hotel: Hotel = {"Enterprises": [INN], name: []}
    assert (await refusal(desk, hotel)).startswith(f"The file has unknown parts: {name}. Known are Enterprises,")
