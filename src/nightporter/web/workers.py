"""Several processes that serve one desk on this machine, and the one that keeps them: docs/running.md, "Several workers".

uvicorn's own supervisor ends a worker that is slow to answer a ping, starts one again at once however often it dies, knows
nothing of a service manager, and stops workers by signals, of which a terminal or a service manager sends them a second.
All workers accept from one socket, not from one each (``SO_REUSEPORT``): those whom the system has connected already are
not lost with a worker that dies, another one takes them.
"""

import asyncio
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
import structlog

from nightporter.domain.sources import Sources
from nightporter.host.service_manager import EVERY, ServiceManager
from nightporter.settings import Settings, Supervision
from nightporter.web.machine_metrics import end_sockets
from nightporter.web.worker import NO_DATABASE, STOP, Assignment, Beat

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
"""Seconds until a worker that died is replaced, doubled each time that the one in its place dies soon too."""
SOON = 60.0
"""Seconds after which a worker did not die soon."""
SILENT_AFTER = 30.0
"""Seconds without a beat after which a worker does not count as alive; more than the longest pause."""
BEYOND = 15.0
"""Seconds beyond ``stop_timeout`` after which a worker that should stop is killed."""
_HANDLED = (signal.SIGTERM, signal.SIGINT)

_log = structlog.get_logger()
_beat = msgspec.json.Decoder(Beat).decode


class _Place:
    """Where one worker after the other serves, under a number of its own."""

    def __init__(self) -> None:
        self.process: asyncio.subprocess.Process | None = None
        self.stream: asyncio.StreamWriter | None = None
        self.listens = asyncio.Event()
        self.heard = float("-inf")
        self.beat = Beat(is_alive=False, trouble=None)

    def is_alive(self, now: float) -> bool:
        return self.beat.is_alive and now - self.heard < SILENT_AFTER


class Workers:
    """Keeps ``settings.workers`` of them until a signal; a second one ends all at once, whatever they do.

    ``on_listening`` is called with the port as soon as every worker has callers.
    """

    def __init__(
        self,
        settings: Settings,
        sources: Sources,
        supervision: Supervision,
        *,
        on_listening: Callable[[int], None],
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._watchdog = supervision.watchdog
        self._manager = ServiceManager(supervision.notify_socket)
        self._on_listening = on_listening
        self._places = [_Place() for _ in range(settings.workers)]
        self._stopping = asyncio.Event()
        self._is_ready = False
        self._has_failed = False

    def run(self) -> bool:
        """Serve; returns whether every worker began and ended well. Raises OSError when the port cannot be had."""
        listeners = bound(self._settings.host, self._settings.port)
        with ExitStack() as opened, tempfile.TemporaryDirectory(prefix="nightporter-") as folder:
            for one in listeners:
                opened.enter_context(one)
            asyncio.run(self._serve(listeners, Path(folder)))
        return not self._has_failed

    async def _serve(self, listeners: list[socket.socket], folder: Path) -> None:
        loop = asyncio.get_running_loop()
        for handled in _HANDLED:
            loop.add_signal_handler(handled, self._stop, listeners)
        port = listeners[0].getsockname()[1]
        async with asyncio.TaskGroup() as tasks:
            for number, place in enumerate(self._places):
                tasks.create_task(self._keep(place, number, listeners, folder))
            telling = tasks.create_task(self._tell(port))
            await self._stopping.wait()
            telling.cancel()
            self._manager.tell("STOPPING=1", status="Finishing what was accepted.")

    def _stop(self, listeners: list[socket.socket]) -> None:
        """Tell every worker to stop. The next signal is the system's own affair; the workers end with their parent."""
        for handled in _HANDLED:
            asyncio.get_running_loop().remove_signal_handler(handled)
        # The last worker that lets go of a listener then serves everybody who was connected to it.
        for one in listeners:
            one.close()
        self._stopping.set()
        for place in self._places:
            if place.stream is not None:
                place.stream.write(STOP)

    async def _tell(self, port: int) -> None:
        for place in self._places:
            await place.listens.wait()
        self._is_ready = True
        self._on_listening(port)
        serving = f"Serving on port {port}."
        self._manager.tell("READY=1", status=serving)
        while self._manager:
            now = self._sources.elapsed()
            alive = sum(place.is_alive(now) for place in self._places)
            is_whole = alive == len(self._places)
            trouble = next((place.beat.trouble for place in self._places if place.beat.trouble), None)
            status = trouble or (
                serving if is_whole else f"Serving on port {port}, {alive} workers of {len(self._places)}."
            )
            self._manager.tell(*(["WATCHDOG=1"] if is_whole else []), status=status)
            await self._sources.pause(EVERY if self._watchdog is None else self._watchdog / 3)

    async def _keep(self, place: _Place, number: int, listeners: list[socket.socket], folder: Path) -> None:
        """Have a worker in ``place`` until the end."""
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = self._sources.elapsed()
            code = await self._one(place, Assignment(self._settings, number, str(folder)), listeners)
            with suppress(OSError):  # the worker that comes next begins without sockets in any case
                end_sockets(folder, number)
            if self._stopping.is_set():
                self._has_failed = self._has_failed or code != 0
                return
            if not self._is_ready:
                self._has_failed = True
                self._stop(listeners)
                return
            pause = FIRST_PAUSE if self._sources.elapsed() - began > SOON else min(LONGEST_PAUSE, pause * 2)
            # A worker that waits for the database is as well as it can be.
            place.beat = Beat(is_alive=code == NO_DATABASE, trouble=None)
            place.heard = self._sources.elapsed()
            _log.warning("a worker ended, and is replaced", worker=number, code=code, seconds=pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _one(self, place: _Place, assignment: Assignment, listeners: list[socket.socket]) -> int:
        """Have one worker from its start to its end; returns its exit code, below zero for a signal."""
        ours, theirs = socket.socketpair()
        with theirs:
            inherited = [theirs.fileno(), *(one.fileno() for one in listeners)]
            place.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "nightporter.web.worker", *map(str, inherited)),
                stdin=subprocess.PIPE,
                pass_fds=inherited,
                # Of its own, so that a Ctrl-C reaches the parent alone.
                process_group=0,
            )
        _log.info("a worker begins", worker=assignment.number, process=place.process.pid)
        reader, place.stream = await asyncio.open_connection(sock=ours)
        if self._stopping.is_set():
            place.stream.write(STOP)
        ending = asyncio.create_task(self._kill_in_time(place.process))
        try:
            await self._assign(place.process, assignment)
            await self._hear(place, reader)
            return await place.process.wait()
        finally:
            ending.cancel()
            place.stream.close()
            place.stream = None

    async def _assign(self, process: asyncio.subprocess.Process, assignment: Assignment) -> None:
        assert process.stdin is not None
        with suppress(OSError):  # one that has ended already is seen by whoever waits for its end
            process.stdin.write(msgspec.json.encode(assignment))
            await process.stdin.drain()
        process.stdin.close()

    async def _hear(self, place: _Place, reader: asyncio.StreamReader) -> None:
        """Take what the worker says until it says no more."""
        with suppress(OSError):
            while (line := await reader.readline()).endswith(b"\n"):
                place.beat, place.heard = _beat(line), self._sources.elapsed()
                place.listens.set()

    async def _kill_in_time(self, process: asyncio.subprocess.Process) -> None:
        await self._stopping.wait()
        await self._sources.pause(self._settings.stop_timeout + BEYOND)
        _log.error("a worker did not stop, and is killed", process=process.pid)
        with suppress(ProcessLookupError):
            process.kill()


def bound(host: str, port: int) -> list[socket.socket]:
    """A socket at each address of ``host``, all with one port, where nobody is heard yet. Raises OSError."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listeners: list[socket.socket] = []
    with ExitStack() as opened:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            one = opened.enter_context(socket.socket(family, kind, protocol))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((address[0], port, *address[2:]))
            port = one.getsockname()[1]
            listeners.append(one)
        opened.pop_all()
    return listeners
