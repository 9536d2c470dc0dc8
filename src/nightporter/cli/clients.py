"""``nightporter clients``."""

from typing import Annotated, Any

import typer

from nightporter.access.rights import Right
from nightporter.cli.adding import QuietOption, add
from nightporter.cli.desk import ADMINISTRATION_EXIT_CODES, Administration, Where, administer, with_desk
from nightporter.cli.naming import CLIENT, id_of, member_of, pages, unused
from nightporter.cli.table import tell

app = typer.Typer(help="The client applications, with their rights.", no_args_is_help=True)

RightOption = Annotated[
    list[Right] | None,
    typer.Option(
        "--right",
        help="A right, for what not every client may do; may be given several times.",
        parser=member_of(Right),
    ),
]


@app.command("add", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def add_client(
    where: Where,
    name: Annotated[str, typer.Argument(help="The name of the program.", metavar="NAME")],
    right: RightOption = None,
    quiet: QuietOption = False,
) -> None:
    """Add a client application and print its ClientToken, this once. A missing database is made."""

    async def act(ask: Administration) -> dict[str, Any]:
        added = await ask("clients/add", Name=await unused(ask, CLIENT, name), Rights=right or [])
        return {"ClientToken": added["ClientToken"], "ClientId": added["ClientId"]}

    add(where, act, quiet=quiet, make=True)


@app.command("update", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def update(
    where: Where,
    client: Annotated[str, typer.Argument(help="Name or id of the client.", metavar="NAME")],
    rename: Annotated[str | None, typer.Option(help="Its new name.", metavar="NAME")] = None,
    right: RightOption = None,
    no_rights: Annotated[bool, typer.Option("--no-rights", help="Take all rights away.")] = False,
) -> None:
    """Change the name or the rights of a client; the rights that are given replace those that it has."""

    async def act(ask: Administration) -> None:
        rights = [] if no_rights else right or None
        await ask("clients/update", ClientId=await id_of(ask, CLIENT, client), Name=rename, Rights=rights)

    administer(where, act)


@app.command("list", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def list_clients(where: Where) -> None:
    """List the client applications."""

    async def act(ask: Administration) -> list[dict[str, Any]]:
        return [record async for record in pages(ask, CLIENT)]

    tell(administer(where, act), ("Id", "Name", "Rights"), as_json=where.as_json)
