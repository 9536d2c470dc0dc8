"""The two ways to call administration operations: over HTTP at a server, and within this process on an open desk."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import httpx
import msgspec

from nightporter import __version__
from nightporter.cli.desk import Administration
from nightporter.client import TooManyRequests, Unreachable, Unreadable
from nightporter.client.address import Address
from nightporter.client.calling import refusal_of
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
    async with _server(address, token) as http:

        async def ask(path: str, **fields: Any) -> dict[str, Any]:
            return await _whole(http, await _answer(http, path, lambda: _written(fields)))

        yield ask


async def load_at(address: str, token: str, file: BinaryIO, progress: "Progress") -> dict[str, int]:
    """Load a property file at the server at ``address``; returns how many records of each part.

    ``progress`` takes how many bytes are sent, and of how many. Raises as :func:`over_http`, Refused.
    """
    size = file.seek(0, os.SEEK_END)

    async def pieces() -> AsyncIterator[bytes]:
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece
            progress(file.tell(), size)

    # How long a load takes depends on the file: the server says nothing before it is done.
    options = {"headers": {"Content-Length": str(size)}, "timeout": httpx.Timeout(PATIENCE, read=None)}
    async with _server(address, token) as http:
        reply = await _whole(http, await _answer(http, "properties/load", pieces, **options))
    records: dict[str, int] = reply["Records"]
    return records


async def export_at(address: str, token: str, enterprise_ids: Sequence[str] | None) -> AsyncGenerator[bytes, None]:
    """The property file of enterprises of the server at ``address``, in pieces; raises as :func:`over_http`, Refused."""
    async with _server(address, token) as http:
        content = _written({"EnterpriseIds": enterprise_ids})
        response = await _answer(http, "properties/export", lambda: content)
        with _reaching(http):
            async for piece in response.aiter_bytes():
                yield piece


@asynccontextmanager
async def _server(address: str, token: str) -> AsyncIterator[httpx.AsyncClient]:
    to = Address.of(address)
    headers = {
        "User-Agent": f"nightporter/{__version__}",
        "Content-Type": "application/json",
        "Authorization": f"Bearer {token}",
    }
    async with httpx.AsyncClient(
        base_url=to.http + PREFIX, headers=headers, timeout=PATIENCE, trust_env=not to.is_loopback
    ) as http:
        yield http


async def _answer(
    http: httpx.AsyncClient, path: str, content: Callable[[], bytes | AsyncIterator[bytes]], **options: Any
) -> httpx.Response:
    """The answer, which is still to be read; raises Refused, and Unreachable."""
    while True:
        with _reaching(http):
            request = http.build_request("POST", path, content=content(), **options)
            response = await http.send(request, stream=True)
            if response.status_code in (200, 204):
                return response
            refused = refusal_of(response.status_code, response.headers, await response.aread())
        wait = refused.retry_after if isinstance(refused, TooManyRequests) else None
        if wait is None or wait > LONGEST_WAIT:
            raise refused
        from nightporter.host.clock import machine_sources

        await machine_sources().pause(wait)


async def _whole(http: httpx.AsyncClient, response: httpx.Response) -> dict[str, Any]:
    with _reaching(http):
        return _read(await response.aread() or b"{}")


@contextmanager
def _reaching(http: httpx.AsyncClient) -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        address = f"{http.base_url.scheme}://{http.base_url.netloc.decode()}"
        raise Unreachable(f"{address} cannot be reached: {str(error) or type(error).__name__}") from None


def _written(fields: dict[str, Any]) -> bytes:
    return encode({name: given for name, given in fields.items() if given is not None})


def _read(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Unreadable("The answer is not one of the administration operations; is it the right address?") from None
