"""One call over HTTP: the tokens in the body, what is tried again and what is not, and errors in the client's words."""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import datetime
from io import BytesIO
from typing import Any, TypeVar

import msgspec
from aiohttp import (
    ClientConnectorError,
    ClientHttpProxyError,
    ClientPayloadError,
    ClientProxyConnectionError,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
)
from aiohttp import ClientError as HttpError

from nightporter import __version__
from nightporter.client.address import Address, proxy_of
from nightporter.client.connector import Connector
from nightporter.client.errors import ClientError, Refused, Uncertain, Unreachable, refused
from nightporter.client.patience import BackOff, Means, Patience, read_moment, read_retry_after
from nightporter.client.sifting import Sifter
from nightporter.wire.shapes import encode

PREFIX = "/api/connector/v1/"
KEY_HEADER = "Idempotency-Key"
LONGEST_MESSAGE = 500
PIECE = 64 * 1024
AT_ONCE = 100
"""So many calls may be under way; more wait for their turn."""
_NOT_SENT = (ClientConnectorError, ConnectionTimeoutError, ClientHttpProxyError)
_GATEWAY = frozenset({502, 503, 504})
_SUCCESS = frozenset({200, 204})

T = TypeVar("T")


class Calls:
    """Sends requests with one pair of tokens.

    ``takes_keys`` tells whether the server knows ``Idempotency-Key``; None: find out when it matters.
    """

    def __init__(
        self,
        address: Address,
        client_token: str,
        access_token: str,
        name: str,
        patience: Patience,
        means: Means,
        takes_keys: bool | None,
    ) -> None:
        self._address = address.http
        self._common = {"ClientToken": client_token, "AccessToken": access_token, "Client": name}
        self._patience = patience
        self._means = means
        self.takes_keys = takes_keys
        self.server_time: datetime | None = None
        self._proxy = proxy_of(address.http)
        self._http: ClientSession | None = None
        self._is_closed = False

    async def close(self) -> None:
        """Close all connections; whatever is asked from now on raises ClientError."""
        self._is_closed = True
        if self._http is not None:
            await self._http.close()

    def _session(self) -> ClientSession:
        if self._is_closed:
            raise ClientError("This client is closed; nothing was asked")
        # It belongs to the loop that runs, and a client may be made before there is one.
        if self._http is None:
            self._http = ClientSession(
                connector=Connector(limit=AT_ONCE),
                headers={"User-Agent": f"nightporter/{__version__}", "Content-Type": "application/json"},
                timeout=ClientTimeout(
                    connect=self._patience.silence,
                    sock_connect=self._patience.connect_timeout,
                    sock_read=self._patience.silence,
                ),
                proxy=self._proxy,
                cookie_jar=DummyCookieJar(),
            )
        return self._http

    async def read(self, operation: str, fields: dict[str, Any]) -> bytes:
        """Call an operation that may be repeated without harm; returns the body of its success, ``{}`` for none.

        Raises ClientError.
        """
        return await self._call(operation, fields, None, _whole)

    async def sift(self, operation: str, fields: dict[str, Any], anew: Callable[[], Sifter]) -> Sifter:
        """The same for an answer with documents, through a sifter that is made ``anew`` for each try; returns the last.

        Raises ClientError, and what the sifter's sink raises.
        """

        async def sifted(response: ClientResponse) -> Sifter:
            sifter = anew()
            async for piece in response.content.iter_chunked(PIECE):
                sifter.feed(piece)
            return sifter

        return await self._call(operation, fields, None, sifted)

    async def add(self, operation: str, fields: dict[str, Any], key: str | None) -> bytes:
        """Call an operation that adds, under ``key`` or a new one; raises ClientError.

        After a broken connection it is sent again only when nothing can have arrived, or when the server takes keys:
        it has shown so by the cursors on its socket, or its ``/openapi.json`` says so.
        """
        return await self._call(operation, fields, key or self._means.new_key(), _whole)

    async def _call(
        self,
        operation: str,
        fields: dict[str, Any],
        key: str | None,
        take: Callable[[ClientResponse], Awaitable[T]],
    ) -> T:
        body = encode({**self._common, **fields})
        back_off = BackOff(self._patience, self._means)
        problem: ClientError = Unreachable("It was not tried.")
        is_lost, wait = False, None
        for attempt in range(self._patience.tries):
            if attempt:
                await self._means.sleep(back_off.next(wait))
            wait = None
            if is_lost and key is not None and not await self._may_repeat():
                continue
            try:
                return await self._send(operation, body, key, take)
            except _NOT_SENT as error:
                problem = Unreachable(f"{self._address} cannot be reached: {reason_of(error)}")
            except (HttpError, TimeoutError) as error:
                is_lost = True
                problem = Unreachable(f"{self._address} did not answer: {reason_of(error)}")
            except Refused as error:
                wait = getattr(error, "retry_after", None)
                if not self._asks_to_come_again(error, wait, is_adding=key is not None):
                    raise
                problem = error
        if is_lost and key is not None:
            raise _uncertain(self._address)
        raise problem

    def _asks_to_come_again(self, error: Refused, wait: float | None, *, is_adding: bool) -> bool:
        if (wait or 0) > self._patience.longest_wait:
            return False
        if error.status == 429 or (error.status == 503 and wait is not None):
            return True
        return error.status in _GATEWAY and (not is_adding or bool(self.takes_keys))

    async def _may_repeat(self) -> bool:
        """Whether the server takes keys; false when it did not answer that either. Raises Uncertain when it does not."""
        if self.takes_keys is None:
            self.takes_keys = await self._documents_keys()
        if self.takes_keys is False:
            raise _uncertain(self._address)
        return self.takes_keys is True

    async def _documents_keys(self) -> bool | None:
        try:
            async with (
                asyncio.timeout(self._patience.longest_call),
                self._session().get(f"{self._address}/openapi.json", allow_redirects=False) as response,
            ):
                body = await response.read()
        except (HttpError, TimeoutError):
            return None
        if response.status in _GATEWAY:
            return None
        try:
            adder = msgspec.json.decode(body)["paths"][PREFIX + "commands/addPrinter"]["post"]
            return any(one["name"].lower() == KEY_HEADER.lower() for one in adder["parameters"])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError, TypeError, AttributeError):
            return False

    async def _send(
        self, operation: str, body: bytes, key: str | None, take: Callable[[ClientResponse], Awaitable[T]]
    ) -> T:
        url = self._address + PREFIX + operation
        headers = {} if key is None else {KEY_HEADER: key}
        async with (
            asyncio.timeout(self._patience.longest_call),
            self._session().post(url, data=BytesIO(body), headers=headers, allow_redirects=False) as response,
        ):
            self.server_time = read_moment(response.headers.get("Date", ""))
            if response.status in _SUCCESS:
                return await take(response)
            raise refusal_of(response.status, response.headers, await response.read())


async def _whole(response: ClientResponse) -> bytes:
    body = await response.read()
    return b"{}" if response.status == 204 else body


def refusal_of(status: int, headers: Any, body: bytes) -> Refused:
    """The error that an answer with an error status tells; a body that is not the API's own is not quoted."""
    message, request_id = f"The server answered with status {status}", headers.get("Request-Id")
    try:
        told = msgspec.json.decode(body)
        message = str(told["Message"])[:LONGEST_MESSAGE] or message
        request_id = str(told["RequestId"])[:LONGEST_MESSAGE]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
        pass
    return refused(status, message, request_id, read_retry_after(headers.get("Retry-After"), headers.get("Date")))


def _uncertain(address: str) -> Uncertain:
    return Uncertain(
        f"The connection to {address} broke before the answer came. Whether the command was added is not known; "
        "look before you ask again."
    )


def reason_of(error: Exception) -> str:
    """What stood against a call, in the system's words where it has some."""
    if isinstance(error, ClientHttpProxyError):
        return f"the proxy answered {error.status} {error.message}".rstrip()
    if isinstance(error, ClientResponseError):
        return "what answers there does not speak HTTP"
    if isinstance(error, ClientPayloadError):
        return "the answer broke off, or cannot be read"
    if isinstance(error, ClientConnectorError):
        told = _why_not_connected(error.__cause__)
        return (
            f"the proxy at {error.host}:{error.port}: {told}" if isinstance(error, ClientProxyConnectionError) else told
        )
    if isinstance(error, OSError):
        return _why_not_connected(error)
    return str(error) or type(error).__name__


def _why_not_connected(cause: BaseException | None) -> str:
    if not isinstance(cause, OSError):
        return str(cause)
    # TLS and names count in numbers of their own.
    if cause.errno and not isinstance(cause, (ssl.SSLError, socket.gaierror)):
        return os.strerror(cause.errno)
    return cause.strerror or str(cause) or type(cause).__name__
