"""``nightporter serve``."""

from pathlib import Path
from typing import Annotated

import typer

from nightporter.cli.running import fail, run
from nightporter.settings import InvalidSetting, load


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [default: 8080]")] = None,
    database: Annotated[str | None, typer.Option(help="The SQLite file. [default: nightporter.db]")] = None,
    settings: Annotated[Path | None, typer.Option(help="A TOML file with settings; see docs/running.md.")] = None,
    request_limit: Annotated[
        int | None, typer.Option(help="Requests per access token in 30 s; 0 switches the limit off. [default: 200]")
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error. [default: info]")] = None,
) -> None:
    """Run a desk on a SQLite file; a missing file is made.

    Every setting can also stand in the environment as NIGHTPORTER_…, or in a TOML file under the same name.
    """
    flags = {
        "host": host,
        "port": port,
        "database": database,
        "request_limit": request_limit,
        "log_level": log_level,
    }
    try:
        loaded = load(flags, settings)
    except InvalidSetting as problem:
        raise fail(str(problem), 2) from None
    run(loaded, Path(loaded.database), demo=False)
