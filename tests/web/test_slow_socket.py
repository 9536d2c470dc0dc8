"""Sockets that do not read, and sockets that lose what they may hear."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import websockets

from nightporter.access.tokens import token_hash
from nightporter.settings import Settings
from nightporter.storage.property import SetProperty
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, RunningDesk

PORTFOLIO_TOKEN = "50A7F0110DE54C41B0A6DE50F0110DE5-7C9E6679F8A24B0FA1D3C5E7092B4D6"
PRINTER = "d117866d-78de-4459-9077-42d7ea0120e3"
FEW = Settings(request_limit=0, port=0, listener_queue=50)


async def add(desk: RunningDesk, count: int) -> None:
    for _ in range(count):
        reply = await desk.call("commands/addPrinter", PrinterId=PRINTER, CopyCount=1, Data="QUJD")
        assert reply.status_code == 200


@asynccontextmanager
async def deaf(desk: RunningDesk, query: str = "") -> AsyncIterator[websockets.ClientConnection]:
    """A socket whose client reads nothing until it asks to, with buffers as small as the system allows."""
    host, port = desk.address.removeprefix("http://").split(":")
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    plain.connect((host, int(port)))
    cookie = f"ClientToken={desk.client_token}; AccessToken={desk.access_token}"
    async with websockets.connect(
        desk.address.replace("http", "ws") + "/ws/connector" + query,
        additional_headers={"Cookie": cookie},
        sock=plain,
        max_queue=1,
        ping_interval=None,
    ) as connection:
        yield connection


async def listen(connection: websockets.ClientConnection, heard: list[str]) -> None:
    while True:
        heard.append(str(await connection.recv()))


async def clog(desk: RunningDesk) -> None:
    """Make the server's end of every socket hold nothing, so that what is not read waits in the desk."""
    for server_side in [task for task in asyncio.all_tasks() if "run_asgi" in repr(task)]:
        protocol = server_side.get_coro().cr_frame.f_locals.get("self")
        transport = getattr(protocol, "transport", None)
        if transport is not None and hasattr(protocol, "handshake_complete"):
            transport.set_write_buffer_limits(high=0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)


@pytest.mark.parametrize("settings", [FEW])
async def test_a_slow_socket_is_dropped_with_1013_and_keeps_nobody_waiting(desk: RunningDesk, settings: Settings):
    async with deaf(desk) as slow, desk.socket() as quick:
        await clog(desk)
        told = 0
        while len(desk.desk.hub) == 2:
            await add(desk, 10)
            for _ in range(10):
                await asyncio.wait_for(quick.recv(), 10)
            told += 10
            assert told < 20_000, "the slow one was never dropped"
        heard: list[str] = []
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(listen(slow, heard), 30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
        assert closed.value.rcvd.reason == "too slow; resume by cursor"
        assert len(heard) < told
        assert desk.desk.metrics.snapshot().listeners_dropped == 1
        await add(desk, 1)
        assert json.loads(await asyncio.wait_for(quick.recv(), 10))["Events"]


async def test_a_socket_whose_token_is_replaced_is_closed_with_1008(desk: RunningDesk):
    async with (
        desk.socket() as gone,
        desk.as_("50A7F0110DE54C41B0A6DE50F0110DE5-7C9E6679F8A24B0FA1D3C5E7092B4D6").socket() as other,
    ):
        actor = await desk.desk.recognition.of_text(CLIENT_TOKEN, ACCESS_TOKEN)
        row = {
            "id": actor.access_token_id, "integration_id": actor.integration_id, "token_hash": token_hash("another"),
            "created": 0, "revoked": None,
        }  # fmt: skip
        await desk.desk.writer.write(SetProperty({"access_tokens": [row]}))
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(gone.recv(), 10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        await add(desk.as_("another"), 1)
        assert json.loads(await asyncio.wait_for(other.recv(), 10))["Events"]
        assert len(desk.desk.hub) == 1


async def test_a_device_that_is_connected_reaches_an_open_socket_at_once(desk: RunningDesk):
    pos = desk.as_("7059D2C25BF64EA681ACAB3A00B859CC-D91BFF2B1E3047A3E0DEC1D57BE1382")
    async with pos.socket() as listening:
        await add(desk, 1)
        actor = await desk.desk.recognition.of_text(CLIENT_TOKEN, pos.access_token)
        row = {"integration_id": actor.integration_id, "device_id": PRINTER}
        await desk.desk.writer.write(SetProperty({"device_connections": [row]}))
        await add(desk, 1)
        message = json.loads(await asyncio.wait_for(listening.recv(), 10))
        active = (await desk.call("commands/getAllActive")).json()["Commands"]
        assert message["Events"][0]["Id"] == active[0]["Id"]


@pytest.mark.parametrize("path", ["/ws", "/ws/connector/", "/WS/connector", "/", "/ws/other"])
async def test_there_is_one_socket(desk: RunningDesk, path: str):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(desk.address.replace("http", "ws") + path)
    reply = refused.value.response
    assert reply.status_code == 404
    assert json.loads(reply.body)["RequestId"] == reply.headers["Request-Id"]


async def test_whatever_the_client_says_is_ignored(desk: RunningDesk):
    async with desk.socket() as listening:
        for said in ("hello", "{}", b"\x00\xff", "x" * 10_000):
            await listening.send(said)
        await add(desk, 1)
        assert json.loads(await asyncio.wait_for(listening.recv(), 10))["Events"]
        pong = await listening.ping()
        await asyncio.wait_for(pong, 10)
