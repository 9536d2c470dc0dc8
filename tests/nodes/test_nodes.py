"""What several nodes on one database promise together (DESIGN, "Writes" 3 and 8, "Never twice", "Gap-free push")."""

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import httpx
import pytest
import websockets

from nightporter.domain.errors import Unavailable
from nightporter.host.clock import machine_sources
from nightporter.push import relay
from nightporter.settings import Settings
from nightporter.storage.database import WAKE
from nightporter.storage.dialects.postgres import PostgresDatabase
from nightporter.storage.places import PostgresAddress
from tests.contract import hotel as facts
from tests.harness import RunningDesk, running_desk, sql

PRINT = {"PrinterId": facts.PLAIN_PRINTER, "CopyCount": 1, "Data": facts.PDF}


def agent(node: RunningDesk) -> RunningDesk:
    return node.as_(facts.AGENT, facts.CLIENT_TOKEN)


def kiosk(node: RunningDesk) -> RunningDesk:
    return node.as_(facts.KIOSK, facts.CLIENT_TOKEN)


async def added(node: RunningDesk, **headers: str) -> str:
    response = await kiosk(node).call("commands/addPrinter", headers=headers, **PRINT)
    assert response.status_code == 200, response.text
    return str(response.json()["CommandId"])


async def heard(socket: websockets.ClientConnection, count: int) -> list[tuple[int, str]]:
    """The next events of a socket: cursor and command."""
    told = []
    async with asyncio.timeout(20):
        while len(told) < count:
            message = json.loads(await socket.recv())
            told += [(int(message["Cursor"]), event["Id"]) for event in message["Events"]]
    return told


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0)


async def test_what_one_node_adds_reaches_the_sockets_of_every_node_once_and_in_order(nodes: list[RunningDesk]):
    async with agent(nodes[0]).socket() as one, agent(nodes[1]).socket() as two, agent(nodes[2]).socket() as three:
        ids = await asyncio.gather(*(added(nodes[number % 3]) for number in range(60)))
        told = [await heard(socket, 60) for socket in (one, two, three)]
    assert told[0] == told[1] == told[2]
    assert [cursor for cursor, _ in told[0]] == sorted(cursor for cursor, _ in told[0])
    assert sorted(command for _, command in told[0]) == sorted(ids)


async def test_a_listener_resumes_on_another_node_without_a_gap(nodes: list[RunningDesk]):
    async with agent(nodes[0]).socket("?cursor=") as socket:
        cursor = json.loads(await socket.recv())["Cursor"]
    ids = [await added(nodes[number % 3]) for number in range(7)]
    async with agent(nodes[1]).socket(f"?cursor={cursor}") as socket:
        later = asyncio.gather(*(added(nodes[2]) for _ in range(5)))
        told = await heard(socket, 12)
        ids += await later
    assert sorted(command for _, command in told) == sorted(ids)
    assert [cursor for cursor, _ in told] == sorted({cursor for cursor, _ in told})


async def test_who_has_read_an_event_has_read_all_before_it(nodes: list[RunningDesk]):
    """One node's commit is held open while another commits: the later number waits for the earlier one."""
    database = nodes[0].desk.database
    assert isinstance(database, PostgresDatabase)
    numbering, go_on = asyncio.Event(), asyncio.Event()

    async def slow(transaction) -> None:
        await transaction.number_events()
        numbering.set()
        await go_on.wait()

    holding = asyncio.create_task(database.transact(slow))
    await numbering.wait()
    adding = asyncio.create_task(added(nodes[1]))
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    await until(lambda: sql(nodes[0].database, waiting)[0][0])
    assert not adding.done()
    go_on.set()
    await holding
    await adding


async def test_an_idempotency_key_holds_on_every_node(nodes: list[RunningDesk]):
    headers = {"Idempotency-Key": "once"}
    replies = await asyncio.gather(
        *(kiosk(node).call("commands/addPrinter", headers=headers, **PRINT) for node in nodes * 4)
    )
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.json()["CommandId"] for reply in replies}) == 1
    other = await kiosk(nodes[2]).call("commands/addPrinter", headers=headers, **PRINT | {"CopyCount": 2})
    assert (other.status_code, other.json()["Message"]) == (400, "Invalid Idempotency-Key")


async def test_one_taker_on_every_node(nodes: list[RunningDesk]):
    command = await added(nodes[0])
    replies = await asyncio.gather(
        *(
            agent(node).call("commands/update", CommandId=command, State="Received", Executor=f"executor {number}")
            for number, node in enumerate(nodes)
        )
    )
    assert sorted(reply.status_code for reply in replies) == [200, 409, 409]


async def test_a_revoked_token_is_nobody_everywhere_within_a_second(nodes: list[RunningDesk]):
    tokens = await nodes[0].administer(
        "accessTokens/getAll", IntegrationIds=[facts.AGENT_INTEGRATION], Limitation={"Count": 10}
    )
    ids = [token["Id"] for token in tokens.json()["AccessTokens"]]
    async with agent(nodes[1]).socket() as socket:
        for node in nodes:
            assert (await agent(node).call("devices/getAll")).status_code == 200
        await nodes[2].administer("accessTokens/revoke", AccessTokenIds=ids)
        await asyncio.gather(*(refused_within_a_second(node) for node in nodes))
        async with asyncio.timeout(1):
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes that look without being woken once a minute."""
    monkeypatch.setattr(relay, "EVERY", 60.0)


async def test_a_commit_wakes_the_other_nodes_and_not_its_own(seldom: None, nodes: list[RunningDesk]):
    woken: list[str] = []
    async with nodes[0].desk.database.channel(woken.append), agent(nodes[0]).socket() as socket:  # type: ignore[attr-defined]
        commands = [await added(nodes[0]), await added(nodes[1])]
        assert [one for _, one in await heard(socket, 2)] == commands
        await until(lambda: bool(woken))
    assert woken == [WAKE]


async def test_a_revocation_holds_and_events_come_although_nothing_can_be_heard(nodes: list[RunningDesk]):
    """LISTEN is down: the tables tell."""

    @asynccontextmanager
    async def deaf(_heard: object):
        raise Unavailable("Nothing can be heard.")
        yield

    for node in nodes:
        node.desk.database.channel = deaf  # type: ignore[attr-defined]
    await cut(nodes[0])
    for node in nodes:
        async with asyncio.timeout(20):
            while (await kiosk(node).call("commands/addPrinter", **PRINT)).status_code != 200:
                pass
    listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    assert sql(nodes[0].database, listening) == [(0,)]
    async with agent(nodes[1]).socket() as socket:
        command = await added(nodes[0])
        async with asyncio.timeout(10):
            while [one for _, one in await heard(socket, 1)] != [command]:
                pass  # what was added while the connections were cut
    tokens = await nodes[0].administer(
        "accessTokens/getAll", IntegrationIds=[facts.AGENT_INTEGRATION], Limitation={"Count": 10}
    )
    assert (await agent(nodes[1]).call("devices/getAll")).status_code == 200
    await nodes[0].administer("accessTokens/revoke", AccessTokenIds=[t["Id"] for t in tokens.json()["AccessTokens"]])
    await refused_within_a_second(nodes[1])


async def refused_within_a_second(node: RunningDesk):
    """No call of the agent that begins later than a second from now is answered."""
    loop = asyncio.get_running_loop()
    began = last = loop.time()
    while (await agent(node).call("devices/getAll")).status_code != 401:
        assert last - began <= 1
        last = loop.time()


LIMIT = 100


@pytest.mark.parametrize("settings", [Settings(request_limit=LIMIT, request_window=60.0, port=0)])
async def test_a_limit_holds_for_all_nodes_together(nodes: list[RunningDesk], settings: Settings):
    # each has heard of the others
    await until(lambda: all(len(node.desk.limit._others) == 2 for node in nodes))  # type: ignore[attr-defined]

    async def asking(node: RunningDesk) -> int:
        accepted = 0
        for _ in range(LIMIT):
            reply = await kiosk(node).call("commands/getAllActive")
            accepted += reply.status_code == 200
            if reply.status_code == 429:
                break
        return accepted

    accepted = sum(await asyncio.gather(*(asking(node) for node in nodes for _ in range(4))))
    assert LIMIT <= accepted <= LIMIT * 1.1


async def test_times_never_go_back_although_the_clocks_differ(home: PostgresAddress, settings: Settings):
    ahead = machine_sources()
    behind = machine_sources()
    object.__setattr__(ahead, "now", lambda clock=ahead.now: clock() + timedelta(seconds=90))
    hotel = facts.printed(facts.property_file())
    async with (
        running_desk(home, hotel, settings, sources=ahead) as one,
        running_desk(home, hotel, settings, sources=behind) as two,
    ):
        command = await added(one)
        for node, state in ((two, "Received"), (one, "Processing"), (two, "Processed")):
            assert (await agent(node).call("commands/update", CommandId=command, State=state)).status_code == 200
        told = await agent(one).call("commands/getAllByIds", CommandIds=[command], Extent={"Execution": True})
    times = [state["Utc"] for state in told.json()["Commands"][0]["Execution"]["States"]]
    assert times == sorted(times)
    assert len(times) == 4


async def test_only_one_node_at_a_time_does_what_has_a_name(nodes: list[RunningDesk]):
    one, two = nodes[0].desk.database, nodes[1].desk.database
    async with one.alone("sweep") as first, two.alone("sweep") as second, two.alone("retention") as other:
        assert (first, second, other) == (True, False, True)
    async with two.alone("sweep") as again:
        assert again


async def cut(node: RunningDesk) -> None:
    """End every connection to the database that the desks have."""
    assert isinstance(node.database, PostgresAddress)
    connection = await asyncpg.connect(node.database.url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'nightporter' AND datname = current_database()"
    )
    await connection.close()


async def test_a_desk_whose_connections_are_cut_recovers_by_itself(nodes: list[RunningDesk]):
    async with agent(nodes[1]).socket() as socket:
        await added(nodes[0])
        await heard(socket, 1)
        await cut(nodes[0])
        async with asyncio.timeout(20):
            while True:
                reply = await kiosk(nodes[0]).call("commands/addPrinter", **PRINT)
                if reply.status_code == 200:
                    break
                assert reply.status_code == 503
                assert int(reply.headers["retry-after"]) > 0
        assert (await heard(socket, 1))[0][1] == reply.json()["CommandId"]


async def test_a_commit_without_an_answer_is_told_as_undecided_and_never_made_twice(nodes: list[RunningDesk]):
    """The connection is lost when the commit is sent: made or not, nobody repeats it by itself."""
    database = nodes[0].desk.database
    assert isinstance(database, PostgresDatabase)
    before = sql(nodes[0].database, "SELECT count(*) FROM commands WHERE device_id = ?", facts.PLAIN_PRINTER)[0][0]
    connection = await database._writer()
    execute = connection.execute
    commits = 0

    class Losing:
        def __getattr__(self, name: str):
            return getattr(connection, name)

        async def execute(self, text: str, *arguments):
            nonlocal commits
            result = await execute(text, *arguments)
            if text.endswith("COMMIT"):
                commits += 1
                connection.terminate()
                raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
            return result

    database._writing = Losing()  # type: ignore[assignment]
    replies: list[httpx.Response] = await asyncio.gather(
        *(kiosk(nodes[0]).call("commands/addPrinter", **PRINT) for _ in range(4))
    )
    lost = [reply for reply in replies if reply.status_code == 503]
    assert commits == 1
    assert lost
    assert all("not known" in reply.json()["Message"] for reply in lost)
    made = sql(nodes[0].database, "SELECT count(*) FROM commands WHERE device_id = ?", facts.PLAIN_PRINTER)[0][0]
    assert made == before + len(replies), "they were made, once"


async def test_a_database_that_cannot_be_reached_is_told_to_callers_and_probes(
    home: PostgresAddress, settings: Settings
):
    hotel = facts.printed(facts.property_file())
    async with running_desk(home, hotel, settings, sources=machine_sources()) as node:
        database = node.desk.database
        assert isinstance(database, PostgresDatabase)
        database.address = PostgresAddress("postgresql://nobody@127.0.0.1:1/nothing")
        await cut(node)
        async with asyncio.timeout(20):
            while (reply := await kiosk(node).call("commands/addPrinter", **PRINT)).status_code == 200:
                pass
        assert reply.status_code == 503
        assert reply.headers["retry-after"]
        assert (await node.http.get("/health")).status_code == 200
        ready = await node.http.get("/ready")
        assert ready.status_code == 503
        with pytest.raises(Unavailable):
            async with database.snapshot():
                pass
