"""One node: a server process of its own that is started, killed, stopped and continued, and whose clock is set wrong."""

import asyncio
import os
import re
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from torture.doors import Door

ROOT = Path(__file__).resolve().parent.parent
SERVED = ("torture.served",)
PATIENCE = 120.0
"""Seconds for a start or an end; a machine under load may be slow."""
_LISTENS = re.compile(rb"http://127\.0\.0\.1:(\d+)")
_SETTINGS = {
    "NIGHTPORTER_REQUEST_LIMIT": "0",
    "NIGHTPORTER_LOG_LEVEL": "error",
    "NIGHTPORTER_LISTENER_QUEUE": "50",  # so that a socket that does not read is found out soon
}


class Node:
    """A node on ``database``, behind two doors that keep their ports. ``runner`` is the module that starts the server.

    ``died`` is called when it ends without having been told to.
    """

    def __init__(
        self, folder: Path, number: int, database: str, runner: Sequence[str], died: Callable[[str], None]
    ) -> None:
        self.calls, self.sockets = Door(), Door(narrow=True)
        self.name = f"node {number}"
        self.log = folder / f"node{number}.log"
        self._clock = folder / f"clock{number}"
        self._clock.write_text("0")
        self._database = database
        self._runner = runner
        self._died = died
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process that serves."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it listens, or would if it were not stopped."""
        return self.calls.target is not None

    async def start(self) -> None:
        """Start it and wait until it listens. Raises RuntimeError when it ends instead."""
        if not self.calls.port:
            await self.calls.open()
            await self.sockets.open()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *self._runner, str(self._clock), "serve", "--database", self._database, "--port", "0",
            cwd=ROOT,
            env={**os.environ, **_SETTINGS},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := _LISTENS.search(line := await self._process.stdout.readline())):
                    self._keep(line)
                    if not line:
                        raise RuntimeError(f"{self.name} ended instead of listening; see {self.log}")
        except BaseException:
            self._signal(signal.SIGKILL)
            await self._process.wait()
            raise
        self.calls.target = self.sockets.target = int(found[1])
        self._watching = asyncio.create_task(self._watch(self._process))

    def _keep(self, said: bytes) -> None:
        with self.log.open("ab") as log:
            log.write(said)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Keep what it says; its own disk may be full, and its log is not what is tested."""
        assert process.stdout is not None
        while said := await process.stdout.read(65536):
            self._keep(said)
        await process.wait()
        if self._watching is asyncio.current_task():
            self._died(f"{self.name} ended by itself with {process.returncode}; see {self.log}")

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            os.killpg(self._process.pid, number)

    async def kill(self) -> None:
        """End it at once, as a lost power supply does for the process."""
        watching, self._watching = self._watching, None
        self.calls.target = self.sockets.target = None
        self._signal(signal.SIGKILL)
        assert self._process is not None
        await self._process.wait()
        if watching is not None:
            await watching

    def stop(self) -> None:
        """Let it stand still, as an overloaded host does."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    def set_clock(self, wrong_by: float) -> None:
        """Set its clock wrong by so many seconds."""
        self._clock.write_text(str(wrong_by))
        if self.is_running:
            self._signal(signal.SIGUSR1)

    def limit_files(self, size: int | None) -> None:
        """Let no file that it writes grow beyond ``size`` bytes: its writes fail as on a broken disk; None for any size."""
        most = resource.RLIM_INFINITY if size is None else size
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    async def close(self) -> None:
        """End it, and its doors."""
        if self._process is not None:
            await self.kill()
        await self.calls.close()
        await self.sockets.close()
