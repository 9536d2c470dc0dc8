"""Any length of queue (beyond the contract): documents of any total size are read with a server that stays small."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from nightporter.domain.command import Creator, NewCommand
from nightporter.domain.device import DeviceType
from nightporter.settings import Settings
from nightporter.storage.commands import NEAR_DOCUMENT, AddCommands
from nightporter.web.app import App
from tests.contract import hotel
from tests.durability.conftest import body
from tests.durability.process import Server
from tests.harness import Clock

MIB = 1024 * 1024
LIMIT = 200 * MIB
MARK = b'"FileData":"'


def sizes(total: int) -> Iterator[int]:
    """Sizes of documents that come to ``total``: the largest that fit a request, middling ones, and many small ones."""
    given = 0
    while given < total:
        for size in (15 * MIB, MIB, *[NEAR_DOCUMENT] * 64):
            yield size
            given += size


def document(number: int, size: int) -> bytes:
    """A document's base64 text, different from every other's."""
    return (b"%015d=" % number * (size // 16 + 1))[:size]


async def fill(database: Path, total: int) -> list[str]:
    """Add pending commands with documents; returns what should come back: the hash of each, newest first."""
    hashes = []
    clock = Clock()
    async with App(Settings(), clock.sources(), database).open() as desk:
        for number, size in enumerate(sizes(total)):
            content = document(number, size)
            command = NewCommand(
                id=f"01990000-0000-7000-8000-{number:012d}",
                enterprise_id=hotel.HOTEL,
                device_id=hotel.PRINTER,
                device_type=DeviceType.PRINTER,
                creator=Creator.of_integration("Kiosk"),
                creator_integration_id=hotel.KIOSK_INTEGRATION,
                data='{"CopyCount":1,"FileType":"application/pdf","PrinterName":"","PrinterDriverName":"","PrinterPortName":""}',
                document=content,
            )
            await desk.writer.write(AddCommands((command,)))
            hashes.append(hashlib.sha256(content).hexdigest())
    return hashes[::-1]


class Documents:
    """Finds the documents in a reply that comes in pieces, and keeps only their hashes."""

    def __init__(self) -> None:
        self.hashes: list[str] = []
        self._open: hashlib._Hash | None = None
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        text = self._rest + piece
        while True:
            if self._open is None:
                found = text.find(MARK)
                if found < 0:
                    self._rest = text[-len(MARK) :]
                    return
                self._open, text = hashlib.sha256(), text[found + len(MARK) :]
            end = text.find(b'"')
            self._open.update(text if end < 0 else text[:end])
            if end < 0:
                self._rest = b""
                return
            self.hashes.append(self._open.hexdigest())
            self._open, text = None, text[end:]


async def read_with_a_small_server(serve: Callable[..., Server], database: Path, total: int) -> None:
    expected = await fill(database, total)
    server = serve(database, time_budget=300)
    documents, read = Documents(), 0
    async with (
        httpx.AsyncClient(base_url=server.address, timeout=120) as http,
        http.stream("POST", "/api/connector/v1/commands/getAllActive", json=body()) as reply,
    ):
        assert reply.status_code == 200
        async for piece in reply.aiter_raw(MIB):
            documents.feed(piece)
            read += len(piece)
    assert documents.hashes == expected
    assert read > total
    peak = server.peak_memory()
    server.stop()
    for left in database.parent.glob(f"{database.name}*"):
        left.unlink()
    assert peak <= LIMIT, f"the server needed {peak / MIB:.0f} MiB for {read / MIB:.0f} MiB of documents"


async def test_300_mb_of_active_documents_are_read_in_200_mb(serve: Callable[..., Server], database: Path):
    await read_with_a_small_server(serve, database, 300 * MIB)


@pytest.mark.long
async def test_2_gb_of_active_documents_are_read_in_200_mb(serve: Callable[..., Server], database: Path):
    await read_with_a_small_server(serve, database, 2048 * MIB)
