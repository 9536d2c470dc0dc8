"""A desk run from the command line: on the file while no server has it, at the server as soon as one does."""

import asyncio
import json
import os
import pty
import re
import stat
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from nightporter.cli.announcing import announcement
from tests.cli.program import PROGRAM, Ran, Started, clean_environment, free_port, run, started

NOBODY = "01920000-0000-7000-8000-000000000000"
Typed = Callable[..., Awaitable[Ran]]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "desk.db"


@pytest.fixture
def typed(database: Path) -> Typed:
    async def run_here(*words: str, **environment: str) -> Ran:
        return await run(*words, **{"NIGHTPORTER_DATABASE": str(database), **environment})

    return run_here


def server(database: Path, port: int) -> AbstractAsyncContextManager[Started]:
    return started("serve", "--database", database, "--port", str(port))


def told(ran: Ran) -> list[dict[str, Any]]:
    assert (ran.code, ran.err) == (0, ""), ran
    return [json.loads(line) for line in ran.out.splitlines()]


async def a_hotel(typed: Typed) -> str:
    """The id of a hotel with a client, who has the name of its integration too."""
    made = await typed("enterprises", "add", "Hotel Post", "--currency", "eur", "-q")
    assert made.code == 0, made.err
    await typed("clients", "add", "Front desk")
    await typed("integrations", "add", "Front desk", "--client", "Front desk")
    return made.out.strip()


async def test_the_first_administration_token_needs_neither_a_server_nor_a_token(typed: Typed, database: Path) -> None:
    made = await typed("tokens", "add", "--administration", "--name", "Head office", "--quiet")
    assert (made.code, made.err) == (0, f"nightporter: made {database}\n")
    token = made.out.strip()
    port = free_port()
    elsewhere = {"NIGHTPORTER_ADDRESS": f"http://127.0.0.1:{port}", "NIGHTPORTER_DATABASE": "nowhere.db"}
    async with server(database, port) as serving:
        await serving.says("the desk of")
        added = await typed("enterprises", "add", "Far", "--currency", "EUR", "-q",
                            NIGHTPORTER_ADMINISTRATION_TOKEN=token, **elsewhere)  # fmt: skip
        assert (added.code, added.err) == (0, "")
        (act, *_) = told(await typed("audit", "--json"))
        assert (act["Administrator"], act["Operation"]) == ("Head office", "enterprises/set")
        refused = await typed("rooms", "list", NIGHTPORTER_ADMINISTRATION_TOKEN="nobody", **elsewhere)
        assert refused.code == 1
        assert "Invalid Authorization" in refused.err
        (listed,) = told(await typed("tokens", "list", "--json"))
        assert (listed["Name"], listed["RevokedUtc"]) == ("Head office", None)
        assert (await typed("tokens", "revoke", listed["Id"])).code == 0
        gone = await typed("rooms", "list", NIGHTPORTER_ADMINISTRATION_TOKEN=token, **elsewhere)
        assert gone.code == 1
    away = await typed("rooms", "list", NIGHTPORTER_ADMINISTRATION_TOKEN=token, **elsewhere)
    assert away.code == 3
    assert token not in refused.err + gone.err + away.err


async def test_a_command_finds_the_server_of_its_database_and_the_file_without_one(
    typed: Typed, database: Path
) -> None:
    await a_hotel(typed)
    async with server(database, free_port()) as serving:
        await serving.says("the desk of")
        assert stat.S_IMODE(announcement(database).stat().st_mode) == 0o600
        room = (await typed("rooms", "add", "101", "--lock", "L-101", "--lock", "Garage", "-q")).out.strip()
        serving.process.terminate()
        await serving.ended()
    assert not announcement(database).exists(), "taken away at the end"
    (found,) = told(await typed("rooms", "list", "--json"))
    assert (found["Id"], found["LockIds"]) == (room, ["L-101", "Garage"])


async def test_what_a_killed_server_left_behind_misleads_nobody(typed: Typed, database: Path) -> None:
    await a_hotel(typed)
    async with server(database, free_port()) as serving:
        await serving.says("the desk of")
        await serving.kill()
    assert announcement(database).exists()
    (found,) = told(await typed("enterprises", "list", "--json"))
    assert found["Name"] == "Hotel Post"


async def test_a_demo_is_administered_like_any_desk_and_begins_again_after_it_was_killed(tmp_path: Path) -> None:
    start = ("demo", "--data", tmp_path / "demo", "--port")
    async with started(*start, str(free_port())) as demo:
        await demo.says("Nightporter demo")
        listed = await run("devices", "list", "--json", "--database", str(tmp_path / "demo" / "demo.db"))
        assert "KeyCutter" in {one["Type"] for one in told(listed)}
        await demo.kill()
    (tmp_path / "demo" / "demo.db").unlink()
    async with started(*start, str(free_port()), "--fresh") as demo:
        await demo.says("Nightporter demo")


async def test_a_guest_and_a_room_are_called_by_their_names(typed: Typed) -> None:
    enterprise = await a_hotel(typed)
    await typed("rooms", "add", "101")
    guest = (await typed("guests", "add", "Nováková", "--first-name", "Jana", "-q")).out.strip()
    stay = await typed("stays", "add", "--guest", "Jana Nováková", "--room", "101", "--nights", "2", "--json")
    assert told(stay)[0]["AccountId"] == guest
    (kept,) = told(await typed("records", "list", "reservations"))
    assert (kept["State"], kept["EnterpriseId"]) == ("Started", enterprise)
    later = ["--from", "2090-03-01T14:00+01:00", "--until", "2090-03-02T10:00Z"]
    (planned,) = told(await typed("stays", "add", "--guest", "Nováková", "--room", "101", *later, "--json"))
    assert (planned["State"], planned["ScheduledStartUtc"]) == ("Confirmed", "2090-03-01T13:00:00Z")
    await typed("guests", "add", "Nováková", "--first-name", "Eva")
    several = await typed("stays", "add", "--guest", "Nováková", "--room", "101", "--nights", "1")
    assert several.code == 1
    assert "2 of the name Nováková are there; give the id:" in several.err
    nobody = await typed("stays", "add", "--guest", "Nobody", "--room", "101", "--nights", "1")
    assert (nobody.code, nobody.err) == (1, "nightporter: there is no guest with the name Nobody\n")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--nights", "1", "--until", "2090-03-02"], "give either --nights or --until"),
        (["--from", "2090-03-02", "--until", "2090-03-01"], "the stay must end after it begins"),
        (["--until", "tomorrow"], "--until is not a time; write it like 2026-03-01T14:00Z"),
    ],
)
async def test_a_stay_that_cannot_be_is_refused(typed: Typed, words: list[str], reason: str) -> None:
    refused = await typed("stays", "add", "--guest", "Nobody", "--room", "101", *words)
    assert (refused.code, refused.err) == (2, f"nightporter: {reason}\n")


async def test_the_enterprise_must_be_named_where_there_are_several(typed: Typed) -> None:
    missing = await typed("rooms", "list")
    assert missing.code == 1
    assert "does not exist" in missing.err
    await typed("tokens", "add", "--administration")
    none = await typed("rooms", "add", "101")
    assert "there is no enterprise yet; make one: nightporter enterprises add" in none.err
    await a_hotel(typed)
    await typed("enterprises", "add", "Second", "--currency", "GBP")
    several = await typed("rooms", "add", "101")
    assert several.err == "nightporter: there are 2 enterprises; choose one: --enterprise NAME\n"
    assert (await typed("rooms", "add", "101", "--enterprise", "Second")).code == 0
    assert told(await typed("rooms", "list", "--enterprise", "Hotel Post", "--json")) == []


async def test_devices_come_are_connected_and_go(typed: Typed) -> None:
    await a_hotel(typed)
    (printer,) = told(
        await typed("devices", "add", "printer", "Desk", "--connect", "Front desk", "--printer-name", "HP",
                    "--expires-after", "PT10M", "--json")
    )  # fmt: skip
    (integration,) = told(await typed("integrations", "list", "--json"))
    assert integration["ConnectedDeviceIds"] == [printer["Id"]]
    assert (await typed("integrations", "disconnect", "Front desk", "Desk")).code == 0
    assert (await typed("integrations", "disable", "Front desk")).code == 0
    (integration,) = told(await typed("integrations", "list", "--json"))
    assert (integration["ConnectedDeviceIds"], integration["IsEnabled"]) == ([], False)
    (device,) = told(await typed("devices", "list", "--json"))
    assert (device["Type"], device["Configuration"]["PrinterName"]) == ("Printer", "HP")
    assert (await typed("devices", "delete", "Desk")).code == 0
    (device,) = told(await typed("devices", "list", "--json"))
    assert device["IsActive"] is False
    assert (await typed("devices", "list")).out.split("\t")[-1] == "no\n"
    wrong = await typed("devices", "add", "Printer", "Other", "--expires-after", "soon")
    assert (wrong.code, "ExpiresAfter" in wrong.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("devices", "add", "Toaster", "Desk"), "Printer, PaymentTerminal, KeyCutter, FiscalMachine, PassportScanner"),
        (("devices", "add", "Printer", "Desk", "--stalled-policy", "Toaster"), "Flag, Error, Pending"),
        (("commands", "list", "--state", "Toaster"), "Pending, Received, Processing, Processed, Cancelled, Error"),
        (("clients", "add", "Desk", "--right", "Toaster"), "AddPaymentTerminalCommands, ReadFiscalMachineCommands"),
    ],
)
async def test_what_is_one_of_few_is_told_as_it_is_written(typed: Typed, words: tuple[str, ...], names: str) -> None:
    ran = await typed(*words)
    assert ran.code == 2
    assert f"'Toaster' is not one of {names}." in " ".join(ran.err.replace("│", " ").split())


async def test_clients_get_rights_and_lose_them(typed: Typed) -> None:
    await a_hotel(typed)
    right = "AddPaymentTerminalCommands"
    await typed("clients", "update", "Front desk", "--right", right.lower())
    (client,) = told(await typed("clients", "list", "--json"))
    assert client["Rights"] == [right]
    await typed("clients", "update", "Front desk", "--rename", "Kiosk", "--no-rights")
    (client,) = told(await typed("clients", "list", "--json"))
    assert (client["Name"], client["Rights"]) == ("Kiosk", [])
    await typed("enterprises", "disable", "Hotel Post")
    (hotel,) = told(await typed("enterprises", "list", "--json"))
    assert (hotel["IsEnabled"], hotel["AcceptedCurrencies"]) == (False, ["EUR"])


async def test_a_token_is_told_once_and_never_in_a_list(typed: Typed) -> None:
    await a_hotel(typed)
    made = await typed("tokens", "add", "--integration", "Front desk")
    assert "keep the token" in made.err
    token = made.out.split()[1]
    for listed in (
        await typed("tokens", "list"),
        await typed("tokens", "list", "--json"),
        await typed("audit", "--json"),
    ):
        assert listed.code == 0
        assert token not in listed.out
    unknown = await typed("tokens", "revoke", "01920000-0000-7000-8000-000000000000")
    assert (unknown.code, "there is no token with the id" in unknown.err) == (1, True)
    both = await typed("tokens", "add", "--integration", "Front desk", "--administration")
    assert both.code == 2


@pytest.mark.parametrize("form", ["one", "list", "reply"])
async def test_records_are_set_as_the_vendor_prints_them(typed: Typed, tmp_path: Path, form: str) -> None:
    enterprise = await a_hotel(typed)
    record = {"Id": "01920000-0000-7000-8000-000000000001", "Name": "ACME", "CreditRating": 1.10}
    content = {"one": record, "list": [record], "reply": {"Companies": [record], "Cursor": None}}[form]
    (tmp_path / "companies.json").write_text(json.dumps(content))
    ran = await typed("records", "set", "companies", str(tmp_path / "companies.json"))
    assert (ran.code, ran.out) == (0, "1 Companies\n"), ran.err
    (kept,) = told(await typed("records", "list", "companies"))
    assert kept == {**record, "EnterpriseId": enterprise}
    assert (await typed("records", "delete", "companies", record["Id"])).code == 0
    assert told(await typed("records", "list", "companies")) == []


async def test_a_record_that_is_wrong_is_named(typed: Typed, tmp_path: Path) -> None:
    await a_hotel(typed)
    (tmp_path / "wrong.json").write_text('[{"Id": "01920000-0000-7000-8000-000000000001", "Name": 7}]')
    refused = await typed("records", "set", "companies", str(tmp_path / "wrong.json"))
    assert refused.code == 1
    assert "Companies[0] (Id 01920000-0000-7000-8000-000000000001)" in refused.err
    (tmp_path / "wrong.json").write_text("no JSON")
    assert (
        "is not a JSON object or a list of them"
        in (await typed("records", "set", "companies", str(tmp_path / "wrong.json"))).err
    )


async def test_an_address_alone_is_refused(typed: Typed) -> None:
    refused = await typed("rooms", "list", "--address", "http://127.0.0.1:9")
    assert (refused.code, "give --administration-token" in refused.err) == (2, True)
    nonsense = await typed("rooms", "list", "--address", "here", NIGHTPORTER_ADMINISTRATION_TOKEN="any")
    assert (nonsense.code, "is not an address" in nonsense.err) == (2, True)


async def test_a_command_comes_again_where_the_server_asks_it_to(typed: Typed, database: Path) -> None:
    await a_hotel(typed)
    limits = {"NIGHTPORTER_REQUEST_LIMIT": "1", "NIGHTPORTER_REQUEST_WINDOW": "1"}
    async with started("serve", "--database", database, "--port", str(free_port()), **limits) as serving:
        await serving.says("the desk of")
        added = await typed("rooms", "add", "101", "-q")
        assert (added.code, added.err) == (0, "")
        await serving.says('"operation":"resources/set"', '"status":429')


async def test_a_list_is_a_table_on_a_terminal_only(typed: Typed, database: Path) -> None:
    await a_hotel(typed)
    assert (await typed("clients", "list")).out.split("\t")[1:] == ["Front desk", "\n"]
    seen, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "clients", "list", "--database", database,
        stdout=terminal, stderr=terminal, env=clean_environment(TERM="xterm"),
    )  # fmt: skip
    os.close(terminal)
    assert await process.wait() == 0
    shown = os.read(seen, 65536).decode()
    os.close(seen)
    assert re.search(r"Id +Name +Rights", re.sub(r"\x1b\[[0-9;]*m", "", shown)), shown
    assert "Front desk" in shown


async def test_a_line_that_is_typed_twice_makes_one_thing(typed: Typed) -> None:
    await a_hotel(typed)
    for words in (
        ("enterprises", "add", "Hotel Post", "--currency", "EUR"),
        ("clients", "add", "Front desk"),
        ("integrations", "add", "Front desk", "--client", "Front desk"),
        ("portfolios", "add", "Chain", "--enterprise", "Hotel Post"),
        ("devices", "add", "Printer", "Desk"),
        ("rooms", "add", "101"),
    ):
        await typed(*words)
        (thing,) = told(await typed(words[0], "list", "--json"))
        again = await typed(*words)
        assert (again.code, again.out) == (1, "")
        assert again.err.endswith(f" {thing['Name']} already, with the id {thing['Id']}\n"), again.err
        assert len(told(await typed(words[0], "list", "--json"))) == 1
    await typed("devices", "delete", "Desk")
    assert (await typed("devices", "add", "Printer", "Desk")).code == 0, "the other is out of service"
    await typed("enterprises", "add", "Second", "--currency", "EUR")
    assert (await typed("rooms", "add", "101", "--enterprise", "Second")).code == 0, "another hotel has its own 101"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("commands", "again", NOBODY), "command"),
        (("commands", "cancel", NOBODY), "command"),
        (("integrations", "disable", NOBODY), "integration"),
        (("records", "delete", "paymentRequests", "x"), "payment request"),
    ],
)
async def test_what_is_not_there_is_called_by_its_name(typed: Typed, words: tuple[str, ...], kind: str) -> None:
    await a_hotel(typed)
    ran = await typed(*words)
    assert (ran.code, ran.err) == (1, f"nightporter: there is no such {kind} at this desk, and nothing was changed\n")


async def test_a_portfolio_is_made_of_hotels_by_their_names_and_grows(typed: Typed) -> None:
    first = await a_hotel(typed)
    others = [
        (await typed("enterprises", "add", name, "--currency", "EUR", "-q")).out.strip() for name in ("Second", "Third")
    ]
    made = await typed("portfolios", "add", "Chain", "--enterprise", "Hotel Post", "--enterprise", others[0], "-q")
    assert (made.code, made.err) == (0, "")
    whole = {"Id": made.out.strip(), "Name": "Alps", "EnterpriseIds": sorted([first, *others])}
    assert (await typed("portfolios", "update", "Chain", "--enterprise", "Third")).code == 0
    assert (await typed("portfolios", "update", "Chain", "--rename", "Alps")).code == 0
    assert told(await typed("portfolios", "list", "--json")) == [whole]
    assert (await typed("portfolios", "list")).out == f"{whole['Id']}\tAlps\t{', '.join(whole['EnterpriseIds'])}\n"
    for words, reason in (
        (("add", "None"), "Missing option '--enterprise'"),
        (("add", "None", "--enterprise", "Fourth"), "there is no enterprise with the name Fourth"),
        (("update", "Chain", "--rename", "x"), "there is no portfolio with the name Chain"),
        (("update", first, "--rename", "x"), f"there is no portfolio with the id {first}"),
    ):
        refused = await typed("portfolios", *words)
        assert (refused.code > 0, reason in refused.err) == (True, True), refused.err


async def test_portfolios_are_records_too(typed: Typed, tmp_path: Path) -> None:
    enterprise = await a_hotel(typed)
    portfolio = {"Id": "01920000-0000-7000-8000-000000000001", "Name": "Chain", "EnterpriseIds": [enterprise]}
    (tmp_path / "chain.json").write_text(json.dumps(portfolio))
    assert (await typed("records", "set", "portfolios", str(tmp_path / "chain.json"))).code == 0
    assert told(await typed("records", "list", "portfolios")) == [portfolio]
    added = await typed("integrations", "add", "All of it", "--client", "Front desk", "--portfolio", "Chain", "-q")
    assert added.code == 0, added.err
    assert (await typed("records", "delete", "portfolios", portfolio["Id"])).code == 2
