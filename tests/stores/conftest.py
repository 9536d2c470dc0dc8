"""The one fixture through which this suite meets a database: what it asks of one, it asks of each."""

from collections.abc import AsyncIterator

import pytest

from nightporter.storage.database import Database
from nightporter.storage.opening import open_database
from nightporter.storage.places import Place
from tests.harness import Clock
from tests.postgres import kind
from tests.stores.store import Store


@pytest.fixture
def batch_limit() -> int:
    return 512


@pytest.fixture
async def store(home: Place, clock: Clock, batch_limit: int) -> AsyncIterator[Store]:
    """An open database of each kind, with the two enterprises of the suite in it."""
    opened = Store(clock, lambda: open_database(home), batch_limit)
    await opened.open()
    await opened.set_hotel()
    yield opened
    await opened.close()


@pytest.fixture
def database(store: Store) -> Database:
    return store.database


__all__ = ["kind"]
