"""``/ws/connector``: events as they are committed (contract 5; DESIGN, "Gap-free push")."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import structlog

from nightporter.access.actor import Actor
from nightporter.domain.errors import NotRecognised, Refusal, Unavailable
from nightporter.push.hub import Listener
from nightporter.push.replay import catch_up, read_cursor
from nightporter.web.desk import Desk
from nightporter.web.refusals import body_of, retry_after, status_of
from nightporter.wire.commands import Message as SocketMessage
from nightporter.wire.shapes import encode

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TOO_SLOW = 1013
LOST_RIGHTS = 1008
GOING_AWAY = 1001
_log = structlog.get_logger()


class Socket:
    """Serves the sockets of the desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._open: dict[Listener, tuple[str, str, Send]] = {}
        self.is_closing = False
        """Whether new sockets are refused."""

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one socket until either side ends it."""
        desk = self._desk
        request_id = desk.sources.new_id()
        await receive()
        try:
            if self.is_closing:
                raise Unavailable("The desk is closing. Connect again.")
            client_token, access_token = _cookies(scope)
            actor = await desk.recognition.of_text(client_token, access_token)
            asked = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get("cursor")
            cursor = await read_cursor(desk.database, asked[-1]) if asked and asked[-1] else None
        except Refusal as refusal:
            await _refuse(refusal, request_id, send)
            return
        headers = [(b"request-id", request_id.encode())]
        listener = self._listener(actor, send)
        self._open[listener] = (client_token, access_token, send)
        desk.metrics.connected(1)
        try:
            if cursor is None:
                began_at = desk.hub.published
                desk.hub.add(listener)
                await send({"type": "websocket.accept", "headers": headers})
                if asked:
                    first = encode(SocketMessage([], str(began_at))).decode()
                    await send({"type": "websocket.send", "text": first})
                listener.begin()
            else:
                await send({"type": "websocket.accept", "headers": headers})

                async def tell(message: str) -> None:
                    await send({"type": "websocket.send", "text": message})

                await catch_up(desk.database, desk.hub, listener, cursor, tell)
            while (await receive())["type"] != "websocket.disconnect":
                pass  # What a client says is ignored (D88).
        finally:
            desk.hub.remove(listener)
            del self._open[listener]
            desk.metrics.connected(-1)

    def _listener(self, actor: Actor, send: Send) -> Listener:
        async def write(message: str) -> None:
            await send({"type": "websocket.send", "text": message})

        def drop() -> None:
            self._desk.metrics.dropped()
            closing = asyncio.get_running_loop().create_task(_close(send, TOO_SLOW, "too slow; resume by cursor"))
            _closing.add(closing)
            closing.add_done_callback(_closing.discard)

        return Listener(actor.whole_scope, write, drop, self._desk.settings.listener_queue)

    async def refresh(self) -> None:
        """Facts have changed: give every open socket the scope it has now, close those that lost their rights (D90)."""
        for listener, (client_token, access_token, send) in list(self._open.items()):
            try:
                actor = await self._desk.recognition.of_text(client_token, access_token)
            except NotRecognised:
                listener.end()
                self._desk.hub.remove(listener)
                await _close(send, LOST_RIGHTS, "the access token is no longer valid")
            else:
                self._desk.hub.rescope(listener, actor.whole_scope)

    async def close(self) -> None:
        """The desk goes away: tell each open socket what waits for it, then close it with 1001."""
        await asyncio.gather(*(self._dismiss(listener, send) for listener, (_, _, send) in self._open.items()))

    async def _dismiss(self, listener: Listener, send: Send) -> None:
        await listener.told()
        listener.end()
        await _close(send, GOING_AWAY, "the desk is closing; resume by cursor")


_closing: set[asyncio.Task[None]] = set()


async def _close(send: Send, code: int, reason: str) -> None:
    try:
        await send({"type": "websocket.close", "code": code, "reason": reason})
    except Exception as error:
        _log.debug("the peer was gone before it could be told", code=code, error=str(error))


def _cookies(scope: MutableMapping[str, Any]) -> tuple[str, str]:
    """Both tokens out of the cookie header, whatever other cookies it holds; raises NotRecognised."""
    cookies: dict[str, str] = {}
    for header, value in scope["headers"]:
        if header == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                name, _, content = pair.partition("=")
                cookies[name.strip()] = content.strip()
    for name in ("ClientToken", "AccessToken"):
        if not cookies.get(name):
            raise NotRecognised(name)
    return cookies["ClientToken"], cookies["AccessToken"]


async def _refuse(refusal: Refusal, request_id: str, send: Send) -> None:
    """Answer the upgrade request with the error body (D90)."""
    headers = [(b"content-type", b"application/json"), (b"request-id", request_id.encode())]
    if (seconds := retry_after(refusal)) is not None:
        headers.append((b"retry-after", str(seconds).encode()))
    body = body_of(refusal.message, request_id)
    await send({"type": "websocket.http.response.start", "status": status_of(refusal), "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
