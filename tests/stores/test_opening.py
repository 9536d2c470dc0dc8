"""Opening a SQLite file: what it must be, what is said when it is not, and that one process alone has it."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import nightporter.storage.migrations
from nightporter.storage import opening
from nightporter.storage.lock import DatabaseInUse, DatabaseLock
from nightporter.storage.opening import REVISIONS, create, is_demo, open_sqlite, revision, upgrade
from nightporter.storage.refused import DatabaseRefused
from nightporter.storage.tables import metadata
from tests.harness import Clock, copied


@pytest.fixture
def path(empty_database: Path, tmp_path: Path) -> Path:
    return copied(empty_database, tmp_path)


def execute(path: Path, statement: str, *values: object) -> list[tuple]:
    connection = sqlite3.connect(path)
    with connection:
        rows = connection.execute(statement, values).fetchall()
    connection.close()
    return rows


def test_the_migrations_lead_from_nothing_to_the_tables_as_declared(path: Path):
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_indexes_and_row_ids_are_as_declared_too(path: Path, tmp_path: Path):
    """Partial indexes and tables without row ids are not compared by alembic, so the texts of the schemas are."""
    declared = tmp_path / "declared.db"
    engine = create_engine(f"sqlite:///{declared}")
    metadata.create_all(engine)
    engine.dispose()
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version' ORDER BY name"

    def schema(one: Path) -> dict[str, list[str]]:
        return {
            name: sorted(part.strip(" )") for part in " ".join(sql.split()).split(","))
            for name, sql in execute(one, query)
        }

    assert schema(path) == schema(declared)


def test_the_revisions_that_the_release_knows_are_those_in_the_folder():
    (folder,) = nightporter.storage.migrations.__path__
    found = [script.revision for script in ScriptDirectory(folder).walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS


def test_a_new_database_stands_at_the_newest_revision_and_opens(tmp_path: Path, clock: Clock):
    path = tmp_path / "folder" / "new.db"
    assert revision(path) is None
    create(path, clock.sources(), demo=True)
    assert revision(path) == REVISIONS[-1]
    assert is_demo(path)
    assert execute(path, "SELECT length(secret) FROM desk") == [(32,)]


async def test_an_opened_database_knows_what_it_is(path: Path, tmp_path: Path, clock: Clock):
    other = tmp_path / "other.db"
    create(other, clock.sources(), demo=True)
    desk, demo = open_sqlite(path), open_sqlite(other)
    assert (desk.demo, demo.demo) == (False, True)
    assert len(desk.secret) == len(demo.secret) == 32
    assert desk.secret != demo.secret
    await desk.close()
    await demo.close()


def test_a_missing_file_is_refused(tmp_path: Path):
    for use in (open_sqlite, upgrade):
        with pytest.raises(DatabaseRefused, match=r"missing\.db does not exist"):
            use(tmp_path / "missing.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(DatabaseRefused, match="does not exist"):
        open_sqlite(tmp_path / "empty.db")


def test_a_newer_database_is_refused_with_the_advice_to_take_its_release(path: Path):
    execute(path, "UPDATE alembic_version SET version_num = '9999'")
    execute(path, "UPDATE desk SET works_since = '9999'")
    for use in (open_sqlite, upgrade):
        with pytest.raises(DatabaseRefused, match=r"newer release.*migration 9999.*Install that release"):
            use(path)


def test_an_older_database_is_refused_with_the_command_that_upgrades_it(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(opening, "REVISIONS", (*REVISIONS, "9998"))
    with pytest.raises(DatabaseRefused, match=r"older release.*Back it up.*nightporter upgrade --database"):
        open_sqlite(path)


def test_an_upgrade_of_the_newest_changes_nothing(path: Path):
    assert upgrade(path) == (REVISIONS[-1], REVISIONS[-1])
    assert revision(path) == REVISIONS[-1]


def test_a_database_of_something_else_is_refused(tmp_path: Path):
    path = tmp_path / "foreign.db"
    execute(path, "CREATE TABLE songs (title TEXT)")
    for use in (revision, open_sqlite, upgrade):
        with pytest.raises(DatabaseRefused, match=r"not one of Nightporter.*--database"):
            use(path)
    assert execute(path, "SELECT name FROM sqlite_master") == [("songs",)]


@pytest.mark.parametrize("content", [b"hello, I am a letter\n" * 100, b"\0" * 4096, os.urandom(8192)])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes):
    path = tmp_path / "letter.db"
    path.write_bytes(content)
    for use in (revision, open_sqlite, upgrade):
        with pytest.raises(DatabaseRefused, match="cannot be read as a SQLite database"):
            use(path)
    assert path.read_bytes() == content


def test_a_database_that_was_not_made_to_its_end_is_refused(path: Path):
    execute(path, "DELETE FROM desk")
    with pytest.raises(DatabaseRefused, match="not made to its end"):
        open_sqlite(path)
    execute(path, "DROP TABLE desk")
    with pytest.raises(DatabaseRefused, match="not made to its end"):
        is_demo(path)


HOLD = """
import sys
from pathlib import Path
from nightporter.storage.lock import DatabaseInUse, DatabaseLock
try:
    lock = DatabaseLock(Path(sys.argv[1]))
except DatabaseInUse as refusal:
    print(refusal, flush=True)
    sys.exit(3)
print("held", flush=True)
sys.stdin.read()
"""


def other_process(path: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_second_process_is_refused_while_the_first_lives(path: Path):
    with DatabaseLock(path):
        second = other_process(path)
        said, _ = second.communicate(timeout=30)
        assert second.returncode == 3
        assert "is in use by another process" in said
        assert "--database" in said
    first = other_process(path)
    assert first.stdout.readline() == "held\n"
    with pytest.raises(DatabaseInUse, match="stop the other one"):
        DatabaseLock(path)
    first.kill()
    first.communicate(timeout=30)
    DatabaseLock(path).release()


def test_two_databases_in_one_folder_have_locks_of_their_own(path: Path, tmp_path: Path):
    with DatabaseLock(path), DatabaseLock(tmp_path / "other.db"):
        pass


def test_what_is_made_beside_a_desk_is_nobody_elses(tmp_path: Path, clock: Clock):
    """It holds PINs and documents, and who can open the lock can keep the server out."""
    path = tmp_path / "desk.db"
    with loosely_masked(), DatabaseLock(path):
        create(path, clock.sources(), demo=False)
        connection = sqlite3.connect(path)
        connection.execute("UPDATE desk SET demo = 0")
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
        connection.close()
    assert modes == dict.fromkeys(("desk.db", "desk.db-wal", "desk.db-shm", "desk.db.lock"), 0o600)


def test_a_file_that_is_there_keeps_its_mode(path: Path, tmp_path: Path, clock: Clock):
    empty = tmp_path / "empty.db"
    for one in (path, empty, tmp_path / "empty.db.lock"):
        one.touch()
        one.chmod(0o640)
    create(empty, clock.sources(), demo=False)
    with DatabaseLock(empty), DatabaseLock(path):
        open_sqlite(path)
    assert {stat.S_IMODE(one.stat().st_mode) for one in (path, empty, tmp_path / "empty.db.lock")} == {0o640}


@contextmanager
def loosely_masked() -> Iterator[None]:
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def test_a_file_that_cannot_be_made_is_refused_with_what_to_do(tmp_path: Path, clock: Clock):
    (tmp_path / "letter").touch()
    with pytest.raises(DatabaseRefused, match=r"^The folder .+/letter/more cannot be made: Not a directory. Make it"):
        create(tmp_path / "letter" / "more" / "desk.db", clock.sources(), demo=False)
    (tmp_path / "desk.db").symlink_to(tmp_path / "nowhere" / "desk.db")
    with pytest.raises(DatabaseRefused, match=r"^.+/desk.db cannot be made: No such file or directory. Give its user"):
        create(tmp_path / "desk.db", clock.sources(), demo=False)


def test_a_lock_that_cannot_be_made_or_written_is_refused_with_what_to_do(path: Path):
    lock = path.with_name(path.name + ".lock")
    lock.mkdir()
    with pytest.raises(
        DatabaseRefused, match=f"^{re.escape(str(lock))} cannot be written: .+ right to write that file"
    ):
        DatabaseLock(path)


@pytest.mark.parametrize("pragma", ["journal_mode", "synchronous", "foreign_keys"])
def test_the_settings_that_the_promises_rest_on(path: Path, pragma: str):
    from nightporter.storage.dialects.sqlite import connect

    for read_only in (False, True):
        connection = connect(path, read_only=read_only)
        (found,) = connection.execute(f"PRAGMA {pragma}").fetchone()
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}[pragma]
        if read_only:
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                connection.execute("DELETE FROM desk")
        connection.close()
