"""SQLite gives a whole transaction up when the disk fails in the middle of a part of it; the reason must come through."""

import sqlite3
from pathlib import Path

import pytest

from nightporter.domain.errors import Unavailable
from nightporter.storage.database import Transaction
from nightporter.storage.opening import open_sqlite
from tests.harness import copied


async def test_a_disk_that_fails_within_a_savepoint_is_weather(empty_database: Path, tmp_path: Path):
    database = open_sqlite(copied(empty_database, tmp_path))

    async def work(transaction: Transaction) -> None:
        async with transaction.savepoint():
            database._writing.execute("ROLLBACK")  # what SQLite does by itself before it reports such an error
            raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(Unavailable, match="disk I/O error"):
        await database.transact(work)
    await database.close()
