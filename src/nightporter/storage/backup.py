"""A copy of a SQLite desk in one file, made while a server writes; and the way back (docs/backup.md)."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from nightporter.domain.value import value
from nightporter.storage import opening
from nightporter.storage.dialects.sqlite import connect
from nightporter.storage.refused import DatabaseRefused

PART = ".part"
"""Ending of a copy that is not whole yet."""


@value
class Copied:
    """A copy that was made and examined: its bytes, its migration, and the rows of each table."""

    size: int
    revision: str
    rows: dict[str, int]


def back_up(database: Path, file: Path) -> Copied:
    """Copy the desk in ``database`` as it stands at one moment to ``file``, in whose place it is put once it is whole.

    A server may have it meanwhile. Raises DatabaseRefused, and OSError when ``file`` cannot be written.
    """
    if opening.revision(database) is None:
        raise DatabaseRefused(f"{database} does not exist.")
    with _put_in_place(file) as begun, closing(connect(database, read_only=True)) as source:
        return _copied(database, source, begun)


def restore(file: Path, database: Path) -> Copied:
    """Put a copy in the place of ``database``, whose lock the caller holds; raises as :func:`back_up`.

    A copy of a release that this one does not know is refused, one of an older release is not brought up.
    """
    if (found := opening.revision(file)) is None:
        raise DatabaseRefused(f"{file} is empty; it is no backup of a desk.")
    with _put_in_place(database) as begun:
        with closing(_reading(file)) as source:
            copied = _copied(file, source, begun)
        if found in opening.REVISIONS:
            opening.is_demo(begun)
        else:
            opening.check_sqlite(begun, file)
        _leave_nothing_beside(database)
    return copied


def _reading(file: Path) -> sqlite3.Connection:
    """A connection that leaves a copy as it is; without a log of changes beside it, nobody else changes it either."""
    how = "mode=ro" if file.with_name(file.name + "-wal").exists() else "immutable=1"
    return sqlite3.connect(f"{file.absolute().as_uri()}?{how}", uri=True, isolation_level=None)


@contextmanager
def _put_in_place(file: Path) -> Iterator[Path]:
    """A new file that its owner alone may read; at the end of the block it is on the disk and takes the place of ``file``."""
    begun = file.with_name(file.name + PART)
    begun.unlink(missing_ok=True)
    os.close(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield begun
        _sync(begun)
        begun.replace(file)
        if os.name == "posix":
            _sync(file.parent)
    finally:
        for ending in ("", "-journal", "-wal", "-shm"):
            begun.with_name(begun.name + ending).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _copied(database: Path, source: sqlite3.Connection, begun: Path) -> Copied:
    """Copy one moment of ``source``, which is ``database``, to the empty file ``begun``, and examine the copy."""
    try:
        with closing(sqlite3.connect(begun, isolation_level=None)) as copy:
            # Within a transaction, so that what is counted is what is copied; in one step, or each change begins it anew.
            source.execute("BEGIN")
            expected = _rows(source)
            source.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, that nothing belongs to beside it
            (damage,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
            if damage != "ok":
                raise DatabaseRefused(f"{database} is damaged, and so is a copy of it: {' '.join(damage.split())}.")
            if (found := _rows(copy)) != expected:
                different = sorted(name for name in expected if found.get(name) != expected[name])
                raise DatabaseRefused(f"The copy of {database} has not the same rows in {', '.join(different)}.")
            (revision,) = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise DatabaseRefused(f"{database} cannot be copied: {error}.") from error
    return Copied(begun.stat().st_size, revision, expected)


def _rows(connection: sqlite3.Connection) -> dict[str, int]:
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - names of the file's tables
        for (name,) in connection.execute(names).fetchall()
    }


def _leave_nothing_beside(database: Path) -> None:
    """Take away what would be taken for a part of the file that comes in the place of this one."""
    if database.exists():
        # Until it is replaced, it needs what its log holds.
        with suppress(sqlite3.Error), closing(connect(database)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for ending in ("-wal", "-shm", "-journal"):
        database.with_name(database.name + ending).unlink(missing_ok=True)
