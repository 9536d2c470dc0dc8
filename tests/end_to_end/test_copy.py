"""A hotel is moved from SQLite to PostgreSQL while its clients keep on: real processes, the same port, nothing lost."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from nightporter.storage.places import PostgresAddress
from tests import postgres
from tests.cli.program import Started, free_port, run, started
from tests.end_to_end.served import PREFIX, printing
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, everything, sql

ADDERS = 4


@pytest.fixture
def target(postgres_server: str) -> Iterator[PostgresAddress]:
    with postgres.database(postgres_server) as address:
        yield address


class Clients:
    """Adders that repeat each request with its key until it is acknowledged, and a listener that resumes by its cursor."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.acknowledged: dict[str, str] = {}
        """The command of each key."""
        self.heard: list[tuple[int, str]] = []
        """Cursor and command of every added one, as they were told."""
        self.refused = 0
        self.news = asyncio.Condition()

    async def add(self, name: int) -> None:
        """Add without end."""
        # Without TLS there is nothing to verify.
        async with httpx.AsyncClient(base_url=self.address, timeout=30, verify=False) as http:
            number = 0
            while True:
                key = f"{name}-{number}"
                number += 1
                self.acknowledged[key] = await self._until_added(http, key)
                await self._tell()

    async def _until_added(self, http: httpx.AsyncClient, key: str) -> str:
        while True:
            with suppress(httpx.TransportError):
                reply = await http.post(
                    PREFIX + "commands/addPrinter", json=printing(), headers={"Idempotency-Key": key}
                )
                if reply.status_code == 200:
                    return str(reply.json()["CommandId"])
                assert reply.status_code == 503, reply.text
                assert reply.headers["retry-after"]
                self.refused += 1
                await self._tell()
            await asyncio.sleep(0.02)

    async def listen(self) -> None:
        """Listen without end, from the first event on."""
        cursor = ""
        cookie = f"ClientToken={CLIENT_TOKEN}; AccessToken={ACCESS_TOKEN}"
        while True:
            with suppress(OSError, websockets.WebSocketException, TimeoutError):
                url = self.address.replace("http", "ws") + f"/ws/connector?cursor={cursor}"
                async with websockets.connect(url, additional_headers={"Cookie": cookie}) as connection:
                    async for message in connection:
                        told = json.loads(message)
                        cursor = told["Cursor"]
                        self.heard += [(int(cursor), one["Id"]) for one in told["Events"]]
                        await self._tell()
            await asyncio.sleep(0.02)

    async def _tell(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def until(self, so: Any) -> None:
        async with asyncio.timeout(60), self.news:
            await self.news.wait_for(so)


@asynccontextmanager
async def at_work(port: int) -> AsyncIterator[Clients]:
    clients = Clients(port)
    tasks = [asyncio.ensure_future(clients.add(name)) for name in range(ADDERS)]
    tasks.append(asyncio.ensure_future(clients.listen()))
    try:
        yield clients
    finally:
        for one in tasks:
            one.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, asyncio.CancelledError), result


@asynccontextmanager
async def serving(database: str, port: int) -> AsyncIterator[Started]:
    async with started("serve", "--database", database, "--port", str(port), NIGHTPORTER_REQUEST_LIMIT="0") as one:
        await one.says("Nightporter:", f"127.0.0.1:{port}")
        yield one


async def test_a_hotel_moves_while_its_clients_keep_on_and_nothing_is_lost(
    database: Path, target: PostgresAddress
) -> None:
    port, others = free_port(), len(sql(database, "SELECT id FROM commands"))
    async with at_work(port) as clients:
        async with serving(str(database), port) as old:
            await clients.until(lambda: len(clients.acknowledged) > 50 and len(clients.heard) > 50)
            copied = await run("copy", "--to", target.url, "--database", str(database), "--json")
            assert copied.code == 0, copied.err
            then = len(clients.acknowledged)
            refused = clients.refused
            await clients.until(lambda: clients.refused > refused + 2 * ADDERS)
            assert len(clients.acknowledged) == then, "what was moved is changed no more"
            async with httpx.AsyncClient(base_url=clients.address, verify=False) as http:
                assert (await http.post(PREFIX + "devices/getAll", json=printing())).status_code == 200
            held = everything(database)
            assert everything(target) == held
            assert json.loads(copied.out)["Rows"] == {name: len(rows) for name, rows in held.items()} | {"desk": 1}
            old.send(signal.SIGTERM)
            assert await old.ended() == 0
        async with serving(target.url, port):
            await clients.until(lambda: len(clients.acknowledged) > then + 50)
            acknowledged = set(clients.acknowledged.values())
            await clients.until(lambda: acknowledged <= {command for _, command in clients.heard})
    _nothing_is_lost(target, clients, others)
    again = await run("serve", "--database", str(database), "--port", str(port))
    assert again.code != 0


def _nothing_is_lost(place: PostgresAddress, clients: Clients, others: int) -> None:
    kept = [row[0] for row in sql(place, "SELECT id FROM commands")]
    assert len(set(kept)) == len(kept)
    keys = dict(sql(place, "SELECT key, result FROM idempotency_keys"))
    assert len(set(clients.acknowledged.values())) == len(clients.acknowledged), "each key made a command of its own"
    for key, command in clients.acknowledged.items():
        assert command in kept
        assert command in keys[key]
    assert len(kept) == others + len(keys), "each command was made for a key"
    assert len(keys) <= len(clients.acknowledged) + ADDERS, "only the last of each adder may wait for its answer"
    cursors = [cursor for cursor, _ in clients.heard]
    assert cursors == list(range(cursors[0], cursors[-1] + 1)), "a gap, or one told twice"


async def test_a_copy_that_fails_leaves_the_desk_at_work(database: Path, target: PostgresAddress) -> None:
    port = free_port()
    sql(target, "CREATE TABLE songs (title text)")
    async with serving(str(database), port), at_work(port) as clients:
        await clients.until(lambda: clients.acknowledged)
        refused = await run("copy", "--to", target.url, "--database", str(database))
        assert (refused.code, "holds tables of something else" in refused.err) == (1, True), refused
        then = len(clients.acknowledged)
        await clients.until(lambda: len(clients.acknowledged) > then + 10)
    assert sql(target, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()") == [(1,)]


async def test_a_hotel_without_a_server_is_moved_as_well(database: Path, target: PostgresAddress) -> None:
    before = everything(database)
    copied = await run("copy", "--to", target.url, "--database", str(database))
    assert (copied.code, copied.err) == (0, "")
    assert f"nightporter serve --database {target}" in copied.out
    del before["audit_records"]
    after = everything(target)
    assert {name: after[name] for name in before} == before


async def test_what_cannot_be_moved_is_told(database: Path, tmp_path: Path) -> None:
    for words, told, code in (
        (("--to", "elsewhere.db", "--database", str(database)), "expected the address", 2),
        (
            ("--to", "postgresql://u:secret@127.0.0.1:1/x", "--database", str(database)),
            "127.0.0.1:1/x cannot be reached",
            1,
        ),
        (("--to", "postgresql:///x", "--database", str(tmp_path / "no.db")), "does not exist", 1),
    ):
        ran = await run("copy", *words)
        assert (ran.code, told in ran.err, "secret" in ran.err) == (code, True, False), ran
