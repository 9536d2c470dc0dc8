"""desk/freeze over HTTP: changes wait outside, reads go on, and the desk goes on by itself; and a hotel that has left."""

import asyncio

import pytest
import structlog

from nightporter.domain.errors import Unavailable
from nightporter.storage.audit import Audit
from nightporter.storage.freezing import RecordFreeze
from nightporter.storage.places import Place
from nightporter.storage.writer import Probe
from tests.contract import hotel
from tests.harness import RunningDesk, busy, sql


@pytest.fixture
def kind() -> str:
    """A SQLite file, unless a test says otherwise: only from there a hotel is moved."""
    return "sqlite"


async def a_print(desk: RunningDesk, **headers: str) -> int:
    reply = await desk.call("commands/addPrinter", PrinterId=hotel.PRINTER, CopyCount=1, Data="QUJD", headers=headers)
    if reply.status_code == 503:
        assert reply.headers["retry-after"] == "2"
    return reply.status_code


async def frozen(desk: RunningDesk, seconds: object) -> int:
    return (await desk.administer("desk/freeze", Seconds=seconds)).status_code


@pytest.mark.parametrize("kind", ["postgres"])
async def test_a_node_of_many_is_not_frozen(front_desk: RunningDesk) -> None:
    assert await frozen(front_desk, 30) == 403
    assert await a_print(front_desk) == 200


async def test_a_frozen_desk_refuses_changes_and_reads_go_on(front_desk: RunningDesk, home: Place) -> None:
    assert await frozen(front_desk, 30) == 200
    assert await a_print(front_desk) == 503
    assert (await front_desk.http.get("/ready")).status_code == 503
    assert (await front_desk.call("commands/getAllActive")).status_code == 200
    assert await frozen(front_desk, 0) == 200
    assert await a_print(front_desk) == 200
    found = sql(
        home, "SELECT administrator, operation, kind, after FROM audit_records WHERE kind = 'desk' ORDER BY number"
    )
    assert [row[1:] for row in found] == [
        ("desk/freeze", "desk", '{"frozen":30}'),
        ("desk/freeze", "desk", '{"frozen":0}'),
    ]


async def test_a_desk_that_nobody_asks_again_goes_on_by_itself(front_desk: RunningDesk, home: Place) -> None:
    await frozen(front_desk, 30)
    front_desk.clock.move(29)
    await frozen(front_desk, 30)
    front_desk.clock.move(29)
    assert await a_print(front_desk) == 503
    front_desk.clock.move(1)
    assert await a_print(front_desk) == 200


async def test_it_is_frozen_once_what_was_accepted_before_is_in_the_file(front_desk: RunningDesk, home: Place) -> None:
    writer = front_desk.desk.writer
    async with busy(home):
        before = asyncio.ensure_future(writer.write(Probe()))
        await asyncio.sleep(0)
        freezing = asyncio.ensure_future(writer.freeze(RecordFreeze(30, Audit(None, "tests", "desk/freeze"))))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="being moved"):
            await writer.write(Probe())
        assert not before.done()
        assert not freezing.done()
    await asyncio.gather(before, freezing)


async def test_a_time_that_makes_no_sense_is_refused(front_desk: RunningDesk) -> None:
    for seconds in (-1, 601, "30", None, 1.5):
        refused = await front_desk.administer("desk/freeze", Seconds=seconds)
        assert (refused.status_code, refused.json()["Message"]) == (400, "Invalid Seconds")


async def test_only_who_runs_the_whole_desk_may_freeze_it(front_desk: RunningDesk) -> None:
    added = await front_desk.administer("administrationTokens/add", Name="One", EnterpriseIds=[hotel.HOTEL])
    refused = await front_desk.administer("desk/freeze", token=added.json()["AdministrationToken"], Seconds=30)
    assert refused.status_code == 401
    assert await a_print(front_desk) == 200


async def test_a_hotel_that_was_moved_away_is_changed_no_more(front_desk: RunningDesk, home: Place) -> None:
    sql(home, "UPDATE desk SET moved = 'postgresql://there/hotel'")
    refused = await front_desk.call("commands/addPrinter", PrinterId=hotel.PRINTER, CopyCount=1, Data="QUJD")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert "moved to postgresql://there/hotel" in refused.json()["Message"]
    assert (await front_desk.call("commands/getAllActive")).status_code == 200


async def test_a_frozen_desk_says_at_once_that_its_hotel_was_moved(front_desk: RunningDesk, home: Place) -> None:
    await frozen(front_desk, 30)
    sql(home, "UPDATE desk SET moved = 'postgresql://there/hotel'")
    with structlog.testing.capture_logs() as logged:
        for _ in range(2):
            refused = await front_desk.call("commands/addPrinter", PrinterId=hotel.PRINTER, CopyCount=1, Data="QUJD")
            assert (refused.status_code, "moved to postgresql://there" in refused.json()["Message"]) == (503, True)
        ready = await front_desk.http.get("/ready")
        assert (ready.status_code, "moved to postgresql://there/hotel" in ready.text) == (503, True)
    assert [one["to"] for one in logged if one["event"] == "the hotel was moved"] == ["postgresql://there/hotel"]
