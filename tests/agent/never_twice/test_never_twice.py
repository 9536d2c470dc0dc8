"""Whatever strikes wherever: the physical effect comes once at most, and what the platform is told is true."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.never_twice.machines import ALL, PASSPORT_SCANNER, Struck
from tests.agent.never_twice.strikes import Case, Nursery, Outcome, Point, nursery, points
from tests.agent.never_twice.table import write
from tests.harness import RunningDesk

MOST = 40


@pytest.fixture(scope="module")
def agents() -> Iterator[Nursery]:
    with nursery() as one:
        yield one


def judge(struck: Struck, point: Point | None, outcome: Outcome) -> str:
    """What is wrong; empty for nothing."""
    twice = {kind: count for kind, count in outcome.effects.items() if count > struck.wanted.get(kind, 0)}
    if struck is not PASSPORT_SCANNER and twice:
        return f"{point}: done twice: {twice}, {outcome}"
    if outcome.state == "Processed" and any(outcome.effects[kind] != count for kind, count in struck.wanted.items()):
        return f"{point}: told as done, and it was not: {outcome}"
    if struck.can_be_asked and outcome.state != "Processed":
        return f"{point}: the machine could be asked, and it ended as {outcome}"
    if outcome.state != "Processed" and not outcome.notes:
        return f"{point}: nobody is told what to check: {outcome}"
    return ""


async def outcomes(desks: list[RunningDesk], case: Case, found: list[Point]) -> list[tuple[Point, Outcome]]:
    """What came of a strike at each point; there is one agent at each desk at a time."""
    free = asyncio.Queue[RunningDesk]()
    for desk in desks:
        free.put_nowait(desk)

    async def run(point: Point) -> tuple[Point, Outcome]:
        desk = await free.get()
        try:
            return point, await case.at(desk).run(point)
        finally:
            free.put_nowait(desk)

    return await asyncio.gather(*(run(point) for point in found))


@pytest.mark.parametrize("struck", ALL, ids=lambda one: one.driver)
async def test_killed_where_it_hurts_most(
    struck: Struck, desks: list[RunningDesk], agents: Nursery, tmp_path: Path
) -> None:
    case = Case(struck, desks[0], agents, tmp_path)
    await case.run(None)
    hurts = [
        point
        for point in points(case.writes, [], struck, MOST)
        if (point.when, point.name) in {("after", "SENT is written"), ("before", "DONE is written")}
    ]
    assert hurts
    rows = await outcomes(desks, case, hurts)
    assert [problem for point, outcome in rows if (problem := judge(struck, point, outcome))] == []
    assert all(outcome.has_struck for _, outcome in rows)


@pytest.mark.long
@pytest.mark.parametrize("struck", ALL, ids=lambda one: one.driver)
async def test_whatever_strikes_wherever(
    struck: Struck, desks: list[RunningDesk], agents: Nursery, tmp_path: Path
) -> None:
    case = Case(struck, desks[0], agents, tmp_path)
    undisturbed = await case.run(None)
    assert judge(struck, None, undisturbed) == ""
    assert undisturbed.state == "Processed", undisturbed
    rows = await outcomes(desks, case, points(case.writes, case.passed, struck, MOST))
    write(struck, rows)
    problems = [problem for point, outcome in rows if (problem := judge(struck, point, outcome))]
    assert not problems, "\n".join(problems)
    struck_at = [point for point, outcome in rows if outcome.has_struck]
    assert len(struck_at) > len(rows) * 0.8, "most strikes came too late to strike"


@pytest.mark.long
@pytest.mark.parametrize("struck", [one for one in ALL if one is not PASSPORT_SCANNER], ids=lambda one: one.driver)
async def test_a_journal_written_after_the_bytes_left_is_caught(
    struck: Struck, desks: list[RunningDesk], agents: Nursery, tmp_path: Path
) -> None:
    case = Case(struck, desks[0], agents, tmp_path, defect=True)
    await case.run(None)
    kills = [point for point in points([], case.passed, struck, MOST) if point.what == "kill"]
    rows = await outcomes(desks, case, kills)
    assert any("done twice" in judge(struck, point, outcome) for point, outcome in rows), "the defect was not caught"
