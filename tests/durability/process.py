"""Servers in processes of their own: started as a person would start them, killed at bad moments, watched from outside."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
NIGHTPORTER = Path(sys.executable).with_name("nightporter")
PATIENCE = 60.0
"""Seconds for a start or an end; a machine under load may be slow, a broken server is told by its end."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def need_strace() -> str:
    """The path of strace, installed when it is missing and we may; fails with what to do otherwise."""
    if found := shutil.which("strace"):
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-q"], check=False, capture_output=True)
        subprocess.run(["apt-get", "install", "-y", "-q", "strace"], check=False, capture_output=True)
    if found := shutil.which("strace"):
        return found
    raise RuntimeError(
        "these tests watch system calls: install strace (Debian: apt-get install strace) and run them again"
    )


class Server:
    """``nightporter serve`` on a database, in a process group of its own.

    ``runner`` is a script of this folder that starts it differently; ``before`` is a command that starts the command.
    """

    def __init__(
        self, database: Path, *, runner: Sequence[str] = (), before: Sequence[str] = (), **settings: object
    ) -> None:
        self.database = database
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._log = database.with_suffix(".log").open("ab")
        start = [sys.executable, str(HERE / runner[0]), *runner[1:]] if runner else [str(NIGHTPORTER)]
        environment = {f"NIGHTPORTER_{name.upper()}": str(value) for name, value in settings.items()}
        self.process = subprocess.Popen(
            [*before, *start, "serve", "--database", str(database), "--port", str(self.port)],
            env={**os.environ, "NIGHTPORTER_REQUEST_LIMIT": "0", "NIGHTPORTER_LOG_LEVEL": "error", **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        try:
            self._await_start()
        except BaseException:
            self.kill()
            raise

    def _await_start(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                try:
                    self.process.wait(0.02)  # also what paces this loop
                except subprocess.TimeoutExpired:
                    continue
                raise RuntimeError(f"the server ended: {self.log()}") from None
            return
        raise RuntimeError(f"the server did not listen within {PATIENCE:g} s: {self.log()}")

    def log(self) -> str:
        """What the server said."""
        return self.database.with_suffix(".log").read_text()

    @property
    def pid(self) -> int:
        """The process that serves: below whatever started it."""
        pid = self.process.pid
        while children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            pid = int(children[0])
        return pid

    def peak_memory(self) -> int:
        """The most memory that the server had at once, in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        assert found
        return int(found.group(1)) * 1024

    def kill(self) -> None:
        """End it at once, as a lost power supply does for the process."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        self._log.close()

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
        self.process.wait(PATIENCE)
        self._log.close()
