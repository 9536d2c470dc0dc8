"""A backup is what the desk held at one moment, whole or not there; and what becomes of it when it is restored."""

import stat
from pathlib import Path

import pytest

from nightporter.storage import backup, opening
from nightporter.storage.backup import back_up, restore
from nightporter.storage.lock import DatabaseLock
from nightporter.storage.opening import REVISIONS
from nightporter.storage.refused import DatabaseRefused
from tests.harness import everything, sql
from tests.stores.store import PRINTER, Store


@pytest.fixture
def kind() -> str:
    return "sqlite"


async def test_a_backup_of_a_desk_that_writes_holds_what_it_held(store: Store, home: Path, tmp_path: Path) -> None:
    await store.add(PRINTER)
    file = tmp_path / "backup" / "desk.db"
    file.parent.mkdir()
    copied = back_up(home, file)
    assert [one.name for one in file.parent.iterdir()] == ["desk.db"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (copied.size, copied.revision) == (file.stat().st_size, REVISIONS[-1])
    assert copied.rows["commands"] == 1
    held = everything(home)
    await store.add(PRINTER)
    assert everything(file) == held != everything(home)


async def test_what_is_in_the_log_of_changes_alone_is_in_the_backup(store: Store, home: Path, tmp_path: Path) -> None:
    await store.add(PRINTER)
    assert home.with_name(home.name + "-wal").stat().st_size
    file = tmp_path / "backup.db"
    back_up(home, file)
    restore(file, tmp_path / "again.db")
    assert everything(tmp_path / "again.db") == everything(home)


def test_a_backup_that_has_not_all_rows_is_refused_and_leaves_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = backup._rows
    counts = iter([1, 2])
    monkeypatch.setattr(backup, "_rows", lambda one: {**counted(one), "events": next(counts)})
    file = tmp_path / "backup.db"
    file.write_bytes(b"the last one")
    with pytest.raises(DatabaseRefused, match="has not the same rows in events"):
        back_up(home, file)
    assert file.read_bytes() == b"the last one"
    assert not list(tmp_path.glob("*.part*"))


def test_a_damaged_desk_is_not_backed_up(home: Path, tmp_path: Path) -> None:
    sql(home, "PRAGMA journal_mode = DELETE")
    ((page,),), ((size,),) = (
        sql(home, "SELECT rootpage FROM sqlite_master WHERE name = 'commands_active'"), sql(home, "PRAGMA page_size"),
    )  # fmt: skip
    with home.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 64)
    with pytest.raises(DatabaseRefused, match=r"damaged|cannot be copied|cannot be read"):
        back_up(home, tmp_path / "backup.db")
    assert not (tmp_path / "backup.db").exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "is empty"), (b"a letter\n" * 1000, "cannot be read as a SQLite database")],
)
def test_what_is_no_backup_is_not_restored(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "backup.db").write_bytes(content)
    with pytest.raises(DatabaseRefused, match=why):
        restore(tmp_path / "backup.db", tmp_path / "desk.db")
    assert [one.name for one in tmp_path.iterdir()] == ["backup.db"]


def test_a_backup_of_a_newer_release_is_not_restored(home: Path, tmp_path: Path) -> None:
    sql(home, "UPDATE alembic_version SET version_num = '9999'")
    sql(home, "UPDATE desk SET works_since = '9998'")
    with pytest.raises(DatabaseRefused, match=rf"^{home} was made by a newer release"):
        restore(home, tmp_path / "again.db")
    sql(home, "UPDATE desk SET works_since = ?", REVISIONS[-1])
    assert restore(home, tmp_path / "again.db").revision == "9999"


def test_a_backup_that_was_not_made_to_its_end_is_not_restored(home: Path, tmp_path: Path) -> None:
    sql(home, "DELETE FROM desk")
    with pytest.raises(DatabaseRefused, match="not made to its end"):
        restore(home, tmp_path / "again.db")
    assert not (tmp_path / "again.db").exists()


def test_an_older_backup_is_restored_as_it_is(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    opening._migrate(old, "0001")
    sql(old, "INSERT INTO desk (one, demo, secret, created, stamped) VALUES (1, 0, X'00', 1, 1)")
    assert restore(old, tmp_path / "again.db").revision == "0001"
    assert opening.upgrade(tmp_path / "again.db") == ("0001", REVISIONS[-1])


async def test_nothing_of_the_old_file_is_taken_for_a_part_of_the_new(store: Store, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    back_up(home, file)
    await store.add(PRINTER)
    # As a killed server leaves it: with a log beside the file.
    left = {ending: home.with_name(home.name + ending).read_bytes() for ending in ("", "-wal")}
    await store.close()
    for ending, content in left.items():
        home.with_name(home.name + ending).write_bytes(content)
    with DatabaseLock(home):
        restore(file, home)
    assert sql(home, "SELECT count(*) FROM commands") == [(0,)]
    assert sql(home, "PRAGMA integrity_check") == [("ok",)]
    await store.open()
