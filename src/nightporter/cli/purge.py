"""``nightporter purge``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightporter.cli.asking import USAGE
from nightporter.cli.desk import Administration, Where, wherever, with_desk
from nightporter.cli.running import fail
from nightporter.cli.table import tell

if TYPE_CHECKING:
    from nightporter.web.desk import Desk

Leaving = list[dict[str, Any]]


@with_desk
def purge(
    where: Where,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Take nothing away; tell what would go.")] = False,
    settings: Annotated[
        Path | None,
        typer.Option(
            help="The TOML file of the server, for how long things are kept, where no server runs.", show_default=False
        ),
    ] = None,
) -> None:
    """Take away what is over for longer than it is to be kept, and tell how much that was.

    A server does that by itself every minute, and its settings count while it runs. Without one they come from the
    environment and from --settings. Commands that have not ended and tokens that are valid never go.
    """
    from nightporter.cli.administration import over_http, within
    from nightporter.settings import InvalidSetting, load
    from nightporter.web.retention import retention_of

    try:
        retention = retention_of(load({}, settings))
    except InvalidSetting as problem:
        raise fail(str(problem), USAGE) from None

    async def there(address: str, token: str) -> Leaving:
        async with over_http(address, token) as ask:
            return await _all(ask, dry_run=dry_run)

    async def here(desk: "Desk") -> Leaving:
        desk.retention = retention
        return await _all(within(desk), dry_run=dry_run)

    tell(wherever(where, there, here), ("Kind", "BeforeUtc", "Count"), as_json=where.as_json)


async def _all(ask: Administration, *, dry_run: bool) -> Leaving:
    """What left, or would leave, until nothing is left to go."""
    counts: dict[str, int] = {}
    while True:
        reply = await ask("retention/purge", DryRun=dry_run)
        for one in reply["Leaving"]:
            one["Count"] = counts[one["Kind"]] = counts.get(one["Kind"], 0) + one["Count"]
        if reply["IsComplete"]:
            leaving: Leaving = reply["Leaving"]
            return leaving
