"""What storage asks of a database: reads on their own, and transactions that the writer alone opens.

Both are written once, as coroutines. On SQLite their steps never wait: point reads run where they are awaited (some
four microseconds each), long reads in a reader thread, transactions in the writer's thread.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from nightporter.storage.sealing import Seal
from nightporter.storage.statements import Row, Statement

T = TypeVar("T")

WAKE = "wake"
"""What nodes are told after a change: the tables say what it was."""


class Transaction(Protocol):
    """An open transaction of the writer."""

    async def run(self, statement: Statement, rows: Sequence[Mapping[str, Any] | tuple[Any, ...]]) -> int:
        """Run ``statement`` once for each of ``rows``; returns how many rows of the table it changed."""

    async def fetch(self, statement: Statement, row: Mapping[str, Any]) -> list[Row]:
        """Run ``statement`` once and return its rows."""

    async def fetch_each(
        self, statement: Statement, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any]
    ) -> list[Row | None]:
        """Run an update for each of ``rows``, no two of which change the same row of the table; what each returned.

        ``common`` are the list parameters. None for those that changed nothing.
        """

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """A part that is undone alone when an exception leaves it."""

    async def aside(self, work: Callable[[], T]) -> T:
        """Do what takes long and asks nothing of the database where it holds up nobody."""

    async def number_events(self) -> None:
        """From now until the commit, nobody else numbers events."""

    async def wake(self) -> None:
        """Tell every other node of the desk ``WAKE`` once this is committed."""


class Snapshot(Protocol):
    """The database as it stood at one moment, whatever is written since."""

    def rows(self, statement: Statement, **given: Any) -> AsyncIterator[Row]:
        """The rows of a read of any length, some of them at a time in memory."""


class Database(Protocol):
    """A database that is open."""

    demo: bool
    secret: bytes
    is_shared: bool
    """Whether other nodes may write too; such a database is a SharedDatabase."""
    seal: Seal
    """With which values are sealed and opened; rows come as they are kept."""

    async def one(self, statement: Statement, **given: Any) -> Row | None:
        """The first row of a read that touches a handful of rows."""

    async def few(self, statement: Statement, **given: Any) -> list[Row]:
        """All rows of a read that is bounded by an index and a limit."""

    async def many(self, statement: Statement, **given: Any) -> list[Row]:
        """All rows of a read that may take long; stops when it is cancelled."""

    def document(self, enterprise_id: str, command_id: str) -> AsyncIterator[bytes]:
        """The document of a command, opened, piece by piece. Raises Unavailable when it cannot be opened."""

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """Several reads of one moment, until the end of the block."""

    async def transact(self, work: Callable[[Transaction], Awaitable[T]], *, apart: bool = False) -> T:
        """Run ``work`` in one transaction and commit it durably; raises what ``work`` raises, after undoing it.

        ``apart`` says that it is long, and must not hold up the event loop. Only the writer calls this, one at a time.
        """

    def alone(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Whether this is the only node that does what ``name`` says, until the end of the block; nobody waits."""

    async def close(self) -> None:
        """Finish what runs and close every connection."""


class Channel(Protocol):
    """What the nodes of one desk tell each other."""

    async def tell(self, message: str) -> None:
        """Tell every node, this one too; messages come in the same order everywhere."""

    async def check(self) -> None:
        """Raise Unavailable when nothing can be heard any more."""


class SharedDatabase(Database, Protocol):
    """A database that several nodes have open."""

    def channel(self, heard: Callable[[str], None]) -> AbstractAsyncContextManager[Channel]:
        """Hear what the nodes tell, until the end of the block; ``heard`` is called for each message."""
