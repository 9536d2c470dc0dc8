"""``kill -9`` of a server under load, again and again: what was acknowledged is there once, and every event is told in order."""

import asyncio
import itertools
import json
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import websockets

from tests.contract import hotel
from tests.durability.conftest import KEY_CUTTER, call
from tests.durability.process import Server

CALLERS = 6


@dataclass
class Known:
    """What the callers know: the id that was acknowledged for each key, the keys without an answer, the states reported."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    unanswered: dict[str, str] = field(default_factory=dict)
    reported: dict[str, str] = field(default_factory=dict)
    numbers: itertools.count = field(default_factory=itertools.count)


ADDS = {
    "commands/addKeyCutter": KEY_CUTTER,
    "commands/addPrinter": {"PrinterId": hotel.PRINTER, "CopyCount": 1, "Data": "QUJD" * 3000},
}


async def load_until_killed(server: Server, known: Known, answers: int) -> None:
    """Callers that add and report; after ``answers`` answers the server is killed, whatever is under way."""
    left = itertools.count(answers, -1)

    def answered() -> None:
        if next(left) == 0:
            server.kill()

    async def caller(dice: random.Random) -> None:
        async with httpx.AsyncClient(base_url=server.address, timeout=60) as http:
            while True:
                key, operation = f"key {next(known.numbers)}", dice.choice(list(ADDS))
                known.unanswered[key] = operation
                reply = await call(http, operation, key, **ADDS[operation])
                assert reply.status_code == 200, reply.text
                del known.unanswered[key]
                command_id = known.acknowledged[key] = reply.json()["CommandId"]
                answered()
                if dice.random() < 0.3:
                    reply = await call(http, "commands/update", CommandId=command_id, State="Processed")
                    assert reply.status_code == 200, reply.text
                    known.reported[command_id] = "Processed"

    outcomes = await asyncio.gather(
        *(caller(random.Random(n + answers)) for n in range(CALLERS)), return_exceptions=True
    )
    for outcome in outcomes:
        assert isinstance(outcome, httpx.TransportError), repr(outcome)


async def ask_again(server: Server, known: Known) -> None:
    """What nobody answered is asked again under the same key, and once more what had been answered."""
    async with httpx.AsyncClient(base_url=server.address, timeout=60) as http:
        for key, operation in list(known.unanswered.items()):
            reply = await call(http, operation, key, **ADDS[operation])
            assert reply.status_code == 200, reply.text
            known.acknowledged[key] = reply.json()["CommandId"]
            del known.unanswered[key]


async def check(server: Server, known: Known) -> None:
    ids = list(known.acknowledged.values())
    assert len(set(ids)) == len(ids), "no key shares a command with another"
    states = {}
    async with httpx.AsyncClient(base_url=server.address, timeout=60) as http:
        for some in range(0, len(ids), 500):
            reply = await call(http, "commands/getAllByIds", CommandIds=ids[some : some + 500])
            for command in reply.json()["Commands"]:
                assert command["Id"] not in states
                states[command["Id"]] = command["State"]
                if command["Device"]["Type"] == "Printer":
                    assert command["Data"]["FileData"] == "QUJD" * 3000
    assert set(states) == set(ids), "every acknowledged command is there"
    assert {one: states[one] for one in known.reported} == known.reported

    connection = sqlite3.connect(server.database)
    last = connection.execute("SELECT max(number) FROM events").fetchone()[0]
    loaded = {hotel.STRUCTURED_FISCAL}
    there = {row[0] for row in connection.execute("SELECT id FROM commands WHERE creator_integration_id IS NOT NULL")}
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    assert there == set(ids), "nothing was made that nobody asked for, and nothing twice"

    told: dict[str, list[str]] = {}
    number = 0
    cookie = f"ClientToken={hotel.CLIENT_TOKEN}; AccessToken={hotel.AGENT}"
    address = server.address.replace("http", "ws") + "/ws/connector?cursor=0"
    async with websockets.connect(address, additional_headers={"Cookie": cookie}) as socket:
        while number < last:
            message = json.loads(await asyncio.wait_for(socket.recv(), 30))
            assert int(message["Cursor"]) > number
            number = int(message["Cursor"])
            for event in message["Events"]:
                told.setdefault(event["Id"], []).append(event["State"])
    assert number == last
    assert loaded <= set(told)
    for command_id in ids:
        assert told[command_id][0] == "Pending"
        assert told[command_id][1:] in ([], ["Processed"])
        assert told[command_id][-1] == states[command_id]


async def lives(serve: Callable[..., Server], database: Path, rounds: int) -> None:
    dice = random.Random(rounds)
    known = Known()
    for _ in range(rounds):
        await load_until_killed(serve(database), known, dice.randint(1, 150))
    server = serve(database)
    await ask_again(server, known)
    await check(server, known)
    server.stop()
    assert len(known.acknowledged) > 20 * rounds
    assert known.reported


async def test_a_server_that_is_killed_loses_nothing_and_makes_nothing_twice(
    serve: Callable[..., Server], database: Path
):
    await lives(serve, database, 4)


@pytest.mark.long
async def test_a_server_that_is_killed_forty_times_loses_nothing(serve: Callable[..., Server], database: Path):
    await lives(serve, database, 40)
