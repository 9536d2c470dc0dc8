"""A desk that is told to stop finishes what it accepted, says goodbye to its sockets, and ends well."""

import asyncio
import base64
import json
import signal
from contextlib import suppress
from pathlib import Path

import pytest
import websockets

from tests.end_to_end.manager import Manager
from tests.end_to_end.served import PATIENCE, Served, body, printing, served

PRINTED = json.dumps(printing()).encode()
CALLERS = 24


async def add_until_nobody_listens(desk: Served, acknowledged: list[str], enough: asyncio.Event) -> None:
    """Add commands on connections that are kept, until a new one is refused; whatever else happens is an error."""
    while True:
        try:
            caller = await desk.caller()
        except ConnectionRefusedError:
            return
        stays = True
        while stays:
            status, stays, content = await caller.call("commands/addPrinter", PRINTED)
            assert status == 200, content
            acknowledged.append(json.loads(content)["CommandId"])
            if len(acknowledged) >= 300:
                enough.set()


async def heard_until_the_end(listening: websockets.ClientConnection) -> tuple[list[str], int, str]:
    """The commands that a socket was told of, and how it was closed."""
    heard = [event["Id"] async for message in listening for event in json.loads(message)["Events"]]
    assert listening.close_code is not None
    return heard, listening.close_code, listening.close_reason or ""


async def test_nothing_acknowledged_is_lost_and_no_connection_breaks_when_it_stops_under_load(database: Path):
    acknowledged: list[str] = []
    enough = asyncio.Event()
    async with served(database) as desk, desk.socket() as plain, desk.socket("?cursor=") as resuming:
        listening = [asyncio.ensure_future(heard_until_the_end(one)) for one in (plain, resuming)]
        adding = [asyncio.ensure_future(add_until_nobody_listens(desk, acknowledged, enough)) for _ in range(CALLERS)]
        await asyncio.wait_for(enough.wait(), PATIENCE)
        desk.stop()
        await asyncio.wait_for(asyncio.gather(*adding), PATIENCE)
        told = await asyncio.wait_for(asyncio.gather(*listening), PATIENCE)
        assert await desk.process.ended() == 0
    assert len(acknowledged) == len(set(acknowledged)) > 300
    assert set(acknowledged) <= desk.kept()
    for heard, code, reason in told:
        assert (code, reason) == (1001, "the desk is closing; resume by cursor")
        assert sorted(heard) == sorted(acknowledged), "each event of what was finished was told before the goodbye"
    lines = desk.lines()
    assert sum(line["event"] == "request" for line in lines) == len(acknowledged), "the log is whole"
    assert [line for line in lines if line["level"] != "info"] == []


async def test_a_request_that_is_half_there_is_waited_for_and_a_long_reply_is_sent_to_its_end(database: Path):
    document = base64.b64encode(bytes(2_000_000)).decode()
    async with served(database) as desk:
        one = await desk.caller()
        for _ in range(6):
            assert (await one.call("commands/addPrinter", json.dumps(printing(document)).encode()))[0] == 200
        half, reading, idle = one, await desk.caller(), await desk.caller()
        assert (await idle.call("devices/getAll", json.dumps(body()).encode()))[:2] == (200, True)
        await reading.begin("commands/getAllActive", json.dumps(body()).encode())
        await reading.reader.read(1)  # it has begun; no more is read until the desk has been told to stop
        await half.begin("commands/addPrinter", PRINTED, 20)
        desk.stop()
        assert await asyncio.wait_for(idle.reader.read(), PATIENCE) == b"", "who asks nothing is closed in peace"
        half.writer.write(PRINTED[20:])
        status, stays, content = await asyncio.wait_for(half.reply(), PATIENCE)
        assert (status, stays) == (200, False)
        rest = await asyncio.wait_for(reading.reader.read(), PATIENCE)
        assert rest.count(document[:1000].encode()) >= 1
        assert rest.endswith(b"0\r\n\r\n"), "the end of the last piece"
        assert await desk.process.ended() == 0
    assert json.loads(content)["CommandId"] in desk.kept()


async def test_what_had_been_sent_before_the_signal_is_answered(database: Path):
    """Connections that the system has made, and requests that it holds, while the desk itself has not looked yet."""
    async with served(database) as desk:
        kept = await desk.caller()
        assert (await kept.call("commands/addPrinter", PRINTED))[0] == 200
        desk.process.send(signal.SIGSTOP)
        waiting = [kept, *[await desk.caller() for _ in range(5)]]
        for caller in waiting:
            await caller.begin("commands/addPrinter", PRINTED)
        desk.stop()
        desk.process.send(signal.SIGCONT)
        replies = await asyncio.wait_for(asyncio.gather(*(caller.reply() for caller in waiting)), PATIENCE)
        assert [status for status, _, _ in replies] == [200] * 6
        assert await desk.process.ended() == 0
    assert {json.loads(content)["CommandId"] for _, _, content in replies} <= desk.kept()


async def test_who_comes_while_it_stops_is_answered_and_sent_away_and_opens_no_socket(database: Path, manager: Manager):
    async with served(database, NOTIFY_SOCKET=manager.address) as desk:
        busy, late, slow = await desk.caller(), await desk.caller(), await desk.caller()
        await busy.begin("commands/addPrinter", PRINTED, 20)
        desk.stop()
        await manager.hears("STOPPING=1")
        assert (await slow.call("commands/addPrinter", PRINTED))[:2] == (200, False), "its request was under way"
        late.writer.write(
            b"GET /ws/connector HTTP/1.1\r\nHost: desk\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        answered = (await asyncio.wait_for(late.reader.read(), PATIENCE)).decode().lower()
        assert answered.startswith("http/1.1 503")
        assert "retry-after: 5" in answered
        assert "the desk is closing. connect again." in answered
        busy.writer.write(PRINTED[20:])
        assert (await busy.reply())[0] == 200
        assert await desk.process.ended() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_it_at_once(database: Path, manager: Manager, second: signal.Signals):
    async with served(database, NOTIFY_SOCKET=manager.address) as desk:
        busy = await desk.caller()
        await busy.begin("commands/addPrinter", PRINTED, 20)
        desk.stop()
        await manager.hears("STOPPING=1")
        desk.process.send(second)
        assert await desk.process.ended() == -second
        with suppress(ConnectionResetError):  # what it had not read the system gives back like that
            assert await busy.reader.read() == b""


async def test_it_waits_no_longer_than_it_was_told_to(database: Path):
    async with served(database, NIGHTPORTER_STOP_TIMEOUT="0.2") as desk, desk.socket() as listening:
        busy = await desk.caller()
        await busy.begin("commands/addPrinter", PRINTED, 20)
        desk.stop()
        assert (await heard_until_the_end(listening))[1] == 1001
        assert await desk.process.ended() == 0
    assert any("timeout graceful shutdown exceeded" in line["event"] for line in desk.lines())


async def test_a_socket_that_does_not_answer_its_goodbye_keeps_nobody_waiting(database: Path):
    async with served(database) as desk:
        deaf = await desk.caller()
        cookie = f"ClientToken={printing()['ClientToken']}; AccessToken={printing()['AccessToken']}"
        deaf.writer.write(
            b"GET /ws/connector HTTP/1.1\r\nHost: desk\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            + f"Cookie: {cookie}\r\n\r\n".encode()
        )
        assert b" 101 " in await deaf.reader.readuntil(b"\r\n\r\n")
        desk.stop()
        assert await desk.process.ended() == 0
    assert [line for line in desk.lines() if line["level"] != "info"] == []
