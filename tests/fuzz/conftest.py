import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from nightporter.settings import Settings
from nightporter.web.app import App
from nightporter.web.retention import FOR_EVER
from tests.durability.process import Server
from tests.harness import Clock, copied


@pytest.fixture(scope="module")
def server(empty_database: Path, tmp_path_factory: pytest.TempPathFactory, demo_hotel: bytes) -> Iterator[Server]:
    """The demo property, served by a process of its own; it must not have met a defect by the end.

    Nothing leaves by its age: what the tests compare must change by their requests alone.
    """
    path = copied(empty_database, tmp_path_factory.mktemp("fuzz"))

    async def fill() -> None:
        async with App(Settings(), Clock().sources(), path, fill=demo_hotel).open():
            pass

    asyncio.run(fill())
    started = Server(path, **FOR_EVER)
    yield started
    assert httpx.get(f"{started.address}/ready").status_code == 200
    started.stop()
    assert started.log() == f"Nightporter: {started.address}, the desk of {path}\n"
