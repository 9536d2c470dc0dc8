"""Migrations only add: no table of a desk is built anew, no column changes, and what a row needs has a default."""

import sqlite3
from pathlib import Path

import pytest

from nightporter.storage import opening
from nightporter.storage.opening import REVISIONS
from tests.harness import sql

HOTEL, PRINTER = "10000000-0000-4000-8000-000000000001", "20000000-0000-4000-8000-000000000001"


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A database of the first release with commands and their documents, on many pages."""
    path = tmp_path / "desk.db"
    opening._migrate(path, REVISIONS[0])
    ids = [f"40000000-0000-4000-8000-{number:012d}" for number in range(500)]
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO desk (one, demo, secret, created, stamped) VALUES (1, 0, X'00', 1, 1)")
        connection.executemany(
            "INSERT INTO commands (enterprise_id, id, device_id, device_type, state, created, updated, creator, data) "
            f"VALUES ('{HOTEL}', ?, '{PRINTER}', 'Printer', 'Pending', 1700000000, 1700000000, '{{}}', '{{}}')",
            [(one,) for one in ids],
        )
        connection.executemany(
            f"INSERT INTO documents (enterprise_id, command_id, content) VALUES ('{HOTEL}', ?, ?)",
            [(one, b"QUJD" * 500) for one in ids],
        )
    connection.close()
    return path


def tables(path: Path) -> dict[str, int]:
    """Where each table begins in the file; one that is built anew begins elsewhere."""
    return dict(sql(path, "SELECT name, rootpage FROM sqlite_master WHERE type = 'table'"))


def columns(path: Path) -> dict[tuple[str, str], tuple[object, ...]]:
    return {
        (table, name): (kind, required, default, key)
        for table in tables(path)
        for _, name, kind, required, default, key in sql(path, f"PRAGMA table_info({table})")
    }


def broken(path: Path, to: str) -> list[str]:
    """What a step does that an older release, or a long history, could not bear."""
    places, before = tables(path), columns(path)
    rows = sql(path, "SELECT sequence, id FROM commands")
    opening._migrate(path, to)
    after = columns(path)
    found = [f"{name} was built anew" for name, place in places.items() if tables(path).get(name) != place]
    found += [f"{one} was changed" for one, was in before.items() if after.get(one) != was]
    found += [
        f"{one} must be given"
        for one, (_, required, default, _) in after.items()
        if one[0] in places and one not in before and required and default is None
    ]
    assert sql(path, "SELECT sequence, id FROM commands") == rows
    return found


def test_every_migration_only_adds(filled: Path) -> None:
    assert {step: broken(filled, step) for step in REVISIONS[1:]} == {step: [] for step in REVISIONS[1:]}


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (
            "ALTER TABLE commands RENAME TO old; CREATE TABLE commands AS SELECT * FROM old; DROP TABLE old",
            "built anew",
        ),
        ("ALTER TABLE desk DROP COLUMN demo", "('desk', 'demo') was changed"),
    ],
)
def test_what_a_migration_must_not_do_is_seen(
    filled: Path, harm: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def migrate(path: Path, _to: str) -> None:
        connection = sqlite3.connect(path)
        connection.executescript(harm)
        connection.close()

    monkeypatch.setattr(opening, "_migrate", migrate)
    assert any(told in one for one in broken(filled, "9999"))
