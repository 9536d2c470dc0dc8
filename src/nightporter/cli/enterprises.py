"""``nightporter enterprises``."""

from typing import Annotated, Any

import typer

from nightporter.cli.adding import QuietOption, add, new_id
from nightporter.cli.desk import ADMINISTRATION_EXIT_CODES, Administration, Where, administer, with_desk
from nightporter.cli.naming import ENTERPRISE, id_of, one_of, pages, unused
from nightporter.cli.table import tell

app = typer.Typer(help="The properties of the desk.", no_args_is_help=True)


@app.command("add", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def add_enterprise(
    where: Where,
    name: Annotated[str, typer.Argument(help="Its name.", metavar="NAME")],
    currency: Annotated[
        list[str],
        typer.Option(help="ISO 4217 code of a currency that it takes; may be given several times.", metavar="CODE"),
    ],
    quiet: QuietOption = False,
) -> None:
    """Add an enterprise: one hotel. A missing database is made."""

    async def act(ask: Administration) -> dict[str, Any]:
        currencies = [code.upper() for code in currency]
        record = {"Id": new_id(), "Name": await unused(ask, ENTERPRISE, name), "AcceptedCurrencies": currencies}
        await ask("enterprises/set", Enterprises=[record])
        return record

    add(where, act, quiet=quiet, make=True)


@app.command("list", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def list_enterprises(where: Where) -> None:
    """List the enterprises."""

    async def act(ask: Administration) -> list[dict[str, Any]]:
        return [record async for record in pages(ask, ENTERPRISE)]

    tell(administer(where, act), ("Id", "Name", "AcceptedCurrencies", "IsEnabled"), as_json=where.as_json)


@app.command("enable", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def enable(where: Where, enterprise: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Let the integrations of an enterprise call again."""
    _set_enabled(where, enterprise, is_enabled=True)


@app.command("disable", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def disable(where: Where, enterprise: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Admit nobody at an enterprise, until it is enabled again."""
    _set_enabled(where, enterprise, is_enabled=False)


def _set_enabled(where: Where, enterprise: str, *, is_enabled: bool) -> None:
    async def act(ask: Administration) -> None:
        known = await one_of(ask, ENTERPRISE, await id_of(ask, ENTERPRISE, enterprise))
        await ask("enterprises/set", Enterprises=[{**known, "IsEnabled": is_enabled}])

    administer(where, act)
