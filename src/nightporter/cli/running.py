"""Running a server in this process: what ``serve`` and ``demo`` share."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nightporter.settings import InvalidSetting, Settings, supervision
from nightporter.storage.places import Place

if TYPE_CHECKING:
    from nightporter.domain.sources import Sources
    from nightporter.web.app import App

STARTED_EXIT_CODES = (
    "Exit codes: 0 done; 1 it could not be done, with the reason told; 2 wrong usage, or a setting, a key or a database "
    "that cannot be used until somebody changes it."
)
SERVER_EXIT_CODES = (
    "Exit codes: 0 done; 1 it could not be done, with the reason told; 2 wrong usage, or an unusable setting."
)


def fail(message: str, code: int = 1) -> typer.Exit:
    """Say what is wrong on the error stream; raise what this returns."""
    typer.echo(f"nightporter: {message}", err=True)
    return typer.Exit(code)


def refused(refusal: Exception) -> typer.Exit:
    """Say why the database is not served; raise what this returns.

    Its code keeps a service manager from trying again where nothing changes until somebody changes it.
    """
    from nightporter.storage.refused import DatabaseRefused, DatabaseUnreachable

    stays_so = isinstance(refusal, DatabaseRefused) and not isinstance(refusal, DatabaseUnreachable)
    return fail(str(refusal), 2 if stays_so else 1)


def run(
    settings: Settings,
    place: Place,
    *,
    demo: bool,
    fill: bytes | None = None,
    greeting: Callable[[int], str],
) -> None:
    """Serve the database at ``place`` until a signal; it is made when it is missing or empty.

    ``greeting`` makes what is printed once the desk listens, from the port: with port 0 the system chooses one. Raises
    typer.Exit with a reason told.
    """
    import asyncio

    from nightporter.access.tokens import new_token
    from nightporter.domain.errors import Unavailable
    from nightporter.host.clock import machine_sources
    from nightporter.storage.lock import DatabaseInUse
    from nightporter.storage.refused import DatabaseRefused
    from nightporter.web.app import App

    sources, token = machine_sources(), new_token()
    _refuse_workers(settings, place)
    try:
        app = App(settings, sources, place, fill=fill, trusted=token)
    except InvalidSetting as problem:
        raise fail(str(problem), 2) from None
    try:
        if isinstance(place, Path):
            _serve_file(app, settings, sources, place, token, demo=demo, greeting=greeting)
            return
        _prepare(place, settings, sources, demo=demo)
        if settings.workers > 1:
            # Here it is told once; each worker has but the log to tell it.
            asyncio.run(app.check())
            _serve_with_workers(settings, sources, greeting)
        else:
            _serve(app, settings, sources, lambda port: typer.echo(greeting(port)), lambda: None)
    except (DatabaseInUse, DatabaseRefused, Unavailable) as refusal:
        raise refused(refusal) from None


def _refuse_workers(settings: Settings, place: Place) -> None:
    if settings.workers == 1:
        return
    if isinstance(place, Path):
        raise fail(
            f"workers is {settings.workers}, but {place} is a SQLite file, which belongs to one server with one worker: "
            "leave workers at 1, or give a PostgreSQL database (--database postgresql://...). Many nodes need PostgreSQL.",
            2,
        )
    if sys.platform == "win32":  # pragma: no cover - these tests do not run there
        raise fail("this system has no workers: start several servers, each with a --port of its own", 2)


def _prepare(place: Place, settings: Settings, sources: "Sources", *, demo: bool) -> None:
    """Make the tables where there are none; raises DatabaseRefused for the other kind of desk."""
    from nightporter.host.logs import configure
    from nightporter.storage.opening import create, is_demo, revision
    from nightporter.storage.refused import DatabaseRefused

    if revision(place) is None:
        create(place, sources, demo=demo)
    elif is_demo(place) != demo:
        raise DatabaseRefused(_wrong_kind(place, demo=demo))
    configure(settings.log_level, sources.now)


def _serve_file(
    app: "App",
    settings: Settings,
    sources: "Sources",
    database: Path,
    token: str,
    *,
    demo: bool,
    greeting: Callable[[int], str],
) -> None:
    """Serve under the lock of the file, and tell commands on this machine where; raises DatabaseInUse."""
    from nightporter.cli.announcing import announce, withdraw
    from nightporter.storage.lock import DatabaseLock
    from nightporter.storage.opening import make_folder

    def listening(port: int) -> None:
        try:
            announce(database, address_of(settings.host, port), token)
        except OSError as error:
            typer.echo(f"nightporter: commands will not find this server: {error}", err=True)
        typer.echo(greeting(port))

    def stopping() -> None:
        # So that commands wait for the lock instead of asking a server that hears nobody any more.
        withdraw(database)

    make_folder(database)
    with DatabaseLock(database):
        withdraw(database)
        _prepare(database, settings, sources, demo=demo)
        _serve(app, settings, sources, listening, stopping)


def _serve(
    app: "App", settings: Settings, sources: "Sources", listening: Callable[[int], None], stopping: Callable[[], None]
) -> None:
    from nightporter.web.server import Server

    server = Server(app, settings, sources, supervision(), on_listening=listening, on_stopping=stopping)
    with suppress(SystemExit):  # how uvicorn tells that it could not start
        server.run()
    if app.refused is not None:
        raise app.refused
    if not server.started:
        raise _cannot_listen(settings)


def _serve_with_workers(settings: Settings, sources: "Sources", greeting: Callable[[int], str]) -> None:
    from nightporter.web.workers import Workers

    workers = Workers(settings, sources, supervision(), on_listening=lambda port: typer.echo(greeting(port)))
    try:
        ended_well = workers.run()
    except OSError:
        raise _cannot_listen(settings) from None
    if not ended_well:
        raise fail("a worker could not begin, or did not end well; see the log above")


def _cannot_listen(settings: Settings) -> typer.Exit:
    return fail(f"cannot listen on {settings.host}:{settings.port}; see the log above, or give another --port")


def address_of(host: str, port: int) -> str:
    """Where a server that listens on ``host`` can be reached from its own machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _wrong_kind(database: Place, *, demo: bool) -> str:
    if demo:
        return f"{database} holds a real desk, not the demo; give another --data."
    return f"{database} holds the demo, whose tokens everybody knows; give serve another --database."
