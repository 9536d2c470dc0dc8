"""``nightporter copy``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

import typer

from nightporter.cli.asking import FAILED, USAGE, plain, say, say_json
from nightporter.cli.desk import Administration, Where, administer, usable_database, with_desk
from nightporter.cli.running import fail
from nightporter.storage.places import PostgresAddress, place_of

LEASE = 30
"""Seconds for which a server takes no changes unless it is asked again: what dies half way leaves no frozen desk."""


@with_desk
def copy(
    where: Where,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            callback=usable_database,
            help="The PostgreSQL database, which must be empty.",
            metavar="postgresql://...",
        ),
    ],
) -> None:
    """Move a hotel from its SQLite file to PostgreSQL, with its history, keys, cursors and tokens.

    A running server answers reads meanwhile and every change with 503, which clients repeat; once all is there, compared
    row by row, it takes no change any more. Then stop it and start one on the new database. What fails leaves the hotel
    where it was. A password stands better in PGPASSWORD or ~/.pgpass than in the address.
    """
    target, source = place_of(to), where.database
    if not isinstance(target, PostgresAddress):
        raise fail("--to names a file, expected the address of a database: postgresql://USER@HOST/NAME", USAGE)
    if isinstance(source, PostgresAddress) or not source.is_file():
        raise fail(f"{plain(str(source))} does not exist; give the SQLite file of the desk (--database)", FAILED)

    async def act(ask: Administration) -> dict[str, int]:
        # Here, because only who moves needs the driver.
        from nightporter.storage.moving import move
        from nightporter.storage.refused import DatabaseRefused

        try:
            async with _frozen(ask):
                return (await move(source, target)).rows
        except DatabaseRefused as refusal:
            raise fail(plain(str(refusal)), FAILED) from None

    rows = administer(where, act)
    if where.as_json:
        say_json({"Database": plain(str(target)), "Rows": rows})
        return
    say(f"{target} holds the hotel: {sum(rows.values())} rows in {len(rows)} tables, compared")
    say(f"From now on {source} takes no changes. Stop its server, then: nightporter serve --database {target}")


@asynccontextmanager
async def _frozen(ask: Administration) -> AsyncIterator[None]:
    """The desk takes no changes until the end of the block; it takes them again when the block fails."""
    import asyncio

    await ask("desk/freeze", Seconds=LEASE)
    renewing = asyncio.ensure_future(_renew(ask))
    try:
        yield
    except BaseException:
        renewing.cancel()
        with suppress(Exception):
            await ask("desk/freeze", Seconds=0)
        raise
    finally:
        renewing.cancel()


async def _renew(ask: Administration) -> Any:
    from nightporter.host.clock import machine_sources

    while True:
        await machine_sources().pause(LEASE / 3)
        # A server that is away takes no changes either, and one that comes back finds its file held.
        with suppress(Exception):
            await ask("desk/freeze", Seconds=LEASE)
