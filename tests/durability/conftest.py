from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nightporter.operations.administration.load_property import load_property
from nightporter.settings import Settings
from nightporter.web.app import App
from tests.contract import hotel
from tests.durability.process import Server
from tests.harness import Clock, copied


@pytest.fixture
async def database(empty_database: Path, tmp_path: Path) -> Path:
    """The hotel of the contract's rules in a file, closed."""
    path = copied(empty_database, tmp_path)
    clock = Clock()
    async with App(Settings(), clock.sources(), path).open() as desk:
        await load_property(desk.writer, clock.sources(), hotel.printed(hotel.property_file()))
    return path


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers; whatever still runs at the end of the test is ended."""
    started: list[Server] = []

    def start(database: Path, **options: Any) -> Server:
        started.append(Server(database, **options))
        return started[-1]

    yield start
    for server in started:
        server.kill()


def body(**fields: Any) -> dict[str, Any]:
    """A request of the integration that is connected to every device."""
    return {"ClientToken": hotel.CLIENT_TOKEN, "AccessToken": hotel.AGENT, "Client": "Tests 1.0", **fields}


async def call(http: httpx.AsyncClient, operation: str, /, key: str | None = None, **fields: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await http.post(f"/api/connector/v1/{operation}", json=body(**fields), headers=headers)


KEY_CUTTER = {"KeyCutterId": hotel.CUTTER, "ReservationId": hotel.STAY, "KeyCount": 1}
