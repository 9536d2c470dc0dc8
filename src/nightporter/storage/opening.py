"""Opening, making and upgrading a database.

What is asked of a PostgreSQL database is in ``dialects/postgres_opening.py``, imported only where one is asked.
"""

import os
import secrets
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from nightporter.domain.sources import Sources
from nightporter.storage.database import Database
from nightporter.storage.dialects.sqlite import SqliteDatabase, connect
from nightporter.storage.places import Place, PostgresAddress
from nightporter.storage.refused import DatabaseRefused, DatabaseUnfinished, DatabaseUnreachable
from nightporter.storage.types import seconds

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""The migrations this release knows, oldest first; a test compares them with the folder."""
WORKS_SINCE = "0005"
"""The oldest migration whose release can serve what the newest migration leaves, written into every database.

A migration that older releases cannot live with changes this, and writes it down itself (docs/upgrading.md).
"""


def revision(place: Place) -> str | None:
    """The migration at which the database stands; None for a missing or empty one.

    Raises DatabaseRefused for what is no database of ours, or cannot be reached.
    """
    if isinstance(place, PostgresAddress):
        from nightporter.storage.dialects import postgres_opening

        return postgres_opening.now(postgres_opening.revision(place))
    return _revision(place)


def _revision(path: Path) -> str | None:
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        connection = sqlite3.connect(path)
        try:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables:
                return None
            if "alembic_version" not in tables:
                raise DatabaseRefused(
                    f"{path} is a database, but not one of Nightporter. Give another file (--database)."
                )
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(found[0]) if found else None
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: sqlite3.DatabaseError) -> DatabaseRefused:
    kind = DatabaseUnreachable if isinstance(error, sqlite3.OperationalError) else DatabaseRefused
    return kind(f"{path} cannot be read as a SQLite database: {error}.")


def create(place: Place, sources: Sources, *, demo: bool) -> None:
    """Make a new file with all tables, or make them in an empty PostgreSQL database."""
    if isinstance(place, PostgresAddress):
        from nightporter.storage.dialects import postgres_opening

        postgres_opening.now(postgres_opening.create(place, sources, demo=demo, works_since=WORKS_SINCE))
    else:
        _create(place, sources, demo=demo)


def _create(path: Path, sources: Sources, *, demo: bool) -> None:
    make_folder(path)
    try:
        # For its owner alone; SQLite makes the files beside it like this one.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as error:
        raise DatabaseRefused(
            f"{path} cannot be made: {error.strerror}. Give its user that right, or give another file (--database)."
        ) from error
    _migrate(path)
    connection = connect(path)
    try:
        connection.execute(
            "INSERT INTO desk (one, demo, secret, created, stamped, works_since) VALUES (1, ?, ?, ?, 0, ?)",
            (demo, secrets.token_bytes(32), seconds(sources.now()), WORKS_SINCE),
        )
    finally:
        connection.close()


def make_folder(path: Path) -> None:
    """Make the folder of a new file, unless it is there. Raises DatabaseRefused."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseRefused(
            f"The folder {path.parent} cannot be made: {error.strerror}. Make it yourself, or give another file (--database)."
        ) from error


def upgrade(place: Place) -> tuple[str, str]:
    """Bring an older database to this release; returns the migrations before and after. Raises DatabaseRefused."""

    def check(before: str | None) -> None:
        if before is None:
            raise DatabaseRefused(f"{place} does not exist; nightporter serve makes a new one.")
        if before not in REVISIONS:
            raise DatabaseRefused(_too_new(place, before))

    if isinstance(place, PostgresAddress):
        from nightporter.storage.dialects import postgres_opening

        return postgres_opening.now(postgres_opening.upgrade(place, check)), REVISIONS[-1]
    before = _revision(place)
    check(before)
    _migrate(place)
    return str(before), REVISIONS[-1]


def _check(place: Place, found: str | None, works_since: str | None, moved: str | None) -> None:
    """Raises DatabaseRefused, with the advice that leads there, unless this release can serve the database.

    A newer one it can serve when that names a migration which it knows (docs/upgrading.md).
    """
    if found is None:
        raise DatabaseRefused(f"{place} does not exist.")
    if found not in REVISIONS and works_since not in REVISIONS:
        raise DatabaseRefused(_too_new(place, found))
    if found in REVISIONS[:-1]:
        raise DatabaseRefused(
            f"{place} was made by an older release (migration {found}, this one needs {REVISIONS[-1]}). "
            f"Back it up, then run: nightporter upgrade --database {place}"
        )
    if moved is not None:
        raise DatabaseRefused(
            f"The hotel in {place} was moved to {moved}. Give that database (--database); what it took on since is not here."
        )


async def open_database(place: Place) -> Database:
    """Open a database that this release can serve. Raises DatabaseRefused with the advice that leads there."""
    if isinstance(place, PostgresAddress):
        from nightporter.storage.dialects import postgres_opening

        return await postgres_opening.open_database(place, partial(_check, place))
    return open_sqlite(place)


def open_sqlite(path: Path) -> SqliteDatabase:
    """Open a file that this release can serve. Raises DatabaseRefused with the advice that leads there."""
    desk = check_sqlite(path)
    return SqliteDatabase(path, demo=bool(desk["demo"]), secret=desk["secret"])


def check_sqlite(path: Path, named: Path | None = None) -> dict[str, Any]:
    """The row of the desk in a file that this release can serve; raises DatabaseRefused for any other.

    ``named`` is what it is called in the refusal, if not ``path``.
    """
    found = _revision(path)
    desk = _desk(path) if found else {}
    _check(named or path, found, desk.get("works_since"), desk.get("moved"))
    if not desk:
        raise DatabaseUnfinished(f"{named or path} was not made to its end. Delete it and begin again.")
    return desk


def _desk(path: Path) -> dict[str, Any]:
    """The row of the desk, which has more columns the newer it is; nothing when there is none."""
    try:
        with closing(connect(path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'desk'").fetchone():
                return {}
            rows = connection.execute("SELECT * FROM desk")
            names = [column[0] for column in rows.description]
            row = rows.fetchone()
    except sqlite3.DatabaseError as error:
        raise _unreadable(path, error) from error
    return dict(zip(names, row, strict=True)) if row else {}


def is_demo(place: Place) -> bool:
    """Whether the database was made for the demo, whose tokens everybody knows.

    Raises DatabaseUnfinished, and DatabaseRefused when it cannot be read.
    """
    if isinstance(place, PostgresAddress):
        from nightporter.storage.dialects import postgres_opening

        return postgres_opening.now(postgres_opening.is_demo(place))
    return _is_demo(place)


def _is_demo(path: Path) -> bool:
    desk = _desk(path)
    if not desk:
        raise DatabaseUnfinished(f"{path} was not made to its end. Delete it and begin again.")
    return bool(desk["demo"])


def _too_new(path: Place, found: str) -> str:
    return (
        f"{path} was made by a newer release of Nightporter (migration {found}, this one knows up to {REVISIONS[-1]}). "
        "Install that release, or give another file (--database)."
    )


def _migrate(path: Path, to: str = "head") -> None:
    # Alembic is only needed here; importing it costs a start more than opening the database.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "nightporter.storage:migrations")
    config.attributes["path"] = path
    command.upgrade(config, to)
