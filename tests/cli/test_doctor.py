"""``nightporter doctor`` says what is wanting and what to do about it."""

import itertools
import os
import sqlite3
from pathlib import Path

import pytest

from nightporter.cli import doctor
from nightporter.cli.announcing import announce
from nightporter.host.clock import machine_sources
from nightporter.storage.lock import DatabaseLock
from nightporter.storage.opening import create
from tests.cli.program import PROGRAM, Ran, free_port, run, started

ENTERPRISE, CLIENT, INTEGRATION, DEVICE, OTHER = (f"01920000-0000-7000-8000-00000000000{n}" for n in range(1, 6))
NOW = int(machine_sources().now().timestamp())
DAY = 86400
KEY = "A" * 43 + "="


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A hotel with a device and an integration that has a token and is connected to it."""
    path = tmp_path / "desk.db"
    create(path, machine_sources(), demo=False)
    change(
        path,
        f"INSERT INTO enterprises VALUES ('{ENTERPRISE}', 'Post', '[]', 1)",
        f"INSERT INTO clients VALUES ('{CLIENT}', 'Kiosk', 'hash', '[]')",
        f"INSERT INTO integrations VALUES ('{INTEGRATION}', '{CLIENT}', 'Kiosk at Post', '{ENTERPRISE}', NULL, 1)",
        f"INSERT INTO access_tokens VALUES ('{OTHER}', '{INTEGRATION}', 'other', {NOW}, NULL, NULL)",
        "INSERT INTO devices (enterprise_id, id, type, name, is_active, configuration) "
        f"VALUES ('{ENTERPRISE}', '{DEVICE}', 'Printer', 'Desk printer', 1, '{{}}')",
        f"INSERT INTO device_connections VALUES ('{INTEGRATION}', '{DEVICE}')",
    )
    return path


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


async def examined(database: Path, *words: str, **environment: str) -> Ran:
    return await run("doctor", "--database", str(database), *words, **{"NIGHTPORTER_KEYS": KEY, **environment})


def told(ran: Ran, level: str) -> list[str]:
    return [line.split(None, 1)[1] for line in ran.out.splitlines() if line.startswith(f"{level} ")]


async def test_a_sound_desk_is_ok_and_nothing_is_left_beside_it(database: Path) -> None:
    before = {path.name for path in database.parent.iterdir()}
    ran = await examined(database)
    assert (ran.code, ran.err) == (0, "")
    assert {line.split()[0] for line in ran.out.splitlines()} == {"ok"}, ran.out
    assert {path.name for path in database.parent.iterdir()} == before | {"desk.db.lock"}
    as_json = await examined(database, "--json")
    assert as_json.out.count('"Level":"ok"') == len(ran.out.splitlines())


async def test_a_running_server_is_asked_and_its_file_is_read(database: Path) -> None:
    port = free_port()
    async with started("serve", "--database", database, "--port", str(port)) as serving:
        await serving.says("the desk of")
        ran = await examined(database)
    assert ran.code == 0
    assert f"server    it runs at http://127.0.0.1:{port} and can write" in told(ran, "ok")


async def test_a_server_that_does_not_answer_is_a_problem(database: Path) -> None:
    announce(database, f"http://127.0.0.1:{free_port()}", "token")
    with DatabaseLock(database):
        ran = await examined(database)
    assert ran.code == 1
    assert told(ran, "problem")[0].startswith("server    it does not answer")


async def test_a_hotel_that_was_moved_away_is_a_problem_with_a_server_and_without(database: Path) -> None:
    port = free_port()
    async with started("serve", "--database", database, "--port", str(port)) as serving:
        await serving.says("the desk of")
        change(database, "UPDATE desk SET moved = 'postgresql://there/hotel'")
        ran = await examined(database)
    moved = (
        f"database  the hotel in {database} was moved to postgresql://there/hotel; stop its server, if one runs, and"
    )
    server, found = told(ran, "problem")
    assert server.startswith(
        f"server    http://127.0.0.1:{port} cannot write: The hotel was moved to postgresql://there/"
    )
    assert (ran.code, found.startswith(moved)) == (1, True)
    alone = await examined(database)
    (found,) = told(alone, "problem")
    assert (alone.code, found.startswith(moved)) == (1, True)


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])  # the second is that of a backup
async def test_a_file_that_may_only_be_read_is_told_without_a_trace(database: Path, journal: str) -> None:
    change(database, f"PRAGMA journal_mode={journal}")
    powerless = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    program, *words = [*powerless, str(PROGRAM), "doctor", "--database", str(database)]
    os.chmod(database, 0o444)
    os.chmod(database.parent, 0o555)
    try:
        async with started(*words, program=Path(program)) as ran:
            assert await ran.ended() == 1
    finally:
        os.chmod(database.parent, 0o755)
    assert ran.err == []
    folder, file, unread = (line.split(None, 1)[1] for line in ran.out if line.startswith("problem"))
    assert folder == f"disk      {database.parent} may not be written; give the user of the server that right"
    assert file.startswith(f"disk      {database} may not be written")
    assert unread.endswith("see the rights of the file and of its folder, and the disk")


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        (
            f"UPDATE access_tokens SET revoked = {NOW}",
            "tokens    integrations without one: Kiosk at Post; nobody can call",
        ),
        (f"UPDATE access_tokens SET revoked = {NOW}", "devices   not reachable: Desk printer; nobody would carry"),
        ("DELETE FROM device_connections", "devices   not reachable: Desk printer; nobody would carry"),
        ("UPDATE integrations SET is_enabled = 0", "devices   not reachable: Desk printer; nobody would carry"),
        (
            f"UPDATE access_tokens SET created = {NOW - 8 * DAY}",
            f"tokens    not used for long: {OTHER} (Kiosk at Post, never); run: nightporter tokens revoke ID",
        ),
        (
            f"UPDATE access_tokens SET used = {NOW - 91 * DAY}",
            f"tokens    not used for long: {OTHER} (Kiosk at Post, 20",
        ),
        (
            "INSERT INTO administration_tokens (id, name, token_hash, created) "
            f"VALUES ('{CLIENT}', 'Head office', 'h', {NOW - 8 * DAY})",
            f"tokens    not used for long: {CLIENT} (Head office, never)",
        ),
        (
            "INSERT INTO commands (enterprise_id, id, device_id, device_type, state, created, updated, creator, data) VALUES "
            f"('{ENTERPRISE}', '{OTHER}', '{DEVICE}', 'Printer', 'Received', {NOW - 7300}, {NOW}, '{{}}', '{{}}')",
            "queue     commands wait: 1 for Desk printer since 2 h; see whether the program",
        ),
        (
            "INSERT INTO resource_access_tokens (enterprise_id, id, service_order_id, type, value, validity_start, "
            "validity_end, bed, room, floor, building, created, updated, is_active) VALUES "
            f"('{ENTERPRISE}', '{OTHER}', '{OTHER}', 'PinCode', '1234', 0, {NOW - 60}, 0, 1, 0, 0, 0, 0, 1)",
            "access    1 resource access tokens are active although their validity is over",
        ),
    ],
    ids=itertools.count(),  # not the texts: each process of the tests has a time of its own
)
async def test_what_is_wanting_is_a_warning_that_says_what_to_do(database: Path, statement: str, finding: str) -> None:
    change(database, statement)
    ran = await examined(database)
    assert ran.code == 0
    assert [one for one in told(ran, "warning") if one.startswith(finding)], ran.out


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE access_tokens SET created = {NOW - 100 * DAY}, used = {NOW - 89 * DAY}",
        "INSERT INTO commands (enterprise_id, id, device_id, device_type, state, created, updated, creator, data) VALUES "
        f"('{ENTERPRISE}', '{OTHER}', '{DEVICE}', 'Printer', 'Processed', {NOW - 7300}, {NOW}, '{{}}', '{{}}')",
        "UPDATE devices SET is_active = 0",
    ],
    ids=itertools.count(),  # not the texts: each process of the tests has a time of its own
)
async def test_what_is_as_it_should_be_is_no_warning(database: Path, statement: str) -> None:
    change(database, statement)
    warnings = [one for one in told(await examined(database), "warning") if not one.startswith("keys ")]
    assert warnings == []


async def test_a_lock_that_may_not_be_written_is_a_problem_and_the_rest_is_looked_at(database: Path) -> None:
    database.with_name(database.name + ".lock").unlink(missing_ok=True)
    database.with_name(database.name + ".lock").mkdir()
    ran = await examined(database)
    (problem,) = told(ran, "problem")
    assert problem.startswith(f"server    {database}.lock cannot be written: Is a directory. Whoever runs this needs")
    assert any(one.startswith("access") for one in told(ran, "ok"))


async def test_a_clock_that_went_back_is_a_problem(database: Path) -> None:
    change(database, f"UPDATE desk SET stamped = {NOW + 7200}")
    ran = await examined(database)
    assert ran.code == 1
    (problem,) = told(ran, "problem")
    assert problem.startswith("clock     it has gone back by ")


async def test_settings_that_nobody_reads_and_hosts_that_everybody_reaches(database: Path) -> None:
    ran = await examined(database, NIGHTPORTER_DATABSE="x", NIGHTPORTER_HOST="0.0.0.0", NIGHTPORTER_ACCESS_TOKEN="y")
    assert ran.code == 0
    unknown, host = told(ran, "warning")
    assert unknown == (
        "settings  the environment has NIGHTPORTER_DATABSE, which is no setting; is NIGHTPORTER_DATABASE meant?"
    )
    assert host.startswith("settings  it listens on 0.0.0.0, where other machines can call; let a proxy with TLS")
    wrong = await examined(database, NIGHTPORTER_PORT="many")
    assert wrong.code == 1
    assert "NIGHTPORTER_PORT" in told(wrong, "problem")[0]


async def test_a_file_that_is_missing_damaged_foreign_or_of_another_release(database: Path, tmp_path: Path) -> None:
    missing = await examined(tmp_path / "none.db")
    assert missing.code == 1
    assert told(missing, "problem")[0].endswith("or make one: nightporter enterprises add NAME --currency CODE")
    (tmp_path / "text.db").write_text("no database " * 1000)
    assert "cannot be read" in told(await examined(tmp_path / "text.db"), "problem")[0]
    change(database, "UPDATE alembic_version SET version_num = '0001'")
    older = await examined(database)
    assert older.code == 1
    assert told(older, "problem")[0].endswith(f"run: nightporter upgrade --database {database}")
    change(database, "UPDATE alembic_version SET version_num = '9999'", "UPDATE desk SET works_since = '9998'")
    newer = await examined(database)
    assert newer.code == 1
    assert "migration 9999" in told(newer, "problem")[0]


async def test_a_newer_database_that_can_be_served_is_a_warning(database: Path) -> None:
    change(database, "UPDATE alembic_version SET version_num = '9999'")
    newer = await examined(database)
    assert newer.code == 0
    assert any("newer release (migration 9999)" in line for line in told(newer, "warning"))


async def test_pages_that_are_damaged_are_told(database: Path) -> None:
    change(database, "PRAGMA journal_mode=DELETE")
    connection = sqlite3.connect(database)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'commands_active'").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 100)
    ran = await examined(database)
    assert ran.code == 1
    (found,) = told(ran, "problem")
    assert "stop the server, keep the file, and go back to the last backup" in found
    assert "?" not in found, "lines of SQLite are words of one line"


def test_little_room_is_told(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, level in (("LITTLE_FREE", "warning"), ("LEAST_FREE", "problem")):
        monkeypatch.setattr(doctor, limit, 2**70)
        assert next(doctor._disk(database)).level == level
