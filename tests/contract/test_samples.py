"""Every sample request of the documents, byte for byte as printed there, against the demo property.

``samples/{document}/{resource}.{action}.json`` are the requests of the documents that the contract was drawn from (the
oldest of them, the page of commands before 2025, prints none that survived) and of the public pages on resource access
tokens and devices. The examples of contract 7 are those that ``/openapi.json`` shows.
"""

import base64
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from nightporter.operations import CONNECTOR
from tests.harness import POS_TOKEN, RunningDesk

FOLDER = Path(__file__).parent / "samples"
SAMPLES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.json"))
EXAMPLES: dict[str, dict[str, Any]] = json.loads(
    files("nightporter.web").joinpath("examples.json").read_text(encoding="utf-8")
)
PRINTER_COMMAND = "aa20961f-6d9e-4b35-ad25-071213530aec"
TOKEN = "72d4b117-1f84-44a3-1f84-8b2c0635ac60"
ON_THREE_TABLES = "35d4b117-4e60-44a3-9580-c582117eff98"


def sample(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def operation_of(name: str) -> str:
    return Path(name).stem.replace(".", "/")


async def reply_to(desk: RunningDesk, name: str) -> dict[str, Any]:
    """The reply to a sample, sent as it stands."""
    response = await desk.send(operation_of(name), sample(name))
    assert response.status_code == 200, response.text
    reply: dict[str, Any] = response.json()
    return reply


async def added_command(desk: RunningDesk, reply: dict[str, Any]) -> dict[str, Any]:
    """The command that an adding sample made, as its executor finds it."""
    (command,) = [
        one for one in (await desk.call("commands/getAllActive")).json()["Commands"] if one["Id"] == reply["CommandId"]
    ]
    assert command["State"] == "Pending"
    found: dict[str, Any] = command
    return found


@pytest.mark.parametrize("name", SAMPLES)
async def test_every_sample_runs_unchanged(desk: RunningDesk, name: str) -> None:
    await reply_to(desk, name)


async def test_all_samples_run_after_each_other_in_one_desk(desk: RunningDesk) -> None:
    for name in sorted(SAMPLES, key=lambda one: (operation_of(one).endswith("delete"), one)):
        await reply_to(desk, name)


async def test_a_sample_and_an_example_is_there_for_every_operation() -> None:
    operations = {operation.path for operation in CONNECTOR}
    assert {operation_of(name) for name in SAMPLES} == operations
    assert set(EXAMPLES) == operations


async def test_get_all_active_finds_the_one_command_that_waits(desk: RunningDesk) -> None:
    reply = await reply_to(desk, "commands-2025/commands.getAllActive.json")
    assert [command["Id"] for command in reply["Commands"]] == [PRINTER_COMMAND]
    assert reply["Commands"][0]["State"] == "Pending"
    assert reply["Commands"][0]["Device"]["Name"] == "Test Printer"


async def test_get_all_by_ids_finds_the_command_of_the_sample(desk: RunningDesk) -> None:
    reply = await reply_to(desk, "commands-2025/commands.getAllByIds.json")
    assert [command["Id"] for command in reply["Commands"]] == [PRINTER_COMMAND]
    assert "Cursor" not in reply


async def test_add_printer_prints_the_document_of_the_sample(desk: RunningDesk) -> None:
    name = "commands-2025/commands.addPrinter.json"
    command = await added_command(desk, await reply_to(desk, name))
    assert command["Device"]["Name"] == "Printer"
    assert command["Data"]["FileData"] == json.loads(sample(name))["Data"]
    document = base64.b64decode(command["Data"]["FileData"], validate=True)
    assert document.startswith(b"%PDF-1.7")
    assert document.endswith(b"%%EOF")


@pytest.mark.parametrize(
    "name", ["commands-2025/commands.addKeyCutter.json", "add-key-cutter-command/commands.addKeyCutter.json"]
)
async def test_add_key_cutter_cuts_the_key_of_the_guest_in_the_house(desk: RunningDesk, name: str) -> None:
    command = await added_command(desk, await reply_to(desk, name))
    data = command["Data"]
    assert command["Device"]["Name"] == "Key cutter 1"
    assert data["ReservationId"] == json.loads(sample(name))["ReservationId"]
    assert data["StartUtc"] < "2026-03-01T12:00:00Z" < data["EndUtc"]
    assert (data["FirstName"], data["NormalizedFirstName"]) == ("Renée", "Renee")
    assert (data["LastName"], data["NormalizedLastName"]) == ("Dvořáková", "Dvorakova")
    assert len(data["LockIds"]) > 1
    assert all(data[field] for field in ("ApiUrl", "KeyCutterData", "KeyCutterId", "Telephone", "Email"))
    assert data["KeyCount"] == 1


async def test_add_payment_terminal_asks_the_guest_of_the_sample_for_230_euros(desk: RunningDesk) -> None:
    reply = await reply_to(desk, "commands-2025/commands.addPaymentTerminal.json")
    command = await added_command(desk, reply)
    data = command["Data"]
    # Contract 8.6 prints the data of this very command; only the payment's id is made anew.
    assert data == {
        "PaymentTerminalId": "TERM-01",
        "AccountId": ON_THREE_TABLES,
        "BillId": None,
        "PaymentId": data["PaymentId"],
        "PreauthorizationId": None,
        "Amount": {
            "Currency": "EUR",
            "NetValue": 230,
            "GrossValue": 230,
            "TaxValues": [],
            "Breakdown": {"Items": [{"TaxRateCode": None, "NetValue": 230, "TaxValue": 0}]},
            "Value": 230,
            "Net": 230,
            "Tax": 0,
            "TaxRate": 0,
        },
        "Fee": None,
        "PaymentTerminalData": None,
        "AccountData": {"Discriminator": "Customer", "Customer": {"FullName": "Sample Guest"}, "Company": None},
        "CustomerId": ON_THREE_TABLES,
        "FullName": "Sample Guest",
    }
    assert data["PaymentId"]
    assert command["Creator"]["LastName"] == "MyPOS"
    seen = await desk.as_(POS_TOKEN).call("commands/getAllByIds", CommandIds=[reply["CommandId"]])
    assert [one["State"] for one in seen.json()["Commands"]] == ["Pending"]


async def test_update_ends_the_command_of_the_sample(desk: RunningDesk) -> None:
    assert await reply_to(desk, "commands-2025/commands.update.json") == {}
    assert (await reply_to(desk, "commands-2025/commands.getAllActive.json"))["Commands"] == []
    ended = await reply_to(desk, "commands-2025/commands.getAllByIds.json")
    assert [command["State"] for command in ended["Commands"]] == ["Processed"]


async def test_the_fiscal_sample_asks_for_machines_that_are_a_printer_and_a_key_cutter(desk: RunningDesk) -> None:
    name = "commands-2025/fiscalMachineCommands.getAll.json"
    assert await reply_to(desk, name) == {"Commands": [], "Cursor": None}
    named = json.loads(sample(name))["DeviceIds"]
    devices = {one["Id"]: one for one in (await reply_to(desk, "devices-page/devices.getAll.json"))["Devices"]}
    assert [devices[one]["Type"] for one in named] == ["Printer", "KeyCutter"]


async def test_the_fiscal_sample_finds_both_commands_when_it_names_the_fiscal_machines(desk: RunningDesk) -> None:
    sent = json.loads(sample("commands-2025/fiscalMachineCommands.getAll.json"))
    devices = (await reply_to(desk, "devices-page/devices.getAll.json"))["Devices"]
    sent["DeviceIds"] = [one["Id"] for one in devices if one["Type"] == "FiscalMachine"]
    reply = (await desk.send("fiscalMachineCommands/getAll", json.dumps(sent).encode())).json()
    example = EXAMPLES["fiscalMachineCommands/getAll"]["reply"]
    same_shape(reply, example)
    for found, shown in zip(reply["Commands"], example["Commands"], strict=True):
        for field in (
            "State",
            "CreatedUtc",
            "Creator",
            "FiscalMachineId",
            "ApiUrl",
            "FiscalMachineData",
            "TaxIdentifier",
        ):
            assert found[field] == shown[field]
        assert found["Device"]["Name"] == shown["Device"]["Name"]
        assert found["CommandData"]["Discriminator"] == shown["CommandData"]["Discriminator"]
        for field in ("Id", "Name", "State", "Type", "Number", "IssuedUtc", "PaidUtc", "DueUtc", "Notes"):
            assert found["Bill"][field] == shown["Bill"][field]
    assert reply["Cursor"] == example["Cursor"]


async def test_add_resource_access_tokens_makes_the_token_of_the_sample(desk: RunningDesk) -> None:
    name = "add-resource-access-tokens/resourceAccessTokens.add.json"
    (made,) = (await reply_to(desk, name))["ResourceAccessTokens"]
    (shown,) = EXAMPLES["resourceAccessTokens/add"]["reply"]["ResourceAccessTokens"]
    anew = {"Id", "CreatedUtc", "UpdatedUtc"}
    assert {field: value for field, value in made.items() if field not in anew} == {
        field: value for field, value in shown.items() if field not in anew
    }
    assert made["CreatedUtc"] == made["UpdatedUtc"] == "2026-03-01T12:00:00Z"


async def test_the_page_of_tokens_finds_the_token_behind_its_cursor(desk: RunningDesk) -> None:
    reply = await reply_to(desk, "resource-access-tokens-page/resourceAccessTokens.getAll.json")
    assert [token["Id"] for token in reply["ResourceAccessTokens"]] == ["90eff5aa-36b4-4689-80c0-ab3a00bb412e"]
    assert reply["Cursor"] == "90eff5aa-36b4-4689-80c0-ab3a00bb412e"


async def test_the_page_of_tokens_updates_and_deletes_an_active_token(desk: RunningDesk) -> None:
    name = "resource-access-tokens-page/resourceAccessTokens.{}.json"
    (changed,) = (await reply_to(desk, name.format("update")))["ResourceAccessTokens"]
    assert changed["Id"] == ON_THREE_TABLES
    assert changed["IsActive"]
    assert changed["ValidityEndUtc"] == "2020-10-10T22:00:00Z"
    assert changed["Permissions"] == {"Bed": True, "Room": False, "Floor": False, "Building": False}
    assert await reply_to(desk, name.format("delete")) == {}
    found = await desk.call(
        "resourceAccessTokens/getAll",
        ResourceAccessTokenIds=[ON_THREE_TABLES],
        ActivityStates=["Deleted"],
        Limitation={"Count": 1},
    )
    assert [token["IsActive"] for token in found.json()["ResourceAccessTokens"]] == [False]


NEW_IN_EVERY_RUN = {"CommandId"}
DIFFERENT_HERE = {
    # The documents' own values, where an id cannot be two things in one hotel or a time is that of the call.
    "fiscalMachineCommands/getAll": "the sample's devices are a printer and a key cutter here",
    "resourceAccessTokens/add": "the token is a new one",
    "resourceAccessTokens/update": "UpdatedUtc is that of the call",
    "devices/getAll": "the hotel has more devices than the example prints",
}


def same_shape(reply: Any, example: Any, place: str = "$") -> None:
    """The same keys at every level and the same types; null stands for any type, a list's items are all alike."""
    if reply is None or example is None:
        return
    assert type(reply) is type(example) or {type(reply), type(example)} == {int, float}, place
    if isinstance(example, dict):
        assert reply.keys() == example.keys(), place
        for key, value in example.items():
            same_shape(reply[key], value, f"{place}.{key}")
    elif isinstance(example, list) and example:
        for number, item in enumerate(reply):
            same_shape(item, example[0], f"{place}[{number}]")


@pytest.mark.parametrize("operation", sorted(EXAMPLES))
async def test_every_example_of_the_contract_runs_and_replies_in_its_shape(desk: RunningDesk, operation: str) -> None:
    example = EXAMPLES[operation]
    response = await desk.send(operation, json.dumps(example["request"]).encode())
    assert response.status_code == 200, response.text
    reply = response.json()
    same_shape(reply, example["reply"])
    if operation not in DIFFERENT_HERE:
        kept = {key: value for key, value in reply.items() if key not in NEW_IN_EVERY_RUN}
        assert kept == {key: value for key, value in example["reply"].items() if key not in NEW_IN_EVERY_RUN}


async def test_the_devices_of_the_example_are_among_those_of_the_hotel(desk: RunningDesk) -> None:
    example = EXAMPLES["devices/getAll"]
    devices = (await desk.send("devices/getAll", json.dumps(example["request"]).encode())).json()["Devices"]
    assert all(device in devices for device in example["reply"]["Devices"])


async def test_the_updated_token_is_the_one_of_the_example_but_for_the_time(desk: RunningDesk) -> None:
    example = EXAMPLES["resourceAccessTokens/update"]
    response = await desk.send("resourceAccessTokens/update", json.dumps(example["request"]).encode())
    (changed,), (shown,) = response.json()["ResourceAccessTokens"], example["reply"]["ResourceAccessTokens"]
    assert changed == {**shown, "UpdatedUtc": "2026-03-01T12:00:00Z"}


def test_the_shapes_are_really_compared() -> None:
    with pytest.raises(AssertionError, match=r"\$\.A\[1\]"):
        same_shape({"A": [{"B": 1}, {"C": 1}]}, {"A": [{"B": 2}]})
    with pytest.raises(AssertionError, match=r"\$\.A"):
        same_shape({"A": "1"}, {"A": 1})
    with pytest.raises(AssertionError, match=r"\$\.A"):
        same_shape({"A": True}, {"A": 1})
