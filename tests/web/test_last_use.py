"""When tokens were last used is told to administrators, exact to some minutes."""

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from nightporter.domain.errors import Unavailable
from nightporter.settings import Settings
from nightporter.storage.administration import TouchTokens
from nightporter.web.app import App
from nightporter.web.last_use import EVERY, LastUse
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, Clock, RunningDesk, copied


def used(database: Path) -> dict[str, int]:
    connection = sqlite3.connect(database)
    try:
        return dict(connection.execute("SELECT id, used FROM access_tokens WHERE used IS NOT NULL"))
    finally:
        connection.close()


async def test_every_few_minutes_what_was_used_is_written_once(desk: RunningDesk) -> None:
    waits: asyncio.Queue[float] = asyncio.Queue()
    proceed: asyncio.Queue[None] = asyncio.Queue()

    async def pause(seconds: float) -> None:
        waits.put_nowait(seconds)
        await proceed.get()

    sources = replace(desk.clock.sources(), pause=pause)
    last_use = LastUse(desk.desk.recognition, desk.desk.writer, sources)
    last_use.start()
    assert await waits.get() == EVERY
    await desk.call("devices/getAll")
    await desk.call("devices/getAll")
    assert used(desk.database) == {}
    desk.clock.move(60)
    proceed.put_nowait(None)
    await waits.get()
    first = used(desk.database)
    assert list(first.values()) == [int(desk.clock.now.timestamp())]
    desk.clock.move(60)
    proceed.put_nowait(None)
    await waits.get()
    assert used(desk.database) == first, "nobody has called since"
    await last_use.close()


async def test_what_was_used_last_is_written_at_the_end(
    empty_database: Path, tmp_path: Path, demo_hotel: bytes, clock: Clock
) -> None:
    database = copied(empty_database, tmp_path)
    async with App(Settings(port=0), clock.sources(), database, fill=demo_hotel).open() as desk:
        actor = await desk.recognition.of_text(CLIENT_TOKEN, ACCESS_TOKEN)
        assert used(database) == {}
    assert used(database) == {actor.access_token_id: int(clock.now.timestamp())}


async def test_what_cannot_be_written_is_kept(desk: RunningDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.call("devices/getAll")
    (kept,) = desk.desk.recognition.used
    last_use = LastUse(desk.desk.recognition, desk.desk.writer, desk.clock.sources())

    async def refuse(intent: TouchTokens) -> None:
        raise Unavailable("The disk is full.")

    with monkeypatch.context() as full:
        full.setattr(desk.desk.writer, "write", refuse)
        await last_use.write()
    assert desk.desk.recognition.used == {kept}
    await last_use.write()
    assert list(used(desk.database)) == [kept[1]]
    assert desk.desk.recognition.used == set()


async def test_a_stranger_uses_nothing(desk: RunningDesk) -> None:
    assert (await desk.as_("nobody").call("devices/getAll")).status_code == 401
    assert desk.desk.recognition.used == set()
