"""Guards stand in the statements: what was read before may be one batch old."""

from sqlalchemy import select

from nightporter.domain.command import CommandState
from nightporter.domain.deadlines import Deadlines
from nightporter.domain.device import DeviceType, StalledPolicy
from nightporter.storage.command_changes import ExpireCommands, MoveCommand, ResolveStalled, StalledCommand
from nightporter.storage.property import SetProperty
from nightporter.storage.tables import commands, results
from tests.stores.store import HOTEL, PRINTER, SISTER, Store

_c = commands.c
PROCESSING, PROCESSED = CommandState.PROCESSING, CommandState.PROCESSED


async def test_of_two_executors_in_one_batch_the_first_has_it(store: Store):
    command_id = await store.add()
    moves = [
        MoveCommand(HOTEL, command_id, PROCESSING, None, None, name, f'{{"By":"{name}"}}') for name in ("a", "b", "a")
    ]
    assert await store.write(*moves) == [True, False, True]
    assert await store.rows(select(_c.executor)) == [("a",)]
    assert await store.rows(select(results.c.content)) == [('{"By":"a"}',)]


async def test_what_is_not_written_brings_no_result(store: Store):
    command_id = await store.add()
    await store.write(MoveCommand(HOTEL, command_id, PROCESSED, None, None))
    late = MoveCommand(HOTEL, command_id, CommandState.ERROR, None, None, "a", "{}")
    assert await store.write(late) == [False]
    assert await store.rows(select(results.c.content)) == []


async def test_only_what_is_overdue_expires(store: Store):
    ids = [await store.add(expires_after=after) for after in (60, 61, None, 0)]
    store.clock.move(60)
    begun = await store.add(expires_after=60)
    await store.write(MoveCommand(HOTEL, begun, PROCESSING, None, None))
    store.published.clear()
    every = tuple((HOTEL, one) for one in [*ids, begun, "x"])
    assert await store.write(ExpireCommands(every), ExpireCommands(((SISTER, ids[0]),)), ExpireCommands(every)) == [
        1,
        0,
        0,
    ]
    assert [event.command_id for event in store.published[0][0]] == [ids[0]]


async def test_only_what_may_still_wait_has_a_time_to_begin(store: Store):
    store.deadlines = Deadlines(expires_after={DeviceType.PRINTER: 600})
    await store.restart()
    loaded = [store.command(state=state) for state in CommandState]
    await store.write(SetProperty({}, loaded))
    now = int(store.clock.now.timestamp())
    expires = dict(await store.rows(select(_c.state, _c.expires)))
    assert expires == {state: now + 600 if state in ("Pending", "Received") else None for state in CommandState}


async def test_only_what_is_silent_is_resolved(store: Store):
    silent, heard, waiting = [await store.add(PRINTER) for _ in range(3)]
    for one in (silent, heard):
        await store.write(MoveCommand(HOTEL, one, PROCESSING, None, None))
    store.clock.move(60)
    await store.write(MoveCommand(HOTEL, heard, PROCESSING, None, None))
    stalled = tuple(StalledCommand(HOTEL, one, 60, StalledPolicy.ERROR, None) for one in (silent, heard, waiting, "x"))
    assert await store.write(ResolveStalled(stalled), ResolveStalled(stalled)) == [1, 0]
    assert dict(await store.rows(select(_c.id, _c.state))) == {
        silent: "Error",
        heard: "Processing",
        waiting: "Pending",
    }


async def test_how_often_it_was_offered_again_is_told_by_its_own_history(store: Store):
    often, seldom = [await store.add(PRINTER) for _ in range(2)]
    stalled = {one: StalledCommand(HOTEL, one, 60, StalledPolicy.PENDING, None) for one in (often, seldom)}
    for _ in range(5):
        await store.write(MoveCommand(HOTEL, often, PROCESSING, None, None))
        store.clock.move(60)
        assert await store.write(ResolveStalled((stalled[often],))) == [1]
    for one in (often, seldom):
        await store.write(MoveCommand(HOTEL, one, PROCESSING, None, None))
    store.clock.move(60)
    assert await store.write(ResolveStalled(tuple(stalled.values()))) == [2]
    assert dict(await store.rows(select(_c.id, _c.state))) == {often: "Error", seldom: "Pending"}
    assert dict(await store.rows(select(_c.id, _c.ended_by))) == {often: "Stall", seldom: None}
