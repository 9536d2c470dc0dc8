"""The program as a user runs it: processes with an environment of their own, deadlines, and no waiting by the clock."""

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("nightporter")
DEADLINE = 60.0


@dataclass(frozen=True)
class Ran:
    """A process that has ended."""

    code: int
    out: str
    err: str


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without anything of ours, with a terminal of a known width."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTPORTER_", "PYTHONPATH"))}
    return {**kept, "COLUMNS": "100", **more}


class _Warm:
    """Processes that have the program loaded; one for each call that goes on at the same time."""

    def __init__(self) -> None:
        self._idle: list[subprocess.Popen[str]] = []

    def run(self, arguments: tuple[str, ...], environment: dict[str, str]) -> Ran:
        process = self._idle.pop() if self._idle else self._start()
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            request = {
                "arguments": arguments, "environment": environment, "folder": str(Path.cwd()), "out": str(out), "err": str(err),
            }  # fmt: skip
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            code = int(process.stdout.readline())
            ran = Ran(code, out.read_text("utf-8"), err.read_text("utf-8"))
        self._idle.append(process)
        return ran

    def _start(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.cli.warm"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        atexit.register(process.kill)
        return process


_warm = _Warm()
ROOT = Path(__file__).parents[2]


async def run(*arguments: str, encoding: str = "utf-8", **environment: str) -> Ran:
    """Run the program and wait for its end.

    What concerns the interpreter itself is tried with a fresh one, everything else in a fork of one that has loaded the
    program already.
    """
    if encoding == "utf-8" and not any(name.startswith(("PYTHON", "LANG", "LC_")) for name in environment):
        given = clean_environment(**environment)
        return await asyncio.wait_for(asyncio.to_thread(_warm.run, arguments, given), DEADLINE)
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(**environment),
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), DEADLINE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(encoding), err.decode(encoding))


@dataclass
class Started:
    """A process that goes on; its lines are kept as they come."""

    process: asyncio.subprocess.Process
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        async for line in stream:
            async with self._news:
                lines.append(line.decode().rstrip("\n"))
                self._news.notify_all()
        async with self._news:
            self._news.notify_all()

    async def says(self, *words: str, times: int = 1) -> None:
        """Wait until so many lines, on either stream, hold all the words."""

        def said() -> int:
            return sum(all(word in line for word in words) for line in [*self.out, *self.err])

        try:
            async with asyncio.timeout(DEADLINE), self._news:
                await self._news.wait_for(lambda: said() >= times or self._has_ended())
        except TimeoutError:
            pass
        assert said() >= times, (words, self.process.returncode, self.out[-20:], self.err[-20:])

    def _has_ended(self) -> bool:
        readers = (self.process.stdout, self.process.stderr)
        return all(reader is not None and reader.at_eof() for reader in readers)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def types(self, line: str) -> None:
        """Somebody types a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    async def ended(self) -> int:
        """Wait for its end; gives the exit code, below zero for a signal."""
        return await asyncio.wait_for(self.process.wait(), DEADLINE)

    async def kill(self) -> None:
        """``kill -9``."""
        self.send(signal.SIGKILL)
        assert await self.ended() == -signal.SIGKILL


@asynccontextmanager
async def started(
    *arguments: str | Path, program: Path = PROGRAM, folder: Path | None = None, typed: bool = False, **environment: str
) -> AsyncIterator[Started]:
    """Start the program; at the end of the block it is stopped, if it still goes on. ``typed``: somebody types to it."""
    process = await asyncio.create_subprocess_exec(
        program,
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.PIPE if typed else None,
        env=clean_environment(**environment),
        cwd=folder,
        limit=2**20,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    one = Started(process)
    reading = [
        asyncio.ensure_future(one.read(process.stdout, one.out)),
        asyncio.ensure_future(one.read(process.stderr, one.err)),
    ]
    try:
        yield one
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.wait()
        await asyncio.gather(*reading)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
