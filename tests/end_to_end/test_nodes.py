"""Several workers, and several machines, are one desk: on one PostgreSQL database, as processes, killed at bad moments."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from nightporter.storage.places import PostgresAddress
from tests import postgres
from tests.cli.program import run
from tests.end_to_end.manager import Manager
from tests.end_to_end.nodes import Node, hears, node, printed, states
from tests.end_to_end.served import PATIENCE, Served
from tests.end_to_end.test_stopping import add_until_nobody_listens
from tests.harness import running_desk, sql

HOTEL = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
ADDED = 'nightporter_requests_total{operation="commands/addPrinter",status="200"}'


@pytest.fixture
def kind() -> str:
    return "postgres"


@pytest.fixture
async def place(home: PostgresAddress, demo_hotel: bytes) -> PostgresAddress:
    """The demo property in a database of a real desk, closed."""
    async with running_desk(home, demo_hotel):
        return home


@pytest.fixture
def empty(postgres_server: str) -> Iterator[PostgresAddress]:
    with postgres.database(postgres_server) as address:
        yield address


async def sockets_of_each(desk: Node, opened: AsyncExitStack) -> list:
    """A socket at each of two workers: while one is stopped, the other accepts."""
    sockets = []
    for stopped in desk.workers()[-2:]:
        os.kill(stopped, signal.SIGSTOP)
        try:
            sockets.append(await opened.enter_async_context(desk.socket()))
        finally:
            os.kill(stopped, signal.SIGCONT)
    return sockets


async def test_what_is_added_anywhere_is_told_on_the_sockets_of_every_worker_and_machine_once_and_in_order(place):
    async with node(place, 2) as one, node(place) as other, AsyncExitStack() as opened:
        sockets = [*await sockets_of_each(one, opened), await opened.enter_async_context(other.socket())]
        async with one.http() as here, other.http() as there:
            added = [await printed(http) for _ in range(10) for http in (here, there)]
        for socket in sockets:
            assert await hears(socket, added[-1]) == added
        for each in (one, other):
            each.process.send(signal.SIGTERM)
            assert await each.process.ended() == 0


async def add_through(desk: Node, count: int) -> list[str]:
    """The commands of as many acknowledged requests, on a new connection whenever one breaks."""
    acknowledged: list[str] = []
    while len(acknowledged) < count:
        async with desk.http() as http:
            with suppress(httpx.TransportError):
                while len(acknowledged) < count:
                    acknowledged.append(await printed(http))
    return acknowledged


async def test_a_worker_that_is_killed_is_replaced_and_nothing_acknowledged_is_lost(place):
    async with node(place, 2) as desk:
        adding = [asyncio.ensure_future(add_through(desk, 60)) for _ in range(4)]
        await desk.process.says('"operation":"commands/addPrinter"', times=20)
        os.kill(desk.workers()[0], signal.SIGKILL)
        await desk.process.says("a worker ended, and is replaced", '"code":-9')
        await desk.process.says("a worker begins", times=3)
        added = await asyncio.wait_for(asyncio.gather(*adding), PATIENCE)
        desk.process.send(signal.SIGTERM)
        assert await desk.process.ended() == 0
    acknowledged = [command_id for each in added for command_id in each]
    kept = {row[0] for row in sql(place, "SELECT id FROM commands")}
    assert len(acknowledged) == len(set(acknowledged))
    assert set(acknowledged) <= kept


async def test_no_connection_breaks_when_all_workers_are_told_to_stop_under_load(place):
    acknowledged: list[str] = []
    enough = asyncio.Event()
    async with node(place, 2) as desk:
        served = Served(desk.process, int(desk.address.rpartition(":")[2]), Path())
        adding = [asyncio.ensure_future(add_until_nobody_listens(served, acknowledged, enough)) for _ in range(8)]
        await asyncio.wait_for(enough.wait(), PATIENCE)
        desk.process.send(signal.SIGTERM)
        await asyncio.wait_for(asyncio.gather(*adding), PATIENCE)
        assert await desk.process.ended() == 0
        await served.hang_up()
    kept = {row[0] for row in sql(place, "SELECT id FROM commands")}
    assert set(acknowledged) <= kept
    assert len(acknowledged) == len(set(acknowledged))


async def test_whoever_is_asked_tells_the_counts_of_the_machine_also_of_a_worker_that_is_dead(place):
    async with node(place, 2) as desk, AsyncExitStack() as opened:
        await sockets_of_each(desk, opened)
        for stopped in desk.workers():
            os.kill(stopped, signal.SIGSTOP)
            async with desk.http() as http:
                for _ in range(3):
                    await printed(http)
                assert (await http.get("/metrics")).status_code == 200, "what was told once stays told"
            os.kill(stopped, signal.SIGCONT)
        assert await desk.counted(ADDED) == 6
        assert await desk.counted("nightporter_events_total") == 6
        assert await desk.counted("nightporter_sockets") == 2
        os.kill(desk.workers()[0], signal.SIGKILL)
        await desk.process.says("a worker ended, and is replaced")
        assert await desk.counted("nightporter_sockets") == 1
        assert await desk.counted("nightporter_events_total") == 6


async def test_a_service_manager_is_told_by_the_parent_alone_and_a_database_that_is_away_is_waited_for(
    place, manager: Manager
):
    environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "300000"}
    async with node(place, 2, **environment) as desk:
        port = desk.address.rpartition(":")[2]
        assert await manager.hears("READY=1") == ["READY=1", f"STATUS=Serving on port {port}."]
        assert await manager.hears("WATCHDOG=1") == ["WATCHDOG=1", f"STATUS=Serving on port {port}."]
        name = urlsplit(place.url).path[1:]
        server = PostgresAddress(urlsplit(place.url)._replace(path="/postgres").geturl())
        sql(server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            sql(server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ?", name)
            trouble = await manager.hears("STATUS=The database")
            assert trouble[0] == "WATCHDOG=1"
            async with desk.http() as http:
                async with asyncio.timeout(PATIENCE):
                    while (await http.get("/ready")).status_code != 503:
                        pass  # what was found stands for a second
        finally:
            sql(server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await manager.hears(f"STATUS=Serving on port {port}.")
        await desk.process.says("events of other nodes are read again", times=2)
        lines = [json.loads(line) for line in desk.process.err]
        assert sum(line["event"] == "events of other nodes cannot be read" for line in lines) == 2, "once a worker"
        assert not [line for line in lines if "source" in line], "the driver need not tell it too"
        desk.process.send(signal.SIGTERM)
        assert await manager.hears("STOPPING=1") == ["STOPPING=1", "STATUS=Finishing what was accepted."]
        assert await desk.process.ended() == 0


async def test_workers_that_lose_their_parent_stop(place):
    async with node(place, 2) as desk:
        await desk.process.kill()
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    async with desk.http() as http:
                        await http.get("/health")
                except httpx.ConnectError:
                    break


async def test_the_command_line_works_on_the_database_itself_beside_the_nodes_that_serve_it(place, tmp_path: Path):
    environment = {"NIGHTPORTER_DATABASE": place.url}
    hotel = tmp_path / "hotel.json"
    async with node(place) as desk, desk.socket() as socket:
        printer = await run("devices", "add", "Printer", "Bar printer", "--enterprise", HOTEL, **environment)
        assert printer.code == 0, printer.err
        exported = await run("export", "--output", str(hotel), **environment)
        assert (exported.code, exported.err) == (0, "")
        loaded = await run("load", str(hotel), **environment)
        assert loaded.code == 0, loaded.err
        assert "devices/set" in (await run("audit", **environment)).out
        assert (await run("purge", "--dry-run", **environment)).code == 0
        assert "is up to date" in (await run("upgrade", **environment)).out
        async with desk.http() as http:
            command_id = await printed(http)
        cancelled = await run("commands", "cancel", command_id, **environment)
        assert cancelled.code == 0, cancelled.err
        told = [event async for event in states(socket, command_id, 2)]
        assert told == ["Pending", "Cancelled"], "the node tells what another program did"


async def test_doctor_examines_a_database_of_many_nodes(place, empty: PostgresAddress):
    ran = await run("doctor", NIGHTPORTER_DATABASE=place.url)
    assert ran.code == 0, ran.out
    for found in (
        "fsync on, synchronous_commit on, full_page_writes on",
        "connections are left",
        "it agrees with that of",
    ):
        assert found in ran.out
    sql(place, "UPDATE access_tokens SET revoked = 1")
    ran = await run("doctor", NIGHTPORTER_DATABASE=place.url)
    assert "tokens    integrations without one: " in ran.out
    assert "devices   not reachable: " in ran.out
    nowhere = await run("doctor", NIGHTPORTER_DATABASE="postgresql://porter:secret@127.0.0.1:1/hotel")
    assert nowhere.code == 1
    away = (
        "postgresql://127.0.0.1:1/hotel cannot be reached: Connection refused; start its server, or correct the address"
    )
    assert f"problem  database  {away}" in nowhere.out
    nothing = await run("doctor", NIGHTPORTER_DATABASE=empty.url)
    assert nothing.code == 1
    assert (
        f"problem  database  {empty} is empty; give the database of the desk (--database), or make one" in nothing.out
    )


async def test_several_workers_on_a_file_are_refused_with_the_reason(tmp_path: Path):
    ran = await run("serve", "--workers", "2", "--database", str(tmp_path / "desk.db"))
    assert ran.code == 2
    assert ran.err.startswith("nightporter: workers is 2, but ")
    assert ran.err.endswith("Many nodes need PostgreSQL.\n")
    assert os.listdir(tmp_path) == []


async def test_a_database_that_is_refused_is_told_in_one_sentence_and_not_tried_again(place):
    async with node(place, 2) as desk:
        sql(place, "UPDATE desk SET moved = 'elsewhere'")
        os.kill(desk.workers()[0], signal.SIGKILL)
        await desk.process.says("the desk cannot be opened", "was moved to elsewhere")
        assert not [line for line in desk.process.err if "exception" in line]
    for workers in ("1", "2"):
        ran = await run("serve", "--workers", workers, "--port", "0", NIGHTPORTER_DATABASE=place.url)
        assert (ran.code, ran.out) == (2, "")
        (told,) = ran.err.splitlines()
        assert told.startswith(f"nightporter: The hotel in {place} was moved to elsewhere. Give that database")


async def test_a_user_who_may_not_make_tables_is_told_which_right_is_missing(empty: PostgresAddress):
    parts = urlsplit(empty.url)
    user = parts.path[1:]
    weak = parts._replace(netloc=f"{user}:{user}@{parts.netloc.rpartition('@')[2]}").geturl()
    sql(empty, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    sql(empty, f"CREATE USER {user} PASSWORD '{user}'")
    try:
        ran = await run("serve", "--port", "0", NIGHTPORTER_DATABASE=weak)
    finally:
        sql(empty, f"DROP USER {user}")
    assert (ran.code, ran.out) == (2, "")
    (told,) = ran.err.splitlines()
    assert "permission denied for schema public" in told
    assert "GRANT USAGE, CREATE ON SCHEMA public" in told


async def test_a_database_that_cannot_be_reached_is_told_without_the_password():
    for password, code in (("secret", 1), ("secret/", 2)):  # the second is an address that nobody can read
        ran = await run("serve", NIGHTPORTER_DATABASE=f"postgresql://porter:{password}@127.0.0.1:1/hotel")
        assert ran.code == code
        assert "127.0.0.1:1/hotel" in ran.err
        assert "secret" not in ran.err
