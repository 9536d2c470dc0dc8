"""``nightporter upgrade``."""

from pathlib import Path
from typing import Annotated

import typer

from nightporter.cli.asking import FAILED, JsonOption, plain, say, say_json
from nightporter.cli.running import fail


def upgrade(
    database: Annotated[
        Path, typer.Option(envvar="NIGHTPORTER_DATABASE", help="The SQLite file of the desk.", metavar="FILE")
    ] = Path("nightporter.db"),
    as_json: JsonOption = False,
) -> None:
    """Bring the database of an older release to this one; stop the server and back the file up before.

    A database that is up to date already is left as it is.
    """
    from nightporter.storage.lock import DatabaseInUse, DatabaseLock
    from nightporter.storage.opening import upgrade as bring_up
    from nightporter.storage.refused import DatabaseRefused

    if not database.is_file():
        raise fail(f"{plain(str(database))} does not exist", FAILED)
    try:
        with DatabaseLock(database):
            before, after = bring_up(database)
    except (DatabaseInUse, DatabaseRefused) as refusal:
        raise fail(plain(str(refusal)), FAILED) from None
    except OSError as error:
        raise fail(f"{plain(str(database))} cannot be used: {error.strerror}", FAILED) from None
    if as_json:
        say_json({"Database": plain(str(database)), "Before": before, "After": after})
    elif before == after:
        say(f"{database} is up to date (migration {after})")
    else:
        say(f"{database} was brought from migration {before} to {after}")
