"""One of several processes that serve a desk on this machine, started by ``web/workers.py`` as a module of its own.

The arguments are the numbers of the files that it inherits: a socket to its parent, and those that callers come to. What
it is to do comes on the standard input, because arguments can be read by every user of the machine. To the parent it
tells a :class:`Beat` each second, a line of JSON; the parent tells it :data:`STOP`.
"""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import msgspec
import structlog

from nightporter.domain.sources import Sources
from nightporter.host.clock import machine_sources
from nightporter.host.logs import configure
from nightporter.settings import Settings, Supervision
from nightporter.storage.places import place_of
from nightporter.web.app import App
from nightporter.web.machine_metrics import MachineMetrics
from nightporter.web.server import Server

EVERY = 1.0
"""Seconds between two beats."""
STOP = b"stop\n"
NO_DATABASE = 75
"""Exit code of a worker that cannot use the database: a new start would be of no help."""

_log = structlog.get_logger()


class Assignment(msgspec.Struct):
    """What a worker is to do; ``folder`` holds the counts of all workers, its own under ``number``."""

    settings: Settings
    number: int
    folder: str


class Beat(msgspec.Struct):
    """How a worker that listens is: whether a new start would be of no help, and why it cannot write, if so."""

    is_alive: bool
    trouble: str | None


class _WorkerServer(Server):
    """Ends when its parent says so, when its parent is gone, and by a signal, each as often as it likes."""

    def __init__(
        self, app: App, settings: Settings, sources: Sources, metrics: MachineMetrics, parent: socket.socket
    ) -> None:
        nobody = Supervision("", None)
        super().__init__(app, settings, sources, nobody, on_listening=self._begin, on_stopping=lambda: None)
        self._metrics = metrics
        self._parent = parent
        self._with_parent: list[asyncio.Task[None]] = []

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop. A service manager may signal parent and workers alike, so that a second one means nothing."""
        self.should_exit = True

    def _begin(self, _port: int) -> None:
        self._with_parent = [asyncio.create_task(work, name="parent") for work in (self._obey(), self._beat())]

    async def _obey(self) -> None:
        loop = asyncio.get_running_loop()
        while await loop.sock_recv(self._parent, len(STOP)):
            self.should_exit = True
        if self.should_exit:
            # The parent was ended at once, and so is what it told to stop.
            os.kill(os.getpid(), signal.SIGKILL)
        _log.error("the process that keeps the workers is gone; this one stops")
        self.should_exit = True

    async def _beat(self) -> None:
        loop, readiness = asyncio.get_running_loop(), self._app.readiness
        assert readiness is not None
        while True:
            self._metrics.write()
            trouble = await readiness.trouble()
            try:
                await loop.sock_sendall(self._parent, msgspec.json.encode(Beat(readiness.is_alive, trouble)) + b"\n")
            except OSError:
                return  # told by whoever reads
            await self._sources.pause(EVERY)


def work(assignment: Assignment, parent: socket.socket, listeners: list[socket.socket]) -> int:
    """Serve until the end; returns the exit code."""
    settings, sources = assignment.settings, machine_sources()
    configure(settings.log_level, sources.now)
    metrics = MachineMetrics(Path(assignment.folder), assignment.number)
    app = App(settings, sources, place_of(settings.database), metrics=metrics)
    try:
        _WorkerServer(app, settings, sources, metrics, parent).run(listeners)
    except SystemExit as end:
        if app.refused is None:
            return int(end.code or 1)
        _log.error("the desk cannot be opened", why=str(app.refused))
        return NO_DATABASE
    finally:
        metrics.write()
    return 0


def main() -> None:
    """Be a worker."""
    parent, *listeners = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    for one in (parent, *listeners):
        one.setblocking(False)
        os.set_inheritable(one.fileno(), False)
    assignment = msgspec.json.decode(sys.stdin.buffer.read(), type=Assignment)
    sys.exit(work(assignment, parent, listeners))


if __name__ == "__main__":
    main()
