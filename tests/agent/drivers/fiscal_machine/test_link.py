"""What is asked and what counts as an answer, and what becomes of a request that had not left as a whole."""

import asyncio
import socket

import pytest

from nightporter.agent.driver import Away
from nightporter.agent.drivers.fiscal_machine.link import LONGEST_ANSWER, Link
from nightporter.agent.drivers.fiscal_machine.messages import Answer, print_answer
from tests.client.peer import listening

BODY = b"<x>" + b"1" * 20_000 + b"</x>"

READABLE = print_answer(Answer(True, "", "0", {}))


async def test_a_receipt_that_counts_as_lost_does_not_arrive_afterwards() -> None:
    loop, link = asyncio.get_running_loop(), Link("local_printer", 100)
    with socket.socket() as machine:
        # It takes in so little at a time that most of the request waits in this computer.
        machine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        machine.bind(("127.0.0.1", 0))
        machine.listen(1)
        machine.setblocking(False)
        asking = asyncio.create_task(link.ask(f"http://127.0.0.1:{machine.getsockname()[1]}", BODY))
        till, _ = await loop.sock_accept(machine)
        with till:
            with pytest.raises(Away, match="did not answer in time"):
                await asking
            await link.close()
            heard = bytearray()

            async def hear() -> None:
                while piece := await loop.sock_recv(till, 4096):
                    heard.extend(piece)

            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(hear(), 5)
    assert heard.startswith(b"POST /cgi-bin/fpmate.cgi")
    assert BODY not in heard


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (b"", "broke off"),
        (b"lp0 on fire\r\n\r\n", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n<x", "broke off"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "cannot be read"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<x/>", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + READABLE + b" " * LONGEST_ANSWER, "cannot be read"),
    ],
)
async def test_what_is_no_answer_is_away(told: bytes, words: str) -> None:
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(BODY))
        writer.write(told)
        await writer.drain()

    async with listening(talk) as place:
        with pytest.raises(Away, match=words):
            await Link("bar 1", 2000).ask(place, BODY)
    head = heard[0].partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0] == b"POST /cgi-bin/fpmate.cgi?devid=bar%201&timeout=2000 HTTP/1.1"
    assert head[1] == b"Host: " + place.removeprefix("http://").encode()
    assert {b"Content-Type: text/xml; charset=UTF-8", b'SOAPAction: ""', b"Connection: close"} < set(head)
