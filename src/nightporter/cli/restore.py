"""``nightporter restore``."""

from pathlib import Path
from typing import Annotated

import typer

from nightporter.cli.asking import FAILED, JsonOption, plain, say, say_json
from nightporter.cli.desk import DEFAULT_DATABASE, DatabaseOption
from nightporter.cli.running import fail
from nightporter.storage.places import PostgresAddress, place_of


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.", metavar="FILE")],
    database: DatabaseOption = DEFAULT_DATABASE,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the database that is there; what it holds is lost.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the database of a desk from a backup, which is examined first.

    No server may have the database. It must not exist, or be empty; --force replaces one that is there.
    """
    from nightporter.storage.backup import restore as put_back
    from nightporter.storage.lock import DatabaseInUse, DatabaseLock
    from nightporter.storage.opening import REVISIONS
    from nightporter.storage.refused import DatabaseRefused

    place = place_of(database)
    if isinstance(place, PostgresAddress):
        raise fail(
            f"PostgreSQL restores its own backups, and nothing was done here: "
            f"pg_restore --single-transaction --no-owner --dbname={plain(str(place))} {plain(str(file))} (docs/backup.md)",
            FAILED,
        )
    if not file.is_file():
        raise fail(f"{plain(str(file))} does not exist; give the file of a backup", FAILED)
    if place.is_dir() or (place.exists() and place.samefile(file)):
        raise fail(f"{plain(database)} is not to be replaced; give the file of the desk (--database)", FAILED)
    if not place.parent.is_dir():
        raise fail(f"there is no folder {plain(str(place.parent))}; make it, or give another --database", FAILED)
    try:
        with DatabaseLock(place):
            if not force and place.exists() and place.stat().st_size:
                raise fail(
                    f"{plain(database)} is there already; give another --database, or --force to lose what it holds",
                    FAILED,
                )
            copied = put_back(file, place)
    except (DatabaseInUse, DatabaseRefused) as refusal:
        raise fail(plain(str(refusal)), FAILED) from None
    except OSError as error:
        raise fail(f"{plain(database)} cannot be written: {error.strerror}", FAILED) from None
    is_older = copied.revision in REVISIONS[:-1]
    if as_json:
        say_json(
            {
                "Database": plain(database),
                "Migration": copied.revision,
                "IsOlder": is_older,
                "Rows": copied.rows,
            }
        )
        return
    say(f"{database} holds {sum(copied.rows.values())} rows, examined")
    if is_older:
        say(f"It is of an older release; run: nightporter upgrade --database {database}")
