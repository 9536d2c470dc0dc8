"""What tests share: a desk that really runs, a clock and ids that tests own, and replies held against the OpenAPI document."""

import asyncio
import copy
import itertools
import json
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import uvicorn
import websockets
from jsonschema import Draft202012Validator, FormatChecker

from nightporter.domain.sources import Sources
from nightporter.settings import Settings
from nightporter.storage.dialects.postgres_opening import now
from nightporter.storage.opening import create
from nightporter.storage.places import Place, PostgresAddress
from nightporter.storage.tables import metadata
from nightporter.web.app import App
from nightporter.web.desk import Desk
from nightporter.web.openapi import document

PREFIX = "/api/connector/v1/"
ADMINISTRATION_PREFIX = "/api/administration/v1/"
LOCAL_TOKEN = "whoever may read the files of the desk"
CLIENT_TOKEN = "E0D439EE522F44368DC78E1BFB03710C-D24FB11DBE31D4621C4817E028D9E1D"
ACCESS_TOKEN = "C66EF7B239D24632943D115EDE9CB810-EA00F8FD8294692C940F6B5A8F9453D"
POS_TOKEN = "7059D2C25BF64EA681ACAB3A00B859CC-D91BFF2B1E3047A3E0DEC1D57BE1382"


@dataclass
class Clock:
    """A clock that moves only when a test moves it, and ids that count up."""

    now: datetime = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
    elapsed: float = 1000.0
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.elapsed += seconds

    async def pause(self, seconds: float) -> None:
        """Never ends: what the desk does by itself from time to time, a test does when it wants it done."""
        await asyncio.Event().wait()

    def sources(self) -> Sources:
        return Sources(
            now=lambda: self.now,
            elapsed=lambda: self.elapsed,
            new_id=lambda: f"01920000-0000-7000-8000-{next(self.numbers):012x}",
            pause=self.pause,
        )


@cache
def _schemas() -> dict[str, Any]:
    """The OpenAPI document with no additional properties allowed in any object that lists its own."""
    described = copy.deepcopy(document())

    def close(node: Any) -> None:
        if isinstance(node, dict):
            if "properties" in node and "additionalProperties" not in node:
                node["additionalProperties"] = False
            for value in node.values():
                close(value)
        elif isinstance(node, list):
            for value in node:
                close(value)

    close(described["components"])
    return described


def check_reply(path: str, response: httpx.Response) -> None:
    """Hold a reply of an operation against the document: status, headers, body, nothing undocumented."""
    assert response.headers.get("request-id"), "every response carries Request-Id"
    described = _schemas()
    operation = described["paths"].get(path, {}).get("post") if response.request.method == "POST" else None
    if operation is None:
        assert response.status_code == 404
        schema: dict[str, Any] = {"$ref": "#/components/schemas/ErrorReply"}
    else:
        assert str(response.status_code) in operation["responses"], response.text
        if response.status_code == 204:
            assert response.content == b""
            assert "content-type" not in response.headers
            return
        answer = operation["responses"][str(response.status_code)]
        if "$ref" in answer:
            answer = described["components"]["responses"][str(response.status_code)]
        schema = answer["content"]["application/json"]["schema"]
    assert response.headers["content-type"] == "application/json"
    schema = {**schema, "components": described["components"]}
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(response.json())
    if response.status_code >= 400:
        assert response.json()["RequestId"] == response.headers["request-id"]


@dataclass
class RunningDesk:
    """A desk that serves on a port of this machine, in the loop of the test."""

    address: str
    http: httpx.AsyncClient
    clock: Clock
    desk: Desk
    database: Place
    client_token: str = CLIENT_TOKEN
    access_token: str = ACCESS_TOKEN

    def body(self, **fields: Any) -> dict[str, Any]:
        return {
            "ClientToken": self.client_token,
            "AccessToken": self.access_token,
            "Client": "Tests 1.0",
            **fields,
        }

    async def call(self, operation: str, /, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        """Call an operation by its path tail, for example ``commands/update``; the reply is held against the document."""
        return await self.send(operation, json.dumps(self.body(**fields)).encode(), headers)

    async def send(self, operation: str, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send a raw body."""
        response = await self.http.post(
            PREFIX + operation, content=body, headers={"Content-Type": "application/json", **(headers or {})}
        )
        check_reply(PREFIX + operation, response)
        return response

    async def administer(
        self, operation: str, /, *, token: str = LOCAL_TOKEN, headers: dict[str, str] | None = None, **fields: Any
    ) -> httpx.Response:
        """Call an administration operation by its path tail; the reply is held against the document."""
        self.desk.recognition.trust(LOCAL_TOKEN)
        response = await self.http.post(
            ADMINISTRATION_PREFIX + operation,
            content=json.dumps(fields).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}", **(headers or {})},
        )
        check_reply(ADMINISTRATION_PREFIX + operation, response)
        return response

    def as_(self, access_token: str, client_token: str = CLIENT_TOKEN) -> "RunningDesk":
        """The same desk, called with other tokens."""
        return RunningDesk(self.address, self.http, self.clock, self.desk, self.database, client_token, access_token)

    def socket(self, query: str = "") -> Any:
        """Connect a socket with these tokens (an async context manager of the websockets library)."""
        cookie = f"ClientToken={self.client_token}; AccessToken={self.access_token}"
        return websockets.connect(
            self.address.replace("http", "ws") + "/ws/connector" + query, additional_headers={"Cookie": cookie}
        )


def template(folder: Path, clock: Clock) -> Path:
    """An empty database, made once and copied."""
    path = folder / "template.db"
    if not path.exists():
        create(path, clock.sources(), demo=False)
    return path


class PromptServer(uvicorn.Server):
    """The server of a test: it ends when it is told to, where uvicorn looks every tenth of a second, twice."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ending = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.ending.wait()

    async def shutdown(self, sockets: Any = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        async with asyncio.timeout(5):
            while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - nobody is told of the last one
                await asyncio.sleep(0)


@asynccontextmanager
async def running_desk(
    database: Place,
    hotel: bytes | None,
    settings: Settings | None = None,
    clock: Clock | None = None,
    sources: Sources | None = None,
) -> AsyncIterator[RunningDesk]:
    """Serve ``database``, filled with the property file ``hotel`` when it is empty, with a clock of its own."""
    clock = clock or Clock()
    settings = settings or Settings(request_limit=0, port=0)
    app = App(settings, sources or clock.sources(), database, fill=hotel)
    async with app.open() as desk:
        server = PromptServer(
            uvicorn.Config(
                app,
                host="127.0.0.1",
                port=0,
                lifespan="off",
                log_config=None,
                access_log=False,
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                ws_ping_interval=None,
                timeout_graceful_shutdown=2,
            )
        )
        serving = asyncio.create_task(server.serve())
        while not server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0)
        port = server.servers[0].sockets[0].getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        try:
            # Without TLS there is nothing to verify; gathering the certificates would take longer than most tests.
            async with httpx.AsyncClient(base_url=address, timeout=30, verify=False) as http:
                yield RunningDesk(address, http, clock, desk, database)
        finally:
            server.ending.set()
            await serving


def copied(source: Path, folder: Path) -> Path:
    """A copy of a database that is closed."""
    return Path(shutil.copy(source, folder / "desk.db"))


def sql(place: Place, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a statement on a database beside its desk, on a connection of its own; parameters are question marks."""
    if isinstance(place, PostgresAddress):
        numbers = itertools.count(1)
        text = re.sub(r"\?", lambda _: f"${next(numbers)}", statement)

        async def run() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(place.url)
            try:
                return [tuple(row) for row in await connection.fetch(text, *values)]
            finally:
                await connection.close()

        return now(run())
    connection = sqlite3.connect(place, isolation_level=None)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def everything(place: Place) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but the desk's own, whose stamp moves."""
    names = sorted(name for name in metadata.tables if name != "desk")
    return {name: sorted(sql(place, f"SELECT * FROM {name}"), key=repr) for name in names}


@asynccontextmanager
async def busy(place: Place) -> AsyncIterator[None]:
    """Somebody else keeps the desk from writing commands, until the end of the block."""
    if isinstance(place, PostgresAddress):
        connection = await asyncpg.connect(place.url)
        try:
            await connection.execute("BEGIN; LOCK TABLE commands IN EXCLUSIVE MODE")
            yield
        finally:
            await connection.close()
    else:
        holding = sqlite3.connect(place, isolation_level=None)
        try:
            holding.execute("BEGIN IMMEDIATE")
            yield
        finally:
            holding.close()
