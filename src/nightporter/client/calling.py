"""One call over HTTP: the tokens in the body, what is tried again and what is not, and errors in the client's words."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import msgspec

from nightporter import __version__
from nightporter.client.address import Address
from nightporter.client.errors import ClientError, Refused, Uncertain, Unreachable, refused
from nightporter.client.patience import BackOff, Means, Patience, read_retry_after
from nightporter.client.sifting import Sifter
from nightporter.wire.shapes import encode

PREFIX = "/api/connector/v1/"
KEY_HEADER = "Idempotency-Key"
LONGEST_MESSAGE = 500
PIECE = 64 * 1024
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
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
        self._http = httpx.AsyncClient(
            headers={"User-Agent": f"nightporter/{__version__}"},
            timeout=httpx.Timeout(patience.silence, connect=patience.connect_timeout),
            trust_env=not address.is_loopback,
            # Gathering the certificates takes longer than a call, and without TLS nobody is verified.
            verify=self._address.startswith("https:"),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def read(self, operation: str, fields: dict[str, Any]) -> bytes:
        """Call an operation that may be repeated without harm; returns the body of its success, ``{}`` for none.

        Raises ClientError.
        """
        return await self._call(operation, fields, None, _whole)

    async def sift(self, operation: str, fields: dict[str, Any], anew: Callable[[], Sifter]) -> Sifter:
        """The same for an answer with documents, through a sifter that is made ``anew`` for each try; returns the last.

        Raises ClientError, and what the sifter's sink raises.
        """

        async def sifted(response: httpx.Response) -> Sifter:
            sifter = anew()
            async for piece in response.aiter_bytes(PIECE):
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
        take: Callable[[httpx.Response], Awaitable[T]],
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
                problem = Unreachable(f"{self._address} cannot be reached: {_reason(error)}")
            except (httpx.HTTPError, TimeoutError) as error:
                is_lost = True
                problem = Unreachable(f"{self._address} did not answer: {_reason(error)}")
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
            async with asyncio.timeout(self._patience.longest_call):
                response = await self._http.get(f"{self._address}/openapi.json")
        except (httpx.HTTPError, TimeoutError):
            return None
        if response.status_code in _GATEWAY:
            return None
        try:
            adder = msgspec.json.decode(response.content)["paths"][PREFIX + "commands/addPrinter"]["post"]
            return any(one["name"].lower() == KEY_HEADER.lower() for one in adder["parameters"])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError, TypeError, AttributeError):
            return False

    async def _send(
        self, operation: str, body: bytes, key: str | None, take: Callable[[httpx.Response], Awaitable[T]]
    ) -> T:
        url = self._address + PREFIX + operation
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers[KEY_HEADER] = key
        async with (
            asyncio.timeout(self._patience.longest_call),
            self._http.stream("POST", url, content=body, headers=headers) as response,
        ):
            if response.status_code in _SUCCESS:
                return await take(response)
            raise refusal_of(response.status_code, response.headers, await response.aread())


async def _whole(response: httpx.Response) -> bytes:
    body = await response.aread()
    return b"{}" if response.status_code == 204 else body


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


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
