"""``nightporter portfolios``."""

from typing import Annotated, Any

import typer

from nightporter.cli.adding import QuietOption, add, new_id
from nightporter.cli.desk import ADMINISTRATION_EXIT_CODES, Administration, Where, administer, with_desk
from nightporter.cli.naming import ENTERPRISE, PORTFOLIO, id_of, one_of, pages, unused
from nightporter.cli.table import tell

app = typer.Typer(help="Several properties that one access token may serve.", no_args_is_help=True)


@app.command("add", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def add_portfolio(
    where: Where,
    name: Annotated[str, typer.Argument(help="Its name.", metavar="NAME")],
    enterprise: Annotated[
        list[str],
        typer.Option(
            help="Name or id of an enterprise that belongs to it; may be given several times.", metavar="NAME"
        ),
    ],
    quiet: QuietOption = False,
) -> None:
    """Add a portfolio of enterprises. An integration with it: nightporter integrations add --portfolio."""

    async def act(ask: Administration) -> dict[str, Any]:
        members = [await id_of(ask, ENTERPRISE, one) for one in enterprise]
        record = {"Id": new_id(), "Name": await unused(ask, PORTFOLIO, name), "EnterpriseIds": members}
        await ask("portfolios/set", Portfolios=[record])
        return record

    add(where, act, quiet=quiet)


@app.command("update", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def update(
    where: Where,
    portfolio: Annotated[str, typer.Argument(help="Name or id of the portfolio.", metavar="NAME")],
    rename: Annotated[str | None, typer.Option(help="Its new name.", metavar="NAME")] = None,
    enterprise: Annotated[
        list[str] | None,
        typer.Option(help="Name or id of an enterprise that joins it; may be given several times.", metavar="NAME"),
    ] = None,
) -> None:
    """Change the name of a portfolio, or have enterprises join it; none leaves it."""

    async def act(ask: Administration) -> None:
        wanted = await id_of(ask, PORTFOLIO, portfolio)
        joining = [await id_of(ask, ENTERPRISE, one) for one in enterprise or ()]
        known = await one_of(ask, PORTFOLIO, wanted)
        members = [*dict.fromkeys([*known["EnterpriseIds"], *joining])]
        await ask("portfolios/set", Portfolios=[{**known, "Name": rename or known["Name"], "EnterpriseIds": members}])

    administer(where, act)


@app.command("list", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def list_portfolios(where: Where) -> None:
    """List the portfolios."""

    async def act(ask: Administration) -> list[dict[str, Any]]:
        return [record async for record in pages(ask, PORTFOLIO)]

    tell(administer(where, act), ("Id", "Name", "EnterpriseIds"), as_json=where.as_json)
