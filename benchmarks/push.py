"""How long from commit to receipt, and what does a socket cost? (DESIGN, "Fast")"""

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import uvloop

from benchmarks.machine import ROOT, folder
from benchmarks.report import Figure
from benchmarks.served_push import token
from benchmarks.servers import free_port, wait_for

LISTENERS, RATE, SECONDS = 2000, 5000, 8
ROUNDS = 3
_CURSOR = re.compile(rb'"Cursor":"(\d+)"')


class Listener(asyncio.Protocol):
    """The least that a socket needs: an upgrade, then the time at which each event arrived."""

    def __init__(self, number: int, arrived: dict[int, int], opened: asyncio.Future[None]) -> None:
        self._number = number
        self._arrived = arrived
        self._opened = opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            "GET /ws/connector HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Cookie: ClientToken=CLIENT; AccessToken={token(self._number)}\r\n\r\n"
        )
        transport.write(request.encode())  # type: ignore[attr-defined]  # a stream transport

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        if not self._opened.done():
            assert data.startswith(b"HTTP/1.1 101"), data
            self._opened.set_result(None)
        for match in _CURSOR.finditer(data):
            self._arrived[int(match.group(1))] = now


def resident(process: int) -> float:
    """KB."""
    return float(Path(f"/proc/{process}/status").read_text().split("VmRSS:")[1].split()[0])


async def listen(place: Path) -> tuple[list[int], dict[int, int], float]:
    port = free_port()
    arguments = [str(port), str(place / "desk.db"), str(LISTENERS), str(RATE), str(SECONDS)]
    process = subprocess.Popen(  # noqa: ASYNC220 - started once, before anything is measured
        [sys.executable, "-m", "benchmarks.served_push", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    try:
        await asyncio.to_thread(wait_for, f"http://127.0.0.1:{port}", process)
        loop = asyncio.get_running_loop()
        arrived: dict[int, int] = {}
        before = resident(process.pid)
        for first in range(0, LISTENERS, 100):
            opened = [loop.create_future() for _ in range(100)]
            for place_, future in enumerate(opened):
                number = first + place_
                await loop.create_connection(lambda n=number, f=future: Listener(n, arrived, f), "127.0.0.1", port)  # type: ignore[misc]
            await asyncio.gather(*opened)
        each = (resident(process.pid) - before) / LISTENERS
        process.stdin.write(b"\n")
        process.stdin.flush()
        commits = json.loads(await asyncio.to_thread(process.stdout.readline))
        await asyncio.sleep(0.5)
        process.stdin.write(b"\n")
        process.stdin.flush()
        return commits, arrived, each
    finally:
        process.terminate()
        process.wait(20)


def measure() -> list[Figure]:
    runs = []
    for _ in range(ROUNDS):
        place = folder()
        commits, arrived, each = uvloop.run(listen(place))
        shutil.rmtree(place)
        late = sorted((arrived[number] - commit) / 1e6 for number, commit in enumerate(commits, 1) if number in arrived)
        assert len(late) == len(commits), f"{len(commits) - len(late)} of {len(commits)} events never arrived"
        runs.append((late[len(late) * 99 // 100], late[len(late) // 2], len(commits) / SECONDS, each))
    p99, p50, rate, each = sorted(runs)[ROUNDS // 2]
    worst = max(run[0] for run in runs)
    detail = f"p50 {p50:.2f} ms, worst of {ROUNDS} runs {worst:.1f} ms, {LISTENERS} sockets, {rate:.0f} events/s"
    return [
        Figure("push, commit to receipt, p99", p99, 5.0, False, "ms", detail),
        Figure("memory of an idle socket", each, 25.0, False, "KB", f"{LISTENERS} sockets"),
    ]
