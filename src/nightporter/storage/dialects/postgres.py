"""PostgreSQL through asyncpg: a pool for reads, one connection for the writer, LISTEN/NOTIFY between the nodes."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from operator import itemgetter
from typing import Any, TypeVar

import asyncpg

from nightporter.domain.errors import Away, Unavailable, Undecided
from nightporter.storage.database import WAKE, Snapshot, Transaction
from nightporter.storage.dialects.gathering import Gathering, arguments
from nightporter.storage.places import PostgresAddress
from nightporter.storage.sealing import PIECE, PLAIN, Seal
from nightporter.storage.statements import Row, Statement

T = TypeVar("T")

CHANNEL = "nightporter"
READERS = 8
"""Connections that reads share."""
PATIENCE = 5.0
"""Seconds to wait for a connection, and for the answer to a read of a single row."""
LONGEST = 60.0
"""Seconds that a statement of a batch may take."""
ROWS = 200
"""Rows of a snapshot that are read at a time."""
TRIES = 5
"""How often a batch is tried that was in a deadlock with another node's."""
_EVENTS, _LOCKS = 0x6E70_0001, 0x6E70_0002
"""Keys of advisory locks: the numbering of events, and the first half of all locks that have a name."""

_WEATHER = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalClientError,
)

_GONE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
)
"""What says that whatever is asked next would not be done either."""

_AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.InvalidCachedStatementError)
"""What says nothing about a batch but that it must be tried again; the last comes of an upgrade meanwhile."""


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what is weather (a database that restarts, a full disk) into Unavailable; a defect stays what it is."""
    try:
        yield
    except _WEATHER as error:
        raise _refusal(error) from error
    except asyncpg.InterfaceError as error:
        if isinstance(error, ValueError):  # a value that does not fit its column
            raise
        raise _refusal(error) from error


@contextmanager
def _connecting() -> Iterator[None]:
    """Turn whatever keeps from connecting into Away."""
    try:
        with _translated():
            yield
    except Unavailable as refusal:
        raise Away(str(refusal)) from refusal


def _refusal(error: Exception) -> Unavailable:
    kind = Away if isinstance(error, _GONE) else Unavailable
    return kind(f"The database cannot serve at the moment: {told_of(error)}. Nothing was changed.")


def told_of(error: Exception) -> str:
    """What a person is told of an error of the driver, without a full stop."""
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)
    return (str(error) or type(error).__name__).rstrip(".")


HOW: dict[str, Any] = {
    "timeout": PATIENCE,
    "statement_cache_size": 1000,
    "max_cached_statement_lifetime": 0,
    "server_settings": {"application_name": "nightporter", "jit": "off", "plan_cache_mode": "force_generic_plan"},
}
"""How every connection is made: statements are few, stay prepared and are planned once; none is long enough for a compiler."""


async def _connect(address: PostgresAddress, **more: Any) -> asyncpg.Connection:
    with _connecting():
        return await asyncpg.connect(address.url, **HOW, **more)


class _PostgresTransaction:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.commit = "COMMIT"
        """What ends it."""

    async def run(self, statement: Statement, rows: Sequence[Mapping[str, Any] | tuple[Any, ...]]) -> int:
        if statement.takes_rows_at_once:
            return _count(await self._connection.execute(statement.postgres.text, *_columns(statement, rows)))
        counts = 0
        for row in rows:
            assert isinstance(row, Mapping)
            counts += _count(await self._connection.execute(statement.postgres.text, *arguments(statement, row)))
        return counts

    async def fetch(self, statement: Statement, row: Mapping[str, Any]) -> list[Row]:
        return _rows(await self._connection.fetch(statement.postgres.text, *arguments(statement, row)))

    async def fetch_each(
        self, statement: Statement, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any]
    ) -> list[Row | None]:
        text, names = statement.for_each.text, statement.for_each.names
        arguments = [common[name] if name in common else [row[name] for row in rows] for name in names]
        found: list[Row | None] = [None] * len(rows)
        for *row, place in await self._connection.fetch(text, *arguments):
            found[place - 1] = row
        return found

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        await self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            await self._connection.execute("ROLLBACK TO part; RELEASE part")
            raise
        await self._connection.execute("RELEASE part")

    async def aside(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)

    async def number_events(self) -> None:
        # Held until the commit is visible, so that whoever reads event n has n-1 too (DESIGN, writes 8).
        await self._connection.execute(f"SELECT pg_advisory_xact_lock({_EVENTS})")

    async def wake(self) -> None:
        self.commit = f"NOTIFY {CHANNEL}, '{WAKE}'; COMMIT"  # one round trip for both


def _columns(statement: Statement, rows: Sequence[Mapping[str, Any] | tuple[Any, ...]]) -> list[list[Any]]:
    """What the rows have in each column; of rows with the same keys the last counts, as if each were put in alone."""
    names = statement.postgres.names
    in_order = isinstance(rows[0], tuple)
    if statement.keys:
        key_of = itemgetter(*(names.index(key) if in_order else key for key in statement.keys))
        rows = list({key_of(row): row for row in rows}.values())
    if in_order:
        return [list(column) for column in zip(*rows, strict=True)]
    return [[row[name] for row in rows] for name in names]  # type: ignore[call-overload]  # all of them are mappings


def _rows(records: list[asyncpg.Record]) -> list[Row]:
    return [tuple(record) for record in records]


def _count(tag: str) -> int:
    """How many rows were changed, from what the server says of a command (``INSERT 0 5``)."""
    last = tag.rsplit(" ", 1)[-1]
    return int(last) if last.isdigit() else 0


class _PostgresSnapshot:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def rows(self, statement: Statement, **given: Any) -> AsyncIterator[Row]:
        values = arguments(statement, given)
        with _translated():
            async for row in self._connection.cursor(statement.postgres.text, *values, prefetch=ROWS):
                yield tuple(row)


class PostgresDatabase:
    """An open PostgreSQL database; made by ``storage.opening.open_database``."""

    is_shared = True
    seal: Seal = PLAIN

    def __init__(self, address: PostgresAddress, pool: asyncpg.Pool, *, demo: bool, secret: bytes) -> None:
        self.address = address
        self.demo = demo
        self.secret = secret
        self._pool = pool
        self._writing: asyncpg.Connection | None = None
        self._gathering = Gathering(self._ask_soon)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator["asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"]:
        with _connecting():
            connection = await self._pool.acquire(timeout=PATIENCE)
        with _translated():
            try:
                yield connection
            except asyncio.CancelledError:
                # Asked to end a query that has not begun, the server goes on; without its client it ends.
                connection.terminate()
                raise
            finally:
                await self._pool.release(connection)

    async def one(self, statement: Statement, **given: Any) -> Row | None:
        return await self._gathering.one(statement, given)

    async def few(self, statement: Statement, **given: Any) -> list[Row]:
        return _rows(await self._ask(statement.postgres.text, arguments(statement, given)))

    async def _ask_soon(self, text: str, given: Sequence[Any]) -> list[asyncpg.Record]:
        with _translated():
            async with asyncio.timeout(PATIENCE):  # a connection that fell silent is ended, and the next one is another
                return await self._ask(text, given)

    async def _ask(self, text: str, given: Sequence[Any]) -> list[asyncpg.Record]:
        async with self._reading() as connection:
            return await connection.fetch(text, *given)

    many = few

    def document(self, enterprise_id: str, command_id: str) -> AsyncIterator[bytes]:
        return self.seal.open_pieces(enterprise_id, command_id, self._document(enterprise_id, command_id))

    async def _document(self, enterprise_id: str, command_id: str) -> AsyncIterator[bytes]:
        offset = 1
        while True:
            async with self._reading() as connection:
                piece = await connection.fetchval(_PIECE, enterprise_id, command_id, offset, PIECE)
            if piece:
                yield piece
            if piece is None or len(piece) < PIECE:
                return
            offset += PIECE

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        connection = await _connect(self.address)
        try:
            with _translated():
                await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                await connection.execute("SELECT 1")  # the moment is that of the first statement
            yield _PostgresSnapshot(connection)
        finally:
            await _end(connection)

    async def transact(self, work: Callable[[Transaction], Awaitable[T]], *, apart: bool = False) -> T:
        for _ in range(TRIES - 1):
            with suppress(*_AGAIN):
                return await self._transact(work)
        return await self._transact(work)

    async def _transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        with _translated():
            connection = await self._writer()
            await connection.execute("BEGIN")
            transaction = _PostgresTransaction(connection)
            try:
                result = await work(transaction)
            except BaseException:
                await self._roll_back(connection)
                raise
        try:
            await connection.execute(transaction.commit)
        except BaseException as error:
            # Once the commit is sent, only an answer tells what became of it.
            if (
                isinstance(error, asyncpg.PostgresError)
                and not connection.is_closed()
                and connection.is_in_transaction()
            ):
                await self._roll_back(connection)
                raise
            self._writing = None
            await _end(connection)
            raise Undecided(
                f"The database went away while the change was being made: {told_of(_exception(error))}."
            ) from error
        return result

    async def _roll_back(self, connection: asyncpg.Connection) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await connection.execute("ROLLBACK")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            self._writing = None
            await _end(connection)

    async def _writer(self) -> asyncpg.Connection:
        if self._writing is None or self._writing.is_closed():
            self._writing = await _connect(self.address, command_timeout=LONGEST)
        return self._writing

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[bool]:
        connection = await _connect(self.address)
        try:
            with _translated():
                taken = await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCKS, name)
            yield bool(taken)
        finally:
            await _end(connection)  # and with it the lock

    @asynccontextmanager
    async def channel(self, heard: Callable[[str], None]) -> AsyncIterator["PostgresChannel"]:
        def told(_connection: object, process: int, _channel: str, message: object) -> None:
            # What this node committed it knows.
            is_own = self._writing is not None and process == self._writing.get_server_pid()
            if not is_own or message != WAKE:
                heard(str(message))

        connection = await _connect(self.address)
        try:
            with _translated():
                await connection.add_listener(CHANNEL, told)
            yield PostgresChannel(connection)
        finally:
            await _end(connection)

    async def close(self) -> None:
        if self._writing is not None:
            await _end(self._writing)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._pool.close()
        self._pool.terminate()


class PostgresChannel:
    """What the nodes of a desk tell each other."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._speaking = asyncio.Lock()

    async def tell(self, message: str) -> None:
        async with self._speaking:
            with _translated():
                await self._connection.execute("SELECT pg_notify($1, $2)", CHANNEL, message, timeout=PATIENCE)

    async def check(self) -> None:
        async with self._speaking:
            with _translated():
                await self._connection.execute("SELECT 1", timeout=PATIENCE)


def _exception(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else ConnectionError(type(error).__name__)


async def _end(connection: asyncpg.Connection) -> None:
    with suppress(Exception):
        await connection.close(timeout=PATIENCE)
    if not connection.is_closed():
        connection.terminate()


_PIECE = "SELECT substring(content FROM $3 FOR $4) FROM documents WHERE enterprise_id = $1 AND command_id = $2"
