"""``nightporter upgrade``."""

from pathlib import Path

from nightporter.cli.asking import FAILED, JsonOption, plain, say, say_json
from nightporter.cli.desk import DEFAULT_DATABASE, DatabaseOption
from nightporter.cli.running import fail
from nightporter.storage.places import Place, place_of


def upgrade(
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
) -> None:
    """Bring the database of an older release to this one; back it up before, and stop the server of a SQLite file.

    A database that is up to date already is left as it is.
    """
    from nightporter.storage.lock import DatabaseInUse
    from nightporter.storage.refused import DatabaseRefused

    place = place_of(database)
    if isinstance(place, Path) and not place.is_file():
        raise fail(f"{plain(str(place))} does not exist", FAILED)
    try:
        before, after = _brought_up(place)
    except (DatabaseInUse, DatabaseRefused) as refusal:
        raise fail(plain(str(refusal)), FAILED) from None
    except OSError as error:
        raise fail(f"{plain(str(place))} cannot be used: {error.strerror}", FAILED) from None
    if as_json:
        say_json({"Database": plain(str(place)), "Before": before, "After": after})
    elif before == after:
        say(f"{place} is up to date (migration {after})")
    else:
        say(f"{place} was brought from migration {before} to {after}")


def _brought_up(place: Place) -> tuple[str, str]:
    from nightporter.storage.lock import DatabaseLock
    from nightporter.storage.opening import upgrade as bring_up

    if not isinstance(place, Path):
        return bring_up(place)
    with DatabaseLock(place):
        return bring_up(place)
