"""The server: how it listens, and how it ends so that nobody who was accepted notices (docs/running.md, "Signals").

uvicorn alone would reset callers whom the system has connected already, close connections on which a request is about to
arrive, tell sockets 1012, and end by the signal instead of exit code 0.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from types import FrameType

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from nightporter.domain.sources import Sources
from nightporter.host.collector import spare_the_collector
from nightporter.host.service_manager import ServiceManager
from nightporter.settings import Settings, Supervision
from nightporter.web.app import App
from nightporter.web.notify import keep_telling

KEEP_ALIVE = 5
"""Seconds for which a connection may be idle; a proxy in front must give it up sooner (packaging/nginx)."""
LINGER = 0.5
"""Seconds in which what callers had sent when the desk began to stop may still arrive."""
FAREWELL = 2.0
"""Seconds in which sockets may answer their close."""
LOOK_AGAIN = 0.02


def configuration(app: App, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves a desk."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop" if find_spec("uvloop") else "asyncio",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=64 * 1024,
        ws_ping_interval=settings.ping_interval,
        ws_ping_timeout=settings.ping_interval,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=1,  # of what is left when the patience below has come to its end
    )


class Server(uvicorn.Server):
    """Serves ``app`` until a signal; a second one ends the process at once, whatever it does.

    ``on_listening`` is called with the port as soon as callers can come, ``on_stopping`` before anything is closed.
    """

    def __init__(
        self,
        app: App,
        settings: Settings,
        sources: Sources,
        supervision: Supervision,
        *,
        on_listening: Callable[[int], None],
        on_stopping: Callable[[], None],
    ) -> None:
        super().__init__(configuration(app, settings))
        self._app = app
        self._sources = sources
        self._patience = settings.stop_timeout
        self._supervision = supervision
        self._manager = ServiceManager(supervision.notify_socket)
        self._telling: asyncio.Task[None] | None = None
        self._on_listening = on_listening
        self._on_stopping = on_stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the desk and listen; then tell whoever waits for that."""
        await super().startup(sockets)
        spare_the_collector()
        if not self.started:
            return
        port = self.servers[0].sockets[0].getsockname()[1]
        self._on_listening(port)
        serving = f"Serving on port {port}."
        self._manager.tell("READY=1", status=serving)
        if self._manager and self._app.readiness is not None:
            telling = keep_telling(
                self._manager, self._app.readiness, self._sources, self._supervision.watchdog, serving
            )
            self._telling = asyncio.create_task(telling, name="service manager")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop. The next signal is the system's own affair, so that it ends even a process that hangs."""
        self.should_exit = True
        for handled in HANDLED_SIGNALS:
            signal.signal(handled, signal.SIG_DFL)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nobody more, finish every request, close every socket with 1001, then close the desk."""
        if self._telling is not None:
            self._telling.cancel()
        self._manager.tell("STOPPING=1", status="Finishing what was accepted.")
        self._on_stopping()
        self._app.refuse_sockets()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        await self._accept_the_last()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await self._finish_requests()
        await self._close_sockets()
        await super().shutdown(sockets)

    async def _accept_the_last(self) -> None:
        """Close the listeners, and serve those whose connections the system had made before.

        They come out of the listener's own queue, which closing it would reset.
        """
        for server in self.servers:
            listeners = [socket.socket(fileno=os.dup(one.fileno())) for one in server.sockets]
            server.close()
            for listener in listeners:
                with listener:
                    await self._empty(listener)

    async def _empty(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        for _ in range(self.config.backlog):
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            accepted.setblocking(False)
            with suppress(OSError):
                await asyncio.get_running_loop().connect_accepted_socket(self._protocol, accepted)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn itself makes them
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def _callers(self) -> list[object]:
        """The connections that carry requests."""
        sockets = self.config.ws_protocol_class
        assert sockets is not None
        return [one for one in self.server_state.connections if not isinstance(one, sockets)]

    async def _finish_requests(self) -> None:
        lingers_until = self._sources.elapsed() + LINGER
        while callers := self._callers():
            for caller in callers:
                cycle = getattr(caller, "cycle", None)
                if cycle is not None and not cycle.response_complete:
                    cycle.keep_alive = False
                elif self._sources.elapsed() >= lingers_until:
                    caller.transport.close()  # type: ignore[attr-defined]  # every protocol of uvicorn has one
            await self._sources.pause(LOOK_AGAIN)

    async def _close_sockets(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await self._app.close_sockets()
                while self._sockets():
                    await self._sources.pause(LOOK_AGAIN)
        for deaf in self._sockets():
            deaf.transport.abort()  # type: ignore[attr-defined]  # every protocol of uvicorn has one

    def _sockets(self) -> list[object]:
        callers = set(self._callers())
        return [one for one in self.server_state.connections if one not in callers]
