"""What the commands that add something share: new ids, what they print, and texts that several of them need."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from nightporter.cli.asking import USAGE, note, plain, say, say_json
from nightporter.cli.desk import Administration, Where, administer
from nightporter.cli.running import fail

QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print the id alone, where a token was made the token alone.")
]
EnterpriseOption = Annotated[
    str | None,
    typer.Option("--enterprise", help="Name or id of the enterprise. [default: the only one]", metavar="NAME"),
]
AmongOption = Annotated[
    str | None,
    typer.Option("--enterprise", help="Name or id of the enterprise. [default: all of them]", metavar="NAME"),
]


def new_id() -> str:
    """An id for something new."""
    from nightporter.host.clock import machine_sources

    return machine_sources().new_id()


def content_of(file: Path) -> bytes:
    """What a file holds, or the input for ``-``; raises typer.Exit with the reason told."""
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise fail(f"{plain(str(file))} cannot be read: {error.strerror}", USAGE) from None


def add(
    where: Where, act: Callable[[Administration], Awaitable[dict[str, Any]]], *, quiet: bool, make: bool = False
) -> None:
    """Add something and tell what ``act`` returns of it; the first field is the one that is told alone."""
    added = administer(where, act, make=make)
    if where.as_json:
        say_json(added)
    elif quiet:
        say(str(next(iter(added.values()))))
    else:
        width = max(map(len, added))
        for name, given in added.items():
            say(f"{name:<{width}}  {', '.join(given) if isinstance(given, list) else given}")
        if any(name.endswith("Token") for name in added):
            note("keep the token: it is told this once, the desk has a hash of it")
