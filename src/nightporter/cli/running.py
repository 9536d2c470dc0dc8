"""Running a server in this process: what ``serve`` and ``demo`` share."""

from collections.abc import Callable
from pathlib import Path

import typer

from nightporter.settings import InvalidSetting, Settings, supervision

SERVER_EXIT_CODES = (
    "Exit codes: 0 done; 1 it could not be done, with the reason told; 2 wrong usage, or an unusable setting."
)


def fail(message: str, code: int = 1) -> typer.Exit:
    """Say what is wrong on the error stream; raise what this returns."""
    typer.echo(f"nightporter: {message}", err=True)
    return typer.Exit(code)


def run(
    settings: Settings,
    database: Path,
    *,
    demo: bool,
    fill: bytes | None = None,
    greeting: Callable[[int], str] | None = None,
) -> None:
    """Serve ``database`` until a signal; it is made when it is missing. Raises typer.Exit with a reason told.

    ``greeting`` makes what is printed once the desk listens, from the port: with port 0 the system chooses one.
    """
    from nightporter.access.tokens import new_token
    from nightporter.cli.announcing import announce, withdraw
    from nightporter.storage.lock import DatabaseInUse, DatabaseLock
    from nightporter.storage.opening import create, is_demo, revision
    from nightporter.storage.refused import DatabaseRefused
    from nightporter.web.app import App, machine_sources
    from nightporter.web.logs import configure
    from nightporter.web.server import Server

    sources, token = machine_sources(), new_token()
    try:
        app = App(settings, sources, database, fill=fill, trusted=token)
    except InvalidSetting as problem:
        raise fail(str(problem), 2) from None
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        with DatabaseLock(database):
            withdraw(database)
            if revision(database) is None:
                create(database, sources, demo=demo)
            elif is_demo(database) != demo:
                raise DatabaseRefused(_wrong_kind(database, demo=demo))
            configure(settings.log_level, sources.now)

            def listening(port: int) -> None:
                try:
                    announce(database, address_of(settings.host, port), token)
                except OSError as error:
                    typer.echo(f"nightporter: commands will not find this server: {error}", err=True)
                if greeting:
                    typer.echo(greeting(port))

            def stopping() -> None:
                # So that commands wait for the lock instead of asking a server that hears nobody any more.
                withdraw(database)

            server = Server(app, settings, sources, supervision(), on_listening=listening, on_stopping=stopping)
            server.run()
            if not server.started:
                raise fail(
                    f"cannot listen on {settings.host}:{settings.port}; see the log above, or give another --port", 1
                )
    except (DatabaseInUse, DatabaseRefused) as refusal:
        raise fail(str(refusal)) from None


def address_of(host: str, port: int) -> str:
    """Where a server that listens on ``host`` can be reached from its own machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _wrong_kind(database: Path, *, demo: bool) -> str:
    if demo:
        return f"{database} holds a real desk, not the demo; give another --data."
    return f"{database} holds the demo, whose tokens everybody knows; give serve another --database."
