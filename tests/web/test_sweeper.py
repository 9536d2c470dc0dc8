"""The sweep as it goes on by itself: it comes again, it outlives a bad moment, it stops with the desk."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from nightporter.domain.errors import Unavailable
from nightporter.domain.sources import Sources
from nightporter.settings import InvalidSetting, Settings
from nightporter.storage.statements import Statement
from nightporter.storage.tables import events
from nightporter.web.app import App, deadlines_of
from nightporter.web.desk import Desk
from nightporter.web.sweeper import EVERY, Sweeper
from tests.harness import Clock, RunningDesk, copied


class Pauses:
    """A pause that ends when the test says so."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[float] = asyncio.Queue()
        self.ended: asyncio.Queue[None] = asyncio.Queue()

    async def __call__(self, seconds: float) -> None:
        self.asked.put_nowait(seconds)
        await self.ended.get()

    async def over(self) -> None:
        """End the pause, and wait until the next one begins."""
        self.ended.put_nowait(None)
        await self.asked.get()


@pytest.fixture
async def sweeping(desk: RunningDesk) -> Any:
    """A sweeper of the demo's desk whose pauses the test ends, and what is under its hands."""
    pauses = Pauses()
    made = desk.desk.sources
    sources = Sources(made.now, made.elapsed, made.new_id, pauses)
    sweeper = Sweeper(desk.desk.database, desk.desk.writer, sources, deadlines_of(Settings()))
    sweeper.start()
    assert await pauses.asked.get() == EVERY
    yield sweeper, pauses
    await sweeper.close()


async def pay(desk: RunningDesk) -> str:
    response = await desk.call(
        "commands/addPaymentTerminal",
        TerminalId="be35b39e-ad7e-460a-8de9-4c7581e016a2",
        CustomerId="35d4b117-4e60-44a3-9580-c582117eff98",
        Type="Payment",
        Amount={"Currency": "EUR", "Value": 5},
    )
    return str(response.json()["CommandId"])


async def written(desk: Desk) -> list[str]:
    """The state of the last event."""
    return [row[0] for row in await desk.database.many(Statement(select(events.c.state).order_by(events.c.number)))][
        -1:
    ]


async def test_it_comes_again_after_every_pause(desk: RunningDesk, sweeping: Any):
    _, pauses = sweeping
    for _ in range(3):
        await pay(desk)
        await pauses.over()
        assert await written(desk.desk) == ["Pending"]
        desk.clock.move(600)
        await pauses.over()
        assert await written(desk.desk) == ["Cancelled"]


async def test_a_bad_moment_is_told_once_and_outlived(desk: RunningDesk, sweeping: Any):
    sweeper, pauses = sweeping
    await pay(desk)
    desk.clock.move(600)
    writer = sweeper._writer

    class Full:
        async def write(self, intent: Any) -> Any:
            raise Unavailable("The disk is full.")

    sweeper._writer = Full()
    with structlog.testing.capture_logs() as logged:
        for _ in range(3):
            await pauses.over()
    assert [one["why"] for one in logged] == ["Unavailable: The disk is full."]
    sweeper._writer = writer
    await pauses.over()
    assert await written(desk.desk) == ["Cancelled"]


async def test_it_stops_with_the_desk_in_the_middle_of_a_pause(
    empty_database: Path, tmp_path: Path, settings: Settings, clock: Clock
):
    async with App(settings, clock.sources(), copied(empty_database, tmp_path)).open() as desk:
        desk.sweeper.start()
        assert "sweeper" in {task.get_name() for task in asyncio.all_tasks()}
    assert "sweeper" not in {task.get_name() for task in asyncio.all_tasks()}


@pytest.mark.parametrize("name", ["expires_after", "stalled_after"])
def test_defaults_that_cannot_be_read_are_refused_before_anything_is_made(name: str, tmp_path: Path, clock: Clock):
    settings = Settings(**{name: "Printer=soon"})
    with pytest.raises(InvalidSetting, match=rf"^{name} is 'Printer=soon': expected a duration .* got 'Printer=soon'$"):
        App(settings, clock.sources(), tmp_path / "new.db")


def test_payment_terminals_alone_have_a_deadline_by_default():
    deadlines = deadlines_of(Settings())
    assert ({kind.value: after for kind, after in deadlines.expires_after.items()}, deadlines.stalled_after) == (
        {"PaymentTerminal": 600},
        {},
    )
