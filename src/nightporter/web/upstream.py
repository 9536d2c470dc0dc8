"""Forwarding: a call that the desk does not serve goes to the upstream as it is, and the answer comes back as it is.

Setting ``upstream``; docs/running.md, "Forwarding". Of what aiohttp does for its users most is turned off here: it would follow
redirects, keep cookies, add headers, undo compression and write what is not ASCII anew.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, MutableMapping
from contextlib import suppress
from typing import Any

import structlog
from aiohttp import (
    ClientConnectionResetError,
    ClientConnectorError,
    ClientError,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    Payload,
)
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from yarl import URL

from nightporter.client.connector import Connector
from nightporter.domain.errors import Refusal, TookTooLong, TooLarge, Unavailable, UpstreamFailed, UpstreamSilent
from nightporter.operations import CONNECTOR
from nightporter.settings import Settings
from nightporter.web.bodies import Gone, Message, NotRead, Receive, Send, left, pass_down, unless
from nightporter.web.dispatch import PREFIX, Answer, Headers

CONNECT_TIMEOUT = 10.0
"""Longest time to connect, in seconds, TLS included."""
LONGEST_FIELD, MOST_FIELDS = 100_000, 1000
"""Bytes of one header of an answer, and how many headers: aiohttp's own limits are those of what people write by hand."""

_SEGMENT = rb"(?!\.\.?(?:/|\Z))[A-Za-z0-9._~-]+"
_PATH = re.compile(re.escape(PREFIX.encode()) + _SEGMENT + rb"(?:/" + _SEGMENT + rb")*")
"""Plain segments only: nothing that one server reads as another path than the next."""
_SERVED = frozenset((PREFIX + operation.path).lower().encode() for operation in CONNECTOR)

_OF_THE_CONNECTION = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
        b"trailer", b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
_ANEW = frozenset({b"host", b"content-length", b"expect"})
"""Request headers that are said anew for the next connection; ``Expect`` was met when the body was asked for."""
_UNSENDABLE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_SENT = (ClientConnectorError, ConnectionTimeoutError)
_NOT_OURS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that aiohttp would add where the caller has none."""

_log = structlog.get_logger()


class Upstream:
    """The platform behind the desk, with its pool of connections; ``close`` it."""

    name = "upstream"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.origin = str(URL(settings.upstream).origin())
        self.under_way = 0
        connecting = min(CONNECT_TIMEOUT, settings.upstream_timeout)
        self.http = ClientSession(
            connector=Connector(limit=0),  # what is under way is counted here
            request_class=_Request,
            timeout=ClientTimeout(connect=connecting, sock_connect=connecting, sock_read=settings.upstream_timeout),
            cookie_jar=DummyCookieJar(),
            skip_auto_headers=_NOT_OURS,
            auto_decompress=False,
            trust_env=False,
            max_line_size=LONGEST_FIELD,
            max_field_size=LONGEST_FIELD,
            max_headers=MOST_FIELDS,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self.http.close()

    def takes(self, scope: MutableMapping[str, Any]) -> bool:
        """Whether it is a Connector API call that could be the upstream's: none of the desk's own, in any letter case."""
        path: bytes = scope["raw_path"]
        return scope["method"] == "POST" and _PATH.fullmatch(path) is not None and path.lower() not in _SERVED

    async def ask(self, scope: MutableMapping[str, Any], receive: Receive, request_id: str) -> Answer:
        """Send the call on and wait for the beginning of the answer.

        Raises Unavailable when nothing was sent, UpstreamFailed and UpstreamSilent when it may have been, TooLarge and
        TookTooLong about the caller's body, and Gone.
        """
        announced, limit = Headers.of(scope["headers"]).content_length, self.settings.body_limit
        if announced is not None and announced > limit:
            raise TooLarge(limit)
        if self.under_way >= self.settings.upstream_limit:
            raise Unavailable(
                f"The desk forwards {self.under_way} requests already (upstream_limit). Nothing was done; try again.", 1
            )
        exchange = _Exchange(self, scope, receive, request_id)
        try:
            return await exchange.begin()
        except BaseException:
            await exchange.close()
            raise


class _Request(ClientRequest):
    async def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> None:
        """Send head and body; the head in the bytes in which it came, and not in the UTF-8 that aiohttp has made of them."""
        writer._headers_buf = writer._headers_buf.decode().encode("latin-1")  # type: ignore[attr-defined]  # only aiohttp's own writer has it
        with suppress(ClientConnectionResetError):  # whoever waits for the answer is told by the connection
            await super().write_bytes(writer, conn, content_length)


class _Body(Payload):
    """The caller's body on its way up: at most ``limit`` bytes within ``seconds``, each piece taken within ``silence``."""

    def __init__(self, receive: Receive, limit: int, seconds: float, silence: float) -> None:
        super().__init__(None)
        self._receive = receive
        self._limit = limit
        self._seconds = seconds
        self._silence = silence
        self._deadline = asyncio.get_running_loop().time() + seconds
        self.is_over = asyncio.Event()
        self.problem: Refusal | Gone | None = None
        """What was wrong with it; aiohttp tells only that it could not be sent."""

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Never asked for: it passes and is not kept."""
        raise NotImplementedError

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send it, piece by piece; raises TimeoutError when the upstream does not take one, and ``problem``."""
        try:
            async for piece in self._pieces():
                async with asyncio.timeout(self._silence):
                    await writer.write(piece)
                    await writer.drain()
        except (Refusal, Gone) as problem:
            self.problem = problem
            raise
        finally:
            self.is_over.set()

    async def _pieces(self) -> AsyncIterator[bytes]:
        size, is_more = 0, True
        while is_more:
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise Gone
            piece = message.get("body", b"")
            is_more = message.get("more_body", False)
            size += len(piece)
            if size > self._limit:
                raise TooLarge(self._limit)
            if piece:
                yield piece

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError:
            raise TookTooLong(self._seconds) from None


class _Exchange:
    """One call and its answer; holds one of the places of ``upstream`` until it is closed."""

    def __init__(self, upstream: Upstream, scope: MutableMapping[str, Any], receive: Receive, request_id: str) -> None:
        settings = upstream.settings
        self._upstream = upstream
        self._scope = scope
        self._receive = receive
        self._request_id = request_id
        self._body = _Body(receive, settings.body_limit, settings.time_budget, settings.upstream_timeout)
        self._response: ClientResponse | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._gone = asyncio.ensure_future(self._leave())
        upstream.under_way += 1

    async def begin(self) -> Answer:
        """Send the request; returns the answer as soon as it begins."""
        try:
            await unless(self._gone, self._send_up())
        except (ClientError, TimeoutError) as error:
            raise self._body.problem or self._refusal(error) from None
        response = self._response
        assert response is not None
        raw = response.raw_headers
        if not 200 <= response.status <= 599 or any(_UNSENDABLE.search(value) for _, value in raw):
            self._warn("unusable answer")
            raise UpstreamFailed
        names = {name.lower() for name, _ in raw}
        is_measured = response.status not in (204, 304) and b"transfer-encoding" not in names
        self._headers = _passing(raw, frozenset() if is_measured else frozenset({b"content-length"}))
        given = next((value for name, value in self._headers if name == b"request-id"), None)
        if given is None:
            self._headers.append((b"request-id", self._request_id.encode()))
        else:
            self._request_id = given.decode("latin-1")
        return Answer(response.status, request_id=self._request_id, deliver=self._deliver)

    async def close(self) -> None:
        """End it, wherever it stands: a connection with something left on it is closed, any other is kept."""
        self._gone.cancel()
        try:
            if self._response is not None:
                self._response.close()
        finally:
            self._upstream.under_way -= 1

    async def _send_up(self) -> None:
        scope, upstream = self._scope, self._upstream
        raw: list[tuple[bytes, bytes]] = scope["headers"]
        headers = _passing(raw, _ANEW)
        if not any(name == b"transfer-encoding" for name, _ in raw):
            headers.append((b"content-length", next((value for name, value in raw if name == b"content-length"), b"0")))
        query: bytes = scope["query_string"]
        target: bytes = scope["raw_path"] + (b"?" + query if query else b"")
        self._response = await upstream.http.post(
            URL(upstream.origin + target.decode("latin-1"), encoded=True),
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers],
            data=self._body,
            allow_redirects=False,
        )

    async def _leave(self) -> None:
        """Ends when the caller has left; what it still sends when the answer is whole already is read and forgotten."""
        await self._body.is_over.wait()
        await left(self._receive)

    async def _deliver(self, send: Send) -> None:
        """Send the answer down, piece by piece; raises UpstreamFailed and UpstreamSilent when it ends too early."""
        response = self._response
        assert response is not None
        start: Message = {"type": "http.response.start", "status": response.status, "headers": self._headers}
        silence = self._upstream.settings.upstream_timeout
        try:
            await pass_down(send, start, silence)
            while piece := await unless(self._gone, response.content.readany()):
                await pass_down(send, {"type": "http.response.body", "body": piece, "more_body": True}, silence)
            _raise_if_cut_off(response)
            await pass_down(send, {"type": "http.response.body", "body": b""}, silence)
        except NotRead:
            self._warn("the caller does not read")
        except Gone:
            return
        except (ClientError, TimeoutError) as error:
            raise self._refusal(error) from None
        finally:
            await self.close()

    def _refusal(self, error: ClientError | TimeoutError) -> Refusal:
        # The text of other errors may quote a header, and so a secret.
        self._warn(type(error).__name__, str(error) if isinstance(error, ClientConnectorError) else None)
        if isinstance(error, _NOT_SENT):
            return Unavailable(
                "The platform that serves this operation cannot be reached. Nothing was done; try again later."
            )
        if isinstance(error, TimeoutError):
            return UpstreamSilent(self._upstream.settings.upstream_timeout)
        return UpstreamFailed()

    def _warn(self, problem: str, details: str | None = None) -> None:
        _log.warning(
            "upstream failed",
            request_id=self._request_id,
            upstream=self._upstream.origin,
            problem=problem,
            details=details,
        )


def _raise_if_cut_off(response: ClientResponse) -> None:
    """Raises ClientOSError for an answer that ends with its connection, when that broke: aiohttp takes it for whole."""
    is_framed = not {"content-length", "transfer-encoding"}.isdisjoint(response.headers)
    lost = response._protocol.exception() if response._protocol is not None else None
    if not is_framed and isinstance(lost, ClientOSError):
        raise lost


def _passing(headers: Iterable[tuple[bytes, bytes]], but: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    """The headers that pass: not ``but``, none of the connection's own, and none that it names (RFC 9110, 7.6.1)."""
    lower = [(name.lower(), value.strip(b" \t")) for name, value in headers]
    named = {one.strip().lower() for name, value in lower if name == b"connection" for one in value.split(b",")}
    kept_back = _OF_THE_CONNECTION | named | but
    return [(name, value) for name, value in lower if name not in kept_back]
