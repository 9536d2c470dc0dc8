"""Several reads of one moment: what is committed meanwhile does not get in, and rows come some at a time."""

from sqlalchemy import select

from nightporter.storage import tables
from nightporter.storage.statements import Statement
from tests.stores.store import Store

IDS = Statement(select(tables.commands.c.id).order_by(tables.commands.c.sequence))


async def test_a_snapshot_shows_the_moment_at_which_it_began(store: Store) -> None:
    await store.set_hotel()
    before = [await store.add() for _ in range(3)]
    async with store.database.snapshot() as snapshot:
        late = await store.add()
        assert [row[0] async for row in snapshot.rows(IDS)] == before
    async with store.database.snapshot() as snapshot:
        assert [row[0] async for row in snapshot.rows(IDS)] == [*before, late]


async def test_a_snapshot_that_is_left_in_the_middle_of_its_rows_is_closed(store: Store) -> None:
    await store.set_hotel()
    first = await store.add()
    await store.add()
    async with store.database.snapshot() as snapshot:
        rows = snapshot.rows(IDS)
        assert (await anext(rows))[0] == first
    assert len(await store.database.many(IDS)) == 2
