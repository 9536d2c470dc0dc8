"""Real ``nightporter serve`` processes on one PostgreSQL database, and the processes that are their workers."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import websockets

from nightporter.storage.places import PostgresAddress
from tests.cli.program import Started, started
from tests.end_to_end.served import PATIENCE, printing
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, PREFIX


class Node:
    """One ``serve``, with any number of workers."""

    def __init__(self, process: Started, address: str) -> None:
        self.process = process
        self.address = address

    def workers(self) -> list[int]:
        """The process of each worker that was begun, in the order in which they were."""
        lines = [json.loads(line) for line in self.process.err]
        return [line["process"] for line in lines if line["event"] == "a worker begins"]

    @asynccontextmanager
    async def http(self) -> AsyncIterator[httpx.AsyncClient]:
        # Without TLS there is nothing to verify; gathering the certificates takes its time.
        async with httpx.AsyncClient(base_url=self.address, timeout=PATIENCE, verify=False) as http:
            yield http

    def socket(self, query: str = "") -> Any:
        cookie = f"ClientToken={CLIENT_TOKEN}; AccessToken={ACCESS_TOKEN}"
        return websockets.connect(
            self.address.replace("http", "ws") + "/ws/connector" + query, additional_headers={"Cookie": cookie}
        )

    async def counted(self, name: str) -> float:
        """What /metrics tells of a family without labels, or under these, added up."""
        async with self.http() as http:
            told = (await http.get("/metrics")).text
        lines = [line.rpartition(" ") for line in told.splitlines()]
        return sum(float(value) for counted, _, value in lines if counted == name or counted.startswith(f"{name}{{"))


@asynccontextmanager
async def node(place: PostgresAddress, workers: int = 1, **environment: str) -> AsyncIterator[Node]:
    """Serve ``place`` on a free port, with no request limit; its password is in no argument."""
    given = {"NIGHTPORTER_REQUEST_LIMIT": "0", "NIGHTPORTER_DATABASE": place.url, **environment}
    async with started("serve", "--workers", str(workers), "--port", "0", **given) as process:
        await process.says("Nightporter:", str(place))
        (told,) = [line for line in process.out if line.startswith("Nightporter:")]
        address = re.search(r"http://[\d.:]+", told)
        assert address is not None
        yield Node(process, address[0])


async def printed(http: httpx.AsyncClient) -> str:
    """The command of one request to print that was acknowledged."""
    reply = await http.post(f"{PREFIX}commands/addPrinter", json=printing())
    assert reply.status_code == 200, reply.text
    command_id: str = reply.json()["CommandId"]
    return command_id


async def hears(socket: websockets.ClientConnection, command_id: str) -> list[str]:
    """The commands that a socket is told of, until this one."""
    heard: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while command_id not in heard:
            heard += [event["Id"] for event in json.loads(await socket.recv())["Events"]]
    return heard


async def states(socket: websockets.ClientConnection, command_id: str, count: int) -> AsyncIterator[str]:
    """The states of a command as a socket is told of them, this many."""
    told = 0
    async with asyncio.timeout(PATIENCE):
        while told < count:
            for event in json.loads(await socket.recv())["Events"]:
                if event["Id"] == command_id:
                    told += 1
                    yield event["State"]
