"""The queue for those who run the desk: listed with filters, cancelled, added again; what no public operation adds."""

import asyncio
import json

import pytest

from tests.contract.hotel import (
    BARE_FISCAL,
    CLIENT_TOKEN,
    CLOSED_BILL,
    CUTTER,
    FISCAL,
    FOREIGN_BILL,
    FOREIGN_FISCAL,
    FOREIGN_FISCAL_COMMAND,
    FOREIGN_GUEST,
    FOREIGN_HOTEL,
    GUEST,
    HOTEL,
    KIOSK,
    NOBODY,
    OPEN_BILL,
    PRINTER,
    SCANNER,
    STAY,
    TERMINAL,
    command,
    move,
    print_page,
    told,
)
from tests.harness import RunningDesk

PAGE = {"Limitation": {"Count": 1000}}
RECEIPT = {"Discriminator": "ItalianFiscalMachine", "Value": "PGZ2cF9kb2MvPg=="}


async def listed(desk: RunningDesk, **fields: object) -> list[dict]:
    reply = await desk.administer("commands/getAll", **{**PAGE, **fields})
    assert reply.status_code == 200, reply.text
    return reply.json()["Commands"]


@pytest.fixture
def kiosk(front_desk: RunningDesk) -> RunningDesk:
    return front_desk.as_(KIOSK, CLIENT_TOKEN)


async def test_every_command_is_listed_with_how_it_stands(front_desk: RunningDesk, kiosk: RunningDesk):
    printed = await print_page(kiosk)
    progress = {"CommandId": printed, "State": "Processing", "Progress": 40, "Executor": "front desk"}
    await front_desk.call("commands/update", **progress)
    found = await listed(front_desk)
    assert found[0] == {
        "Id": printed,
        "EnterpriseId": HOTEL,
        "State": "Processing",
        "CreatedUtc": "2026-03-01T12:00:00Z",
        "UpdatedUtc": "2026-03-01T12:00:00Z",
        "ExpiresUtc": None,
        "IsStalled": False,
        "Creator": {"FirstName": None, "LastName": "Kiosk", "ImageUrl": None},
        "Device": (await command(front_desk, printed))["Device"],
        "Progress": 40.0,
        "Notes": None,
        "Executor": "front desk",
        "EndedBy": None,
    }
    assert {one["EnterpriseId"] for one in found} > {HOTEL, FOREIGN_HOTEL}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"EnterpriseIds": [HOTEL]}, {"printed", "cut", "failed"}),
        ({"EnterpriseIds": [FOREIGN_HOTEL]}, set()),
        ({"DeviceIds": [CUTTER]}, {"cut"}),
        ({"DeviceTypes": ["Printer"]}, {"printed", "failed"}),
        ({"States": ["Error", "Cancelled"]}, {"failed"}),
        ({"Text": "TONER"}, {"failed"}),
        ({"Text": "100%"}, {"failed"}),
        ({"Text": "100_"}, set()),
        ({"Text": "!"}, {"failed"}),
        (
            {"CreatedUtc": {"StartUtc": "2026-03-01T12:00:00Z", "EndUtc": "2026-03-01T12:00:01Z"}},
            {"printed", "cut", "failed"},
        ),
        ({"CreatedUtc": {"StartUtc": "2026-03-01T12:00:01Z", "EndUtc": "2026-03-02T12:00:00Z"}}, set()),
        ({"DeviceTypes": ["Printer"], "States": ["Pending"]}, {"printed"}),
    ],
)
async def test_filters_hold_together(front_desk: RunningDesk, kiosk: RunningDesk, fields: dict, expected: set[str]):
    cutting = {"KeyCutterId": CUTTER, "ReservationId": STAY, "KeyCount": 1}
    names = {
        await print_page(kiosk): "printed",
        (await kiosk.call("commands/addKeyCutter", **cutting)).json()["CommandId"]: "cut",
        (failed := await print_page(kiosk)): "failed",
    }
    await front_desk.call("commands/update", CommandId=failed, State="Error", Notes="Toner is 100% empty!")
    found = await listed(front_desk, **fields)
    assert {names[one["Id"]] for one in found if one["Id"] in names} == expected


async def test_pages_hold_every_command_once(front_desk: RunningDesk, kiosk: RunningDesk):
    for _ in range(5):
        await print_page(kiosk)
    whole, found, cursor = await listed(front_desk), [], None
    while True:
        limitation = {"Count": 3, "Cursor": cursor}
        page = (await front_desk.administer("commands/getAll", Limitation=limitation)).json()
        if (cursor := page["Cursor"]) is None:
            break
        found += page["Commands"]
    assert found == whole


async def test_an_overdue_command_is_listed_as_cancelled_before_any_sweep(front_desk: RunningDesk, kiosk: RunningDesk):
    paying = {"TerminalId": TERMINAL, "CustomerId": GUEST, "Type": "Payment", "Amount": {"Currency": "EUR", "Value": 5}}
    added = (await kiosk.call("commands/addPaymentTerminal", **paying)).json()["CommandId"]
    front_desk.clock.move(600)
    (found,) = await listed(front_desk, CommandIds=[added])
    assert (found["State"], found["EndedBy"], found["ExpiresUtc"]) == ("Cancelled", "Expiry", "2026-03-01T12:10:00Z")


@pytest.mark.parametrize("states", [[], ["Received"], ["Processing"]])
async def test_a_cancelled_command_is_told_to_its_socket_and_yields_to_a_late_truth(
    front_desk: RunningDesk, kiosk: RunningDesk, states: list[str]
):
    printed = await print_page(kiosk)
    await move(front_desk, printed, *states)
    async with front_desk.socket() as socket:
        reply = await front_desk.administer("commands/cancel", CommandIds=[printed], Notes="The guest has left.")
        assert reply.json() == {"CommandIds": [printed]}
        assert json.loads(await asyncio.wait_for(socket.recv(), 10))["Events"][0]["State"] == "Cancelled"
    (found,) = await listed(front_desk, CommandIds=[printed])
    assert (found["State"], found["Notes"], found["EndedBy"]) == ("Cancelled", "The guest has left.", "Administrator")
    assert (await front_desk.administer("commands/cancel", CommandIds=[printed])).json() == {"CommandIds": []}
    await move(front_desk, printed, "Processed")
    assert [one["State"] for one in (await told(front_desk, printed))["States"]] == [
        "Pending",
        *states,
        "Cancelled",
        "Processed",
    ]
    (record,) = (await front_desk.administer("auditRecords/getAll", **PAGE)).json()["AuditRecords"]
    assert (record["Operation"], record["RecordId"], record["After"]["state"]) == (
        "commands/cancel",
        printed,
        "Cancelled",
    )


async def test_cancelling_one_that_is_not_there_cancels_none(front_desk: RunningDesk, kiosk: RunningDesk):
    printed = await print_page(kiosk)
    reply = await front_desk.administer("commands/cancel", CommandIds=[printed, NOBODY])
    assert (reply.status_code, reply.json()["Message"]) == (400, "Invalid CommandIds")
    assert (await command(front_desk, printed))["State"] == "Pending"


async def test_a_command_is_added_again_with_its_document(front_desk: RunningDesk, kiosk: RunningDesk):
    printed = await print_page(kiosk)
    blocked = await front_desk.administer("commands/addAgain", CommandId=printed)
    assert blocked.status_code == 403
    assert "waits still" in blocked.json()["Message"]
    await move(front_desk, printed, "Error")
    again = (await front_desk.administer("commands/addAgain", CommandId=printed)).json()["CommandId"]
    first, second = await command(front_desk, printed), await command(front_desk, again)
    assert second["State"] == "Pending"
    assert second["Data"] == first["Data"]
    assert (second["Creator"]["LastName"], second["Device"]) == ("command line", first["Device"])


async def test_what_was_taken_or_fiscalised_is_not_done_twice(front_desk: RunningDesk, kiosk: RunningDesk):
    paying = {"TerminalId": TERMINAL, "CustomerId": GUEST, "Type": "Payment", "Amount": {"Currency": "EUR", "Value": 5}}
    taken = (await kiosk.call("commands/addPaymentTerminal", **paying)).json()["CommandId"]
    await move(front_desk, taken, "Processed")
    refused = await front_desk.administer("commands/addAgain", CommandId=taken)
    assert refused.status_code == 403
    assert "twice" in refused.json()["Message"]
    failed = (await kiosk.call("commands/addPaymentTerminal", **paying)).json()["CommandId"]
    await move(front_desk, failed, "Error")
    assert (await front_desk.administer("commands/addAgain", CommandId=failed)).status_code == 200


async def test_nothing_is_added_again_for_a_device_out_of_service(front_desk: RunningDesk, kiosk: RunningDesk):
    printed = await print_page(kiosk)
    await front_desk.administer("devices/delete", DeviceIds=[PRINTER])
    refused = await front_desk.administer("commands/addAgain", CommandId=printed)
    assert refused.status_code == 403
    assert "no longer in service" in refused.json()["Message"]


@pytest.mark.parametrize("fields", [{}, {"PayloadData": RECEIPT}])
async def test_a_bill_is_fiscalised_and_printed_in_both_shapes(front_desk: RunningDesk, fields: dict):
    bill = (await command(front_desk, BARE_FISCAL))["Data"]["Bill"]
    await front_desk.administer("bills/set", EnterpriseId=HOTEL, Bills=[{**bill, "Id": OPEN_BILL}])
    adding = {"FiscalMachineId": FISCAL, "BillId": OPEN_BILL, **fields}
    added = (await front_desk.administer("commands/addFiscalMachine", **adding)).json()["CommandId"]
    nested = (await command(front_desk, added))["Data"]
    assert nested["Bill"]["Id"] == OPEN_BILL
    assert nested["PayloadData"] == (RECEIPT if fields else None)
    reply = await front_desk.call("fiscalMachineCommands/getAll", CommandIds=[added], Limitation={"Count": 10})
    (flat,) = reply.json()["Commands"]
    assert flat["Bill"]["Id"] == OPEN_BILL
    assert flat["CommandData"]["Discriminator"] == (
        "ItalianFiscalMachinePayload" if fields else "ItalianFiscalMachineData"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"BillId": NOBODY}, "Invalid BillId"),
        ({"BillId": FOREIGN_BILL}, "Invalid BillId"),
        ({"BillId": CLOSED_BILL, "FiscalMachineId": FOREIGN_FISCAL, "EnterpriseId": HOTEL}, "Invalid FiscalMachineId"),
        ({"BillId": CLOSED_BILL, "FiscalMachineId": PRINTER}, "Invalid FiscalMachineId"),
        ({}, "Either BillId or Bill must be specified."),
        ({"Bill": {"Id": NOBODY}}, "Invalid Data: "),
        ({"Bill": {"Id": "x"}}, "Invalid Data: "),
        (
            {"BillId": CLOSED_BILL, "PayloadData": {"Discriminator": "ItalianFiscalMachine", "Value": "no base64!"}},
            "Invalid ",
        ),
    ],
)
async def test_a_fiscal_command_that_cannot_be_is_refused(front_desk: RunningDesk, fields: dict, message: str):
    before = await listed(front_desk)
    reply = await front_desk.administer("commands/addFiscalMachine", **{"FiscalMachineId": FISCAL, **fields})
    assert reply.status_code == 400
    assert reply.json()["Message"].startswith(message)
    assert await listed(front_desk) == before


async def test_a_document_is_scanned_for_a_guest(front_desk: RunningDesk):
    for_whom = {"CustomerId": GUEST, "ReservationId": STAY}
    adding = {"PassportScannerId": SCANNER, **for_whom}
    added = (await front_desk.administer("commands/addPassportScanner", **adding)).json()["CommandId"]
    data = (await command(front_desk, added))["Data"]
    assert {name: data[name] for name in for_whom} == for_whom
    foreign = await front_desk.administer("commands/addPassportScanner", **{**adding, "CustomerId": FOREIGN_GUEST})
    assert foreign.json()["Message"] == "Invalid CustomerId"


async def test_commands_of_other_hotels_look_like_none(front_desk: RunningDesk):
    made = (await front_desk.administer("administrationTokens/add", Name="x", EnterpriseIds=[HOTEL])).json()
    token = made["AdministrationToken"]
    for path, fields in (
        ("cancel", {"CommandIds": [FOREIGN_FISCAL_COMMAND]}),
        ("addAgain", {"CommandId": FOREIGN_FISCAL_COMMAND}),
    ):
        foreign = await front_desk.administer(f"commands/{path}", token=token, **fields)
        none = await front_desk.administer(
            f"commands/{path}", token=token, **json.loads(json.dumps(fields).replace(FOREIGN_FISCAL_COMMAND, NOBODY))
        )
        assert foreign.status_code == none.status_code == 400
        assert foreign.json()["Message"] == none.json()["Message"]
    found = (await front_desk.administer("commands/getAll", token=token, **PAGE)).json()["Commands"]
    assert {one["EnterpriseId"] for one in found} == {HOTEL}
