"""Forwarding: a call that the desk does not serve goes to the upstream as it is, and the answer comes back as it is.

Setting ``upstream``; docs/running.md, "Forwarding". The transport of httpx is used without its client, which would follow
redirects, keep cookies, add headers and undo compression.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, MutableMapping
from typing import Any, TypeVar

import httpx
import structlog

from nightporter.domain.errors import Refusal, TookTooLong, TooLarge, Unavailable, UpstreamFailed, UpstreamSilent
from nightporter.operations import CONNECTOR
from nightporter.settings import Settings
from nightporter.web.bodies import Gone, Message, NotRead, Receive, Send, left, pass_down, unless
from nightporter.web.dispatch import PREFIX, Answer, Headers

CONNECT_TIMEOUT = 10.0
"""Longest time to connect, in seconds, TLS included."""
IDLE = 4.0
"""Seconds for which an unused connection is kept: less than the usual 5 of servers, so that none is taken just as it ends."""

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
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

_T = TypeVar("_T")
_log = structlog.get_logger()


class Upstream:
    """The platform behind the desk, with its pool of connections; ``close`` it."""

    name = "upstream"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = httpx.URL(settings.upstream)
        self.under_way = 0
        is_secure = self.url.scheme == "https"
        self.transport = httpx.AsyncHTTPTransport(
            verify=httpx.create_ssl_context() if is_secure else False,
            trust_env=False,
            limits=httpx.Limits(
                max_connections=settings.upstream_limit,
                max_keepalive_connections=settings.upstream_limit,
                keepalive_expiry=IDLE,
            ),
        )
        self.timeout = httpx.Timeout(
            settings.upstream_timeout, connect=min(CONNECT_TIMEOUT, settings.upstream_timeout)
        ).as_dict()

    async def close(self) -> None:
        """Close all connections."""
        await self.transport.aclose()

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


class _Body(httpx.AsyncByteStream):
    """The caller's body on its way up, at most ``limit`` bytes within ``seconds``; what it raises ends the exchange."""

    def __init__(self, receive: Receive, limit: int, seconds: float) -> None:
        self._receive = receive
        self._limit = limit
        self._seconds = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds
        self.is_over = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
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
            if not is_more:
                self.is_over.set()
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
        self._body = _Body(receive, settings.body_limit, settings.time_budget)
        self._response: httpx.Response | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._gone = asyncio.ensure_future(self._leave())
        upstream.under_way += 1

    async def begin(self) -> Answer:
        """Send the request; returns the answer as soon as it begins."""
        try:
            await unless(self._gone, self._send_up())
        except httpx.TransportError as error:
            raise self._refusal(error) from None
        finally:
            self._body.is_over.set()
        response = self._response
        assert response is not None
        raw = response.headers.raw
        if not 200 <= response.status_code <= 599 or any(_UNSENDABLE.search(value) for _, value in raw):
            self._warn("unusable answer")
            raise UpstreamFailed
        names = {name.lower() for name, _ in raw}
        is_measured = response.status_code not in (204, 304) and b"transfer-encoding" not in names
        self._headers = _passing(raw, frozenset() if is_measured else frozenset({b"content-length"}))
        given = next((value for name, value in self._headers if name == b"request-id"), None)
        if given is None:
            self._headers.append((b"request-id", self._request_id.encode()))
        else:
            self._request_id = given.decode("latin-1")
        return Answer(response.status_code, request_id=self._request_id, deliver=self._deliver)

    async def close(self) -> None:
        """End it, wherever it stands: a connection with something left on it is closed, any other is kept."""
        self._gone.cancel()
        try:
            if self._response is not None:
                await self._response.aclose()
        finally:
            self._upstream.under_way -= 1

    async def _send_up(self) -> None:
        scope, upstream = self._scope, self._upstream
        raw: list[tuple[bytes, bytes]] = scope["headers"]
        headers = [(b"host", upstream.url.netloc), *_passing(raw, _ANEW)]
        if any(name == b"transfer-encoding" for name, _ in raw):
            headers.append((b"transfer-encoding", b"chunked"))
        else:
            headers.append((b"content-length", next((value for name, value in raw if name == b"content-length"), b"0")))
        query: bytes = scope["query_string"]
        target: bytes = scope["raw_path"] + (b"?" + query if query else b"")
        request = httpx.Request(
            "POST",
            upstream.url,
            headers=headers,
            stream=self._body,
            extensions={"target": target, "timeout": upstream.timeout},
        )
        self._response = await upstream.transport.handle_async_request(request)

    async def _leave(self) -> None:
        """Ends when the caller has left; what it still sends after an early answer is read and forgotten."""
        await self._body.is_over.wait()
        await left(self._receive)

    async def _deliver(self, send: Send) -> None:
        """Send the answer down, piece by piece; raises UpstreamFailed and UpstreamSilent when it ends too early."""
        response = self._response
        assert response is not None
        assert isinstance(response.stream, httpx.AsyncByteStream)
        start: Message = {"type": "http.response.start", "status": response.status_code, "headers": self._headers}
        silence = self._upstream.settings.upstream_timeout
        try:
            await pass_down(send, start, silence)
            pieces = aiter(response.stream)
            while (piece := await unless(self._gone, anext(pieces, None))) is not None:
                await pass_down(send, {"type": "http.response.body", "body": piece, "more_body": True}, silence)
            await pass_down(send, {"type": "http.response.body", "body": b""}, silence)
        except NotRead:
            self._warn("the caller does not read")
        except Gone:
            return
        except httpx.TransportError as error:
            raise self._refusal(error) from None
        finally:
            await self.close()

    def _refusal(self, error: httpx.TransportError) -> Refusal:
        # The text of other errors may quote a header, and so a secret.
        self._warn(type(error).__name__, str(error) if isinstance(error, httpx.ConnectError) else None)
        if isinstance(error, _NOT_SENT):
            return Unavailable(
                "The platform that serves this operation cannot be reached. Nothing was done; try again later."
            )
        if isinstance(error, httpx.TimeoutException):
            return UpstreamSilent(self._upstream.settings.upstream_timeout)
        return UpstreamFailed()

    def _warn(self, problem: str, details: str | None = None) -> None:
        _log.warning(
            "upstream failed",
            request_id=self._request_id,
            upstream=str(self._upstream.url),
            problem=problem,
            details=details,
        )


def _passing(headers: Iterable[tuple[bytes, bytes]], but: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    """The headers that pass: not ``but``, none of the connection's own, and none that it names (RFC 9110, 7.6.1)."""
    lower = [(name.lower(), value.strip(b" \t")) for name, value in headers]
    named = {one.strip().lower() for name, value in lower if name == b"connection" for one in value.split(b",")}
    kept_back = _OF_THE_CONNECTION | named | but
    return [(name, value) for name, value in lower if name not in kept_back]
