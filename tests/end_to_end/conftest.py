from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.manager import Manager
from tests.end_to_end.served import filled


@pytest.fixture
async def database(empty_database: Path, tmp_path: Path, demo_hotel: bytes) -> Path:
    """The demo property in a file of a real desk, closed."""
    return await filled(empty_database, tmp_path, demo_hotel)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    one = Manager(tmp_path)
    yield one
    one.close()
