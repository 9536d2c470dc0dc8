"""The composition root: the only place where a desk is put together, and where time and ids come from."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, cast

import structlog
from starlette.applications import Starlette

from nightporter.domain.deadlines import Deadlines, read_defaults
from nightporter.domain.errors import Unknown
from nightporter.domain.sources import Sources
from nightporter.operations.administration.load_property import load_property
from nightporter.push.hub import Hub
from nightporter.push.relay import Relay
from nightporter.settings import InvalidSetting, Settings, read_keys
from nightporter.storage import events, property  # noqa: A004 - the property's own word
from nightporter.storage.batch import Event
from nightporter.storage.database import Database, SharedDatabase
from nightporter.storage.opening import open_database
from nightporter.storage.places import Place
from nightporter.storage.refused import DatabaseRefused
from nightporter.storage.resealing import refuse_strangers
from nightporter.storage.sealing import Seal
from nightporter.storage.writer import Writer
from nightporter.web.bodies import Receive, Send
from nightporter.web.desk import Desk
from nightporter.web.dispatch import Dispatch
from nightporter.web.last_use import LastUse
from nightporter.web.limits import RequestLimit
from nightporter.web.logs import request_log
from nightporter.web.metrics import Metrics
from nightporter.web.pages import PATHS, Pages
from nightporter.web.readiness import Readiness
from nightporter.web.recognition import Recognition
from nightporter.web.refusals import body_of, status_of
from nightporter.web.retention import Purger, retention_of
from nightporter.web.shared_limit import SharedLimit
from nightporter.web.socket import Socket
from nightporter.web.sweeper import Sweeper

SOCKET_PATH = b"/ws/connector"
API = b"/api/"
NO_KEYS = (
    "PINs, documents, results and guest data are kept in the clear; see docs/encryption.md for nightporter new-key"
)
_log = structlog.get_logger()


def deadlines_of(settings: Settings) -> Deadlines:
    """The defaults for each type of device; raises InvalidSetting."""
    read = []
    for name, text in (("expires_after", settings.expires_after), ("stalled_after", settings.stalled_after)):
        try:
            read.append(read_defaults(text))
        except ValueError as error:
            raise InvalidSetting(f"{name} is {text!r}: {error}") from None
    return Deadlines(*read)


class App:
    """The ASGI application: sockets, the API, pages. Starts with the first lifespan message and ends with the last.

    ``trusted`` is a token of whoever may read the files of the desk, ``metrics`` counts what it does. Raises
    InvalidSetting for durations that cannot be read.
    """

    def __init__(
        self,
        settings: Settings,
        sources: Sources,
        place: Place,
        *,
        fill: bytes | None = None,
        trusted: str | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._place = place
        self._deadlines = deadlines_of(settings)
        self._retention = retention_of(settings)
        self._seal = Seal(read_keys(settings.keys))
        self._fill = fill
        self._trusted = trusted
        self._metrics = Metrics() if metrics is None else metrics
        self._api: Dispatch | None = None
        self._socket: Socket | None = None
        self._pages: Callable[..., Awaitable[None]] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused: DatabaseRefused | None = None
        """Why the desk could not be opened, where that lies with the database."""
        self.readiness: Readiness | None = None
        """Of the desk, once it is open."""

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Hand a connection to whoever serves it."""
        if scope["type"] == "http":
            assert self._api is not None
            assert self._pages is not None
            if scope["raw_path"].startswith(API) or scope["raw_path"] not in _PAGES or scope["method"] not in _READS:
                await self._api(scope, receive, send)
            else:
                await self._pages(scope, receive, send)
        elif scope["type"] == "websocket":
            assert self._socket is not None
            if scope["raw_path"] == SOCKET_PATH:
                await self._socket(scope, receive, send)
            else:
                await _no_such_socket(self._sources.new_id(), receive, send)
        else:
            await self._live(receive, send)

    def refuse_sockets(self) -> None:
        """From now on nobody opens a socket."""
        if self._socket is not None:
            self._socket.is_closing = True

    async def close_sockets(self) -> None:
        """Close every socket as one that goes away, once it was told what waits for it."""
        if self._socket is not None:
            await self._socket.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self.open() as desk:
                if not self._seal.ids and not desk.database.demo:
                    _log.warning("nothing is encrypted", advice=NO_KEYS)
                # A server alone does what the clock says: what opens the desk for a moment has not the server's settings.
                desk.sweeper.start()
                purger = Purger(desk.database, desk.writer, desk.sources, desk.retention)
                purger.start()
                try:
                    await send({"type": "lifespan.startup.complete"})
                    await receive()
                finally:
                    await purger.close()
        except DatabaseRefused as refusal:
            self.refused = refusal
            await send({"type": "lifespan.startup.failed"})
            raise
        except Exception as error:
            _log.error("the desk could not be opened or closed", exc_info=error)
            await send({"type": "lifespan.startup.failed"})
            raise
        await send({"type": "lifespan.shutdown.complete"})

    async def check(self) -> None:
        """Raise DatabaseRefused when the desk cannot be opened, for its database or its keys."""
        await (await self._opened()).close()

    async def _opened(self) -> Database:
        database = await open_database(self._place)
        database.seal = self._seal
        try:
            await refuse_strangers(database)
        except BaseException:
            await database.close()
            raise
        return database

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Desk]:
        """An open desk, served by this application until the end of the block."""
        settings, sources = self._settings, self._sources
        database = await self._opened()
        hub = Hub()
        relay: Relay | None = None
        recognition = Recognition(database, lambda: relay is None or relay.is_current)
        if self._trusted is not None:
            recognition.trust(self._trusted)
        metrics = self._metrics

        async def refresh() -> None:
            if self._socket is not None:
                await self._socket.refresh()

        def publish(committed: list[Event], property_changed: bool) -> None:
            metrics.published(len(committed))
            if relay is not None:
                relay.committed(committed, property_changed)
                return
            hub.publish(committed)
            if property_changed:
                recognition.forget()
                refreshing = asyncio.get_running_loop().create_task(refresh())
                self._tasks.add(refreshing)
                refreshing.add_done_callback(self._tasks.discard)

        writer = Writer(database, sources, publish, settings.batch_limit, self._deadlines, metrics.committed)
        last_use = LastUse(recognition, writer, sources)
        sweeper = Sweeper(database, writer, sources, self._deadlines)
        limit = RequestLimit(settings.request_limit, settings.request_window, sources.elapsed)
        shared: SharedLimit | None = None
        if database.is_shared:
            relay = Relay(cast("SharedDatabase", database), hub, sources, recognition.forget, refresh)
            limit = shared = SharedLimit(settings.request_limit, settings.request_window, sources, relay.tell)
            relay.on_message = shared.hear
        log = request_log(settings.log_level)
        desk = Desk(
            settings, sources, database, writer, hub, recognition, limit, metrics, log, sweeper, self._retention
        )
        upstream = None
        if settings.upstream:
            # Here, because aiohttp costs time and memory that a desk without an upstream need not pay.
            from nightporter.web.upstream import Upstream

            upstream = Upstream(settings)
        await writer.start()
        try:
            if self._fill is not None and await property.is_empty(database):
                await load_property(writer, sources, self._fill)
            if relay is None or shared is None:
                hub.published = (await events.bounds(database))[1]
            else:
                await relay.start()
                shared.start()
            self._api = Dispatch(desk, upstream)
            self._socket = Socket(desk)
            self.readiness = Readiness(desk)
            self._pages = Starlette(routes=Pages(desk, self.readiness).routes)
            last_use.start()
            yield desk
        finally:
            await sweeper.close()
            if upstream is not None:
                await upstream.close()
            await last_use.close()
            await writer.close()
            if relay is not None and shared is not None:
                await shared.close()
                await relay.close()
            await database.close()


_PAGES = frozenset(path.encode() for path in PATHS)
_READS = frozenset({"GET", "HEAD"})


async def _no_such_socket(request_id: str, receive: Receive, send: Send) -> None:
    await receive()
    headers = [(b"content-type", b"application/json"), (b"request-id", request_id.encode())]
    refusal = Unknown()
    await send({"type": "websocket.http.response.start", "status": status_of(refusal), "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body_of(refusal.message, request_id)})
