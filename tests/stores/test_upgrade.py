"""An older database is brought to this release: what it holds is there afterwards, and a step that fails changes nothing."""

import sqlite3
from pathlib import Path

import pytest

from nightporter.access.actor import Scope
from nightporter.domain.command import CommandState
from nightporter.storage import commands, opening
from nightporter.storage.commands import NEWEST
from nightporter.storage.opening import REVISIONS, open_sqlite, revision, upgrade
from tests.harness import Clock

HOTEL, PRINTER = "10000000-0000-4000-8000-000000000001", "20000000-0000-4000-8000-000000000001"
WAITING, DONE = "40000000-0000-4000-8000-000000000001", "40000000-0000-4000-8000-000000000002"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database as 0.1.0 left it, with a printer and two commands."""
    path = tmp_path / "old.db"
    opening._migrate(path, "0001")
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO desk (one, demo, secret, created, stamped) VALUES (1, 0, X'00', 1, 1700000200)")
        connection.execute(
            "INSERT INTO devices (enterprise_id, id, type, name, is_active, configuration) "
            "VALUES (?, ?, 'Printer', 'P', 1, '{}')",
            (HOTEL, PRINTER),
        )
        for command, state in ((WAITING, "Pending"), (DONE, "Processed")):
            connection.execute(
                "INSERT INTO commands (enterprise_id, id, device_id, device_type, state, created, updated, creator, data) "
                "VALUES (?, ?, ?, 'Printer', ?, 1700000000, 1700000100, ?, '{}')",
                (
                    HOTEL,
                    command,
                    PRINTER,
                    state,
                    '{"first_name":null,"last_name":"K","image_url":null,"discriminator":"Integration","profile_id":null}',
                ),
            )
    connection.close()
    return path


async def test_what_an_older_database_holds_is_there_after_the_upgrade(old: Path):
    assert upgrade(old) == ("0001", REVISIONS[-1])
    database = open_sqlite(old)
    scope = Scope((HOTEL,), frozenset({PRINTER}), "")
    assert [one.id for one in await commands.active(database, scope, NEWEST, 10, Clock().now)] == [WAITING]
    found = await commands.by_ids(database, scope, [WAITING, DONE], NEWEST, 10, Clock().now)
    assert {one.id: one.state for one in found} == {WAITING: CommandState.PENDING, DONE: CommandState.PROCESSED}
    await database.close()


def test_an_upgrade_that_fails_half_way_leaves_the_database_as_it_was(old: Path):
    with sqlite3.connect(old) as connection:
        connection.execute("CREATE INDEX commands_under_way ON commands (id)")
    query = "SELECT name, sql FROM sqlite_master ORDER BY name"
    before = connection.execute(query).fetchall()
    with pytest.raises(Exception, match="commands_under_way already exists"):
        upgrade(old)
    assert connection.execute(query).fetchall() == before
    assert revision(old) == "0001"
    connection.execute("DROP INDEX commands_under_way")
    connection.close()
    assert upgrade(old)[1] == REVISIONS[-1]
