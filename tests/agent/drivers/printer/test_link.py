"""The connection: answers in whatever pieces, answers that are none, and whose certificate is trusted."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nightporter.agent.driver import Away, Document
from nightporter.agent.drivers.printer.link import Address, Link
from nightporter.agent.drivers.printer.messages import Group, Message, Tag, attribute, encode
from nightporter.agent.drivers.printer.simulator import PrinterSimulator
from tests.agent.drivers.printer.carrying import carry, driving, task
from tests.client.peer import listening
from tests.debian import program

ANSWER = Message(0, 1, (Group(Tag.PRINTER, (attribute(Tag.NAME, "printer-name", "Desk"),)),))
ASKED = Message(0x0B, 1, ())
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\n"


@asynccontextmanager
async def peer(*parts: bytes, got: Callable[[bytes, bytes], None] = lambda head, body: None) -> AsyncIterator[Link]:
    """A link to something that reads one request and answers with these bytes, one segment after the other."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        got(head, await reader.readexactly(int(length.split(b":")[1])))
        writer.transport.get_extra_info("socket").setsockopt(6, 1, 1)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)

    async with listening(talk) as address:
        link = Link(Address.of(address.replace("http", "ipp") + "/ipp/print"), None, 5.0)
        try:
            yield link
        finally:
            await link.close()


def answer(body: bytes, is_chunked: bool) -> bytes:
    if not is_chunked:
        return f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body
    middle = len(body) // 2
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:middle], body[middle:]))
    return f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode() + pieces + b"0\r\n\r\n"


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_an_answer_split_anywhere_is_the_same(is_chunked: bool) -> None:
    whole = answer(encode(ANSWER), is_chunked)
    for place in range(1, len(whole)):
        async with peer(whole[:place], whole[place:]) as link:
            assert await link.ask(ASKED) == ANSWER


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (b"", "broke"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n\x01\x01", "broke"),
        (b"lp0 on fire\r\n\r\n", "broke"),
        (answer(b"<html></html>", False), "not IPP"),
        (answer(encode(ANSWER)[:-4], False), "not IPP"),
        (answer(encode(Message(0, 2, ())), False), "another question"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "Check the path"),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "password"),
        (b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n", "ipps://"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + bytes(8_500_000), "not IPP"),
    ],
)
async def test_what_is_no_answer_is_away(told: bytes, words: str) -> None:
    async with peer(told) as link:
        with pytest.raises(Away, match=words):
            await link.ask(ASKED)


async def test_an_answer_that_ends_with_its_connection_is_whole() -> None:
    async with peer(f"{HEAD}\r\n".encode() + encode(ANSWER)) as link:
        assert await link.ask(ASKED) == ANSWER


async def test_a_printer_that_says_to_go_on_is_heard_out() -> None:
    async with peer(b"HTTP/1.1 100 Continue\r\n\r\n", answer(encode(ANSWER), False)) as link:
        assert await link.ask(ASKED) == ANSWER


async def test_silence_is_away() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(talk) as address:
        link = Link(Address.of(address.replace("http", "ipp")), None, 0.2)
        try:
            with pytest.raises(Away, match="does not answer"):
                await link.ask(ASKED)
        finally:
            await link.close()


async def test_a_host_that_there_cannot_be_cannot_be_reached() -> None:
    with pytest.raises(Away, match="cannot be reached"):
        await Link(Address.of("ipp://a..b/ipp/print"), None, 5.0).ask(ASKED)


async def test_a_document_follows_with_its_length(tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(bytes(range(256)) * 1000)
    seen: list[tuple[bytes, bytes]] = []
    async with peer(answer(encode(ANSWER), False), got=lambda head, body: seen.append((head, body))) as link:
        assert await link.ask(ASKED, Document(path)) == ANSWER
    head, body = seen[0]
    assert head.startswith(b"POST /ipp/print HTTP/1.1\r\n")
    assert b"content-type: application/ipp" in head.lower()
    assert b"transfer-encoding" not in head.lower()
    assert body == encode(ASKED) + path.read_bytes()


def signed(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate signed by itself for another name than the address, as printers have, and what shows it."""
    openssl = program("openssl", "openssl", "The certificate of the test is made with it")
    made, key = folder / f"{name}.pem", folder / f"{name}.key"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subprocess.run(
        [openssl, "req", *kind, "-subj", f"/CN={name}", "-keyout", key, "-out", made],
        check=True,
        capture_output=True,
        timeout=60,
    )
    shows = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shows.load_cert_chain(made, key)
    return made, shows


async def test_the_pinned_certificate_is_trusted_and_no_other(tmp_path: Path) -> None:
    certificate, shows = signed(tmp_path, "NPI3F2A1B")
    other, _ = signed(tmp_path, "somebody-else")
    async with PrinterSimulator(tls=shows) as simulator:
        async with driving(simulator.uri, certificate=str(certificate)) as driver:
            await carry(driver, task(tmp_path))
            assert len(simulator.effects) == 1
        for pinned in (str(other), None):
            async with driving(simulator.uri, certificate=pinned) as driver:
                with pytest.raises(Away, match="not trusted"):
                    await driver.probe()
        assert len(simulator.effects) == 1
