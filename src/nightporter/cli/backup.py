"""``nightporter backup``."""

from pathlib import Path
from typing import Annotated

import typer

from nightporter.cli.asking import FAILED, JsonOption, plain, say, say_json
from nightporter.cli.desk import DEFAULT_DATABASE, DatabaseOption
from nightporter.cli.running import fail
from nightporter.storage.places import PostgresAddress, place_of


def backup(
    file: Annotated[Path, typer.Argument(help="The file to make.", metavar="FILE")],
    database: DatabaseOption = DEFAULT_DATABASE,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy a desk into one file, as it stands at one moment, while its server goes on.

    The copy is examined before it takes its name, and only its owner may read it: it holds all that the desk holds.
    """
    from nightporter.storage.backup import back_up
    from nightporter.storage.refused import DatabaseRefused

    place = place_of(database)
    if isinstance(place, PostgresAddress):
        raise fail(
            f"PostgreSQL makes its own backups, and nothing was made here: "
            f"pg_dump --format=custom --file={plain(str(file))} {plain(str(place))} (docs/backup.md)",
            FAILED,
        )
    if not place.is_file():
        raise fail(f"{plain(database)} does not exist; give the file of the desk (--database)", FAILED)
    if file.is_dir():
        raise fail(f"{plain(str(file))} is a folder; name the file to make in it", FAILED)
    if file.exists() and (not force or file.samefile(place)):
        advice = "that is the desk itself" if file.samefile(place) else "give another name, or --force to replace it"
        raise fail(f"{plain(str(file))} is there already; {advice}", FAILED)
    try:
        copied = back_up(place, file)
    except DatabaseRefused as refusal:
        raise fail(plain(str(refusal)), FAILED) from None
    except OSError as error:
        raise fail(f"{plain(str(file))} cannot be written: {error.strerror}", FAILED) from None
    if as_json:
        say_json(
            {"File": plain(str(file)), "Bytes": copied.size, "Migration": copied.revision, "Rows": copied.rows},
        )
    else:
        say(f"{file} holds {sum(copied.rows.values())} rows in {copied.size} bytes, examined")
