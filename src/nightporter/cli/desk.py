"""The desk that an administrator's command works on.

Today that is the database itself, under its lock. A command that can also ask a running server chooses here, in
:func:`at_desk`, so that no command has to know which of the two it talks to.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nightporter.cli.asking import FAILED, STOPPED, USAGE, note, plain
from nightporter.cli.running import fail

if TYPE_CHECKING:
    from nightporter.web.desk import Desk

T = TypeVar("T")

DatabaseOption = Annotated[
    Path, typer.Option(envvar="NIGHTPORTER_DATABASE", help="The SQLite file of the desk.", metavar="FILE")
]
DESK_EXIT_CODES = (
    "Exit codes: 0 done; 1 it could not be done, with the reason told; 2 wrong usage, or an unusable setting; "
    "130 stopped by Ctrl-C."
)
DEFAULT_DATABASE = Path("nightporter.db")


def at_desk(database: Path, act: Callable[["Desk"], Awaitable[T]], *, make: bool = False) -> T:
    """Do ``act`` with the desk of ``database`` open in this process; a missing one is made where ``make`` says so.

    Raises typer.Exit with the reason told, also when a server holds the database.
    """
    import asyncio

    from nightporter.domain.errors import Unavailable
    from nightporter.settings import InvalidSetting, load
    from nightporter.storage.lock import DatabaseInUse, DatabaseLock
    from nightporter.storage.opening import DatabaseRefused, create, revision
    from nightporter.web.app import App, machine_sources
    from nightporter.web.logs import configure

    sources = machine_sources()
    try:
        settings = load({"database": str(database)})
    except InvalidSetting as problem:
        raise fail(str(problem), USAGE) from None

    async def run() -> T:
        async with App(settings, sources, database).open() as desk:
            return await act(desk)

    if not make and not database.is_file():
        raise fail(f"{plain(str(database))} does not exist; give the file of the desk (--database)", FAILED)
    try:
        if not database.parent.is_dir():
            raise fail(f"there is no folder {plain(str(database.parent))}; make it, or give another --database", FAILED)
        with DatabaseLock(database):
            if revision(database) is None:
                if not make:
                    raise fail(f"{plain(str(database))} is empty; give the file of a desk (--database)", FAILED)
                create(database, sources, demo=False)
                note(f"made {database}")
            configure("error", sources.now)
            return asyncio.run(run())
    except KeyboardInterrupt:
        raise typer.Exit(STOPPED) from None
    except (DatabaseInUse, DatabaseRefused, Unavailable) as refusal:
        raise fail(plain(str(refusal)), FAILED) from None
    except OSError as error:
        raise fail(f"{plain(str(database))} cannot be used: {error.strerror}", FAILED) from None
