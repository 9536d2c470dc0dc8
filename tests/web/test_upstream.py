"""Forwarding: what the desk does not serve goes to the upstream as it is, and the answer comes back as it is."""

import asyncio
import contextlib
import gc
import gzip
import io
import json
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from nightporter.operations import CONNECTOR
from nightporter.settings import Settings
from nightporter.web.logs import RequestLog
from tests.harness import PREFIX, RunningDesk

PATH = f"{PREFIX}reservations/getAll/2023-06-06"
SECRET = "C66EF7B239D24632943D115EDE9CB810"
OK = b"HTTP/1.1 200 OK\r\nRequest-Id: the-originals-own\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Call:
    """One request as the upstream got it, byte for byte."""

    line: str
    headers: list[tuple[str, str]]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    body: bytes = b""

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.headers}

    async def piece(self) -> bytes:
        """The next chunk of a chunked body; empty at its end."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def whole(self) -> bytes:
        if ("transfer-encoding", "chunked") in self.headers:
            while piece := await self.piece():
                self.body += piece
        else:
            self.body = await self.reader.readexactly(int(dict(self.headers)["content-length"]))
        return self.body

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Break the connection off."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Original:
    """A platform that keeps what it gets and answers as a test tells it."""

    address: str = ""
    calls: list[Call] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the desk has closed a connection."""
    server: asyncio.Server | None = None
    answer: Callable[[Call], Awaitable[None]] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                line, *lines = head[:-4].split("\r\n")
                headers = [(name.lower(), value) for name, value in (one.split(": ", 1) for one in lines)]
                call = Call(line, headers, reader, writer)
                self.calls.append(call)
                if self.answer is None:
                    await call.whole()
                    await call.send(OK)
                else:
                    await self.answer(call)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            writer.close()


@pytest.fixture
async def original() -> AsyncIterator[Original]:
    it = Original()
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        await it.serve(reader, writer)
        connections.discard(task)

    it.server = await asyncio.start_server(connected, "127.0.0.1", 0)
    it.address = f"http://127.0.0.1:{it.server.sockets[0].getsockname()[1]}"
    yield it
    it.server.close()
    for task in connections:
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


@pytest.fixture
def limits() -> dict[str, Any]:
    return {}


@pytest.fixture
def settings(original: Original, limits: dict[str, Any]) -> Settings:
    return Settings(**{"request_limit": 0, "port": 0, "upstream": original.address, **limits})


def served(desk: RunningDesk) -> dict[int, int]:
    """How many forwarded calls were counted, by status."""
    return desk.desk.metrics.snapshot().requests.get("upstream", {})


@dataclass
class Caller:
    """Calls the desk with raw bytes."""

    host: str
    port: int
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        self.writers.append(writer)
        return reader, writer

    async def send(self, head: str, body: bytes = b"") -> tuple[bytes, dict[str, str], asyncio.StreamReader]:
        """The status line, the headers, and the connection to read the body from."""
        reader, writer = await self.connect()
        writer.write(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body)
        line, *lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1").split("\r\n")
        return line.encode(), dict(one.split(": ", 1) for one in lines), reader


@pytest.fixture
async def caller(desk: RunningDesk) -> AsyncIterator[Caller]:
    host, port = desk.address.removeprefix("http://").split(":")
    it = Caller(host, int(port))
    yield it
    for writer in it.writers:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def a_place_is_free(desk: RunningDesk, original: Original) -> None:
    """Ask until somebody else's place is given back (with ``upstream_limit`` 1)."""
    original.answer = None
    async with asyncio.timeout(5):
        while (await desk.http.post(PATH, json={})).status_code == 503:
            pass


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0)


async def test_a_call_goes_up_and_its_answer_comes_down_unchanged(desk: RunningDesk, original: Original):
    zipped = gzip.compress(b'{"Reservations": []}' * 100)

    async def answer(call: Call) -> None:
        await call.whole()
        await call.send(
            b"HTTP/1.1 299 Fine\r\nContent-Type: application/json; charset=utf-8\r\nContent-Encoding: gzip\r\n"
            b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nSet-Cookie: no cookie\r\nRequest-Id: the-originals-own\r\nX-Wide: \xe9\r\n"
            b"Content-Length: %d\r\n\r\n" % len(zipped) + zipped
        )

    original.answer = answer
    body = json.dumps(desk.body(Name="Žofie")).encode()
    headers = {"Content-Type": "application/json", "Accept-Encoding": "br", "User-Agent": "POS 1", "X-Own": "1, 2"}
    async with desk.http.stream("POST", PATH + "?a=%2F%3f&b='x'", content=body, headers=headers) as reply:
        raw = b"".join([piece async for piece in reply.aiter_raw()])
    call = original.calls[0]
    assert call.line == f"POST {PATH}?a=%2F%3f&b='x' HTTP/1.1"
    assert call.body == body
    assert ("host", original.address.removeprefix("http://")) in call.headers
    assert set(headers.items()) <= {(name.title(), value) for name, value in call.headers}
    assert call.names == {"host", "content-type", "content-length", "accept-encoding", "user-agent", "x-own", "accept"}
    assert (reply.status_code, raw) == (299, zipped)
    assert reply.headers.get_list("set-cookie") == ["a=1", "b=2", "no cookie"]
    assert reply.headers.get_list("request-id") == ["the-originals-own"]
    assert dict(reply.headers.raw)[b"x-wide"] == b"\xe9"
    assert reply.headers["content-length"] == str(len(zipped))
    desk.http.cookies.clear()
    await desk.http.post(PATH)
    assert "cookie" not in original.calls[1].names
    await until(lambda: served(desk) == {299: 2})


@pytest.mark.parametrize("status", [200, 204, 301, 304, 307, 400, 401, 404, 408, 429, 500, 503])
async def test_every_status_passes_and_no_redirect_is_followed(desk: RunningDesk, original: Original, status: int):
    async def answer(call: Call) -> None:
        await call.whole()
        empty = status in (204, 304)
        length = b"" if status == 204 else b"Content-Length: 5\r\n"
        head = b"HTTP/1.1 %d X\r\nLocation: /elsewhere\r\nRetry-After: 9\r\n" % status
        await call.send(head + length + b"\r\n" + (b"" if empty else b"hello"))

    original.answer = answer
    for _ in range(2):
        reply = await desk.http.post(PATH, json={})
        assert (reply.status_code, reply.text) == (status, "" if status in (204, 304) else "hello")
        assert (reply.headers["location"], reply.headers["retry-after"]) == ("/elsewhere", "9")
        assert reply.headers["request-id"].startswith("01920000"), "the desk's, where the upstream gives none"
    assert len(original.calls) == 2


async def test_what_belongs_to_one_connection_stays_on_it(desk: RunningDesk, caller: Caller, original: Original):
    async def answer(call: Call) -> None:
        await call.whole()
        await call.send(
            b"HTTP/1.1 200 OK\r\nConnection: X-Mine, close\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n"
            b"Proxy-Authenticate: Basic\r\nTrailer: X-End\r\nTransfer-Encoding: chunked\r\nX-Kept: 1\r\n\r\n"
            b"2\r\n{}\r\n0\r\nX-End: 1\r\n\r\n"
        )

    original.answer = answer
    line, headers, reader = await caller.send(
        f"POST {PATH} HTTP/1.1\nHost: desk\nConnection: X-Hop, content-length, host\nX-Hop: 1\nKeep-Alive: 1\nTE: trailers\n"
        "Proxy-Connection: x\nProxy-Authorization: x\nTrailer: x\nContent-Length: 2\nX-Kept: a  b \t",
        b"{}",
    )
    call = original.calls[0]
    assert (call.body, line) == (b"{}", b"HTTP/1.1 200 OK")
    assert call.names == {"host", "content-length", "x-kept"}
    assert dict(call.headers)["x-kept"] == "a  b"
    assert {"x-kept", "transfer-encoding", "request-id"} <= set(headers)
    assert not {"x-mine", "keep-alive", "upgrade", "proxy-authenticate", "trailer", "connection"} & set(headers)
    assert await reader.readuntil(b"0\r\n\r\n") == b"2\r\n{}\r\n0\r\n\r\n"


async def test_headers_pass_as_bytes_however_they_are_encoded(desk: RunningDesk, caller: Caller, original: Original):
    line, _, _ = await caller.send(
        f"POST {PATH} HTTP/1.1\nHost: x\nX-Latin: \xe9\nX-Utf-8: \xc3\xa9\nX-Utf-8: \xe2\x82\xac\nCookie: a=1; b=\xff\n"
        "Authorization: Basic eA==\nContent-Encoding: gzip\nContent-Length: 2",
        b"{}",
    )
    assert line == b"HTTP/1.1 200 OK"
    assert {
        ("x-latin", "\xe9"), ("x-utf-8", "\xc3\xa9"), ("x-utf-8", "\xe2\x82\xac"), ("cookie", "a=1; b=\xff"),
        ("authorization", "Basic eA=="), ("content-encoding", "gzip"),
    } <= set(original.calls[0].headers)  # fmt: skip
    assert len(original.calls[0].headers) == 8


async def test_many_and_long_headers_come_down(desk: RunningDesk, caller: Caller, original: Original):
    async def answer(call: Call) -> None:
        await call.whole()
        many = b"".join(b"X-%d: 1\r\n" % number for number in range(200))
        await call.send(b"HTTP/1.1 200 OK\r\n" + many + b"X-Long: " + b"x" * 30_000 + b"\r\nContent-Length: 0\r\n\r\n")

    original.answer = answer
    reader, writer = await caller.connect()
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    head = await reader.readuntil(b"x-199: 1\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert (await reader.readuntil(b"\r\n")) == b"x-long: " + b"x" * 30_000 + b"\r\n"


async def test_a_caller_that_waits_for_100_gets_it_from_the_desk(desk: RunningDesk, caller: Caller, original: Original):
    reader, writer = await caller.connect()
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
    writer.write(b"{}")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    assert original.calls[0].body == b"{}"
    assert "expect" not in original.calls[0].names


async def test_a_call_without_a_body_says_so(desk: RunningDesk, caller: Caller, original: Original):
    line, _, _ = await caller.send(f"POST {PATH} HTTP/1.1\nHost: x")
    assert line == b"HTTP/1.1 200 OK"
    assert dict(original.calls[0].headers)["content-length"] == "0"


async def test_connections_are_used_again(desk: RunningDesk, original: Original):
    for _ in range(5):
        assert (await desk.http.post(PATH, json={})).status_code == 200
    assert len({id(call.writer) for call in original.calls}) == 1


async def test_a_call_whose_connection_breaks_is_sent_once(desk: RunningDesk, original: Original):
    async def answer(call: Call) -> None:
        await call.whole()
        if len(original.calls) > 1:
            call.reset()
        else:
            await call.send(OK)

    original.answer = answer
    assert (await desk.http.post(PATH, json={})).status_code == 200
    assert refused(await desk.http.post(PATH, json={}), 502, "may have been done")
    assert len(original.calls) == 2
    first, second = original.calls
    assert first.writer is second.writer


async def test_a_connection_that_the_upstream_closed_meanwhile_is_not_used(desk: RunningDesk, original: Original):
    for number in range(3):
        assert (await desk.http.post(PATH, json={})).status_code == 200
        assert len({id(call.writer) for call in original.calls}) == number + 1
        original.calls[-1].writer.close()
        await asyncio.wait_for(original.left.wait(), 5)
        original.left.clear()


async def test_what_comes_unasked_is_nobodys_answer(desk: RunningDesk, original: Original):
    assert (await desk.http.post(PATH, json={})).status_code == 200
    await original.calls[0].send(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nsomebody else")
    assert (await desk.http.post(PATH, json={})).text == "{}"
    await asyncio.wait_for(original.left.wait(), 5)
    assert len({id(call.writer) for call in original.calls}) == 2


@pytest.mark.parametrize("limits", [{"upstream_limit": 1}])
async def test_an_answer_before_the_body_is_whole_passes_and_its_connection_is_not_used_again(
    desk: RunningDesk, caller: Caller, original: Original, limits: dict[str, Any]
):
    async def answer(call: Call) -> None:
        await call.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await call.reader.readexactly(9)

    original.answer = answer
    reader, writer = await caller.connect()
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{{".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413")
    assert await reader.readexactly(3) == b"big"
    await asyncio.wait_for(original.left.wait(), 5)
    await a_place_is_free(desk, original)
    first, second = original.calls
    assert first.writer is not second.writer


async def test_each_piece_passes_before_the_next_one_is_there(desk: RunningDesk, original: Original):
    arrived, read = asyncio.Queue[bytes](), asyncio.Queue[bytes]()

    async def answer(call: Call) -> None:
        while piece := await call.piece():
            arrived.put_nowait(piece)
        await call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(3):
            await call.send(b"1\r\n%d\r\n" % number)
            assert await read.get() == b"%d" % number
        await call.send(b"0\r\n\r\n")

    async def body() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"%d" % number
            assert await arrived.get() == b"%d" % number

    original.answer = answer
    async with asyncio.timeout(10), desk.http.stream("POST", PATH, content=body()) as reply:
        async for piece in reply.aiter_raw():
            read.put_nowait(piece)
    assert read.empty()


@pytest.mark.parametrize("limits", [{"body_limit": 80_000_000}])
async def test_who_does_not_read_stops_who_sends(
    desk: RunningDesk, caller: Caller, original: Original, limits: dict[str, Any]
):
    may_read, all_is_sent, size = asyncio.Event(), asyncio.Event(), 64_000_000

    async def answer(call: Call) -> None:
        await may_read.wait()
        assert len(await call.whole()) == size
        await call.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // 100_000):
            await call.send(bytes(100_000))
        all_is_sent.set()

    original.answer = answer
    reader, writer = await caller.connect()
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode() + bytes(size))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(writer.drain(), 0.5)
    may_read.set()
    await writer.drain()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(all_is_sent.wait(), 0.5)
    await reader.readuntil(b"\r\n\r\n")
    assert len(await reader.readexactly(size)) == size
    assert all_is_sent.is_set()


@pytest.mark.parametrize("limits", [{"body_limit": 1000}])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_does_not_pass(
    desk: RunningDesk, original: Original, limits: dict[str, Any], chunked: bool
):
    async def body(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 100):
            yield bytes(100)
        yield bytes(size % 100)

    for size, status in ((1000, 200), (1001, 413)):
        reply = await desk.http.post(PATH, content=body(size) if chunked else bytes(size))
        assert reply.status_code == status
    assert len(original.calls[0].body) == 1000
    if chunked:
        await asyncio.wait_for(original.left.wait(), 5)
    else:
        assert len(original.calls) == 1
    assert served(desk) == {200: 1, 413: 1}


@pytest.mark.parametrize("limits", [{"time_budget": 0.1}])
async def test_a_caller_that_is_slow_with_its_body_is_refused(
    desk: RunningDesk, caller: Caller, original: Original, limits: dict[str, Any]
):
    line, _, _ = await caller.send(f"POST {PATH} HTTP/1.1\nHost: x\nContent-Length: 9", b"{")
    assert line == b"HTTP/1.1 408 Request Timeout"
    await asyncio.wait_for(original.left.wait(), 5)


def refused(reply: httpx.Response, status: int, told: str) -> bool:
    assert reply.status_code == status, reply.text
    assert reply.json()["RequestId"] == reply.headers["request-id"]
    return told in reply.json()["Message"]


async def test_an_upstream_that_is_not_there_is_503_and_nothing_was_done(desk: RunningDesk, original: Original):
    assert original.server is not None
    original.server.close()
    reply = await desk.http.post(PATH, json={})
    assert refused(reply, 503, "cannot be reached. Nothing was done")
    assert reply.headers["retry-after"] == "5"
    assert served(desk) == {503: 1}


@pytest.mark.parametrize(
    "said",
    [
        b"", b"HTTP/1.1 200", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: \x01\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + bytes(200_000),
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_502_and_may_have_been_done(desk: RunningDesk, original: Original, said: bytes):
    async def answer(call: Call) -> None:
        await call.whole()
        await call.send(said)
        call.writer.close()

    original.answer = answer
    assert refused(await desk.http.post(PATH, json={}), 502, "may have been done")
    assert served(desk) == {502: 1}


@pytest.mark.parametrize("limits", [{"upstream_timeout": 0.1}])
async def test_an_upstream_that_is_silent_is_504_and_left(
    desk: RunningDesk, original: Original, limits: dict[str, Any]
):
    async def answer(call: Call) -> None:
        await call.whole()
        await call.reader.readexactly(1)

    original.answer = answer
    assert refused(await desk.http.post(PATH, json={}), 504, "was silent for 0.1 s")
    await asyncio.wait_for(original.left.wait(), 5)
    assert served(desk) == {504: 1}


@pytest.mark.parametrize("limits", [{"upstream_timeout": 0.3, "body_limit": 80_000_000}])
async def test_an_upstream_that_does_not_take_the_body_is_504_and_left(
    desk: RunningDesk, original: Original, limits: dict[str, Any]
):
    stays = asyncio.Event()

    async def answer(call: Call) -> None:
        await stays.wait()

    original.answer = answer
    assert refused(await desk.http.post(PATH, content=bytes(64_000_000)), 504, "was silent for 0.3 s")
    original.calls[0].reader.feed_eof()
    stays.set()


async def test_an_upstream_that_breaks_off_in_the_body_is_one_line_in_the_log(
    desk: RunningDesk, original: Original, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    async def answer(call: Call) -> None:
        call.writer.close()
        raise ConnectionError

    async def body() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"piece"

    original.answer = answer
    for _ in range(100):  # it takes luck to break off just then
        assert refused(await desk.http.post(PATH, content=body()), 502, "may have been done")
    gc.collect()
    assert [one.getMessage() for one in caplog.records if one.name == "asyncio"] == []
    assert "".join(capfd.readouterr()).count("upstream failed") == 100


async def test_a_cookie_is_not_even_read(desk: RunningDesk, original: Original, caplog: pytest.LogCaptureFixture):
    async def answer(call: Call) -> None:
        await call.whole()
        await call.send(f"HTTP/1.1 200 OK\r\nSet-Cookie: {SECRET} &=1\r\nContent-Length: 0\r\n\r\n".encode())

    original.answer = answer
    assert (await desk.http.post(PATH, json={})).headers["set-cookie"] == f"{SECRET} &=1"
    assert SECRET not in caplog.text


@pytest.mark.parametrize("limits", [{"upstream_timeout": 0.2, "upstream_limit": 1}])
@pytest.mark.parametrize(
    ("framing", "ends"),
    [
        (b"Content-Length: 10", "resets"), (b"Content-Length: 10", "closes"), (b"Content-Length: 10", "is silent"),
        (b"Transfer-Encoding: chunked", "resets"), (b"Transfer-Encoding: chunked", "closes"),
        (b"Transfer-Encoding: chunked", "is silent"), (b"Connection: close", "resets"), (b"Connection: close", "is silent"),
    ],
)  # fmt: skip
async def test_half_an_answer_breaks_the_callers_connection(
    desk: RunningDesk, original: Original, limits: dict[str, Any], ends: str, framing: bytes
):
    read = asyncio.Event()

    async def answer(call: Call) -> None:
        await call.whole()
        piece = b"abc" if b"chunked" not in framing else b"3\r\nabc\r\n"
        await call.send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + piece)
        await read.wait()
        if ends == "resets":
            call.reset()
        elif ends == "closes":
            call.writer.close()
        else:
            await call.reader.readexactly(1)

    original.answer = answer
    async with desk.http.stream("POST", PATH, json={}) as reply:
        assert reply.status_code == 200
        pieces = reply.aiter_raw()
        assert await anext(pieces) == b"abc"
        read.set()
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(pieces)
    await a_place_is_free(desk, original)
    assert served(desk)[504 if ends == "is silent" else 502] == 1


async def test_an_answer_that_ends_with_its_connection_is_whole(desk: RunningDesk, original: Original):
    async def answer(call: Call) -> None:
        await call.whole()
        await call.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        call.writer.close()

    original.answer = answer
    assert (await desk.http.post(PATH, json={})).text == "all of it"


@pytest.mark.parametrize("limits", [{"upstream_limit": 1}])
@pytest.mark.parametrize("when", ["in its request", "before the answer", "in the answer"])
async def test_a_caller_that_leaves_ends_the_request_to_the_upstream(
    desk: RunningDesk, caller: Caller, original: Original, limits: dict[str, Any], when: str
):
    arrived = asyncio.Event()

    async def answer(call: Call) -> None:
        if when == "in the answer":
            await call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")
        arrived.set()
        await call.reader.readexactly(100)

    original.answer = answer
    reader, writer = await caller.connect()
    length = 9 if when == "in its request" else 1
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{{".encode())
    await arrived.wait()
    if when == "in the answer":
        await reader.readuntil(b"begun")
    writer.close()
    await asyncio.wait_for(original.left.wait(), 5)
    assert served(desk) == ({200: 1} if when == "in the answer" else {})
    await a_place_is_free(desk, original)


@pytest.mark.parametrize("limits", [{"upstream_timeout": 0.3, "upstream_limit": 1}])
async def test_a_caller_that_does_not_read_loses_its_place(
    desk: RunningDesk, caller: Caller, original: Original, limits: dict[str, Any]
):
    async def answer(call: Call) -> None:
        await call.whole()
        await call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await call.send(b"186a0\r\n" + bytes(100_000) + b"\r\n")

    original.answer = answer
    _, writer = await caller.connect()
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    await asyncio.wait_for(original.left.wait(), 10)
    await a_place_is_free(desk, original)


@pytest.mark.parametrize("limits", [{"upstream_limit": 2}])
async def test_no_more_than_the_limit_are_under_way_and_each_place_is_given_back(
    desk: RunningDesk, original: Original, limits: dict[str, Any]
):
    go_on = asyncio.Event()

    async def answer(call: Call) -> None:
        await call.whole()
        await go_on.wait()
        await call.send(OK)

    original.answer = answer
    for number in range(1, 4):
        first = [asyncio.create_task(desk.http.post(PATH, json={})) for _ in range(2)]
        await until(lambda wanted=2 * number: len(original.calls) == wanted)
        reply = await desk.http.post(PATH, json={})
        assert refused(reply, 503, "forwards 2 requests already")
        assert reply.headers["retry-after"] == "1"
        assert (await desk.call("devices/getAll")).status_code == 200, "what the desk serves is not held up"
        go_on.set()
        assert [(await one).status_code for one in first] == [200, 200]
        go_on.clear()
    assert len(original.calls) == 6


@pytest.mark.parametrize("limits", [{}, {"tolerant_paths": True}])
async def test_what_the_desk_serves_never_leaves_it_in_whatever_letter_case(
    desk: RunningDesk, original: Original, limits: dict[str, Any]
):
    for operation in CONNECTOR:
        for path in (operation.path, operation.path.upper(), operation.path.lower(), operation.path.title()):
            reply = await desk.http.post(PREFIX + path, content=b"{}", headers={"Content-Type": "application/json"})
            assert reply.status_code in ((401, 404) if path != operation.path else (401,))
    assert original.calls == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods_stay_unknown(desk: RunningDesk, original: Original, method: str):
    assert (await desk.http.request(method, PATH)).status_code == 404
    assert original.calls == []


@pytest.mark.parametrize(
    "target",
    [
        "/api/connector/v1/", "/api/connector/v1", "/api/connector/v1//x", "/api/connector/v1/x/", "/api/connector/v1/x//y",
        "/api/connector/v1/../v2/x", "/api/connector/v1/x/..", "/api/connector/v1/.", "/api/connector/v1/x/./y",
        "/api/connector/v1/%2e%2e/x", "/api/connector/v1/..%2fx", "/api/connector/v1/x%2fy", "/api/connector/v1/x%00",
        "/api/connector/v1/..\\x", "/api/connector/v1/x;y=1", "/api/connector/v1/x@y", "/api/connector/v1/x:1",
        "/api/connector/V1/x", "/API/connector/v1/x", "//api/connector/v1/x", "/api/connector/v2/x", "/x/api/connector/v1/x",
        "/api/administration/v1/x/y", "/api/connector/v1/../../administration/v1/x", "/", "/x", "/ws/connector",
        "/api/connector/v1/x?\xe9", "http://elsewhere/x", "http://elsewhere/api/connector/v1/../x",
    ],
)  # fmt: skip
async def test_nothing_but_plain_paths_of_the_connector_api_leaves(
    desk: RunningDesk, caller: Caller, original: Original, target: str
):
    line, _, _ = await caller.send(f"POST {target} HTTP/1.1\nHost: x\nContent-Length: 2", b"{}")
    assert line.split()[1] in (b"404", b"400")
    assert original.calls == []


async def test_no_proxy_of_the_environment_is_asked(
    original: Original, desk: RunningDesk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert (await desk.http.post(PATH, json={})).status_code == 200


async def test_a_target_with_another_host_still_goes_to_the_upstream(
    desk: RunningDesk, caller: Caller, original: Original
):
    await caller.send(f"POST http://elsewhere.example:1{PATH} HTTP/1.1\nHost: elsewhere.example:1\nContent-Length: 0")
    assert original.calls[0].line == f"POST {PATH} HTTP/1.1"
    assert dict(original.calls[0].headers)["host"] == original.address.removeprefix("http://")


@pytest.mark.parametrize("limits", [{"upstream": ""}])
async def test_without_an_upstream_nothing_leaves(desk: RunningDesk, original: Original, limits: dict[str, Any]):
    assert refused(await desk.http.post(PATH, json={}), 404, "There is no such operation.")
    assert original.calls == []


@pytest.mark.parametrize("limits", [{"request_limit": 1}])
async def test_the_upstream_counts_its_own_requests(desk: RunningDesk, original: Original, limits: dict[str, Any]):
    for _ in range(3):
        assert (await desk.http.post(PATH, json=desk.body())).status_code == 200


async def test_no_token_and_no_path_is_logged(capfd: pytest.CaptureFixture[str], desk: RunningDesk, original: Original):
    async def answer(call: Call) -> None:
        await call.whole()
        await call.send(f"HTTP/1.1 200 OK\r\nX-Token: {SECRET}\x0b\r\nno header {SECRET}\r\n\r\n".encode())
        call.writer.close()

    lines = io.BytesIO()
    desk.desk.request_log = RequestLog(lines)
    headers = {"X-Token": SECRET}
    assert (await desk.http.post(f"{PATH}?t={SECRET}", json={"AccessToken": SECRET}, headers=headers)).is_success
    original.answer = answer
    reply = await desk.http.post(f"{PREFIX}x/{SECRET}", json={"AccessToken": SECRET}, headers=headers)
    assert refused(reply, 502, "")
    await until(lambda: served(desk) == {200: 1, 502: 1})
    await asyncio.sleep(0)
    told = "".join(capfd.readouterr()) + lines.getvalue().decode()
    assert SECRET not in told + reply.text
    assert "reservations" not in told
    first, second = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [(one["operation"], one["status"]) for one in (first, second)] == [("upstream", 200), ("upstream", 502)]
    assert first["request_id"] == "the-originals-own"
    assert second["request_id"] == reply.headers["request-id"]
    assert re.search(r"upstream failed.*ClientResponseError", told)
