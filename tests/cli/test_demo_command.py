"""``nightporter demo`` as a person starts it: a process, a folder, and what it prints."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from nightporter.cli.demo import ACCESS_TOKEN, CLIENT_TOKEN, PORTFOLIO_TOKEN, POS_TOKEN
from nightporter.host.clock import machine_sources
from nightporter.storage.opening import create
from tests.harness import PREFIX

PROGRAM = [sys.executable, "-c", "from nightporter.cli import main; main()"]
PRINTER_COMMAND = "aa20961f-6d9e-4b35-ad25-071213530aec"
TOKENS = {"ClientToken": CLIENT_TOKEN, "AccessToken": ACCESS_TOKEN, "Client": "Tests 1.0"}


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@dataclass
class RunningDemo:
    """A demo in a process of its own that has printed its greeting."""

    address: str
    greeting: list[str]

    async def call(self, operation: str, **fields: Any) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.address) as http:
            response = await http.post(PREFIX + operation, json={**TOKENS, **fields})
        assert response.status_code == 200, response.text
        reply: dict[str, Any] = response.json()
        return reply

    async def state(self) -> str:
        """The state of the one command that the demo begins with."""
        (command,) = (await self.call("commands/getAllByIds", CommandIds=[PRINTER_COMMAND]))["Commands"]
        state: str = command["State"]
        return state


@asynccontextmanager
async def demo(folder: Path, port: int, *flags: str) -> AsyncIterator[RunningDemo]:
    """A running demo; it is told to stop at the end, and has to end well."""
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, "demo", "--port", str(port), "--data", str(folder), *flags,
            stdout=asyncio.subprocess.PIPE, stderr=log, env={**os.environ, "COLUMNS": "40"},
        )  # fmt: skip
        try:
            assert process.stdout is not None
            greeting: list[str] = []
            async with asyncio.timeout(30):
                while not greeting or "getAllActive" not in greeting[-1]:
                    line = await process.stdout.readline()
                    assert line, (log.seek(0), log.read())
                    greeting.append(line.decode().rstrip("\n"))
            yield RunningDemo(f"http://127.0.0.1:{port}", greeting)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                await process.communicate()
        assert process.returncode in (0, -signal.SIGTERM)


def refusal(*arguments: str, code: int = 2) -> str:
    """What a start that is refused says; it says it in one line, and ends with ``code``."""
    ended = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    return ended.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_the_greeting_tells_each_token_whole_on_one_line(tmp_path: Path, port: int) -> None:
    async with demo(tmp_path / "new", port) as running:
        assert f"ClientToken            {CLIENT_TOKEN}" in running.greeting
        assert f"AccessToken            {ACCESS_TOKEN}" in running.greeting
        assert f"AccessToken, MyPOS     {POS_TOKEN}" in running.greeting
        assert f"AccessToken, portfolio {PORTFOLIO_TOKEN}" in running.greeting
        assert any(running.address in line for line in running.greeting)


async def test_the_three_requests_that_it_prints_work_as_printed(tmp_path: Path, port: int) -> None:
    async with demo(tmp_path / "new", port) as running:
        printed = [line for line in running.greeting if line.startswith("curl ")]
        replies = [json.loads(await shell(line)) for line in printed]
    devices, added, active = replies
    assert len(devices["Devices"]) == 7
    assert {command["Id"] for command in active["Commands"]} == {added["CommandId"], PRINTER_COMMAND}


async def shell(line: str) -> bytes:
    process = await asyncio.create_subprocess_exec("sh", "-c", line, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out


async def test_an_empty_folder_is_filled(tmp_path: Path, port: int) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    async with demo(folder, port) as running:
        assert await running.state() == "Pending"


async def test_a_folder_of_a_demo_is_continued_and_fresh_begins_again(tmp_path: Path, port: int) -> None:
    folder = tmp_path / "demo"
    async with demo(folder, port) as running:
        await running.call("commands/update", CommandId=PRINTER_COMMAND, State="Processed")
    async with demo(folder, port) as running:
        assert await running.state() == "Processed"
    async with demo(folder, port, "--fresh") as running:
        assert await running.state() == "Pending"
    async with demo(folder, port) as running:
        assert await running.state() == "Pending"


async def test_fresh_makes_a_missing_folder(tmp_path: Path, port: int) -> None:
    async with demo(tmp_path / "deep" / "down", port, "--fresh") as running:
        assert await running.state() == "Pending"


async def test_fresh_leaves_a_demo_that_runs_alone(tmp_path: Path, port: int) -> None:
    folder = tmp_path / "demo"
    async with demo(folder, port) as running:
        await running.call("commands/update", CommandId=PRINTER_COMMAND, State="Received")
        assert "in use by another process" in refusal("demo", "--data", str(folder), "--fresh", code=1)
        assert "in use by another process" in refusal("demo", "--data", str(folder), code=1)
        assert await running.state() == "Received"
    async with demo(folder, port) as running:
        assert await running.state() == "Received"


@pytest.mark.parametrize("flags", [(), ("--fresh",)])
def test_a_folder_that_holds_something_else_is_refused_and_not_touched(tmp_path: Path, flags: tuple[str, ...]) -> None:
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "letter.txt").write_text("Dear guest")
    assert "holds something else" in refusal("demo", "--data", str(folder), *flags, code=1)
    assert contents(folder) == {"letter.txt": b"Dear guest"}


@pytest.mark.parametrize("flags", [(), ("--fresh",)])
def test_a_real_desk_is_refused_and_not_forgotten(tmp_path: Path, flags: tuple[str, ...]) -> None:
    folder = tmp_path / "desk"
    create(folder / "demo.db", machine_sources(), demo=False)
    assert "holds a real desk, not the demo" in refusal("demo", "--data", str(folder), *flags)
    with sqlite3.connect(folder / "demo.db") as connection:
        assert connection.execute("SELECT demo FROM desk").fetchall() == [(0,)]
    connection.close()


@pytest.mark.parametrize("flags", [(), ("--fresh",)])
def test_a_database_of_something_else_is_refused_and_not_forgotten(tmp_path: Path, flags: tuple[str, ...]) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    with sqlite3.connect(folder / "demo.db") as connection:
        connection.execute("CREATE TABLE songs (title)")
    connection.close()
    assert "not one of Nightporter" in refusal("demo", "--data", str(folder), *flags)
    with sqlite3.connect(folder / "demo.db") as connection:
        assert connection.execute("SELECT * FROM songs").fetchall() == []
    connection.close()


async def test_fresh_begins_again_where_a_demo_was_not_made_to_its_end(tmp_path: Path, port: int) -> None:
    folder = tmp_path / "half"
    create(folder / "demo.db", machine_sources(), demo=True)
    with sqlite3.connect(folder / "demo.db") as connection:
        connection.execute("DELETE FROM desk")
    connection.close()
    assert "was not made to its end" in refusal("demo", "--data", str(folder))
    async with demo(folder, port, "--fresh") as running:
        assert await running.state() == "Pending"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("Dear guest")
    assert "cannot hold the demo" in refusal("demo", "--data", str(tmp_path / "file"), code=1)


def test_serve_refuses_a_demo_database(tmp_path: Path) -> None:
    create(tmp_path / "demo.db", machine_sources(), demo=True)
    told = refusal("serve", "--database", str(tmp_path / "demo.db"))
    assert "holds the demo, whose tokens everybody knows; give serve another --database" in told
