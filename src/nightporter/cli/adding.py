"""What the commands that add something share: new ids, what they print, and texts that several of them need."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from nightporter.cli.asking import note, say, say_json
from nightporter.cli.desk import Administration, Where, administer

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
    from nightporter.web.app import machine_sources

    return machine_sources().new_id()


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
