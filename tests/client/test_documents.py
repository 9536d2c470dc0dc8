"""Documents that go to a file piece by piece, at the server that is not ours and at ours."""

import asyncio
import json
import tracemalloc
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from nightporter.client import BROKEN, Client
from nightporter.client.calling import PREFIX
from nightporter.domain.command import CommandState
from nightporter.wire.command_data import KeyCutterCommandData, PrinterCommandData
from nightporter.wire.commands import DeviceCommandEvent
from tests.client.conftest import Waits
from tests.client.peer import ACCESS_TOKEN, CLIENT_TOKEN, CUT, ELSEWHERE, PDF, Peer, command, command_id, listening
from tests.client.test_listening import DEADLINE, following
from tests.client.test_operations import CUTTER, PRINTER, RESERVATION
from tests.harness import RunningDesk

DOCUMENT = b64decode(PDF)
LARGE = 16 * 1024 * 1024
BOUND = 4 * 1024 * 1024
PIECE = 48 * 1024


@dataclass
class Files:
    """A spool as an executor would have it: a file is there whole or not at all. ``left`` tells how each was left."""

    folder: Path
    left: list[str] = field(default_factory=list)

    @contextmanager
    def spool(self, command_id: str) -> Iterator[BinaryIO]:
        part = self.folder / f"{command_id}.part"
        try:
            with part.open("wb") as file:
                yield file
        except BaseException as error:
            self.left.append(type(error).__name__)
            part.unlink()
            raise
        self.left.append("whole")
        part.replace(self.folder / command_id)

    def held(self) -> dict[str, bytes]:
        return {one.name: one.read_bytes() for one in self.folder.iterdir()}

    def size(self, command_id: str) -> int:
        return (self.folder / command_id).stat().st_size


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def text_of(one: Any) -> str:
    assert isinstance(one.data, PrinterCommandData)
    return one.data.file_data


def with_text(number: int, text: str, **fields: Any) -> dict[str, Any]:
    one = command(number, **fields)
    one["Data"]["FileData"] = text
    return one


@pytest.mark.parametrize("refuses_limitation", [False, True])
async def test_the_document_of_what_is_given_is_in_its_file(
    client: Client, peer: Peer, files: Files, refuses_limitation: bool
) -> None:
    peer.refuses_limitation = refuses_limitation
    peer.commands += [command(1), with_text(2, ""), command(3, "Processed")]
    async with aclosing(client.work(spool=files.spool)) as work:
        for number, document in ((1, DOCUMENT), (2, b"")):
            given = await following(work)
            assert (given.id, text_of(given)) == (command_id(number), "")
            assert files.held()[given.id] == document
    assert files.left == ["whole", "whole"]


async def test_without_a_spool_the_document_is_in_the_command(client: Client, peer: Peer) -> None:
    peer.commands.append(command(1))
    async with aclosing(client.work()) as work:
        assert text_of(await following(work)) == PDF
    fetched = await client.fetch(command_id(1))
    assert text_of(fetched) == PDF


async def test_one_that_is_not_base64_is_given_and_says_so(client: Client, peer: Peer, files: Files) -> None:
    peer.commands += [with_text(1, PDF + PDF[:3]), command(2)]
    async with aclosing(client.work(spool=files.spool)) as work:
        assert text_of(await following(work)) == BROKEN
        assert files.held() == {}
        assert text_of(await following(work)) == ""
    assert files.left == ["NotWanted", "whole"]


async def test_nothing_stays_of_what_is_not_given(client: Client, peer: Peer, files: Files) -> None:
    peer.commands += [command(1), command(2, "Cancelled"), command(3, device=ELSEWHERE)]
    async with aclosing(client.work(spool=files.spool)) as work:
        await following(work)
        await peer.push_state(2, "Pending")
        await peer.push_state(3, "Pending")
        peer.commands.append(command(4))
        await peer.push_state(4, "Pending")
        assert (await following(work)).id == command_id(4)
    assert set(files.held()) == {command_id(1), command_id(4)}
    assert files.left == ["whole", "NotWanted", "NotWanted", "whole"]


async def test_a_document_that_broke_off_begins_anew(client: Client, peer: Peer, files: Files, waits: Waits) -> None:
    document = bytes(range(256)) * 1000
    peer.commands.append(with_text(1, b64encode(document).decode()))
    peer.script += [CUT] * 7
    assert text_of(await client.fetch(command_id(1), spool=files.spool)) == ""
    assert files.held() == {command_id(1): document}
    assert files.left == ["NotWanted"] * 7 + ["whole"]
    assert len(waits.waited) == 7


async def test_a_command_is_fetched_in_any_state_and_by_any_spelling(client: Client, peer: Peer, files: Files) -> None:
    peer.commands.append(command(1, "Processed"))
    fetched = await client.fetch(command_id(1).upper(), spool=files.spool)
    assert fetched is not None
    assert (fetched.id, fetched.state) == (command_id(1), CommandState.PROCESSED)
    assert files.held() == {command_id(1): DOCUMENT}


async def test_what_cannot_be_seen_or_read_is_none(client: Client, peer: Peer, files: Files) -> None:
    assert await client.fetch(command_id(9), spool=files.spool) is None
    peer.script.append((200, {}, {"Commands": [command(1), command(2)]}))
    assert await client.fetch(command_id(1), spool=files.spool) is None, "whose document is it?"
    peer.script.append((200, {}, {"Commands": [with_text(2, PDF)]}))
    assert await client.fetch(command_id(1), spool=files.spool) is None
    peer.script.append((200, {}, b'{"Commands":[{"Data":{"FileData":"' + PDF.encode() + b'"}}]}'))
    assert await client.fetch(command_id(1), spool=files.spool) is None
    assert files.held() == {}


async def test_a_disk_that_is_full_is_told(client: Client, peer: Peer, files: Files) -> None:
    peer.commands.append(command(1))

    @contextmanager
    def full(command_id: str) -> Iterator[BinaryIO]:
        with files.spool(command_id) as file:
            yield file
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await client.fetch(command_id(1), spool=full)
    assert files.held() == {}


async def test_an_event_is_told_while_a_command_is_fetched(client: Client, peer: Peer) -> None:
    told: asyncio.Queue[DeviceCommandEvent] = asyncio.Queue()
    peer.commands += [command(1), command(2)]
    async with aclosing(client.work(on_event=told.put_nowait)) as work:
        assert (await following(work)).id == command_id(1)
        slow = asyncio.Event()
        peer.script.append(slow)
        fetching = asyncio.ensure_future(following(work))
        try:
            await peer.push_state(1, "Cancelled")
            event = await asyncio.wait_for(told.get(), DEADLINE)
            assert (event.id, event.state) == (command_id(1), CommandState.CANCELLED)
            assert not fetching.done()
        finally:
            slow.set()
        assert (await fetching).id == command_id(2)


async def test_an_event_is_told_while_nobody_asks_for_work(client: Client, peer: Peer) -> None:
    told: asyncio.Queue[DeviceCommandEvent] = asyncio.Queue()
    peer.commands.append(command(1))
    async with aclosing(client.work(on_event=told.put_nowait)) as work:
        await following(work)
        peer.commands += [command(2), command(3)]
        for number, state in ((2, "Pending"), (1, "Error"), (3, "Pending")):
            await peer.push_state(number, state)
            event = await asyncio.wait_for(told.get(), DEADLINE)
            assert (event.id, event.state) == (command_id(number), state)
        assert [(await following(work)).id, (await following(work)).id] == [command_id(2), command_id(3)]


async def test_what_on_event_raises_ends_the_work(client: Client, peer: Peer) -> None:
    def fail(event: DeviceCommandEvent) -> None:
        raise ArithmeticError(event.state)

    peer.commands.append(command(1))
    async with aclosing(client.work(on_event=fail)) as work:
        await following(work)
        await peer.push_state(1, "Processed")
        with pytest.raises(ArithmeticError):
            await following(work)


async def test_at_our_server(desk: RunningDesk, files: Files) -> None:
    document = b"%PDF-1.7\n" + bytes(range(256)) * 4000 + b"\n%%EOF\n"
    async with Client(desk.address, desk.client_token, desk.access_token) as client:
        printing = await client.add_printer(PRINTER, document)
        key = await client.add_key_cutter(CUTTER, RESERVATION)
        given = {}
        async with aclosing(client.work(spool=files.spool)) as work:
            while not {printing, key} <= given.keys():
                one = await following(work)
                given[one.id] = one
        assert text_of(given[printing]) == ""
        assert isinstance(given[key].data, KeyCutterCommandData)
        held = files.held()
        assert held[printing] == document
        assert key not in held
        await client.update(printing, CommandState.PROCESSED)
        fetched = await client.fetch(printing, spool=files.spool)
        assert fetched is not None
        assert fetched.state is CommandState.PROCESSED


async def test_a_large_document_is_never_in_memory(files: Files, waits: Waits) -> None:
    """Three of 16 MB in the queue, one of them fetched; what the server sends is made piece by piece too."""
    ids = [command_id(number) for number in (1, 2, 3)]
    piece = b64encode(bytes(range(256)) * (PIECE // 256))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length"))
        await reader.readexactly(int(length.split(":")[1]))
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b'{"Commands":[')
        for number, one in enumerate(ids[:1] if PREFIX + "commands/getAllByIds" in head else ids):
            start, end = json.dumps({**with_text(1, "|"), "Id": one}).encode().split(b"|")
            writer.write(b"," * bool(number) + start)
            for _ in range(LARGE // PIECE):
                writer.write(piece)
                await writer.drain()
            writer.write(end)
        writer.write(b"]}")
        await writer.drain()

    async with (
        listening(serve) as address,
        Client(address, CLIENT_TOKEN, ACCESS_TOKEN, means=waits.means()) as client,
    ):
        tracemalloc.start()
        try:
            fetched = await client.fetch(ids[0], spool=files.spool)
            waiting = await client._waiting()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert text_of(fetched) == ""
    assert files.size(ids[0]) == LARGE // PIECE * PIECE
    assert [one.id for one in waiting] == ids[::-1]
    assert peak < BOUND
