"""print, cut-key, pay and commands show, as processes, at the demo property."""

import asyncio
import json
import signal
import uuid
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from nightporter.cli.demo import POS_TOKEN
from tests.cli.conftest import PDF, Program
from tests.cli.program import Ran, run, started
from tests.client.peer import ACCESS_TOKEN, CLIENT_TOKEN, PRINTER, command, command_id, running_peer
from tests.harness import RunningDesk

UNKNOWN = "00000000-0000-4000-8000-00000000dead"


async def stored(desk: RunningDesk, command_id: str) -> dict[str, Any]:
    (found,) = (await desk.call("commands/getAllByIds", CommandIds=[command_id])).json()["Commands"]
    return found


def id_of(ran: Ran) -> str:
    assert ran.code == 0, ran.err
    command_id, state = ran.out.split()
    assert state == "Pending"
    return str(uuid.UUID(command_id))


async def devices(desk: RunningDesk, kind: str) -> list[dict[str, Any]]:
    found = [one for one in (await desk.call("devices/getAll")).json()["Devices"] if one["Type"] == kind]
    return sorted(found, key=lambda one: (one["Name"], one["Id"]))


async def test_printing(desk: RunningDesk, program: Program, pdf: Path) -> None:
    ran = await program("print", str(pdf), "--copies", "3")
    command = await stored(desk, id_of(ran))
    assert command["Data"]["CopyCount"] == 3
    assert b64decode(command["Data"]["FileData"]) == PDF
    printers = await devices(desk, "Printer")
    assert command["Device"]["Id"] == printers[0]["Id"]
    assert printers[0]["Name"] in ran.err
    assert "--printer" in ran.err, "there are several, so it says which and how to choose"


async def test_printing_where_told(desk: RunningDesk, program: Program, pdf: Path) -> None:
    printer = (await devices(desk, "Printer"))[-1]
    ran = await program("print", str(pdf), "--printer", printer["Id"].upper())
    assert (await stored(desk, id_of(ran)))["Device"]["Id"] == printer["Id"]
    assert ran.err == ""


async def test_cutting_a_key_of_the_sample_guest(desk: RunningDesk, program: Program) -> None:
    command = await stored(desk, id_of(await program("cut-key", "--count", "2")))
    assert command["Device"]["Type"] == "KeyCutter"
    assert command["Data"]["KeyCount"] == 2
    assert command["Data"]["ReservationId"] == "be35b39e-ad7e-460a-8de9-4c7581e016a2"


async def test_an_amount_arrives_as_it_was_written(desk: RunningDesk, program: Program) -> None:
    ran = await program("pay", "--amount", "9007199254740.93", "--currency", "eur", "--preauthorization")
    command = await stored(desk, id_of(ran))
    shown = await program("commands", "show", command["Id"], "--json")
    assert '"Value":9007199254740.93' in shown.out, "exactly, not by way of a float"
    assert command["Data"]["Amount"]["Currency"] == "EUR"
    assert command["Data"]["PreauthorizationId"] is not None


async def test_people_are_told_an_amount_with_all_its_decimals(program: Program) -> None:
    command_id = id_of(await program("pay", "--amount", "7", "--currency", "EUR"))
    assert "To do    take 7.00 EUR\n" in (await program("commands", "show", command_id)).out


async def test_json_for_scripts(desk: RunningDesk, program: Program, pdf: Path) -> None:
    printed = await program("print", str(pdf), "--json")
    told = json.loads(printed.out)
    assert told == {
        "CommandId": told["CommandId"],
        "DeviceId": (await devices(desk, "Printer"))[0]["Id"],
        "State": "Pending",
    }


async def test_showing_a_command(desk: RunningDesk, program: Program, pdf: Path) -> None:
    command_id = id_of(await program("print", str(pdf)))
    await desk.call("commands/update", CommandId=command_id, State="Received")
    people = await program("commands", "show", command_id)
    assert "Received. Whoever drives the device has taken it" in people.out
    scripts = json.loads((await program("commands", "show", command_id, "--json")).out)
    assert scripts["State"] == "Received"
    assert scripts["Data"]["FileSize"] == len(PDF)
    assert "FileData" not in scripts["Data"]


async def test_showing_how_a_command_came_to_where_it_is(desk: RunningDesk, program: Program, pdf: Path) -> None:
    command_id = id_of(await program("print", str(pdf)))
    for state, fields in (
        ("Processing", {"Executor": "desk-1", "Progress": 50}),
        ("Error", {"Notes": "paper\njam", "Result": {"Guest": "Müller", "Lines": [1, 2]}}),
    ):
        desk.clock.move(60)
        await desk.call("commands/update", CommandId=command_id, State=state, **fields)
    people = (await program("commands", "show", command_id)).out
    assert people.splitlines()[-6:] == [
        "History  2026-03-01 12:00:00 UTC Pending",
        "         2026-03-01 12:01:00 UTC Processing",
        "         2026-03-01 12:02:00 UTC Error",
        "Taken by desk-1",
        "Progress 50 %",
        "Notes    paper?jam",
    ]
    scripts = json.loads((await program("commands", "show", command_id, "--json")).out)["Execution"]
    assert scripts == {
        "Progress": 50,
        "Notes": "paper\njam",
        "Executor": "desk-1",
        "States": [
            {"State": "Pending", "Utc": "2026-03-01T12:00:00Z"},
            {"State": "Processing", "Utc": "2026-03-01T12:01:00Z"},
            {"State": "Error", "Utc": "2026-03-01T12:02:00Z"},
        ],
    }
    people = (await program("commands", "show", command_id, "--result")).out
    assert people.splitlines()[-1] == 'Result   {"Guest":"Müller","Lines":[1,2]}'
    scripts = json.loads((await program("commands", "show", command_id, "--result", "--json")).out)["Execution"]
    assert scripts["Result"] == {"Guest": "Müller", "Lines": [1, 2]}


async def test_every_kind_of_command_can_be_shown(desk: RunningDesk, program: Program) -> None:
    await program("cut-key")
    await program("pay", "--amount", "5", "--currency", "EUR")
    seen = set()
    for one in (await desk.call("commands/getAllActive")).json()["Commands"]:
        ran = await program("commands", "show", one["Id"])
        assert ran.code == 0, ran.err
        assert one["Id"] in ran.out
        seen.add(one["Device"]["Type"])
        for secret in ("FullName", "LastName", "Telephone", "Email", "KeyCutterData", "PaymentTerminalData"):
            value = one["Data"].get(secret)
            assert not value or value not in ran.out
    assert {"Printer", "KeyCutter", "PaymentTerminal"} <= seen


async def test_waiting_until_it_is_done(desk: RunningDesk, program: Program, pdf: Path) -> None:
    async with desk.socket("?cursor=") as socket:
        waiting = asyncio.ensure_future(program("print", str(pdf), "--wait"))
        events: list[Any] = []
        while not events:
            events = json.loads(await socket.recv())["Events"]
        for state in ("Received", "Processing", "Processed"):
            await desk.call("commands/update", CommandId=events[0]["Id"], State=state)
        ran = await waiting
    assert ran.code == 0, ran.err
    states = [line.split()[1] for line in ran.out.splitlines()]
    assert (states[0], states[-1]) == ("Pending", "Processed")


@pytest.mark.parametrize("state", ["Error", "Cancelled"])
async def test_waiting_for_what_fails(desk: RunningDesk, program: Program, state: str) -> None:
    async with desk.socket("?cursor=") as socket:
        waiting = asyncio.ensure_future(program("pay", "--amount", "1", "--currency", "EUR", "--wait", "--json"))
        events: list[Any] = []
        while not events:
            events = json.loads(await socket.recv())["Events"]
        await desk.call("commands/update", CommandId=events[0]["Id"], State=state)
        ran = await waiting
    assert ran.code == 1
    assert json.loads(ran.out)["State"] == state
    assert state in ran.err


# Refusals and wrong usage


async def test_what_the_server_refuses(program: Program, pdf: Path) -> None:
    ran = await program("print", str(pdf), "--printer", UNKNOWN)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("nightporter: Invalid PrinterId (status 400, request ")


async def test_a_command_that_is_not_there(program: Program) -> None:
    ran = await program("commands", "show", UNKNOWN)
    assert (ran.code, ran.out) == (1, "")
    assert UNKNOWN in ran.err


async def test_tokens_that_are_refused_are_not_repeated(program: Program, pdf: Path) -> None:
    ran = await program("print", str(pdf), "--access-token", "no-such-token-at-all")
    assert ran.code == 1
    assert "Invalid AccessToken" in ran.err
    assert "no-such-token" not in ran.out + ran.err


async def test_another_integration_of_the_demo(desk: RunningDesk, program: Program) -> None:
    ran = await program("pay", "--amount", "1", "--currency", "EUR", NIGHTPORTER_ACCESS_TOKEN=POS_TOKEN)
    assert (await stored(desk, id_of(ran)))["Creator"]["LastName"] == "MyPOS"


@pytest.mark.parametrize(
    "arguments",
    [
        ("print", "missing.pdf"),
        ("print",),
        ("print", "/"),
        ("cut-key", "--count", "0"),
        ("cut-key", "--reservation", "tomorrow"),
        ("pay", "--amount", "12,30", "--currency", "EUR"),
        ("pay", "--amount", "0", "--currency", "EUR"),
        ("pay", "--amount=-1", "--currency", "EUR"),
        ("pay", "--amount", "NaN", "--currency", "EUR"),
        ("pay", "--amount", "1e999999999", "--currency", "EUR", "--terminal", "x"),
        ("pay", "--amount", "1_000", "--currency", "EUR"),
        ("pay", "--currency", "EUR"),
        ("commands", "show", "hello"),
        ("commands", "show", UNKNOWN, "--address", "example"),
        ("commands", "show", UNKNOWN, "--access-token", "two words"),
        ("commands", "show", UNKNOWN, "--client-token", "alone"),
        ("watch", "--save", "/proc/no"),
        ("nonsense",),
    ],
)
async def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    ran = await run(*arguments, NIGHTPORTER_ADDRESS="http://127.0.0.1:9")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err
    assert "Traceback" not in ran.err
    assert "two words" not in ran.err


async def test_what_is_no_pdf_is_not_sent(tmp_path: Path) -> None:
    text = tmp_path / "bill.txt"
    text.write_text("a bill")
    ran = await run("print", str(text))
    assert ran.code == 2
    assert "not a PDF" in ran.err


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9"])
async def test_a_server_that_is_not_there(pdf: Path, address: str) -> None:
    ran = await run("print", str(pdf), "--address", address)
    assert (ran.code, ran.out) == (3, "")
    assert address in ran.err
    assert "nightporter demo" in ran.err


@pytest.mark.parametrize(
    "address", ["http://hotel.invalid", "http://127.0.0.1.hotel.invalid", "http://0.0.0.0:9", "https://hotel.invalid"]
)
async def test_the_demo_tokens_stay_on_this_machine(pdf: Path, address: str) -> None:
    ran = await run("print", str(pdf), "--address", address)
    assert ran.code == 2
    assert "NIGHTPORTER_CLIENT_TOKEN" in ran.err
    assert "NIGHTPORTER_ACCESS_TOKEN" in ran.err


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [(("cut-key",), "--reservation"), (("pay", "--amount", "1", "--currency", "EUR"), "--customer")],
)
async def test_samples_are_for_the_demo_alone(arguments: tuple[str, ...], flag: str) -> None:
    ran = await run(*arguments, NIGHTPORTER_CLIENT_TOKEN="mine", NIGHTPORTER_ACCESS_TOKEN="mine")
    assert ran.code == 2
    assert flag in ran.err


async def test_ctrl_c_while_waiting(desk: RunningDesk, pdf: Path) -> None:
    async with started("print", pdf, "--wait", NIGHTPORTER_ADDRESS=desk.address) as waiting:
        await waiting.says("Pending")
        waiting.send(signal.SIGINT)
        assert await waiting.ended() == 130
    assert not any("Traceback" in line for line in waiting.err), waiting.err


@pytest.mark.parametrize(
    ("arguments", "encoding", "name"),
    [((), "latin-1", r"Drücker \u0160"), ((), "utf-8", "Drücker Š"), (("--json",), "utf-8", "Drücker Š")],
)
async def test_a_name_that_the_terminal_cannot_show(arguments: tuple[str, ...], encoding: str, name: str) -> None:
    async with running_peer() as peer:
        peer.commands.append({**command(1), "Device": {**PRINTER, "Name": "Drücker Š"}})
        ran = await run(
            "commands",
            "show",
            command_id(1),
            *arguments,
            NIGHTPORTER_ADDRESS=peer.address,
            NIGHTPORTER_CLIENT_TOKEN=CLIENT_TOKEN,
            NIGHTPORTER_ACCESS_TOKEN=ACCESS_TOKEN,
            encoding=encoding,
            PYTHONIOENCODING="latin-1" if arguments else encoding,
        )
    assert (ran.code, ran.err) == (0, "")
    assert name in ran.out
