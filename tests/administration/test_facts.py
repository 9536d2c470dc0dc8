"""The facts of a property: set in the vendor's shapes, listed as they came, deleted; two administrators at once."""

import asyncio
import itertools

import pytest

from nightporter.operations.administration.facts import KINDS
from tests.contract.hotel import (
    CLIENT_TOKEN,
    CUTTER,
    FOREIGN_HOTEL,
    GUEST,
    HOTEL,
    KIOSK,
    NOBODY,
    OLD_PRINTER,
    PDF,
    PRINTER,
    ROOM,
    SISTER_HOTEL,
    STAY,
)
from tests.harness import RunningDesk

PAGE = {"Limitation": {"Count": 1000}}
NEW = "77777777-7777-4777-8777-777777777777"
RECORDS = {
    "Resources": {"Name": "12", "LockIds": ["L12"]},
    "Customers": {"LastName": "Nováková", "FirstName": "Eva", "Email": "eva@example.com"},
    "Companies": {"Name": "Acme"},
    "Reservations": {
        "State": "Started", "AccountId": GUEST, "AssignedResourceId": ROOM, "ScheduledStartUtc": "2026-02-28T14:00:00Z",
        "ScheduledEndUtc": "2026-03-03T10:00:00Z", "Number": "52",
    },
    "Companionships": {"CustomerId": GUEST, "ReservationId": STAY},
    "Bills": {"State": "Open"},
    "PaymentRequests": {"State": "Pending"},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.part)
async def test_a_record_that_was_set_comes_back_as_it_was_and_can_be_deleted(front_desk: RunningDesk, kind):
    record = {"Id": NEW, **RECORDS[kind.part], "SomethingOfTheVendor": {"Deep": [1, 2.50, None]}}
    setting = {"EnterpriseId": HOTEL, kind.part: [record]}
    assert (await front_desk.administer(f"{kind.path}/set", **setting)).json() == {}
    listed = await front_desk.administer(f"{kind.path}/getAll", **{kind.ids: [NEW]}, **PAGE)
    assert listed.json() == {kind.part: [{"EnterpriseId": HOTEL, **record}], "Cursor": f"{HOTEL}/{NEW}"}
    deleting = {kind.ids: [NEW, NOBODY]}
    assert (
        await front_desk.administer(f"{kind.path}/delete", **deleting, EnterpriseId=SISTER_HOTEL)
    ).status_code == 200
    assert (await front_desk.administer(f"{kind.path}/getAll", **{kind.ids: [NEW]}, **PAGE)).json()[kind.part]
    assert (await front_desk.administer(f"{kind.path}/delete", **deleting)).json() == {}
    again = await front_desk.administer(f"{kind.path}/getAll", **{kind.ids: [NEW]}, **PAGE)
    assert again.json() == {kind.part: [], "Cursor": None}
    minimal = {"Prefer": "return=minimal"}
    nothing = await front_desk.administer(f"{kind.path}/getAll", headers=minimal, **{kind.ids: [NEW]}, **PAGE)
    assert nothing.status_code == 204


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.part)
async def test_pages_hold_every_record_once(front_desk: RunningDesk, kind):
    whole = (await front_desk.administer(f"{kind.path}/getAll", **PAGE)).json()[kind.part]
    found, cursor = [], None
    while True:
        limitation = {"Count": 2, "Cursor": cursor}
        page = (await front_desk.administer(f"{kind.path}/getAll", Limitation=limitation)).json()
        if (cursor := page["Cursor"]) is None:
            break
        found += page[kind.part]
    assert found == whole


@pytest.mark.parametrize("part", ["Customers", "Bills", "Devices"])
async def test_an_id_that_hotels_share_is_listed_for_each_of_them_wherever_a_page_ends(
    front_desk: RunningDesk, part: str
):
    path, hotels = part.lower(), sorted([HOTEL, FOREIGN_HOTEL, SISTER_HOTEL])
    record = {**RECORDS, "Devices": {"Type": "Printer", "Name": "Lobby"}}[part]
    for owner in hotels:
        setting = {"EnterpriseId": owner, part: [{"Id": NEW, **record}]}
        assert (await front_desk.administer(f"{path}/set", **setting)).status_code == 200
    for count in (1, 2, 3):
        owners: list[str] = []
        page = {"Cursor": None}
        while len(owners) <= len(hotels):
            limitation = {"Count": count, "Cursor": page["Cursor"]}
            page = (
                await front_desk.administer(f"{path}/getAll", **{f"{part[:-1]}Ids": [NEW]}, Limitation=limitation)
            ).json()
            if page["Cursor"] is None:
                break
            owners += [one["EnterpriseId"] for one in page[part]]
        assert owners == hotels


@pytest.mark.parametrize("cursor", ["", "x", NEW, f"{NEW}/", f"{NEW}/{NEW}/{NEW}", f"{NEW}/x", "7"])
@pytest.mark.parametrize("path", ["customers/getAll", "devices/getAll"])
async def test_what_is_no_cursor_of_records_is_refused(front_desk: RunningDesk, path: str, cursor: str):
    reply = await front_desk.administer(path, Limitation={"Count": 1, "Cursor": cursor})
    assert (reply.status_code, reply.json()["Message"]) == (400, "Invalid Cursor")


async def test_a_mistake_names_the_record_and_the_field_and_nothing_is_kept(front_desk: RunningDesk):
    good, bad = {"Id": NEW, **RECORDS["Reservations"]}, {"Id": NOBODY, **RECORDS["Reservations"], "State": "Asleep"}
    reply = await front_desk.administer("reservations/set", EnterpriseId=HOTEL, Reservations=[good, bad])
    assert reply.status_code == 400
    assert reply.json()["Message"].startswith(f"Invalid Reservations[1] (Id {NOBODY}): ")
    assert "$.State" in reply.json()["Message"]
    assert (await front_desk.administer("reservations/getAll", ReservationIds=[NEW], **PAGE)).json()[
        "Reservations"
    ] == []


@pytest.mark.parametrize("records", [[], [{}] * 1001, "no list", [1]])
async def test_how_many_records_a_call_takes(front_desk: RunningDesk, records):
    assert (await front_desk.administer("customers/set", EnterpriseId=HOTEL, Customers=records)).status_code == 400


async def test_a_record_must_know_its_hotel(front_desk: RunningDesk):
    reply = await front_desk.administer("customers/set", Customers=[{"Id": NEW, "LastName": "X"}])
    assert reply.status_code == 400
    assert "EnterpriseId" in reply.json()["Message"]
    token = (await front_desk.administer("administrationTokens/add", Name="x", EnterpriseIds=[HOTEL])).json()
    his = {"token": token["AdministrationToken"]}
    assert (
        await front_desk.administer("customers/set", **his, Customers=[{"Id": NEW, "LastName": "X"}])
    ).status_code == 200
    (kept,) = (await front_desk.administer("customers/getAll", CustomerIds=[NEW], **PAGE)).json()["Customers"]
    assert kept["EnterpriseId"] == HOTEL
    foreign = {"Id": NEW, "EnterpriseId": FOREIGN_HOTEL, "LastName": "X"}
    refused = await front_desk.administer("customers/set", **his, Customers=[foreign])
    assert refused.json()["Message"] == "Invalid EnterpriseId"


async def test_a_reservation_replaced_after_its_key_command_leaves_the_command_its_snapshot(front_desk: RunningDesk):
    kiosk = front_desk.as_(KIOSK, CLIENT_TOKEN)
    added = (await kiosk.call("commands/addKeyCutter", KeyCutterId=CUTTER, ReservationId=STAY, KeyCount=1)).json()
    ids = {"CommandIds": [added["CommandId"]]}
    before = (await front_desk.call("commands/getAllByIds", **ids)).json()
    moved = {"Id": STAY, **RECORDS["Reservations"], "AssignedResourceId": None, "Number": "changed"}
    await front_desk.administer("reservations/set", EnterpriseId=HOTEL, Reservations=[moved])
    await front_desk.administer("customers/delete", EnterpriseId=HOTEL, CustomerIds=[GUEST])
    assert (await front_desk.call("commands/getAllByIds", **ids)).json() == before
    refused = await kiosk.call("commands/addKeyCutter", KeyCutterId=CUTTER, ReservationId=STAY, KeyCount=1)
    assert refused.status_code == 403


async def test_two_administrators_at_once_leave_one_whole_record_and_two_acts(front_desk: RunningDesk):
    def room(name: str) -> dict:
        return {"EnterpriseId": HOTEL, "Resources": [{"Id": NEW, "Name": name, "LockIds": [name]}]}

    names = [f"Room {number}" for number in range(8)]
    replies = await asyncio.gather(*(front_desk.administer("resources/set", **room(name)) for name in names))
    assert {reply.status_code for reply in replies} == {200}
    (kept,) = (await front_desk.administer("resources/getAll", ResourceIds=[NEW], **PAGE)).json()["Resources"]
    assert kept["LockIds"] == [kept["Name"]]
    acts = (await front_desk.administer("auditRecords/getAll", **PAGE)).json()["AuditRecords"]
    told = [one for one in acts if one["RecordId"] == NEW]
    assert len(told) == 8
    for later, earlier in itertools.pairwise(told):
        assert later["Before"] == earlier["After"]


async def test_what_was_true_is_told_as_true_before_and_after(front_desk: RunningDesk):
    printer = {"Id": NEW, "EnterpriseId": HOTEL, "Type": "Printer", "Name": "Lobby"}
    hotel = (await front_desk.administer("enterprises/getAll", **PAGE)).json()["Enterprises"][0]
    for told in ({}, {"IsActive": False}):
        await front_desk.administer("devices/set", Devices=[{**printer, **told}])
        await front_desk.administer("enterprises/set", Enterprises=[{**hotel, "IsEnabled": not told, "Name": "Post"}])
    acts = (await front_desk.administer("auditRecords/getAll", **PAGE)).json()["AuditRecords"]
    disabling, deactivating = acts[:2]
    assert (disabling["Before"]["is_enabled"], disabling["After"]["is_enabled"]) == (True, False)
    assert (deactivating["Before"]["is_active"], deactivating["After"]["is_active"]) == (True, False)
    assert not [truth for act in acts for told in (act["Before"], act["After"]) for truth in (told or {}).values()
                if truth in (0, 1) and not isinstance(truth, bool)]  # fmt: skip


async def test_the_record_of_acts_tells_no_guest(front_desk: RunningDesk):
    person = {"Id": NEW, "LastName": "Zátopková", "FirstName": "Dana", "Email": "dana@example.com", "Phone": "+420 1"}
    await front_desk.administer("customers/set", EnterpriseId=HOTEL, Customers=[person])
    await front_desk.administer("customers/delete", CustomerIds=[NEW])
    acts = await front_desk.administer("auditRecords/getAll", **PAGE)
    assert [one["Operation"] for one in acts.json()["AuditRecords"][:2]] == ["customers/delete", "customers/set"]
    for private in ("Zátopková", "Dana", "dana@example.com", "+420 1"):
        assert private not in acts.text


async def test_a_deleted_device_takes_no_commands_and_what_has_not_begun_is_cancelled(front_desk: RunningDesk):
    kiosk = front_desk.as_(KIOSK, CLIENT_TOKEN)
    job = {"PrinterId": PRINTER, "Data": PDF, "CopyCount": 1}
    ids = [(await kiosk.call("commands/addPrinter", **job)).json()["CommandId"] for _ in range(3)]
    await front_desk.call("commands/update", CommandId=ids[1], State="Received")
    await front_desk.call("commands/update", CommandId=ids[2], State="Processing")
    async with front_desk.socket() as socket:
        await front_desk.administer("devices/delete", DeviceIds=[PRINTER, NOBODY])
        assert "Cancelled" in await asyncio.wait_for(socket.recv(), 10)
    found = (await front_desk.call("commands/getAllByIds", CommandIds=ids)).json()["Commands"]
    states = {one["Id"]: one["State"] for one in found}
    assert [states[one] for one in ids] == ["Cancelled", "Cancelled", "Processing"]
    assert (await kiosk.call("commands/addPrinter", **job)).json()["Message"] == "Invalid PrinterId"
    for late in (ids[2], ids[1]):  # the second was printed after all
        assert (await front_desk.call("commands/update", CommandId=late, State="Processed")).status_code == 200
    listed = (await front_desk.administer("devices/getAll", DeviceIds=[PRINTER], **PAGE)).json()["Devices"]
    assert [one["IsActive"] for one in listed] == [False]


async def test_a_device_comes_back_as_it_was_listed(front_desk: RunningDesk):
    timed = {"ExpiresAfter": "PT1H30M", "StalledAfter": "PT5M", "StalledPolicy": "Pending"}
    printer = {"Id": NEW, "EnterpriseId": HOTEL, "Type": "Printer", "Name": "Lobby", **timed}
    await front_desk.administer("devices/set", Devices=[printer])
    (kept,) = (await front_desk.administer("devices/getAll", DeviceIds=[NEW], **PAGE)).json()["Devices"]
    assert {name: kept[name] for name in printer} == printer
    listed = (await front_desk.administer("devices/getAll", EnterpriseIds=[HOTEL], **PAGE)).json()["Devices"]
    assert {one["Id"] for one in listed} >= {PRINTER, OLD_PRINTER}
    assert (await front_desk.administer("devices/set", Devices=listed)).status_code == 200
    assert (await front_desk.administer("devices/getAll", EnterpriseIds=[HOTEL], **PAGE)).json()["Devices"] == listed
    other = [{**one, "Type": "Printer" if one["Type"] != "Printer" else "KeyCutter"} for one in listed[:1]]
    refused = await front_desk.administer("devices/set", Devices=other)
    assert refused.status_code == 400
    assert "$.Type" in refused.json()["Message"]


async def test_events_are_listed_in_order_and_resumed(front_desk: RunningDesk):
    kiosk = front_desk.as_(KIOSK, CLIENT_TOKEN)
    added = (await kiosk.call("commands/addKeyCutter", KeyCutterId=CUTTER, ReservationId=STAY, KeyCount=1)).json()
    await front_desk.call("commands/update", CommandId=added["CommandId"], State="Processed")
    one = {"CommandId": added["CommandId"]}
    page = (await front_desk.administer("events/getAll", **one, Limitation={"Count": 1})).json()
    rest = (
        await front_desk.administer("events/getAll", **one, Limitation={"Count": 9, "Cursor": page["Cursor"]})
    ).json()
    assert [event["State"] for event in page["Events"] + rest["Events"]] == ["Pending", "Processed"]
    elsewhere = await front_desk.administer("events/getAll", **one, EnterpriseIds=[FOREIGN_HOTEL], **PAGE)
    assert elsewhere.json() == {"Events": [], "Cursor": None}


async def test_an_import_that_does_not_speak_of_locks_leaves_a_room_its_locks(front_desk: RunningDesk):
    """The vendor's own rooms have none, and a nightly import must not lock the guests out."""
    room = {"Id": NEW, "Name": "12"}
    locks: list[list[str] | None] = []
    for told in ({"LockIds": ["L12", "pool"]}, {}, {"LockIds": None}, {"LockIds": []}, {}):
        await front_desk.administer(
            "resources/set", EnterpriseId=HOTEL, Resources=[{**room, "Name": f"12 {told}", **told}]
        )
        (kept,) = (await front_desk.administer("resources/getAll", ResourceIds=[NEW], **PAGE)).json()["Resources"]
        locks.append(kept.get("LockIds"))
    assert locks == [["L12", "pool"], ["L12", "pool"], ["L12", "pool"], [], None]
