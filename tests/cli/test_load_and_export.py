"""``nightporter load``, ``export`` and ``schema`` as a person uses them."""

import asyncio
import contextlib
import json
import os
import pty
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from nightporter.cli.announcing import announced
from nightporter.storage.lock import DatabaseLock
from tests.cli.program import PROGRAM, clean_environment, free_port, run, started
from tests.operations.administration import test_large_property_file as large
from tests.operations.administration.test_load_property import CLIENT, ENTERPRISE, GUEST, SECOND, small_hotel


@pytest.fixture
def hotel(tmp_path: Path) -> Path:
    path = tmp_path / "hotel.json"
    write(path, {"$schema": "hotel.schema.json", **small_hotel()})
    return path


def write(path: Path, hotel: dict[str, Any]) -> None:
    path.write_text(json.dumps(hotel))


def shown(terminal: int) -> bytes:
    """All that is written to a terminal until nobody has it open any more; it takes no more than is read of it."""
    pieces = []
    with contextlib.suppress(OSError):  # how a terminal ends
        while piece := os.read(terminal, 65536):
            pieces.append(piece)
    os.close(terminal)
    return b"".join(pieces)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "desk.db"


async def test_a_hotel_from_nothing_and_back(hotel: Path, database: Path, tmp_path: Path) -> None:
    loaded = await run("load", str(hotel), "--database", str(database))
    assert (loaded.code, loaded.err) == (0, f"nightporter: made {database}\n")
    assert loaded.out == (
        "1 Enterprises, 1 Clients, 1 Integrations, 1 Devices, 1 Resources, 1 Customers, 1 Reservations, "
        "1 Companionships, 1 Commands, 1 ResourceAccessTokens\n"
    )
    told = await run("export", NIGHTPORTER_DATABASE=str(database))
    assert (told.code, told.err) == (0, "")
    assert json.loads(told.out)["Customers"] == [{**small_hotel()["Customers"][0]}]
    target = tmp_path / "export.json"
    target.write_text("what was there before")
    target.chmod(0o644)
    written = await run("export", "--database", str(database), "--output", str(target))
    assert (written.code, written.out, written.err) == (0, "", "")
    assert target.read_text() == told.out
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    again = await run("load", str(target), "--database", str(database), "--json")
    assert (again.code, again.err) == (0, "")
    assert json.loads(again.out) == {part: 1 for part, records in json.loads(told.out).items() if records}


async def test_a_hotel_comes_from_the_input(hotel: Path, database: Path) -> None:
    with hotel.open("rb") as content:
        process = await asyncio.create_subprocess_exec(
            PROGRAM, "load", "-", "--database", database, stdin=content, stdout=-1, stderr=-1, env=clean_environment()
        )
        out, err = await process.communicate()
    assert process.returncode == 0, err
    assert out.startswith(b"1 Enterprises")


async def test_some_enterprises(hotel: Path, database: Path) -> None:
    await run("load", str(hotel), "--database", str(database))
    told = await run("export", "--enterprise", ENTERPRISE, "--database", str(database))
    assert [one["Id"] for one in json.loads(told.out)["Clients"]] == [CLIENT]
    refused = await run("export", "--enterprise", ENTERPRISE, "--enterprise", SECOND, "--database", str(database))
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == f"nightporter: not every one of these enterprises is there: {ENTERPRISE}, {SECOND}\n"


async def test_a_mistake_is_told_and_nothing_is_loaded(hotel: Path, database: Path) -> None:
    wrong: dict[str, Any] = small_hotel()
    wrong["Customers"][0]["LastName"] = 7
    write(hotel, wrong)
    refused = await run("load", str(hotel), "--database", str(database))
    assert refused.code == 1
    assert refused.err.endswith(
        f"nightporter: {hotel}: Customers[0] (Id {GUEST}): Expected `str | null`, got `int` - at `$.LastName`\n"
    )
    told = await run("export", "--database", str(database))
    assert set(map(len, json.loads(told.out).values())) == {0}


async def test_a_database_in_use_by_no_server_is_told(hotel: Path, database: Path) -> None:
    await run("load", str(hotel), "--database", str(database))
    with DatabaseLock(database):
        refused = await run("export", "--database", str(database))
    assert (refused.code, refused.out) == (1, "")
    assert "in use by another process" in refused.err


async def test_a_running_server_loads_and_exports(hotel: Path, database: Path, tmp_path: Path) -> None:
    port = free_port()
    async with started("serve", "--database", database, "--port", str(port), "--file-limit", "100000") as serving:
        await serving.says("the desk of")
        loaded = await run("load", str(hotel), "--database", str(database))
        assert (loaded.code, loaded.err) == (0, "")
        assert loaded.out.startswith("1 Enterprises, 1 Clients, 1 Integrations, ")
        assert "properties/load" in "".join(serving.err + serving.out), "the server did it"
        at_server = await run("export", "--database", str(database))
        assert (at_server.code, at_server.err) == (0, "")
        refused = await run("export", "--enterprise", SECOND, "--database", str(database), "-o", str(tmp_path / "out"))
        assert (refused.code, refused.out) == (1, "")
        assert refused.err == f"nightporter: not every one of these enterprises is there: {SECOND}\n"
        assert not any(name.startswith("out") for name in names(tmp_path))

        elsewhere = {"NIGHTPORTER_ADDRESS": f"http://127.0.0.1:{port}", "NIGHTPORTER_DATABASE": "nowhere.db"}
        made = await run("tokens", "add", "--administration", "-q", "--name", "Ada", "--database", str(database))
        told = await run("export", NIGHTPORTER_ADMINISTRATION_TOKEN=made.out.strip(), **elsewhere)
        assert (told.code, told.out, told.err) == (0, at_server.out, "")

        spaces = tmp_path / "spaces.json"
        spaces.write_bytes(b"{" + b" " * 100_000 + b"}")
        refused = await run("load", str(spaces), "--database", str(database))
        assert refused.code == 1
        assert "larger than 100000 bytes" in refused.err

        wrong: dict[str, Any] = small_hotel()
        wrong["Customers"][0]["LastName"] = 7
        write(hotel, wrong)
        refused = await run("load", str(hotel), "--database", str(database))
        assert (refused.code, refused.out) == (1, "")
        assert refused.err == (
            f"nightporter: {hotel}: Customers[0] (Id {GUEST}): Expected `str | null`, got `int` - at `$.LastName`\n"
        )
        serving.send(signal.SIGTERM)
        await serving.ended()
    here = await run("export", "--database", str(database))
    assert (here.code, here.out) == (0, at_server.out)
    assert json.loads(here.out)["Customers"] == [{**small_hotel()["Customers"][0]}]


def peak(process: int) -> int:
    """The most memory that a process has had at once, in bytes."""
    return int(Path(f"/proc/{process}/status").read_text().split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.long
async def test_a_server_loads_and_exports_30_000_records_in_200_mb(database: Path, tmp_path: Path) -> None:
    large.write(tmp_path / "hotel.json", 30_000)
    async with started("serve", "--database", database, "--port", str(free_port())) as serving:
        await serving.says("the desk of")
        loaded = await run("load", str(tmp_path / "hotel.json"), "--database", str(database), "--json")
        assert sum(json.loads(loaded.out).values()) > 30_000
        told = await run("export", "--database", str(database), "--output", str(tmp_path / "out.json"))
        assert (told.code, told.err) == (0, "")
        assert peak(serving.process.pid) <= large.LIMIT


async def test_a_server_that_is_not_there_is_told(hotel: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    for words in (["load", str(hotel)], ["export"]):
        refused = await run(*words, "--address", address, NIGHTPORTER_ADMINISTRATION_TOKEN="x")
        assert (refused.code, refused.out) == (3, "")
        assert refused.err.startswith(f"nightporter: {address} cannot be reached: ")


async def test_the_token_goes_to_the_server_and_not_what_netrc_has_for_it(database: Path, tmp_path: Path) -> None:
    netrc, port = tmp_path / "netrc", free_port()
    netrc.write_text("machine 0.0.0.0 login somebody password else\n")
    async with started("serve", "--database", database, "--port", str(port), NETRC=netrc) as serving:
        await serving.says("the desk of")
        _, token = announced(database) or ("", "")
        asking = {"NETRC": str(netrc), "NIGHTPORTER_ADMINISTRATION_TOKEN": token}
        told = await run(
            "export", "--address", f"http://0.0.0.0:{port}", **asking
        )  # another host than this, as it seems
        assert (told.code, told.err) == (0, "")


async def test_a_bar_is_shown_while_a_file_is_sent(hotel: Path, database: Path) -> None:
    async with started("serve", "--database", database, "--port", str(free_port())) as serving:
        await serving.says("the desk of")
        seen, terminal = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            PROGRAM, "load", hotel, "--database", database,
            stdout=-1, stderr=terminal, env=clean_environment(TERM="xterm"),
        )  # fmt: skip
        os.close(terminal)
        (out, _), bar = await asyncio.gather(process.communicate(), asyncio.to_thread(shown, seen))
        assert process.returncode == 0
        assert out.startswith(b"1 Enterprises")
        assert b"loading" in bar


async def test_what_cannot_be_read_or_written_is_told(hotel: Path, database: Path, tmp_path: Path) -> None:
    missing = await run("load", str(tmp_path / "none.json"), "--database", str(database))
    assert (missing.code, missing.err) == (
        2,
        f"nightporter: {tmp_path / 'none.json'} cannot be read: No such file or directory\n",
    )
    assert names(tmp_path) == {hotel.name}
    nowhere = await run("load", str(hotel), "--database", str(tmp_path / "none" / "desk.db"))
    assert (nowhere.code, nowhere.err) == (
        1,
        f"nightporter: there is no folder {tmp_path / 'none'}; make it, or give another --database\n",
    )
    empty = await run("export", "--database", str(database))
    assert (empty.code, empty.err) == (
        1,
        f"nightporter: {database} does not exist; give the database of the desk (--database), or make one: "
        "nightporter enterprises add NAME --currency CODE\n",
    )
    folder = await run("export", "--database", str(tmp_path))
    assert (folder.code, folder.err) == (
        1,
        f"nightporter: {tmp_path} is a folder; give the file of the desk (--database)\n",
    )
    await run("load", str(hotel), "--database", str(database))
    refused = await run("export", "--database", str(database), "--output", str(tmp_path / "none" / "out.json"))
    assert refused.code == 1
    assert (
        refused.err == f"nightporter: {tmp_path / 'none' / 'out.json'} cannot be written: No such file or directory\n"
    )


async def test_nothing_is_left_of_an_export_that_was_not_finished(hotel: Path, database: Path, tmp_path: Path) -> None:
    await run("load", str(hotel), "--database", str(database))
    refused = await run("export", "--enterprise", SECOND, "--database", str(database), "-o", str(tmp_path / "out.json"))
    assert refused.code == 1
    assert not any(name.startswith("out.json") for name in names(tmp_path))


async def test_a_reader_that_goes_away_is_no_defect(hotel: Path, database: Path) -> None:
    await run("load", str(hotel), "--database", str(database))
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "export", "--database", database, stdout=writing, stderr=-1, env=clean_environment()
    )
    os.close(writing)
    _, err = await process.communicate()
    assert (process.returncode, err) == (1, b"")


def shown_on(terminal: int) -> bytes:
    """All that a program has shown on its terminal, after its end; one reading gives a part of it."""
    shown = b""
    with contextlib.suppress(OSError):  # nobody has the other end any more
        while piece := os.read(terminal, 65536):
            shown += piece
    return shown


async def test_a_bar_is_shown_on_a_terminal_only(hotel: Path, database: Path) -> None:
    seen, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "load", hotel, "--database", database,
        stdout=-1, stderr=terminal, env=clean_environment(TERM="xterm"),
    )  # fmt: skip
    os.close(terminal)
    (out, _), bar = await asyncio.gather(process.communicate(), asyncio.to_thread(shown, seen))
    assert process.returncode == 0
    assert out.startswith(b"1 Enterprises")
    assert b"10/10" in bar


async def test_the_schema_is_printed() -> None:
    told = await run("schema")
    assert (told.code, told.err) == (0, "")
    assert json.loads(told.out)["title"] == "Nightporter property file"
