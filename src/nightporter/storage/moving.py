"""Moving a hotel from a SQLite file to an empty PostgreSQL database: all of it or nothing, compared before it counts.

The file is held against every writer meanwhile, and marked as moved in the same transaction once the other database has
committed (docs/backup.md). What dies half way leaves the hotel where it was.
"""

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec
from sqlalchemy import Boolean, Table

from nightporter.domain.value import value
from nightporter.storage import opening
from nightporter.storage.dialects.postgres_opening import filling
from nightporter.storage.dialects.sqlite import connect
from nightporter.storage.places import PostgresAddress
from nightporter.storage.refused import DatabaseRefused
from nightporter.storage.statements import Row
from nightporter.storage.tables import Sequence as Numbers
from nightporter.storage.tables import metadata

ROWS = 1000
PIECE = 4 * 1024 * 1024
"""Bytes that are carried at once, or a single row that is larger."""
_SUM = 2**256


@value
class Content:
    """What a table holds: how many rows, a sum of their hashes, whatever order they come in, and the largest, in bytes."""

    rows: int
    sum: int
    largest: int


@value
class Moved:
    """What was moved: the rows of each table."""

    rows: dict[str, int]


async def move(source: Path, target: PostgresAddress) -> Moved:
    """Move the hotel in ``source`` to ``target``, which must be empty; from then on ``source`` is served no more.

    Raises DatabaseRefused with the reason, and then ``source`` is as it was.
    """
    try:
        async with _held(source) as held:
            desk = opening.check_sqlite(source)
            if opening.revision(source) != opening.REVISIONS[-1]:
                raise DatabaseRefused(f"{source} was made by a newer release of Nightporter. Move it with that one.")
            if desk["demo"]:
                raise DatabaseRefused(f"{source} holds the demo, whose tokens everybody knows. It is not moved.")
            contents = await _copied(held, target)
            held.execute("UPDATE desk SET moved = ?", (str(target),))
            held.execute("COMMIT")
    except sqlite3.Error as error:
        raise DatabaseRefused(f"{source} cannot be moved: {error}.") from error
    return Moved({name: content.rows for name, content in contents.items()})


@asynccontextmanager
async def _held(source: Path) -> AsyncIterator[sqlite3.Connection]:
    """A transaction on the file that keeps every other writer out; undone at the end of the block unless committed."""
    connection = await asyncio.to_thread(connect, source)
    try:
        await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
        yield connection
    finally:
        connection.close()


async def _copied(source: sqlite3.Connection, target: PostgresAddress) -> dict[str, Content]:
    """Copy every table, compare, commit. Raises DatabaseRefused."""
    try:
        async with filling(target) as connection:
            contents = {table.name: await _copy(source, connection, table) for table in metadata.sorted_tables}
            for table in metadata.sorted_tables:
                await _count_on(connection, table)
            for table in metadata.sorted_tables:
                found = await _content(connection, table, contents[table.name])
                if found != contents[table.name]:
                    raise DatabaseRefused(f"The table {table.name} is not the same in {target}. Nothing was moved.")
        return contents
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        said = str(error) or type(error).__name__
        raise DatabaseRefused(
            f"{target} could not take the hotel: {said}. It is where it was; empty that database before you try again."
        ) from error


async def _copy(source: sqlite3.Connection, target: asyncpg.Connection, table: Table) -> Content:
    rows, total, largest = 0, 0, 0
    names = [column.name for column in table.columns]
    pieces = _pieces(source, table)
    while piece := await asyncio.to_thread(next, pieces, None):
        await target.copy_records_to_table(table.name, records=piece, columns=names)
        rows += len(piece)
        total += await asyncio.to_thread(_summed, piece)
        largest = max(largest, *map(_size, piece))
    return Content(rows, total % _SUM, largest)


def _pieces(source: sqlite3.Connection, table: Table) -> Iterator[list[Row]]:
    """The rows of a table, truths as truths, as many at a time as are carried at once."""
    truths = [place for place, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    piece: list[Row] = []
    size = 0
    for found in source.execute(f'SELECT {names} FROM "{table.name}"'):  # noqa: S608 - names of our own tables
        row = list(found)
        for place in truths:
            row[place] = None if row[place] is None else bool(row[place])
        piece.append(tuple(row))
        size += _size(row)
        if len(piece) == ROWS or size >= PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _size(row: Row) -> int:
    return sum(len(one) for one in row if isinstance(one, str | bytes))


_encode = msgspec.msgpack.Encoder().encode


def _summed(piece: Sequence[Row]) -> int:
    return sum(int.from_bytes(hashlib.sha256(_encode(row)).digest()) for row in piece)


async def _content(target: asyncpg.Connection, table: Table, expected: Content) -> Content:
    """What the table holds on the other side, read back from it."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    at_once = max(1, min(ROWS, PIECE // max(1, expected.largest)))
    rows, total, largest = 0, 0, 0
    cursor = await target.cursor(f'SELECT {names} FROM "{table.name}"')  # noqa: S608 - names of our own tables
    while piece := [tuple(row) for row in await cursor.fetch(at_once)]:
        rows += len(piece)
        total += await asyncio.to_thread(_summed, piece)
        largest = max(largest, *map(_size, piece))
    return Content(rows, total % _SUM, largest)


async def _count_on(target: asyncpg.Connection, table: Table) -> None:
    """Let the numbers of a table go on after the highest, as SQLite counts them."""
    for column in table.columns:
        if column.type is Numbers and column.autoincrement is True:
            await target.execute(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608 - our own names
                f'coalesce(max("{column.name}"), 1), max("{column.name}") IS NOT NULL) FROM "{table.name}"'
            )
