"""When a new start would help, and when it would not: what a watchdog is told."""

import asyncio

import pytest

from nightporter.domain.errors import Unavailable
from nightporter.web import readiness
from nightporter.web.readiness import STUCK_AFTER, Readiness
from tests.harness import RunningDesk
from tests.postgres import kind

__all__ = ["kind"]


async def away(*_: object, **__: object) -> None:
    raise Unavailable("The database cannot serve at the moment. Nothing was changed.")


async def silent(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


async def test_who_shares_a_database_that_is_away_waits_for_it_and_who_has_its_own_is_started_anew(
    desk: RunningDesk, monkeypatch: pytest.MonkeyPatch, kind: str
):
    looked = Readiness(desk.desk)
    assert (await looked.trouble(), looked.is_alive) == (None, True)
    monkeypatch.setattr(desk.desk.writer, "write", away)
    for _ in range(3):
        desk.clock.move(STUCK_AFTER)
        assert await looked.trouble() is not None
        assert looked.is_alive is (kind == "postgres")


@pytest.mark.parametrize("can_read", [True, False])
async def test_a_writer_that_says_nothing_is_stuck_unless_the_database_says_nothing_either(
    desk: RunningDesk, monkeypatch: pytest.MonkeyPatch, kind: str, can_read: bool
):
    looked = Readiness(desk.desk)
    monkeypatch.setattr(readiness, "PROBE_PATIENCE", 0.01)
    monkeypatch.setattr(desk.desk.writer, "write", silent)
    monkeypatch.setattr(readiness, "bounds", can_be_read if can_read else away)
    alive = []
    for _ in range(2):
        desk.clock.move(STUCK_AFTER - 1)
        assert await looked.trouble() is not None
        alive.append(looked.is_alive)
    assert alive == {"sqlite": [False, False], "postgres": [True, not can_read]}[kind]


async def can_be_read(*_: object) -> tuple[int, int]:
    return 1, 0
