"""A real ``nightporter serve`` on the demo property, and callers that speak plain HTTP to it."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import websockets

from tests.cli.program import Started, free_port, started
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, PREFIX, copied, running_desk

PRINTER = "d117866d-78de-4459-9077-42d7ea0120e3"
PATIENCE = 30.0


async def filled(template: Path, folder: Path, hotel: bytes) -> Path:
    """The demo property in a file of a real desk, closed."""
    database = copied(template, folder)
    async with running_desk(database, hotel):
        return database


class Served:
    """The running desk."""

    def __init__(self, process: Started, port: int, database: Path) -> None:
        self.process = process
        self.port = port
        self.database = database
        self.address = f"http://127.0.0.1:{port}"
        self._callers: list[Caller] = []

    async def caller(self) -> "Caller":
        """A new connection; raises ConnectionRefusedError when nobody listens."""
        self._callers.append(Caller(*await asyncio.open_connection("127.0.0.1", self.port)))
        return self._callers[-1]

    async def hang_up(self) -> None:
        """Close every connection."""
        for caller in self._callers:
            await caller.close()

    def stop(self) -> None:
        self.process.send(signal.SIGTERM)

    def socket(self, query: str = "") -> Any:
        cookie = f"ClientToken={CLIENT_TOKEN}; AccessToken={ACCESS_TOKEN}"
        return websockets.connect(
            f"ws://127.0.0.1:{self.port}/ws/connector{query}", additional_headers={"Cookie": cookie}
        )

    def http(self) -> httpx.AsyncClient:
        # Without TLS there is nothing to verify; gathering the certificates takes its time.
        return httpx.AsyncClient(base_url=self.address, timeout=PATIENCE, verify=False)

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged, line by line, but for its advice to have a key; every line must be one of ours."""
        lines = [json.loads(line) for line in self.process.err]
        return [line for line in lines if line["event"] != "nothing is encrypted"]

    def kept(self) -> set[str]:
        """The ids of the commands in the file."""
        connection = sqlite3.connect(self.database)
        try:
            return {row[0] for row in connection.execute("SELECT id FROM commands")}
        finally:
            connection.close()


@asynccontextmanager
async def served(database: Path, **environment: str) -> AsyncIterator[Served]:
    """Serve ``database`` in a process of its own, with no request limit."""
    port = free_port()
    given = {"NIGHTPORTER_REQUEST_LIMIT": "0", **environment}
    async with started("serve", "--database", database, "--port", str(port), **given) as process:
        await process.says("Nightporter:", f"127.0.0.1:{port}")
        desk = Served(process, port, database)
        try:
            yield desk
        finally:
            await desk.hang_up()


def printing(data: str = "QUJD") -> dict[str, Any]:
    """A request to print."""
    return body(PrinterId=PRINTER, CopyCount=1, Data=data)


def body(**fields: Any) -> dict[str, Any]:
    return {"ClientToken": CLIENT_TOKEN, "AccessToken": ACCESS_TOKEN, "Client": "Tests 1.0", **fields}


class Caller:
    """One connection, held as long as the desk lets it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def begin(self, operation: str, content: bytes, sent: int | None = None) -> None:
        """Send a request, of its body only ``sent`` bytes."""
        head = f"POST {PREFIX}{operation} HTTP/1.1\r\nHost: desk\r\nContent-Type: application/json\r\n"
        self.writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content[:sent])
        await self.writer.drain()

    async def reply(self) -> tuple[int, bool, bytes]:
        """Status, whether the connection stays, and body; raises IncompleteReadError for a reply that is not whole."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        if "transfer-encoding: chunked" in head:
            pieces = []
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                pieces.append((await self.reader.readexactly(size + 2))[:-2])
            await self.reader.readexactly(2)
            content = b"".join(pieces)
        else:
            length = head.partition("content-length: ")[2].partition("\r\n")[0]
            content = await self.reader.readexactly(int(length))
        return int(head.split()[1]), "connection: close" not in head, content

    async def call(self, operation: str, content: bytes) -> tuple[int, bool, bytes]:
        await self.begin(operation, content)
        return await self.reply()

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()
