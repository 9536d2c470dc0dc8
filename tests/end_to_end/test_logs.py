"""A whole real desk has a day on which everything happens, and its log tells none of what belongs to guests and clients.

Whatever is sent that must not be told holds one word, which the log of the day must not.
"""

import asyncio
import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import websockets

from nightporter import operations
from nightporter.cli.announcing import announced
from nightporter.cli.demo import PORTFOLIO_TOKEN
from tests.cli.program import Ran, free_port, run
from tests.end_to_end.served import Served, body, printing, served
from tests.harness import ACCESS_TOKEN, ADMINISTRATION_PREFIX, CLIENT_TOKEN, POS_TOKEN, PREFIX

WORD = "wellensittich"
JSON = {"Content-Type": "application/json"}
STAY = "35d4b117-4e60-44a3-9580-c582117eff98"
ENTERPRISE = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
TABLES = (
    "commands", "documents", "results", "resource_access_tokens", "devices", "customers", "reservations", "idempotency_keys",
    "events", "access_tokens", "administration_tokens", "audit_records",
)  # fmt: skip


def samples(name: str) -> dict[str, dict[str, Any]]:
    examples = json.loads(files("nightporter.web").joinpath(name).read_bytes())
    return {path: one["request"] for path, one in examples.items()}


CONNECTOR, ADMINISTRATION = samples("examples.json"), samples("administration_examples.json")


def damaged(value: Any) -> Iterator[Any]:
    """``value`` with the word in one place after the other: instead of a value, inside a text, as the name of a field."""
    if isinstance(value, dict):
        yield {**value, WORD: WORD}
        for name, one in value.items():
            yield from ({**value, name: other} for other in damaged(one))
    elif isinstance(value, list):
        yield [WORD]
        for place, one in enumerate(value):
            yield from ([*value[:place], other, *value[place + 1 :]] for other in damaged(one))
    else:
        yield WORD
        yield {WORD: WORD}
        if isinstance(value, str):
            yield f"{value} {WORD}"


class Day:
    """What happens, and what was said of it elsewhere than in the log."""

    def __init__(self, desk: Served, http: httpx.AsyncClient) -> None:
        self.desk = desk
        self.http = http
        told = announced(desk.database)
        assert told is not None
        self.trusted = told[1]
        self.secrets = {WORD, self.trusted, CLIENT_TOKEN, ACCESS_TOKEN, POS_TOKEN, PORTFOLIO_TOKEN}
        self.ran: list[Ran] = []

    async def call(self, operation: str, content: dict[str, Any]) -> httpx.Response:
        return await self.http.post(PREFIX + operation, json=content)

    async def administer(self, operation: str, content: Any, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.trusted}"}
        return await self.http.post(ADMINISTRATION_PREFIX + operation, json=content, headers=headers)

    async def type(self, *words: str) -> Ran:
        self.ran.append(await run(*words, NIGHTPORTER_DATABASE=str(self.desk.database)))
        return self.ran[-1]

    async def guests_come_and_work_is_done(self) -> None:
        guest = {
            "Id": STAY,
            "FirstName": WORD,
            "LastName": WORD,
            "Email": f"{WORD}@example.com",
            "Phone": f"+39 {WORD}",
        }
        assert (await self.administer("customers/set", {"EnterpriseId": ENTERPRISE, "Customers": [guest]})).is_success
        document = base64.b64encode(f"%PDF-1.7 {WORD} {'a' * 400_000}".encode()).decode()
        self.secrets.add(document[:40])
        for _ in range(3):
            added = await self.http.post(
                PREFIX + "commands/addPrinter", json=printing(document), headers={"Idempotency-Key": WORD}
            )
            assert added.is_success
        for operation, sample in CONNECTOR.items():
            assert (await self.call(operation, sample)).is_success, operation
        token = {**CONNECTOR["resourceAccessTokens/add"]["ResourceAccessTokenParameters"][0], "Value": f"{WORD}#"}
        assert (await self.call("resourceAccessTokens/add", body(ResourceAccessTokenParameters=[token]))).is_success
        done = body(CommandId=added.json()["CommandId"], State="Processed", Notes=WORD, Result={"Passport": WORD})
        assert (await self.call("commands/update", done)).is_success
        assert (await self.administer("commands/getAll", {"Text": WORD, "Limitation": {"Count": 100}})).is_success
        assert (await self.administer("properties/export", {})).is_success

    async def administrators_type(self) -> None:
        made = await self.type("tokens", "add", "--administration", "--name", WORD, "--quiet")
        self.secrets.add(made.out.strip())
        made = await self.type("tokens", "add", "--integration", "MyPOS", "--quiet")
        self.secrets.add(made.out.strip())
        await self.type("guests", "add", WORD, "--first-name", WORD, "--email", f"{WORD}@example.com", "--phone", WORD)
        await self.type("guests", "list")
        await self.type("audit")
        await self.type("commands", "list")
        await self.type("doctor")
        assert len(self.secrets) == 9, "two tokens were made"

    async def everything_is_wrong(self) -> None:
        for operation, sample in CONNECTOR.items():
            for content in damaged(sample):
                assert (await self.call(operation, content)).status_code < 500
        for operation, sample in ADMINISTRATION.items():
            for content in damaged(sample):
                assert (await self.administer(operation, content)).status_code < 500
            assert (await self.administer(operation, sample, token=WORD)).status_code == 401
        for raw in (f'{{"{WORD}'.encode(), f'"{WORD}"'.encode(), f'{{"AccessToken": "{WORD}\xff"}}'.encode("latin-1")):
            assert (await self.http.post(PREFIX + "devices/getAll", content=raw, headers=JSON)).status_code == 400
        large = json.dumps(body(Notes=WORD * 2_000_000)).encode()
        assert (await self.http.post(PREFIX + "commands/update", content=large, headers=JSON)).status_code == 413
        for path in (f"/{WORD}", f"{PREFIX}{WORD}", f"{PREFIX}devices/getAll/{WORD}", f"/ws/{WORD}?AccessToken={WORD}"):
            await self.http.post(path, json=body())
            await self.http.get(path, headers={"Authorization": f"Bearer {WORD}", "Cookie": f"AccessToken={WORD}"})

    async def strangers_speak_something_else(self) -> None:
        for raw in (
            f"{WORD}\r\n\r\n",
            f"POST {PREFIX}devices/getAll HTTP/1.1\r\n{WORD}\r\n\r\n",
            f"POST / HTTP/1.1\r\nContent-Length: {WORD}\r\n\r\n",
            f"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {WORD}\r\n\r\n",
            f"GET /ws/connector HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nCookie: AccessToken={WORD}\r\n\r\n",
            f"POST {PREFIX}devices/getAll HTTP/1.1\r\nContent-Length: 5000\r\n\r\n{WORD}",
        ):
            stranger = await self.desk.caller()
            stranger.writer.write(raw.encode())
            stranger.writer.write_eof()
            await asyncio.wait_for(stranger.reader.read(), 30)

    async def sockets_open_and_close(self) -> None:
        async with self.desk.socket("?cursor=") as listening:
            await listening.send(WORD)
            await listening.send(WORD.encode())
            await self.call("commands/addPrinter", printing())
            await listening.recv()
        async with self.desk.socket() as too_much:
            await too_much.send(WORD * 10_000)
            with suppress(websockets.ConnectionClosed):
                await too_much.recv()
        async with self.desk.socket() as rude:
            rude.transport.write(b"\xff\xff" + WORD.encode())
            with suppress(websockets.ConnectionClosed):
                await rude.recv()
        with suppress(websockets.InvalidStatus):
            await self.desk.socket(f"?cursor={WORD}")
        address = f"ws://127.0.0.1:{self.desk.port}/ws/connector"
        with suppress(websockets.InvalidStatus):
            await websockets.connect(address, additional_headers={"Cookie": f"ClientToken={WORD}; AccessToken={WORD}"})

    async def the_desk_breaks(self) -> None:
        """Tables that are gone, and rows that are not what they must be, while all is asked and changed."""
        with closing(sqlite3.connect(self.desk.database, isolation_level=None, timeout=30)) as hand:
            known = {row[0] for row in hand.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            assert known.issuperset(TABLES)
            for table in TABLES:
                hand.execute(f"ALTER TABLE {table} RENAME TO gone")
                await self._everything_once()
                hand.execute(f"ALTER TABLE gone RENAME TO {table}")
            for table, column in (
                ("commands", "creator"),
                ("commands", "data"),
                ("commands", "state"),
                ("devices", "configuration"),
                ("devices", "type"),
                ("resource_access_tokens", "type"),
                ("desk", "stamped"),
            ):
                hand.execute(f"CREATE TABLE kept AS SELECT * FROM {table}")
                hand.execute(f"UPDATE {table} SET {column} = ?", (f'{{"{WORD}": "{WORD}',))
                await self._everything_once()
                hand.execute(f"DELETE FROM {table}")
                hand.execute(f"INSERT INTO {table} SELECT * FROM kept")
                hand.execute("DROP TABLE kept")

    async def _everything_once(self) -> None:
        for operation, sample in CONNECTOR.items():
            with suppress(httpx.RemoteProtocolError):  # a long reply that breaks off
                await self.call(operation, sample)
        for operation, sample in ADMINISTRATION.items():
            with suppress(httpx.RemoteProtocolError):
                await self.administer(operation, sample)


def people(hotel: bytes) -> set[str]:
    """Names, addresses and telephones of the demo's guests, as far as they are not words that a log has anyway."""
    found: set[str] = set()
    for guest in json.loads(hotel)["Customers"]:
        found |= {guest[field] for field in ("LastName", "Email", "Phone") if guest.get(field)}
    return {one for one in found if len(one) > 5}


async def test_the_log_of_a_day_names_no_token_pin_document_or_guest(database: Path, demo_hotel: bytes):
    upstream = f"http://127.0.0.1:{free_port()}"
    settings = {"NIGHTPORTER_LOG_LEVEL": "debug", "NIGHTPORTER_UPSTREAM": upstream}
    async with served(database, **settings) as desk, desk.http() as http:
        day = Day(desk, http)
        await day.guests_come_and_work_is_done()
        await day.administrators_type()
        await day.everything_is_wrong()
        assert (await day.call("reservations/getAll", body(Names=[WORD]))).status_code == 503
        await day.strangers_speak_something_else()
        await day.sockets_open_and_close()
        await day.the_desk_breaks()
        desk.stop()
        assert await desk.process.ended() == 0
    lines = desk.lines()
    requests = [line for line in lines if line["event"] == "request"]
    assert {line["status"] for line in requests} >= {200, 400, 401, 404, 413, 500, 503}
    assert {line["operation"] for line in requests} >= {*CONNECTOR, *ADMINISTRATION, "upstream", ""}
    assert {operation.path for operation in operations.CONNECTOR} == set(CONNECTOR), "nothing is left out"
    assert sum(line["event"] == "defect" for line in lines) > 50
    secrets = {one.casefold() for one in day.secrets | people(demo_hotel) | pins(demo_hotel)}
    assert len(secrets) > 40
    whole = "\n".join([*desk.process.err, *desk.process.out]).casefold()
    assert [one for one in secrets if one in whole or json.dumps(one)[1:-1] in whole] == []
    for ran in day.ran:
        assert [one for one in day.secrets - {WORD} if one in ran.err] == []


def pins(hotel: bytes) -> set[str]:
    """The credentials of the demo that are long enough to be no part of another number."""
    values = {token["Value"] for token in json.loads(hotel)["ResourceAccessTokens"]}
    return {value for value in values if len(value) > 4 and not re.fullmatch(r"\d{1,5}", value)}


async def test_every_request_is_one_line_that_says_which_it_was(database: Path):
    async with served(database) as desk:
        async with desk.http() as http:
            good = await http.post(PREFIX + "devices/getAll", json=body())
            bad = await http.post(PREFIX + "commands/update", json=body())
            lost = await http.post("/nowhere", json=body())
        desk.stop()
        assert await desk.process.ended() == 0
    told = {line.pop("request_id"): line for line in desk.lines()}
    assert list(told) == [reply.headers["Request-Id"] for reply in (good, bad, lost)]
    first, second, third = told.values()
    assert set(first) == {"operation", "enterprises", "status", "milliseconds", "time", "event", "level"}
    assert (first["operation"], first["enterprises"], first["status"]) == ("devices/getAll", [ENTERPRISE], 200)
    assert (second["operation"], second["status"]) == ("commands/update", 400)
    assert (third["operation"], third["enterprises"], third["status"]) == ("", [], 404)
    assert 0 < first["milliseconds"] < 30_000
