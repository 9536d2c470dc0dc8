"""The reply that is printed row by row: every boundary between rows, pages and pieces."""

import base64
import json
import random

import pytest

from nightporter.operations.commands.rows import PIECE, ROWS
from nightporter.storage import commands
from nightporter.storage.commands import NEAR_DOCUMENT
from nightporter.wire.shapes import Empty, Shape, encode
from tests.contract.hotel import CUTTER, PRINTER, STAY
from tests.operations.calls import Caller


async def printed(reply) -> dict:
    if isinstance(reply, Shape):
        return json.loads(encode(reply))
    pieces = [piece async for piece in reply.pieces()]
    assert all(pieces)
    assert all(len(piece) < 2 * PIECE + 2048 for piece in pieces[:-1]), "no piece gathers more than it must"
    return json.loads(b"".join(pieces))


async def add(kiosk: Caller, count: int) -> list[str]:
    added = []
    for _ in range(count):
        reply = await kiosk("commands/addKeyCutter", KeyCutterId=CUTTER, ReservationId=STAY, KeyCount=1)
        added.append(reply.command_id)
    return added[::-1]


async def waiting(agent: Caller) -> list[str]:
    """What waits in the hotel already."""
    return [one["Id"] for one in (await printed(await agent("commands/getAllActive")))["Commands"]]


@pytest.mark.parametrize("count", [0, 1, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS, 2 * ROWS + 1])
async def test_all_rows_come_whatever_their_number(agent: Caller, kiosk: Caller, count: int):
    before = await waiting(agent)
    ids = await add(kiosk, count) + before
    reply = await agent("commands/getAllActive")
    body = await printed(reply)
    assert [one["Id"] for one in body["Commands"]] == ids
    assert "Cursor" not in body


@pytest.mark.parametrize("size", [1, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS, 1000])
async def test_pages_of_every_size_hold_every_row_once(agent: Caller, kiosk: Caller, size: int):
    before = await waiting(agent)
    ids = await add(kiosk, 2 * ROWS + 1) + before
    for fields in ({}, {"CommandIds": ids}):
        found, cursor = [], None
        while True:
            path = "commands/getAllByIds" if fields else "commands/getAllActive"
            reply = await agent(path, Limitation={"Count": size, "Cursor": cursor}, **fields)
            page = await printed(reply)
            assert len(page["Commands"]) <= size
            assert isinstance(reply, Shape) is (not page["Commands"]), "what needs no stream is told at once"
            cursor = page["Cursor"]
            if cursor is None:
                assert page["Commands"] == []
                break
            assert cursor == page["Commands"][-1]["Id"]
            found += page["Commands"]
        assert [one["Id"] for one in found] == ids


@pytest.mark.parametrize(
    ("count", "size", "reads"),
    [(4, None, 1), (ROWS, None, 2), (4, 6, 1), (4, 4, 1), (ROWS, ROWS, 1), (ROWS + 1, ROWS + 1, 2)],
)
async def test_nothing_is_read_once_all_is_told(
    agent: Caller, kiosk: Caller, monkeypatch: pytest.MonkeyPatch, count: int, size: int | None, reads: int
):
    await add(kiosk, count - len(await waiting(agent)))
    read, asked = commands.active, []

    async def counted(*given, **named):
        asked.append(given)
        return await read(*given, **named)

    monkeypatch.setattr(commands, "active", counted)
    limitation = {} if size is None else {"Limitation": {"Count": size}}
    assert len((await printed(await agent("commands/getAllActive", **limitation)))["Commands"]) == count
    assert len(asked) == reads


@pytest.mark.parametrize(
    "sizes",
    [
        [3],
        [NEAR_DOCUMENT // 4 * 3, NEAR_DOCUMENT // 4 * 3 + 3],
        [3, 600_000, 3, 600_000, 48, 49_152, 49_155],
        [200_000] * 3,
        [1, 2, 3, 4, 5, 6],
    ],
)
async def test_documents_come_back_as_they_were_sent_among_others(agent: Caller, kiosk: Caller, sizes: list[int]):
    sent = {}
    for size in sizes:
        data = base64.b64encode(random.Random(size).randbytes(size)).decode()
        reply = await kiosk("commands/addPrinter", PrinterId=PRINTER, CopyCount=2, Data=data)
        sent[reply.command_id] = data
        await add(kiosk, 1)
    body = await printed(await agent("commands/getAllActive"))
    of_printers = {one["Id"]: one["Data"] for one in body["Commands"] if one["Device"]["Id"] == PRINTER}
    assert {one: data["FileData"] for one, data in of_printers.items()} == sent
    assert not any("FileData" in one["Data"] for one in body["Commands"] if one["Device"]["Id"] != PRINTER)
    again = await printed(await agent("commands/getAllByIds", CommandIds=[one["Id"] for one in body["Commands"]]))
    assert again["Commands"] == body["Commands"]
    for data in of_printers.values():
        assert {name: data[name] for name in data if name != "FileData"} == {
            "CopyCount": 2,
            "FileType": "application/pdf",
            "PrinterName": "HP",
            "PrinterDriverName": "HP Driver",
            "PrinterPortName": "LPT1",
        }


async def test_a_row_that_ends_while_the_reply_is_printed_shifts_no_other(agent: Caller, kiosk: Caller):
    before = await waiting(agent)
    ids = await add(kiosk, 3 * ROWS) + before
    reply = await agent("commands/getAllActive")
    ended = [ids[ROWS - 1], ids[ROWS], ids[2 * ROWS + 5]]
    for command_id in ended:
        assert await agent("commands/update", CommandId=command_id, State="Processed") == Empty()
    await add(kiosk, 2)
    found = [one["Id"] for one in (await printed(reply))["Commands"]]
    assert [one for one in found if one not in ended] == [one for one in ids if one not in ended]
    assert len(found) == len(set(found))
    assert ended[0] in found, "it was read before it ended"
    assert ended[2] not in found, "it had ended before it was read"
