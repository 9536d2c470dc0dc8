"""What is counted, how the counts of several processes are added up, and what is asked of the database."""

import asyncio
import random
import re
import sqlite3

import msgspec
import pytest

from nightporter.web import metrics, pages, readiness
from nightporter.web.metrics import FAMILIES, Counts, Found, Metrics, added, text
from tests.harness import RunningDesk
from tests.web.test_pages import sample

PRINTER = "d117866d-78de-4459-9077-42d7ea0120e3"
CUTTER = {
    "KeyCutterId": "7dafffff-a727-4917-a203-bd53995f21bf", "ReservationId": "be35b39e-ad7e-460a-8de9-4c7581e016a2", "KeyCount": 1,
}  # fmt: skip
TERMINAL = "be35b39e-ad7e-460a-8de9-4c7581e016a2"
FOUND = Found(database_up=True, queue_ages={"Printer": 3.0})


async def measured(desk: RunningDesk) -> str:
    return (await desk.http.get("/metrics")).text


async def print_(desk: RunningDesk) -> str:
    reply = await desk.call("commands/addPrinter", PrinterId=PRINTER, CopyCount=1, Data="QUJD")
    command_id: str = reply.json()["CommandId"]
    return command_id


def busy(seed: int) -> Metrics:
    """A process in which everything has happened."""
    one, dice = Metrics(), random.Random(seed)
    for _ in range(200):
        one.answered(dice.choice(("a", "b", f"only {seed}")), dice.choice((200, 400, 500)), dice.expovariate(20))
        one.committed(dice.randint(1, 600), dice.random(), dice.random() / 10, dice.choice((None, 0.002)))
        one.published(dice.randint(0, 3))
        one.connected(dice.choice((1, 1, -1)))
    one.dropped()
    return one


def samples(told: bytes) -> dict[str, float]:
    lines = [line for line in told.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_the_counts_of_two_processes_are_told_as_their_sum():
    one, other = busy(1).snapshot(), busy(2).snapshot()
    sums, parts = samples(text(added(one, other), FOUND)), [samples(text(each, FOUND)) for each in (one, other)]
    of_the_database = {name for name in sums if name.startswith(("nightporter_queue_age", "nightporter_database_up"))}
    assert len(of_the_database) == 2
    assert set(sums) == {*parts[0], *parts[1]}
    for name in set(sums) - of_the_database:
        assert sums[name] == pytest.approx(sum(part.get(name, 0.0) for part in parts)), name
    assert all(sums[name] == parts[0][name] for name in of_the_database)


def test_adding_up_changes_neither_part():
    one, other = busy(1).snapshot(), busy(2).snapshot()
    both = added(one, other)
    both.requests["only 1"][200] += 5
    both.request_seconds["only 2"].count(1.0)
    assert (one, other) == (busy(1).snapshot(), busy(2).snapshot())


def test_a_snapshot_stays_as_it_was():
    running = busy(1)
    taken = running.snapshot()
    running.answered("a", 200, 0.1)
    running.committed(1, 0.1, 0.1, 0.1)
    assert taken == busy(1).snapshot() != running.snapshot()


@pytest.mark.parametrize("wire", [msgspec.json, msgspec.msgpack])
def test_counts_are_plain_numbers_that_a_file_can_hold(wire):
    counts = busy(3).snapshot()
    assert wire.decode(wire.encode(counts), type=Counts) == counts


def test_every_count_is_told():
    told = {name for family in FAMILIES for name in family.values.__code__.co_names}
    assert {*Counts.__struct_fields__, *Found.__struct_fields__} <= told


def test_a_value_counts_below_the_bound_that_it_reaches():
    spread = metrics.Spread()
    for value in (0.0, 0.001, 0.0011, 30.0, 31.0):
        spread.count(value)
    assert (spread.counts[0], spread.counts[1], spread.counts[-2], spread.counts[-1]) == (2, 1, 1, 1)
    assert spread.total == pytest.approx(61.0021)


async def test_every_family_is_told_with_its_help(desk: RunningDesk):
    await desk.call("devices/getAll")
    told = await measured(desk)
    for family in FAMILIES:
        assert f"# HELP {family.name} {family.about}" in told
        assert f"# TYPE {family.name} {family.kind}" in told
        assert re.search(rf"^{family.name}(_bucket)?[ {{]", told, re.MULTILINE), family.name


async def test_the_writer_counts_its_batches_and_how_long_they_took(desk: RunningDesk, monkeypatch: pytest.MonkeyPatch):
    begun = desk.desk.metrics.snapshot()
    database = desk.desk.database
    transact = database.transact

    async def slowly(work, *, apart=False):
        done = await transact(work, apart=apart)
        desk.clock.elapsed += 0.07
        return done

    monkeypatch.setattr(database, "transact", slowly)
    await print_(desk)
    publish = desk.desk.writer._publish

    def late(*batch):
        publish(*batch)
        desk.clock.elapsed += 0.4

    monkeypatch.setattr(desk.desk.writer, "_publish", late)
    waiting = [asyncio.ensure_future(print_(desk)) for _ in range(5)]
    await asyncio.gather(*waiting)
    counts = desk.desk.metrics.snapshot()
    batches = sum(counts.batch_size.counts) - sum(begun.batch_size.counts)
    assert counts.batch_size.total - begun.batch_size.total == 6
    assert counts.batch_seconds.total - begun.batch_seconds.total == pytest.approx(0.07 * batches)
    assert counts.event_lag.total - begun.event_lag.total == pytest.approx(0.4 * (batches - 1))
    assert sum(counts.event_lag.counts) - sum(begun.event_lag.counts) == batches


async def test_what_waits_behind_a_batch_is_counted_as_waiting(desk: RunningDesk, monkeypatch: pytest.MonkeyPatch):
    database, held, begun = desk.desk.database, asyncio.Event(), asyncio.Event()
    transact = database.transact

    async def holding(work, *, apart=False):
        begun.set()
        await held.wait()
        return await transact(work, apart=apart)

    monkeypatch.setattr(database, "transact", holding)
    first = asyncio.ensure_future(print_(desk))
    await begun.wait()
    second = asyncio.ensure_future(print_(desk))
    while not desk.desk.writer._waiting:  # noqa: ASYNC110 - nobody is told of what waits
        await asyncio.sleep(0)
    before = desk.desk.metrics.snapshot().batch_wait.total
    desk.clock.elapsed += 2.0
    held.set()
    await asyncio.gather(first, second)
    assert desk.desk.metrics.snapshot().batch_wait.total - before == pytest.approx(2.0)


async def test_a_batch_that_changes_nothing_has_no_event_lag(desk: RunningDesk):
    before = desk.desk.metrics.snapshot()
    assert await readiness.Readiness(desk.desk).trouble() is None
    after = desk.desk.metrics.snapshot()
    assert sum(after.batch_size.counts) == sum(before.batch_size.counts) + 1
    assert after.event_lag == before.event_lag


def age(told: str, kind: str) -> float:
    return sample(told, f'nightporter_queue_age_seconds{{device_type="{kind}"}}')


async def test_the_age_of_a_queue_is_that_of_its_oldest_active_command(desk: RunningDesk):
    assert age(await measured(desk), "KeyCutter") == 0
    command_id = (await desk.call("commands/addKeyCutter", **CUTTER)).json()["CommandId"]
    desk.clock.move(40)
    await desk.call("commands/addKeyCutter", **CUTTER)
    desk.clock.move(50)
    assert age(await measured(desk), "KeyCutter") == 90
    await desk.call("commands/update", CommandId=command_id, State="Received")
    assert age(await measured(desk), "KeyCutter") == 90, "it is still not begun"
    await desk.call("commands/update", CommandId=command_id, State="Processing", Progress=0)
    assert age(await measured(desk), "KeyCutter") == 50


async def test_a_command_that_is_overdue_is_in_no_queue_any_more(desk: RunningDesk):
    paying = {"TerminalId": TERMINAL, "CustomerId": "35d4b117-4e60-44a3-9580-c582117eff98", "Type": "Payment"}
    amount = {"Currency": "EUR", "Value": 10}
    added_ = await desk.call("commands/addPaymentTerminal", **paying, Amount=amount)
    assert added_.status_code == 200, added_.text
    desk.clock.move(599)
    assert age(await measured(desk), "PaymentTerminal") == 599
    desk.clock.move(1)
    assert age(await measured(desk), "PaymentTerminal") == 0


async def test_the_database_is_up_while_the_desk_can_write(desk: RunningDesk):
    assert sample(await measured(desk), "nightporter_database_up") == 1
    desk.desk.database._writing.execute("PRAGMA query_only = ON")
    desk.clock.move(readiness.READY_FOR)
    told = await measured(desk)
    assert sample(told, "nightporter_database_up") == 0
    assert age(told, "KeyCutter") == 0, "what can be read is told"


async def test_what_cannot_be_read_is_left_out_and_the_rest_is_told(desk: RunningDesk, monkeypatch: pytest.MonkeyPatch):
    async def failing(*_):
        raise sqlite3.DatabaseError("file is not a database")

    monkeypatch.setattr(pages, "queue_ages", failing)
    await desk.call("devices/getAll")
    told = await measured(desk)
    assert "nightporter_queue_age_seconds{" not in told
    assert sample(told, 'nightporter_requests_total{operation="devices/getAll",status="200"}') == 1
