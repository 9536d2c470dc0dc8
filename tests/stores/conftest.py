"""The one fixture through which this suite meets a database: what it asks of one, it asks of each."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nightporter.storage.database import Database
from nightporter.storage.opening import open_sqlite
from tests.harness import Clock, copied
from tests.stores.store import Store


@pytest.fixture
def batch_limit() -> int:
    return 512


@pytest.fixture(params=["sqlite"])
async def store(
    request: pytest.FixtureRequest, empty_database: Path, tmp_path: Path, clock: Clock, batch_limit: int
) -> AsyncIterator[Store]:
    """An open database of each kind, with the two enterprises of the suite in it."""
    path = copied(empty_database, tmp_path)

    async def open_the_file() -> Database:
        return open_sqlite(path)

    opening = {"sqlite": open_the_file}[request.param]
    opened = Store(clock, opening, batch_limit)
    await opened.open()
    await opened.set_hotel()
    yield opened
    await opened.close()


@pytest.fixture
def database(store: Store) -> Database:
    return store.database
