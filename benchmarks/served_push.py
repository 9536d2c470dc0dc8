"""A desk with many listeners, one device each; it adds commands at a rate through its own writer and notes each commit.

Told: port, database, listeners, events a second, seconds. After the first line on its input it begins; then it prints
the time of the commit of every event (CLOCK_MONOTONIC), which a listener on the same machine compares with its own.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from nightporter.domain.command import Creator, NewCommand
from nightporter.domain.device import DeviceType
from nightporter.host.clock import machine_sources
from nightporter.host.collector import spare_the_collector
from nightporter.settings import Settings
from nightporter.storage.commands import AddCommands
from nightporter.storage.opening import create
from nightporter.web.app import App
from nightporter.web.desk import Desk

ENTERPRISE = "00000000-0000-4000-8000-000000000001"
CLIENT = "00000000-0000-4000-8000-000000000002"


def ident(kind: int, number: int) -> str:
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


def token(number: int) -> str:
    return f"LISTENER{number:024d}-0000000000000000000000000000000"


def hotel(listeners: int) -> bytes:
    parts: dict[str, list[dict[str, Any]]] = {
        "Enterprises": [{"Id": ENTERPRISE, "Name": "Benchmark", "AcceptedCurrencies": ["EUR"]}],
        "Clients": [{"Id": CLIENT, "Name": "Listeners", "ClientToken": "CLIENT"}],
        "Devices": [
            {"Id": ident(1, n), "EnterpriseId": ENTERPRISE, "Type": "PassportScanner", "Name": f"Scanner {n}"}
            for n in range(listeners)
        ],
        "Integrations": [
            {
                "Id": ident(2, n),
                "ClientId": CLIENT,
                "Name": f"Listener {n}",
                "EnterpriseId": ENTERPRISE,
                "AccessTokens": [{"Id": ident(3, n), "AccessToken": token(n)}],
                "ConnectedDeviceIds": [ident(1, n)],
            }
            for n in range(listeners)
        ],
    }
    return json.dumps(parts).encode()


async def emit(desk: Desk, listeners: int, rate: int, seconds: float) -> list[int]:
    """Add commands at ``rate``; returns the time of the commit of every event, in nanoseconds, by its number."""
    commits: list[int] = []
    publish = desk.writer._publish

    def noted(events: Any, changed: bool) -> None:
        commits.extend([time.monotonic_ns()] * len(events))
        publish(events, changed)

    desk.writer._publish = noted
    creator = Creator.of_integration("Benchmark")
    began, made, waiting = time.monotonic(), 0, set()
    while (passed := time.monotonic() - began) < seconds:
        while made < passed * rate:
            command = NewCommand(
                desk.sources.new_id(), ENTERPRISE, ident(1, made % listeners), DeviceType.PASSPORT_SCANNER, creator, None,
                '{"PassportScannerId":null,"CustomerId":null,"ReservationId":null}',
            )  # fmt: skip
            task = asyncio.ensure_future(desk.writer.write(AddCommands((command,))))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
            made += 1
        await asyncio.sleep(0.001)
    await asyncio.gather(*waiting)
    return commits


async def main() -> None:
    port, path, listeners, rate, seconds = int(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:6])
    sources = machine_sources()
    create(path, sources, demo=False)
    app = App(Settings(), sources, path, fill=hotel(listeners))
    async with app.open() as desk:
        server = uvicorn.Server(
            uvicorn.Config(
                app, port=port, lifespan="off", log_config=None, access_log=False, ws="websockets-sansio",
                ws_per_message_deflate=False, ws_max_size=64 * 1024, ws_ping_interval=20, backlog=4096, proxy_headers=False,
            )
        )  # fmt: skip
        serving = asyncio.create_task(server.serve())
        spare_the_collector()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, sys.stdin.readline)
        commits = await emit(desk, listeners, rate, seconds)
        print(json.dumps(commits), flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)
        server.should_exit = True
        await serving


if __name__ == "__main__":
    uvloop.run(main())
