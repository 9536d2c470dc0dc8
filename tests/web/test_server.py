"""How the server ends, where a process of its own could only show it now and then."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from nightporter.host.clock import machine_sources
from nightporter.settings import Settings, Supervision
from nightporter.web import server as served
from nightporter.web.app import App
from nightporter.web.server import Server
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, PREFIX, copied

BODY = json.dumps({"ClientToken": CLIENT_TOKEN, "AccessToken": ACCESS_TOKEN, "Client": "Tests 1.0"}).encode()
REQUEST = (
    f"POST {PREFIX}devices/getAll HTTP/1.1\r\nHost: desk\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n"
).encode() + BODY


@pytest.fixture
async def server(empty_database: Path, tmp_path: Path, demo_hotel: bytes, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server that listens in the loop of the test."""
    monkeypatch.setattr(served, "spare_the_collector", lambda: None)
    settings, sources = Settings(port=0), machine_sources()
    app = App(settings, sources, copied(empty_database, tmp_path), fill=demo_hotel)
    one = Server(app, settings, sources, Supervision("", None), on_listening=lambda _: None, on_stopping=lambda: None)
    one.config.load()
    one.lifespan = one.config.lifespan_class(one.config)
    await one.startup()
    return one


async def test_callers_whom_the_system_has_connected_are_served_although_the_listener_closes(server: Server):
    port = server.servers[0].sockets[0].getsockname()[1]
    # The loop does not run meanwhile, so that nobody has accepted them.
    waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for caller in waiting:
        caller.sendall(REQUEST)
    await server.shutdown()
    for caller in waiting:
        with caller:
            reply = await asyncio.to_thread(_all_of, caller)
            assert reply.startswith(b"HTTP/1.1 200 ")
            assert b"\r\nconnection: close\r\n" in reply
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def _all_of(caller: socket.socket) -> bytes:
    pieces = []
    while piece := caller.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)
