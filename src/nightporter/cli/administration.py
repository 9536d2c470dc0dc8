"""The two ways to call administration operations: over HTTP at a server, and within this process on an open desk."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    Payload,
)
from aiohttp.abc import AbstractStreamWriter

from nightporter import __version__
from nightporter.cli.desk import Administration
from nightporter.client import TooManyRequests, Unreachable, Unreadable
from nightporter.client.address import Address, proxy_of
from nightporter.client.calling import reason_of, refusal_of
from nightporter.domain.value import value
from nightporter.wire.shapes import encode

if TYPE_CHECKING:
    from nightporter.operations.administration.load_property import Progress
    from nightporter.web.desk import Desk

PREFIX = "/api/administration/v1/"
PATIENCE = 60.0
"""Seconds to wait for a server that says nothing."""
PIECE = 64 * 1024
LONGEST_WAIT = 60.0
"""Seconds to wait at most where the server asks to come again later."""


def within(desk: "Desk") -> Administration:
    """Carry operations out in this process, as whoever may read the file of the database."""
    # Here, because whoever asks a server needs none of it, and it takes most of a second.
    from nightporter.access.administrator import LOCAL
    from nightporter.operations import ADMINISTRATION, AdministrationCall

    operations = {operation.path: operation for operation in ADMINISTRATION}

    async def ask(path: str, **fields: Any) -> dict[str, Any]:
        operation = operations[path]
        call = AdministrationCall(path, LOCAL, desk.database, desk.writer, desk.sources, desk.retention)
        return _read(encode(await operation.run(call, operation.decode(_written(fields)))))

    return ask


@asynccontextmanager
async def over_http(address: str, token: str) -> AsyncIterator[Administration]:
    """Ask the server at ``address``; raises ValueError for what is no address, Unreachable where nobody answers."""
    async with _server(address, token) as server:

        async def ask(path: str, **fields: Any) -> dict[str, Any]:
            return await server.whole(await server.answer(path, lambda: _written(fields)))

        yield ask


async def load_at(address: str, token: str, file: BinaryIO, progress: "Progress") -> dict[str, int]:
    """Load a property file at the server at ``address``; returns how many records of each part.

    ``progress`` takes how many bytes are sent, and of how many. Raises as :func:`over_http`, Refused.
    """
    size = file.seek(0, os.SEEK_END)

    # How long a load takes depends on the file: the server says nothing before it is done.
    async with _server(address, token, silence=None) as server:
        reply = await server.whole(await server.answer("properties/load", lambda: _File(file, size, progress)))
    records: dict[str, int] = reply["Records"]
    return records


async def export_at(address: str, token: str, enterprise_ids: Sequence[str] | None) -> AsyncGenerator[bytes, None]:
    """The property file of enterprises of the server at ``address``, in pieces; raises as :func:`over_http`, Refused."""
    async with _server(address, token) as server:
        content = _written({"EnterpriseIds": enterprise_ids})
        response = await server.answer("properties/export", lambda: content)
        with server.reaching():
            async for piece in response.content.iter_any():
                yield piece


class _File(Payload):
    """A file on its way up: never whole in memory, each piece taken within PATIENCE."""

    _size: int

    def __init__(self, file: BinaryIO, size: int, progress: "Progress") -> None:
        super().__init__(file)
        self._size = size
        self._progress = progress

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Never asked for."""
        raise NotImplementedError

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send it from its beginning; raises TimeoutError."""
        self._value.seek(0)
        while piece := self._value.read(PIECE):
            async with asyncio.timeout(PATIENCE):
                await writer.write(piece)
                await writer.drain()
            self._progress(self._value.tell(), self._size)


@value
class _Server:
    """Raises Unreachable where nobody answers."""

    address: str
    http: ClientSession

    async def answer(self, path: str, content: Callable[[], bytes | _File]) -> ClientResponse:
        """The answer, which is still to be read; raises Refused."""
        while True:
            with self.reaching():
                response = await self.http.post(self.address + PREFIX + path, data=content(), allow_redirects=False)
                if response.status in (200, 204):
                    return response
                refused = refusal_of(response.status, response.headers, await response.read())
            wait = refused.retry_after if isinstance(refused, TooManyRequests) else None
            if wait is None or wait > LONGEST_WAIT:
                raise refused
            from nightporter.host.clock import machine_sources

            await machine_sources().pause(wait)

    async def whole(self, response: ClientResponse) -> dict[str, Any]:
        """The answer as it was read; raises Unreadable."""
        with self.reaching():
            return _read(await response.read() or b"{}")

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Whatever breaks within is told as Unreachable."""
        try:
            yield
        except (ClientError, TimeoutError) as error:
            raise Unreachable(f"{self.address} cannot be reached: {reason_of(error)}") from None


@asynccontextmanager
async def _server(address: str, token: str, silence: float | None = PATIENCE) -> AsyncIterator[_Server]:
    """``silence`` is how many seconds it may say nothing; None for any time."""
    to = Address.of(address)

    headers = {"User-Agent": f"nightporter/{__version__}", "Content-Type": "application/json"}
    async with ClientSession(
        headers=headers | {"Authorization": f"Bearer {token}"},
        timeout=ClientTimeout(connect=PATIENCE, sock_connect=PATIENCE, sock_read=silence),
        proxy=proxy_of(to.http),
        cookie_jar=DummyCookieJar(),
    ) as http:
        yield _Server(to.http, http)


def _written(fields: dict[str, Any]) -> bytes:
    return encode({name: given for name, given in fields.items() if given is not None})


def _read(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Unreadable("The answer is not one of the administration operations; is it the right address?") from None
