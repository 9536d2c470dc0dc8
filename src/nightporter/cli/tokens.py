"""``nightporter tokens``."""

from contextlib import suppress
from typing import Annotated, Any

import typer

from nightporter.cli.adding import QuietOption, add
from nightporter.cli.asking import FAILED, USAGE, plain
from nightporter.cli.desk import ADMINISTRATION_EXIT_CODES, Administration, Where, administer, with_desk
from nightporter.cli.naming import ENTERPRISE, INTEGRATION, id_of, pages
from nightporter.cli.running import fail
from nightporter.cli.table import tell

app = typer.Typer(help="What integrations and administrators call with.", no_args_is_help=True)

IntegrationOption = Annotated[
    str | None, typer.Option("--integration", help="Name or id of an integration.", metavar="NAME")
]


@app.command("add", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def add_token(
    where: Where,
    integration: IntegrationOption = None,
    administration: Annotated[bool, typer.Option("--administration", help="A token that runs the desk.")] = False,
    name: Annotated[str, typer.Option(help="What the record calls the administrator.")] = "administrator",
    enterprise: Annotated[
        list[str] | None,
        typer.Option(
            help="Name or id of an enterprise that the administrator runs; may be given several times. "
            "[default: the whole desk]",
            metavar="NAME",
        ),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Make an access token for an integration, or an administration token, and print it, this once.

    The first administration token needs no other: whoever may read the file of the desk runs it. For one, a missing
    database is made.
    """
    if administration == (integration is not None):
        raise fail("give either --integration NAME or --administration", USAGE)

    async def act(ask: Administration) -> dict[str, Any]:
        if integration is not None:
            added = await ask("accessTokens/add", IntegrationId=await id_of(ask, INTEGRATION, integration))
            return {"AccessToken": added["AccessToken"], "AccessTokenId": added["AccessTokenId"]}
        enterprises = [await id_of(ask, ENTERPRISE, one) for one in enterprise or ()]
        added = await ask("administrationTokens/add", Name=name, EnterpriseIds=enterprises or None)
        return {
            "AdministrationToken": added["AdministrationToken"],
            "AdministrationTokenId": added["AdministrationTokenId"],
        }

    add(where, act, quiet=quiet, make=administration)


@app.command("list", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def list_tokens(where: Where, integration: IntegrationOption = None) -> None:
    """List tokens without their secrets: of all integrations, and those of administrators, or of one integration.

    Administrators are listed to whoever runs the whole desk.
    """
    tell(
        administer(where, lambda ask: _all(ask, integration)),
        ("Id", "Kind", "Name", "CreatedUtc", "RevokedUtc", "LastUsedUtc"),
        as_json=where.as_json,
    )


async def _all(ask: Administration, integration: str | None) -> list[dict[str, Any]]:
    from nightporter.client import NotRecognised

    integrations = {one["Id"]: one["Name"] async for one in pages(ask, INTEGRATION)}
    if integration is not None:
        wanted = await id_of(ask, INTEGRATION, integration)
        integrations = {wanted: integrations.get(wanted)}
    ids, found = list(integrations), []
    for place in range(0, len(ids), 1000):
        some = ids[place : place + 1000]
        found += [
            {**one, "Kind": "access", "Name": integrations[one["IntegrationId"]]}
            async for one in pages(ask, "AccessTokens", IntegrationIds=some)
        ]
    if integration is None:
        # Whoever runs some enterprises only may not see them.
        with suppress(NotRecognised):
            found += [{**one, "Kind": "administration"} async for one in pages(ask, "AdministrationTokens")]
    return found


@app.command("revoke", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def revoke(
    where: Where,
    token_ids: Annotated[list[str], typer.Argument(help="Ids of tokens, as they are listed.", metavar="ID...")],
) -> None:
    """Revoke tokens, of both kinds: their next request is refused, their sockets close at once."""

    async def act(ask: Administration) -> None:
        kinds = {one["Id"]: one["Kind"] for one in await _all(ask, None)}
        for token_id in token_ids:
            if token_id.lower() not in kinds:
                raise fail(f"there is no token with the id {plain(token_id)}; look at: nightporter tokens list", FAILED)
        wanted: dict[str, list[str]] = {}
        for token_id in map(str.lower, token_ids):
            wanted.setdefault(kinds[token_id], []).append(token_id)
        if access := wanted.get("access"):
            await ask("accessTokens/revoke", AccessTokenIds=access)
        if administration := wanted.get("administration"):
            await ask("administrationTokens/revoke", AdministrationTokenIds=administration)

    administer(where, act)
