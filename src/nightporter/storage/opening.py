"""Opening, making and upgrading a database.

What is asked of a PostgreSQL database is in ``dialects/postgres_opening.py``, imported only where one is asked.
"""

import secrets
import sqlite3
from pathlib import Path

from nightporter.domain.sources import Sources
from nightporter.storage.database import Database
from nightporter.storage.dialects.sqlite import SqliteDatabase, connect
from nightporter.storage.places import Place, PostgresAddress
from nightporter.storage.refused import DatabaseRefused, DatabaseUnfinished
from nightporter.storage.types import seconds

REVISIONS = ("0001", "0002", "0003", "0004")
"""The migrations this release knows, oldest first; a test compares them with the folder."""


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
        raise DatabaseRefused(f"{path} cannot be read as a SQLite database: {error}.") from error


def create(place: Place, sources: Sources, *, demo: bool) -> None:
    """Make a new file with all tables, or make them in an empty PostgreSQL database."""
    if isinstance(place, PostgresAddress):
        from nightporter.storage.dialects import postgres_opening

        postgres_opening.now(postgres_opening.create(place, sources, demo=demo))
    else:
        _create(place, sources, demo=demo)


def _create(path: Path, sources: Sources, *, demo: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _migrate(path)
    connection = connect(path)
    try:
        connection.execute(
            "INSERT INTO desk (one, demo, secret, created, stamped) VALUES (1, ?, ?, ?, 0)",
            (demo, secrets.token_bytes(32), seconds(sources.now())),
        )
    finally:
        connection.close()


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


def _check(place: Place, found: str | None) -> None:
    """Raises DatabaseRefused, with the advice that leads there, unless the database is of exactly this release."""
    if found is None:
        raise DatabaseRefused(f"{place} does not exist.")
    if found not in REVISIONS:
        raise DatabaseRefused(_too_new(place, found))
    if found != REVISIONS[-1]:
        raise DatabaseRefused(
            f"{place} was made by an older release (migration {found}, this one needs {REVISIONS[-1]}). "
            f"Back it up, then run: nightporter upgrade --database {place}"
        )


async def open_database(place: Place) -> Database:
    """Open a database of exactly this release. Raises DatabaseRefused with the advice that leads there."""
    if isinstance(place, PostgresAddress):
        from nightporter.storage.dialects import postgres_opening

        return await postgres_opening.open_database(place, lambda found: _check(place, found))
    return open_sqlite(place)


def open_sqlite(path: Path) -> SqliteDatabase:
    """Open a file of exactly this release. Raises DatabaseRefused with the advice that leads there."""
    _check(path, _revision(path))
    connection = connect(path)
    try:
        desk = connection.execute("SELECT demo, secret FROM desk").fetchone()
    finally:
        connection.close()
    if desk is None:
        raise DatabaseUnfinished(f"{path} was not made to its end. Delete it and begin again.")
    return SqliteDatabase(path, demo=bool(desk[0]), secret=desk[1])


def is_demo(place: Place) -> bool:
    """Whether the database was made for the demo, whose tokens everybody knows.

    Raises DatabaseUnfinished, and DatabaseRefused when it cannot be read.
    """
    if isinstance(place, PostgresAddress):
        from nightporter.storage.dialects import postgres_opening

        return postgres_opening.now(postgres_opening.is_demo(place))
    return _is_demo(place)


def _is_demo(path: Path) -> bool:
    connection = connect(path)
    try:
        row = None
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'desk'").fetchone():
            row = connection.execute("SELECT demo FROM desk").fetchone()
    except sqlite3.DatabaseError as error:
        raise DatabaseRefused(f"{path} cannot be read: {error}.") from error
    finally:
        connection.close()
    if row is None:
        raise DatabaseUnfinished(f"{path} was not made to its end. Delete it and begin again.")
    return bool(row[0])


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
