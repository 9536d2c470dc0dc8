"""``nightporter serve``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nightporter.cli.asking import note
from nightporter.cli.running import address_of, fail, run
from nightporter.settings import InvalidSetting, described, load, unknown_variables
from nightporter.storage.places import place_of

_KNOWN = {setting.name: setting for setting in described()}


def _flag(name: str) -> Any:
    """The flag of a setting; what it is and its default stand in ``settings.py``."""
    setting = _KNOWN[name]
    return typer.Option(
        help=f"{setting.about[0].upper()}{setting.about[1:]}. [default: {'none' if setting.default == '' else setting.default}]",
        show_default=False,
    )


def serve(
    host: Annotated[str | None, _flag("host")] = None,
    port: Annotated[int | None, _flag("port")] = None,
    database: Annotated[str | None, _flag("database")] = None,
    workers: Annotated[int | None, _flag("workers")] = None,
    request_limit: Annotated[int | None, _flag("request_limit")] = None,
    request_window: Annotated[float | None, _flag("request_window")] = None,
    body_limit: Annotated[int | None, _flag("body_limit")] = None,
    file_limit: Annotated[int | None, _flag("file_limit")] = None,
    time_budget: Annotated[float | None, _flag("time_budget")] = None,
    batch_limit: Annotated[int | None, _flag("batch_limit")] = None,
    listener_queue: Annotated[int | None, _flag("listener_queue")] = None,
    ping_interval: Annotated[float | None, _flag("ping_interval")] = None,
    expires_after: Annotated[str | None, _flag("expires_after")] = None,
    stalled_after: Annotated[str | None, _flag("stalled_after")] = None,
    keep_results: Annotated[str | None, _flag("keep_results")] = None,
    keep_guests: Annotated[str | None, _flag("keep_guests")] = None,
    keep_documents: Annotated[str | None, _flag("keep_documents")] = None,
    keep_commands: Annotated[str | None, _flag("keep_commands")] = None,
    keep_tokens: Annotated[str | None, _flag("keep_tokens")] = None,
    keep_events: Annotated[str | None, _flag("keep_events")] = None,
    keep_audit: Annotated[str | None, _flag("keep_audit")] = None,
    tolerant_paths: Annotated[bool | None, _flag("tolerant_paths")] = None,
    upstream: Annotated[str | None, _flag("upstream")] = None,
    upstream_timeout: Annotated[float | None, _flag("upstream_timeout")] = None,
    upstream_limit: Annotated[int | None, _flag("upstream_limit")] = None,
    stop_timeout: Annotated[float | None, _flag("stop_timeout")] = None,
    debug: Annotated[bool | None, _flag("debug")] = None,
    log_level: Annotated[str | None, _flag("log_level")] = None,
    settings: Annotated[
        Path | None, typer.Option(help="A TOML file with settings; see docs/running.md.", show_default=False)
    ] = None,
) -> None:
    """Run a desk on a SQLite file, or as one of many nodes on a PostgreSQL database; a missing file is made.

    Every setting can also stand in the environment as NIGHTPORTER_…, or in a TOML file under the same name.
    """
    flags = {
        "host": host,
        "port": port,
        "database": database,
        "workers": workers,
        "request_limit": request_limit,
        "request_window": request_window,
        "body_limit": body_limit,
        "file_limit": file_limit,
        "time_budget": time_budget,
        "batch_limit": batch_limit,
        "listener_queue": listener_queue,
        "ping_interval": ping_interval,
        "expires_after": expires_after,
        "stalled_after": stalled_after,
        "keep_results": keep_results,
        "keep_guests": keep_guests,
        "keep_documents": keep_documents,
        "keep_commands": keep_commands,
        "keep_tokens": keep_tokens,
        "keep_events": keep_events,
        "keep_audit": keep_audit,
        "tolerant_paths": tolerant_paths,
        "upstream": upstream,
        "upstream_timeout": upstream_timeout,
        "upstream_limit": upstream_limit,
        "stop_timeout": stop_timeout,
        "debug": debug,
        "log_level": log_level,
    }
    try:
        loaded = load(flags, settings)
        place = place_of(loaded.database)
    except InvalidSetting as problem:
        raise fail(str(problem), 2) from None
    for found, advice in unknown_variables():
        note(f"{found}; {advice}")
    run(
        loaded,
        place,
        demo=False,
        greeting=lambda port: f"Nightporter: {address_of(loaded.host, port)}, the desk of {place}",
    )
