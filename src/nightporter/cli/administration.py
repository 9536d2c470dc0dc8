"""The two ways to call administration operations: over HTTP at a server, and within this process on an open desk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec

from nightporter import __version__
from nightporter.access.administrator import LOCAL
from nightporter.cli.desk import Administration
from nightporter.client import TooManyRequests, Unreachable, Unreadable
from nightporter.client.address import Address
from nightporter.client.calling import refusal_of
from nightporter.operations import ADMINISTRATION, AdministrationCall
from nightporter.web.app import machine_sources
from nightporter.web.desk import Desk
from nightporter.wire.shapes import encode

PREFIX = "/api/administration/v1/"
LONGEST_WAIT = 60.0
"""Seconds to wait at most where the server asks to come again later."""
_OPERATIONS = {operation.path: operation for operation in ADMINISTRATION}


def within(desk: Desk) -> Administration:
    """Carry operations out in this process, as whoever may read the file of the database."""

    async def ask(path: str, **fields: Any) -> dict[str, Any]:
        operation = _OPERATIONS[path]
        call = AdministrationCall(path, LOCAL, desk.database, desk.writer, desk.sources)
        return _read(encode(await operation.run(call, operation.decode(_written(fields)))))

    return ask


@asynccontextmanager
async def over_http(address: str, token: str) -> AsyncIterator[Administration]:
    """Ask the server at ``address``; raises ValueError for what is no address, Unreachable where nobody answers."""
    to = Address.of(address)
    headers = {"User-Agent": f"nightporter/{__version__}", "Content-Type": "application/json"}
    pause = machine_sources().pause

    async with httpx.AsyncClient(
        headers={**headers, "Authorization": f"Bearer {token}"}, timeout=60.0, trust_env=not to.is_loopback
    ) as http:

        async def ask(path: str, **fields: Any) -> dict[str, Any]:
            while True:
                try:
                    response = await http.post(to.http + PREFIX + path, content=_written(fields))
                except httpx.HTTPError as error:
                    raise Unreachable(f"{to.http} cannot be reached: {str(error) or type(error).__name__}") from None
                if response.status_code in (200, 204):
                    return _read(response.content or b"{}")
                refused = refusal_of(response.status_code, response.headers, response.content)
                wait = refused.retry_after if isinstance(refused, TooManyRequests) else None
                if wait is None or wait > LONGEST_WAIT:
                    raise refused
                await pause(wait)

        yield ask


def _written(fields: dict[str, Any]) -> bytes:
    return encode({name: given for name, given in fields.items() if given is not None})


def _read(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Unreadable("The answer is not one of the administration operations; is it the right address?") from None
