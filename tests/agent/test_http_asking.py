"""The asker of machines: an answer is whole when its length says so, whatever a machine sends behind it."""

import asyncio

import pytest

from nightporter.agent.http_asking import CutOff, Site, post
from nightporter.host.lingering import DELIVERED

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def answered(answer: bytes) -> tuple[int, bytes]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await post(Site("127.0.0.1", port, "/x", None, (), 1000, DELIVERED), b"{}", 5, 5)


@pytest.mark.parametrize(
    "behind", [b"", b"\r\n", b"\0", b"\n", b"junk", b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nNO"]
)
@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
async def test_what_follows_a_whole_answer_does_not_spoil_it(behind: bytes, close: bytes) -> None:
    assert await answered(WHOLE.replace(b"\r\n", b"\r\n" + close, 1) + behind) == (200, b"{}")


@pytest.mark.parametrize("answer", [WHOLE[:-1], b"junk", b"HTTP/1.1 100 Continue\r\n\r\n", b""])
async def test_what_is_no_whole_answer_is_none(answer: bytes) -> None:
    with pytest.raises(CutOff):
        await answered(answer)
