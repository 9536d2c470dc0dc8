"""Clients that cost little: kept connections for calls, and one socket that hears what becomes of commands."""

import asyncio
import base64
import os
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

from nightporter.cli.demo import ACCESS_TOKEN, CLIENT_TOKEN

PATIENCE = 10.0
"""Seconds for a socket to open."""
Heard = Callable[[str, str], None]
"""Takes the id of a command, and its state, when an event arrives."""
_EVENT = re.compile(rb'"Id":"([^"]+)","State":"([^"]+)"')
_PING, _PONG = 9, 10
_LONG = 126
"""From here on the length of a frame stands in bytes of its own."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def _where(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


class _Connection(asyncio.Protocol):
    """One call at a time."""

    def __init__(self) -> None:
        self._held = b""
        self._reply: asyncio.Future[bytes] | None = None
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, found, body = self._held.partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        # Without a length it comes in pieces; no text of ours ends as the last of them does.
        whole = body.endswith(b"0\r\n\r\n") if length is None else len(body) == int(length.group(1))
        if whole and self._reply is not None:
            assert head[9:10] == b"2", self._held
            self._held = b""
            self._reply.set_result(body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(exc or ConnectionResetError("the server ended the connection"))

    async def call(self, path: str, body: bytes) -> bytes:
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(
            b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (path.encode(), len(body), body)
        )
        return await self._reply

    @property
    def is_open(self) -> bool:
        """Not so once the server has ended it, as it does with one that is idle for long."""
        return not self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()


class Callers:
    """As many kept connections as there were ever calls under way at once."""

    def __init__(self, address: str) -> None:
        self._where = _where(address)
        self._free: deque[_Connection] = deque()

    async def call(self, path: str, body: bytes) -> bytes:
        """POST; returns the body of the reply, which must be a success."""
        connection = None
        while self._free and (connection is None or not connection.is_open):
            connection = self._free.pop()
        if connection is None or not connection.is_open:
            _, connection = await asyncio.get_running_loop().create_connection(_Connection, *self._where)
        reply = await connection.call(path, body)
        self._free.append(connection)
        return reply

    def close(self) -> None:
        """End those that are free."""
        for connection in self._free:
            connection.close()


class _Socket(asyncio.Protocol):
    """Answers pings, without which a server ends the connection after half a minute (RFC 6455, 5.2 and 5.5.3)."""

    def __init__(self, heard: Heard, opened: asyncio.Future[None]) -> None:
        self._heard = heard
        self._opened = opened
        self._held = b""
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            (
                "GET /ws/connector HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                f"Cookie: ClientToken={CLIENT_TOKEN}; AccessToken={ACCESS_TOKEN}\r\n\r\n"
            ).encode()
        )

    def data_received(self, data: bytes) -> None:
        self._held += data
        if not self._opened.done():
            head, found, rest = self._held.partition(b"\r\n\r\n")
            if not found:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._held = rest
            self._opened.set_result(None)
        while len(self._held) >= 2:
            length, at = self._held[1], 2
            if length >= _LONG:
                at = 4 if length == _LONG else 10
                length = int.from_bytes(self._held[2:at], "big")
            if len(self._held) < at + length:
                return
            kind, content, self._held = self._held[0] & 15, self._held[at : at + length], self._held[at + length :]
            if kind == _PING:
                # Masked with noughts, which changes nothing.
                self._transport.write(bytes([0x80 | _PONG, 0x80 | length, 0, 0, 0, 0]) + content)
            for match in _EVENT.finditer(content):
                self._heard(match.group(1).decode(), match.group(2).decode())


@asynccontextmanager
async def listening(address: str, heard: Heard) -> AsyncIterator[None]:
    """A socket of the demo's client, for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    opened = loop.create_future()
    transport, _ = await loop.create_connection(lambda: _Socket(heard, opened), *_where(address))
    try:
        async with asyncio.timeout(PATIENCE):
            await opened
        yield
    finally:
        transport.close()
