"""Reads of many callers at once: each gets its own row, whoever it was asked with (PostgreSQL)."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import select

from nightporter.domain.errors import Away
from nightporter.storage import commands, tables
from nightporter.storage.dialects import postgres
from nightporter.storage.dialects.gathering import AT_ONCE, Gathering
from nightporter.storage.statements import Statement, given
from tests.stores.store import HOTEL, PRINTER, SISTER, SISTER_PRINTER, Store, scope

_d = tables.devices.c
DEVICE = Statement(select(_d.id).where(_d.enterprise_id == given("enterprise"), _d.id == given("id")))
IN_ORDER = Statement(select(_d.id).where(_d.type == given("type")).order_by(_d.id.desc()))
ALL = Statement(select(_d.id).order_by(_d.id))


@pytest.fixture
def kind() -> str:
    return "postgres"


@pytest.fixture
def asked(store: Store) -> list[str]:
    """The texts that the database was asked."""
    texts: list[str] = []
    ask = store.database._ask

    async def noted(text, given):
        texts.append(text)
        return await ask(text, given)

    store.database._gathering = Gathering(noted)
    return texts


async def test_everybody_gets_the_row_asked_for_in_one_round_trip(store: Store, asked: list[str]):
    sought = [(HOTEL, PRINTER), (SISTER, PRINTER), (SISTER, SISTER_PRINTER), (HOTEL, "x"), (HOTEL, PRINTER)] * 30
    found = await asyncio.gather(*(store.database.one(DEVICE, enterprise=e, id=d) for e, d in sought))
    assert found == [(PRINTER,), None, (SISTER_PRINTER,), None, (PRINTER,)] * 30
    assert len(asked) == 1


async def test_those_who_ask_the_same_are_answered_with_one_row_and_many_in_several_rounds(
    store: Store, asked: list[str]
):
    ids = [PRINTER, *(f"x{number}" for number in range(AT_ONCE + 10)), *[PRINTER] * AT_ONCE]
    found = await asyncio.gather(*(store.database.one(DEVICE, enterprise=HOTEL, id=one) for one in ids))
    assert [row is not None for row in found] == [one == PRINTER for one in ids]
    assert asked == [DEVICE.for_callers.text] * 2 + [DEVICE.postgres.text]


async def test_who_comes_while_others_wait_goes_together_with_the_next(store: Store, asked: list[str]):
    async def again_and_again():
        return [await store.database.one(DEVICE, enterprise=HOTEL, id=PRINTER) for _ in range(5)]

    found = await asyncio.gather(*(again_and_again() for _ in range(20)))
    assert found == [[(PRINTER,)] * 5] * 20
    assert 5 <= len(asked) <= 10


async def test_callers_alone_ask_the_plain_statement(store: Store, asked: list[str]):
    assert await store.database.one(DEVICE, enterprise=HOTEL, id=PRINTER) == (PRINTER,)
    assert asked == [DEVICE.postgres.text]


async def test_the_first_row_in_order_is_the_answer_for_everybody(store: Store):
    alone = await store.database.one(IN_ORDER, type="Printer")
    assert alone == max(await store.database.few(IN_ORDER, type="Printer"))
    together = await asyncio.gather(*(store.database.one(IN_ORDER, type=t) for t in ("Printer", "None", "Printer")))
    assert together == [alone, None, alone]
    first = (await store.database.few(ALL))[0]
    assert await asyncio.gather(*(store.database.one(ALL) for _ in range(3))) == [first] * 3


async def test_what_one_caller_sends_harms_no_other(store: Store):
    sought = [PRINTER, "\ud800", "a\0b", PRINTER]
    found = await asyncio.gather(
        *(store.database.one(DEVICE, enterprise=HOTEL, id=one) for one in sought), return_exceptions=True
    )
    assert [found[0], found[3]] == [(PRINTER,)] * 2
    assert all(isinstance(one, asyncpg.PostgresError | ValueError) for one in found[1:3])


async def test_a_text_longer_than_its_column_finds_nothing(store: Store):
    """A cast to the length of the column would cut it to one that is there."""
    command_id = await store.add()
    mine = scope(PRINTER)
    sought = (command_id + "x", command_id)
    found = await asyncio.gather(*(commands.standing(store.database, mine, one) for one in sought))
    assert found[0] is None
    assert found[1] is not None


async def test_a_caller_that_gives_up_takes_nobody_along(store: Store):
    tasks = [asyncio.create_task(store.database.one(DEVICE, enterprise=HOTEL, id=PRINTER)) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [(PRINTER,)] * 2


async def test_an_answer_that_does_not_come_ends_with_a_refusal_and_the_next_one_is_served(store: Store, monkeypatch):
    monkeypatch.setattr(postgres, "PATIENCE", 0.5)
    silent = await asyncpg.connect(store.database.address.url)
    async with silent.transaction():
        await silent.execute("LOCK TABLE devices")
        tasks = [asyncio.create_task(store.database.one(DEVICE, enterprise=HOTEL, id=PRINTER)) for _ in range(3)]
        tasks[0].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in found] == [asyncio.CancelledError, Away, Away]
    await silent.close()
    assert await store.database.one(DEVICE, enterprise=HOTEL, id=PRINTER) == (PRINTER,)


async def test_a_round_that_is_ended_leaves_nobody_waiting(store: Store):
    begun = asyncio.Event()

    async def endless(_text, _given):
        begun.set()
        await asyncio.Event().wait()

    gathering = Gathering(endless)
    tasks = [
        asyncio.create_task(gathering.one(DEVICE, {"enterprise": HOTEL, "id": str(n)})) for n in range(AT_ONCE + 1)
    ]
    await begun.wait()
    for task in gathering._tasks:
        task.cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in found} == {asyncio.CancelledError}


async def test_a_database_that_is_away_is_asked_once_for_all(store: Store):
    times = 0

    async def away(_text, _given):
        nonlocal times
        times += 1
        raise Away("Gone.")

    gathering = Gathering(away)
    found = await asyncio.gather(
        *(gathering.one(DEVICE, {"enterprise": HOTEL, "id": PRINTER}) for _ in range(9)), return_exceptions=True
    )
    assert {type(one) for one in found} == {Away}
    assert times == 1
