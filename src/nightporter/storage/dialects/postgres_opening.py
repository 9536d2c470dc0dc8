"""Opening, making and upgrading a PostgreSQL database."""

import asyncio
import io
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import asyncpg

from nightporter.domain.sources import Sources
from nightporter.storage.dialects.postgres import HOW, READERS, PostgresDatabase, told_of
from nightporter.storage.places import PostgresAddress
from nightporter.storage.refused import DatabaseRefused, DatabaseUnreachable
from nightporter.storage.types import seconds

T = TypeVar("T")

OLDEST = 140000
"""The oldest server that is tried: PostgreSQL 14."""
_MIGRATIONS = 0x6E70_0000
"""Key of the advisory lock under which tables are made and changed."""
_PROMISES = {
    "fsync": "what it acknowledges could be lost when the machine stops",
    "synchronous_commit": "what it acknowledges could be lost when it stops",
    "full_page_writes": "its files could be damaged when the machine stops",
}


def now(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end, also where an event loop runs already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@asynccontextmanager
async def _connected(address: PostgresAddress) -> AsyncIterator[asyncpg.Connection]:
    """A connection; raises DatabaseRefused with the reason told when there is none."""
    try:
        connection = await asyncpg.connect(address.url, **HOW)
    except ValueError:
        # Which says what it could not read, and that may be a piece of the password.
        raise DatabaseRefused(
            f"the address {address} cannot be read. It is postgresql://USER:PASSWORD@HOST:PORT/NAME; in a password, "
            "characters like / ? # @ : are written as %2F %3F %23 %40 %3A."
        ) from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnreachable(f"{address} cannot be reached: {told_of(error)}.") from error
    try:
        yield connection
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseRefused(
            f"{address} does not let its user work there: {error}. Make the user its owner (ALTER DATABASE ... OWNER TO ...), "
            "or give the right to make tables (GRANT USAGE, CREATE ON SCHEMA public TO ...); tables that are there already "
            "must belong to the user too."
        ) from error
    finally:
        await connection.close()


async def _revision(connection: asyncpg.Connection, address: PostgresAddress) -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is not None:
        found = await connection.fetchval("SELECT version_num FROM alembic_version")
        if found and await connection.fetchval("SELECT to_regclass('desk')") is not None:
            return str(found)
    count = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()"
    if await connection.fetchval(count):
        raise DatabaseRefused(f"{address} holds tables of something else. Give Nightporter a database of its own.")
    return None


async def revision(address: PostgresAddress) -> str | None:
    """The migration at which the database stands; None for an empty one. Raises DatabaseRefused."""
    async with _connected(address) as connection:
        return await _revision(connection, address)


async def create(address: PostgresAddress, sources: Sources, *, demo: bool, works_since: str) -> None:
    """Make all tables in an empty database; of several nodes that try it at once, one does it."""
    async with _alone(address) as connection:
        if await _revision(connection, address) is not None:
            return
        await connection.execute(_script("base"))
        await connection.execute(
            "INSERT INTO desk (one, demo, secret, created, stamped, works_since) VALUES (1, $1, $2, $3, 0, $4)",
            demo,
            secrets.token_bytes(32),
            seconds(sources.now()),
            works_since,
        )


async def upgrade(address: PostgresAddress, check: Callable[[str | None], None]) -> str:
    """Bring an older database to this release; returns the migration before. ``check`` raises for one that it cannot."""
    async with _alone(address) as connection:
        before = await _revision(connection, address)
        check(before)
        assert before is not None
        if script := _script(before):
            await connection.execute(script)
        return before


@asynccontextmanager
async def _alone(address: PostgresAddress) -> AsyncIterator[asyncpg.Connection]:
    """A connection in a transaction that no other node changes tables in."""
    async with _connected(address) as connection, connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({_MIGRATIONS})")
        yield connection


async def is_demo(address: PostgresAddress) -> bool:
    """Whether the database was made for the demo. Raises DatabaseRefused."""
    async with _connected(address) as connection:
        return bool(await connection.fetchval("SELECT demo FROM desk"))


Check = Callable[[str | None, str | None, str | None], None]
"""Takes the migration, the oldest one whose release can serve it, and where the hotel was moved to; raises DatabaseRefused."""


async def open_database(address: PostgresAddress, check: Check) -> PostgresDatabase:
    """Open a database; ``check`` raises for one that this release cannot serve. Raises DatabaseRefused."""
    async with _connected(address) as connection:
        found = await _revision(connection, address)
        # An older one has no such columns.
        said = await connection.fetchrow(_SAID) if found else None
        check(found, *(said or (None, None)))
        await _check_server(connection, address)
        desk = await connection.fetchrow("SELECT demo, secret FROM desk")
        assert desk is not None  # made in the transaction that made the table
    pool = await asyncpg.create_pool(address.url, min_size=1, max_size=READERS, init=_settle, reset=_nothing, **HOW)
    return PostgresDatabase(address, pool, demo=desk[0], secret=desk[1])


_SAID = "SELECT to_jsonb(desk) ->> 'works_since', to_jsonb(desk) ->> 'moved' FROM desk"


async def _check_server(connection: asyncpg.Connection, address: PostgresAddress) -> None:
    """Raises DatabaseRefused for a server that is too old, or does not keep what it acknowledges."""
    if connection.get_server_version().major * 10000 < OLDEST:
        raise DatabaseRefused(f"{address} is too old; PostgreSQL {OLDEST // 10000} or newer is needed.")
    for name, harm in _PROMISES.items():
        if await connection.fetchval(f"SHOW {name}") == "off":
            raise DatabaseRefused(f"{address} runs with {name} = off: {harm}. Switch it on.")


@asynccontextmanager
async def filling(address: PostgresAddress) -> AsyncIterator[asyncpg.Connection]:
    """An empty database with all tables made, in a transaction that is committed at the end of the block.

    Raises DatabaseRefused for one that is not empty.
    """
    async with _alone(address) as connection:
        await _check_server(connection, address)
        if await _revision(connection, address) is not None:
            raise DatabaseRefused(f"{address} holds a desk already. Give a database that is empty.")
        await connection.execute(_script("base"))
        yield connection


async def _settle(connection: asyncpg.Connection) -> None:
    """A read whose reader is gone ends within a second; no server but one on Linux can do that."""
    with suppress(asyncpg.PostgresError):
        await connection.execute("SET client_connection_check_interval = 1000")


async def _nothing(_connection: object) -> None:
    """Reads leave nothing behind on a connection that would have to be taken away."""


def _script(since: str) -> str:
    """The statements that lead from a migration to this release."""
    from alembic import command
    from alembic.config import Config

    printed = io.StringIO()
    config = Config(output_buffer=printed)
    config.set_main_option("script_location", "nightporter.storage:migrations")
    command.upgrade(config, f"{since}:head", sql=True)
    return printed.getvalue()
