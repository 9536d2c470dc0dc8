"""SQLite: one file, one process, one writer thread; WAL, and ``synchronous=FULL`` so that committed means durable."""

import asyncio
import queue
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from nightporter.domain.errors import Unavailable
from nightporter.storage.database import Snapshot, Transaction
from nightporter.storage.sealing import PIECE, PLAIN, Seal
from nightporter.storage.statements import Row, Statement

T = TypeVar("T")

READERS = 2
ROWS = 200
"""Rows of a snapshot that are read at a time."""
PATIENCE = 5000
"""Milliseconds for which another process may hold the file."""
STEPS = 50_000
"""After how many steps of its virtual machine, a millisecond or two, a read asks whether anybody still waits for it."""
_WEATHER = ("full", "disk i/o error", "unable to open", "readonly", "locked", "busy", "interrupted")


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what is weather (a full disk, a lost file) into Unavailable; a defect stays what it is."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _refusal(error) from error


def _refusal(error: sqlite3.OperationalError) -> Exception:
    if any(sign in str(error).lower() for sign in _WEATHER):
        return Unavailable(f"The database cannot serve at the moment: {error}. Nothing was changed.")
    return error


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection with the settings that the promises rest on."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA busy_timeout = {PATIENCE}")
    connection.execute("PRAGMA cache_size = -8000")
    # Pages that change with every batch are carried into the file once in 16 MiB of log, not once in 4.
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


def _bound(statement: Statement, given: Mapping[str, Any]) -> Mapping[str, Any]:
    if not statement.lists:
        return given
    bound = dict(given)
    for name in statement.lists:
        bound[name] = _listed(given[name])
    return bound


_encode = msgspec.json.Encoder(enc_hook=str).encode


def _listed(values: Collection[str]) -> str:
    """A list parameter as the JSON text that ``json_each`` takes apart."""
    return _encode(values).decode()


class _SqliteTransaction:
    """Steps run at once on the writer's connection; awaiting them never suspends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def run(self, statement: Statement, rows: Sequence[Mapping[str, Any] | tuple[Any, ...]]) -> int:
        return self._connection.executemany(statement.sqlite, rows).rowcount

    async def fetch(self, statement: Statement, row: Mapping[str, Any]) -> list[Row]:
        return self._connection.execute(statement.sqlite, _bound(statement, row)).fetchall()

    async def fetch_each(
        self, statement: Statement, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any]
    ) -> list[Row | None]:
        bound = _bound(statement, common)
        return [self._connection.execute(statement.sqlite, {**row, **bound}).fetchone() for row in rows]

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # a failing disk may have undone all of it
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            raise
        self._connection.execute("RELEASE part")

    async def aside(self, work: Callable[[], T]) -> T:
        return work()  # what is long runs in the writer's thread as a whole

    async def number_events(self) -> None:
        """The writer is alone."""

    async def wake(self) -> None:
        """There are no other nodes."""


def _finish(work: Awaitable[T]) -> T:
    """Run a coroutine whose steps never suspend."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise RuntimeError("a step of a SQLite transaction tried to wait")


class _Read:
    """A long read, and whether somebody still waits for it."""

    gave_up = False


class _Reader:
    """A connection for long reads; one that nobody waits for any more ends at its next question.

    ``sqlite3.Connection.interrupt`` would be lost on a statement that is about to begin, or end the next read.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.read = _Read()
        connection.set_progress_handler(lambda: self.read.gave_up, STEPS)


class _SqliteSnapshot:
    """A read transaction on a connection of its own, whose steps take turns in one thread."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread

    async def rows(self, statement: Statement, **given: Any) -> AsyncIterator[Row]:
        run = asyncio.get_running_loop().run_in_executor
        with _translated():
            cursor = await run(self._thread, self._connection.execute, statement.sqlite, _bound(statement, given))
            while rows := await run(self._thread, cursor.fetchmany, ROWS):
                for row in rows:
                    yield row


class SqliteDatabase:
    """An open SQLite database; made by ``storage.opening.open_sqlite``."""

    is_shared = False
    seal: Seal = PLAIN

    def __init__(self, path: Path, *, demo: bool, secret: bytes) -> None:
        self.path = path
        self.demo = demo
        self.secret = secret
        self._near = connect(path, read_only=True)
        self._free: queue.SimpleQueue[_Reader] = queue.SimpleQueue()
        for _ in range(READERS):
            self._free.put(_Reader(connect(path, read_only=True)))
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._writing = connect(path)
        self._writing.execute("PRAGMA busy_timeout = 0")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer")

    async def one(self, statement: Statement, **given: Any) -> Row | None:
        try:
            row: Row | None = self._near.execute(
                statement.sqlite, _bound(statement, given) if statement.lists else given
            ).fetchone()
        except sqlite3.OperationalError as error:
            raise _refusal(error) from error
        return row

    async def few(self, statement: Statement, **given: Any) -> list[Row]:
        try:
            return self._near.execute(statement.sqlite, _bound(statement, given)).fetchall()
        except sqlite3.OperationalError as error:
            raise _refusal(error) from error

    async def many(self, statement: Statement, **given: Any) -> list[Row]:
        return await self._far(lambda c: c.execute(statement.sqlite, _bound(statement, given)).fetchall())

    def document(self, enterprise_id: str, command_id: str) -> AsyncIterator[bytes]:
        return self.seal.open_pieces(enterprise_id, command_id, self._document(enterprise_id, command_id))

    async def _document(self, enterprise_id: str, command_id: str) -> AsyncIterator[bytes]:
        found = self._near.execute(
            "SELECT rowid FROM documents WHERE enterprise_id = ? AND command_id = ?", (enterprise_id, command_id)
        ).fetchone()
        if found is None:
            return
        offset = 0
        while True:
            piece = await self._far(lambda c, at=offset: _piece(c, found[0], at))  # type: ignore[misc]  # a default in a lambda
            if piece:
                yield piece
            if len(piece) < PIECE:
                return
            offset += PIECE

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        run = asyncio.get_running_loop().run_in_executor
        with ThreadPoolExecutor(1, thread_name_prefix="snapshot") as thread, _translated():
            connection = connect(self.path, read_only=True)
            try:
                connection.execute("BEGIN")
                await run(thread, lambda: connection.execute("SELECT 1 FROM desk").fetchone())
                yield _SqliteSnapshot(connection, thread)
            finally:
                await run(thread, connection.close)

    async def _far(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``read`` in a reader thread; a cancelled read ends soon."""
        mine = _Read()

        def reading() -> T:
            reader = self._free.get()
            reader.read = mine
            try:
                with _translated():
                    return read(reader.connection)
            finally:
                self._free.put(reader)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, reading)
        except asyncio.CancelledError:
            mine.gave_up = True
            raise

    async def transact(self, work: Callable[[Transaction], Awaitable[T]], *, apart: bool = False) -> T:
        loop = asyncio.get_running_loop()
        with _translated():
            if apart:
                return await loop.run_in_executor(self._writer, self._commit, work)
            # Short statements run here, and only the commit, which waits for the disk, in the thread: a thread that
            # runs them gives up the interpreter at every step and may wait 5 ms to have it back (docs/decisions/0002).
            try:
                self._writing.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                # Another process holds the file, a backup perhaps: that is waited for in the thread, not here.
                await loop.run_in_executor(self._writer, self._begin)
            result = self._carry_out(work)
            await loop.run_in_executor(self._writer, self._end)
            return result

    def _begin(self) -> None:
        self._writing.execute(f"PRAGMA busy_timeout = {PATIENCE}")
        try:
            self._writing.execute("BEGIN IMMEDIATE")
        finally:
            self._writing.execute("PRAGMA busy_timeout = 0")

    def _carry_out(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        try:
            return _finish(work(_SqliteTransaction(self._writing)))
        except BaseException:
            self._undo()
            raise

    def _end(self) -> None:
        try:
            self._writing.execute("COMMIT")
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        if self._writing.in_transaction:
            self._writing.execute("ROLLBACK")

    def _commit(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        self._begin()
        result = self._carry_out(work)
        self._end()
        return result

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[bool]:
        yield True

    async def close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        for connection in [self._near, self._writing, *(self._free.get().connection for _ in range(READERS))]:
            connection.close()


def _piece(connection: sqlite3.Connection, row: int, offset: int) -> bytes:
    with connection.blobopen("documents", "content", row, readonly=True) as blob:
        blob.seek(offset)
        return blob.read(PIECE)
