"""Taking away as it goes on by itself: every minute, with pauses, on one node, and by a server alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from nightporter.domain.command import CommandState
from nightporter.domain.errors import Unavailable
from nightporter.domain.retention import Kept, Retention
from nightporter.domain.sources import Sources
from nightporter.settings import InvalidSetting, Settings
from nightporter.storage import retention
from nightporter.storage.command_changes import MoveCommand
from nightporter.storage.tables import results
from nightporter.storage.types import moment, seconds
from nightporter.web.app import App
from nightporter.web.retention import EVERY, FOR_EVER, PAUSE, WHOLE, Purger, retention_of
from tests.harness import Clock, copied
from tests.stores.conftest import batch_limit, store
from tests.stores.store import HOTEL, Store
from tests.web.test_sweeper import Pauses

__all__ = ["batch_limit", "store"]

DAY = 24 * 3600
WEEK = Retention({Kept.COMMANDS: 7 * DAY, Kept.RESULTS: 7 * DAY})


class Rests:
    """A pause that is over at once, and is remembered."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def purger(store: Store, pause: Any) -> Purger:
    made = store.clock.sources()
    return Purger(store.database, store.writer, Sources(made.now, made.elapsed, made.new_id, pause), WEEK)


async def ended(store: Store, count: int = 1) -> None:
    ids = [await store.add() for _ in range(count)]
    await store.write(*(MoveCommand(HOTEL, one, CommandState.PROCESSED, None, None, result="{}") for one in ids))


async def test_a_round_pauses_after_every_batch_and_tells_what_went(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    rests = Rests()
    one = purger(store, rests)
    await ended(store, 5)
    store.clock.move(8 * DAY)
    assert await one.round() == {Kept.RESULTS: 5, Kept.COMMANDS: 5}
    assert rests.taken == [PAUSE] * 6
    assert await one.round() == {}
    assert len(rests.taken) == 6


async def test_what_was_a_second_too_young_goes_with_the_next_round(store: Store):
    one = purger(store, Rests())
    await ended(store)
    store.clock.move(7 * DAY - 1)
    assert await one.round() == {}
    store.clock.move(1)
    assert await one.round() == {Kept.RESULTS: 1, Kept.COMMANDS: 1}


async def test_what_ends_between_two_rounds_goes_and_what_was_loaded_with_an_old_end_goes_within_a_day(store: Store):
    one = purger(store, Rests())
    for _ in range(3):
        await ended(store)
        store.clock.move(8 * DAY)
        assert (await one.round())[Kept.COMMANDS] == 1
    old = moment(seconds(store.clock.now) - 300 * DAY)
    await store.add(state=CommandState.ERROR, created=old, updated=old)
    assert await one.round() == {}
    store.clock.move(WHOLE + 1)
    assert await one.round() == {Kept.COMMANDS: 1}


@asynccontextmanager
async def going_on(store: Store) -> AsyncIterator[tuple[Purger, Pauses]]:
    pauses = Pauses()
    one = purger(store, pauses)
    one.start()
    assert await pauses.asked.get() == EVERY
    yield one, pauses
    await one.close()


async def test_it_comes_every_minute_and_says_how_much_went(store: Store):
    await ended(store)
    async with going_on(store) as (_, pauses):
        await pauses.over()
        store.clock.move(8 * DAY)
        with structlog.testing.capture_logs() as logged:
            for _ in range(4):  # a round, a pause after each of its two batches, and a round that finds nothing
                await pauses.over()
    assert logged == [{"event": "taken away", "log_level": "info", "Results": 1, "Commands": 1}]


async def test_a_bad_moment_is_told_once_and_outlived(store: Store):
    await ended(store)
    store.clock.move(8 * DAY)
    async with going_on(store) as (one, pauses):
        writer = one._writer

        class Full:
            async def write(self, intent: Any) -> Any:
                raise Unavailable("The disk is full.")

        one._writer = Full()  # type: ignore[assignment]
        with structlog.testing.capture_logs() as logged:
            for _ in range(3):
                await pauses.over()
            assert [(line["event"], line["why"]) for line in logged] == [
                ("what is over was not taken away", "Unavailable: The disk is full.")
            ]
            one._writer = writer
            for _ in range(3):
                await pauses.over()
    assert logged[-1]["Commands"] == 1


async def test_one_node_at_a_time_takes_away(store: Store, monkeypatch: pytest.MonkeyPatch):
    await ended(store)
    store.clock.move(8 * DAY)

    @asynccontextmanager
    async def taken(name: str) -> AsyncIterator[bool]:
        assert name == "retention"
        yield False

    async with going_on(store) as (_, pauses):
        monkeypatch.setattr(store.database, "alone", taken)
        with structlog.testing.capture_logs() as logged:
            await pauses.over()
            assert logged == []
            assert len(await store.rows(select(results.c.command_id))) == 1
            monkeypatch.undo()
            for _ in range(3):
                await pauses.over()
    assert logged[-1]["Commands"] == 1


async def test_a_server_takes_away_and_what_opens_the_desk_for_a_moment_does_not(
    empty_database: Path, tmp_path: Path, settings: Settings, clock: Clock
):
    def names() -> set[str]:
        return {task.get_name() for task in asyncio.all_tasks()}

    app = App(settings, clock.sources(), copied(empty_database, tmp_path))
    async with app.open():
        assert "purger" not in names()
    messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    said: asyncio.Queue[Any] = asyncio.Queue()
    living = asyncio.create_task(app({"type": "lifespan"}, messages.get, said.put))
    messages.put_nowait({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    assert "purger" in names()
    messages.put_nowait({"type": "lifespan.shutdown"})
    await living
    assert "purger" not in names()


def test_a_week_a_month_and_a_year_by_default():
    days = {kind.value: after // DAY for kind, after in retention_of(Settings()).seconds.items()}
    assert days == {
        "Results": 7, "Guests": 7, "Documents": 30, "Commands": 365, "ResourceAccessTokens": 90, "Events": 30,
        "IdempotencyKeys": 1, "AuditRecords": 1096,
    }  # fmt: skip


def test_nothing_but_keys_leaves_where_all_is_kept_for_ever():
    assert set(retention_of(Settings(**FOR_EVER)).seconds) == {Kept.IDEMPOTENCY_KEYS}


@pytest.mark.parametrize("name", FOR_EVER)
@pytest.mark.parametrize("text", ["soon", "P1M", "P1Y", "P36526D", " ", "7"])
def test_a_time_that_cannot_be_read_is_refused_before_anything_is_made(
    name: str, text: str, tmp_path: Path, clock: Clock
):
    with pytest.raises(InvalidSetting, match=rf"^{name} is '{text}': expected a duration .*; or nothing, for ever$"):
        App(Settings(**{name: text}), clock.sources(), tmp_path / "new.db")
