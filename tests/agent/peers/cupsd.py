"""A private ``cupsd``: a real print queue, with everything it keeps in one folder."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.agent.peers.ippeveprinter import PATIENCE, listens, until
from tests.cli.program import free_port
from tests.debian import program

_CONF = """Listen 127.0.0.1:{port}
Browsing No
DefaultAuthType None
WebInterface No
PreserveJobHistory Yes
LogLevel info
<Location />
  Allow all
</Location>
<Policy default>
  JobPrivateAccess default
  JobPrivateValues default
  <Limit All>
    Allow all
  </Limit>
</Policy>
"""
_FILES = """ServerRoot {folder}/server
RequestRoot {folder}/spool
CacheDir {folder}/cache
StateDir {folder}/state
TempDir {folder}/temp
AccessLog {folder}/access.log
ErrorLog {folder}/error.log
PageLog {folder}/page.log
Printcap {folder}/printcap
"""


@dataclass
class Queues:
    """A running cupsd."""

    port: int
    folder: Path

    def uri(self, queue: str) -> str:
        return f"ipp://127.0.0.1:{self.port}/printers/{queue}"

    async def add(self, queue: str, device: str, model: str = "everywhere") -> None:
        """Make a queue that prints at ``device``, enabled and taking jobs."""
        await self._run("lpadmin", "-p", queue, "-E", "-v", device, "-m", model)
        # It asks the printer behind in the background, and enables the queue when it knows.
        log = self.folder / "error.log"
        await until(lambda: f'Printer "{queue}" is now available' in log.read_text())

    async def disable(self, queue: str) -> None:
        await self._run("cupsdisable", queue)

    async def enable(self, queue: str) -> None:
        await self._run("cupsenable", queue)

    async def _run(self, name: str, *arguments: str) -> None:
        path = program(name, "cups-client", "The queue is set up with it")
        process = await asyncio.create_subprocess_exec(
            path,
            "-h",
            f"127.0.0.1:{self.port}",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert process.returncode == 0, told.decode()


@asynccontextmanager
async def cupsd() -> AsyncIterator[Queues]:
    """A scheduler without queues, until the end of the block."""
    path = program("cupsd", "cups", "The printer's driver is tested with a real CUPS queue")
    port = free_port()
    folder = _folder(port)
    process = await asyncio.create_subprocess_exec(
        path,
        "-f",
        "-c",
        str(folder / "cupsd.conf"),
        "-s",
        str(folder / "cups-files.conf"),
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await listens(port, process)
        yield Queues(port, folder)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)


def _folder(port: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cups"))
    folder.chmod(0o755)  # its filters run as another user
    for name in ("server", "spool", "cache", "state", "temp"):
        (folder / name).mkdir()
    (folder / "cupsd.conf").write_text(_CONF.format(port=port))
    (folder / "cups-files.conf").write_text(_FILES.format(folder=folder))
    return folder
