"""The one door for writes: batches, neighbours, numbers, stamps."""

import asyncio
import random
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import func, select

from nightporter.domain.command import CommandState
from nightporter.domain.errors import Away, Unavailable
from nightporter.domain.resource_access_token import ResourceAccessTokenChange
from nightporter.storage import commands, events
from nightporter.storage.command_changes import MoveCommand
from nightporter.storage.commands import NEWEST, AddCommands
from nightporter.storage.dialects import postgres
from nightporter.storage.idempotency import Once
from nightporter.storage.property import SetProperty
from nightporter.storage.resource_access_tokens import (
    AddResourceAccessTokens,
    ChangeResourceAccessTokens,
    DeleteResourceAccessTokens,
)
from nightporter.storage.tables import commands as commands_table
from nightporter.storage.tables import documents, idempotency_keys
from nightporter.storage.tables import events as events_table
from nightporter.storage.types import seconds
from nightporter.storage.writer import _CARRY_OUT, Probe
from tests.stores.store import EVERYTHING, HOTEL, PRINTER, SISTER, SISTER_PRINTER, Store, scope
from tests.stores.test_resource_access_tokens import new_token

_e = events_table.c


def move(command_id, state, notes=None, progress=None, enterprise=HOTEL):
    return MoveCommand(enterprise, command_id, state, progress, notes)


async def numbers(store):
    return [row[0] for row in await store.rows(select(_e.number).order_by(_e.number))]


async def count(store, table):
    return (await store.rows(select(func.count()).select_from(table)))[0][0]


async def test_what_waits_is_committed_together_and_each_gets_its_own_result(store: Store):
    first, second = store.command(), store.command()
    results = await store.write(
        AddCommands((first,)),
        Probe(),
        AddCommands((second,)),
        move(first.id, CommandState.RECEIVED),
        move("x", CommandState.ERROR),
    )
    assert results == [(first.id,), None, (second.id,), True, False]
    assert len(store.published) == 1
    committed, property_changed = store.published[0]
    assert [(event.command_id, event.state) for event in committed] == [
        (first.id, CommandState.PENDING),
        (second.id, CommandState.PENDING),
        (first.id, CommandState.RECEIVED),
    ]
    assert not property_changed


@pytest.mark.parametrize("batch_limit", [3])
async def test_a_batch_holds_no_more_than_its_limit(store: Store):
    new = [store.command() for _ in range(7)]
    await store.write(*(AddCommands((one,)) for one in new))
    assert [len(committed) for committed, _ in store.published] == [3, 3, 1]
    assert [event.command_id for committed, _ in store.published for event in committed] == [one.id for one in new]


async def test_what_is_published_can_be_read(store: Store):
    seen = []

    def publish(committed, _):
        seen.extend(committed)
        reading.append(
            asyncio.ensure_future(
                commands.by_ids(store.database, EVERYTHING, [committed[0].command_id], NEWEST, 1, store.clock.now)
            )
        )

    reading: list[asyncio.Future] = []
    store.writer._publish = publish
    command_id = await store.add()
    assert [row.id for row in await reading[0]] == [command_id]


async def test_events_are_numbered_without_gaps_in_the_order_of_the_changes_also_after_a_restart(store: Store):
    dice = random.Random(7)
    ids: list[str] = []

    async def live():
        for _ in range(20):
            ids.append(await store.add())
            await store.write(move(dice.choice(ids), dice.choice([CommandState.RECEIVED, CommandState.PROCESSED])))

    await asyncio.gather(*(live() for _ in range(8)))
    await store.restart()
    await store.add()
    told = [event for committed, _ in store.published for event in committed]
    assert [event.number for event in told] == list(range(1, len(told) + 1))
    kept = await events.after(store.database, EVERYTHING, 0, 10_000)
    assert kept == told
    assert await numbers(store) == list(range(1, len(told) + 1))
    assert len(told) > 161


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_an_intent_that_fails_takes_no_neighbour_along_and_leaves_nothing(store: Store, place):
    taken = await store.add()
    store.published.clear()
    once = Once("token", "commands/addPrinter", "key", "hash", HOTEL)
    failing = AddCommands(
        (store.command(document=b"QUJD"), store.command(id=taken, document=b"QUJD"), store.command()), once
    )
    good = [AddCommands((store.command(),)), move(taken, CommandState.PROCESSED)]
    intents = [*good[:place], failing, *good[place:]]
    results = await store.write(*intents)
    assert isinstance(results.pop(place), Exception)
    assert results == [(good[0].commands[0].id,), True]
    assert await count(store, commands_table) == 2
    assert await count(store, documents) == 0
    assert await count(store, idempotency_keys) == 0
    assert await numbers(store) == [1, 2, 3]
    assert sum(len(committed) for committed, _ in store.published) == 2


async def test_text_that_no_database_takes_fails_alone(store: Store):
    command_id = await store.add()
    bad, good = await store.write(
        move(command_id, CommandState.ERROR, notes="\ud800"), move(command_id, CommandState.PROCESSED, notes="ok")
    )
    assert isinstance(bad, Exception)
    assert good is True


@pytest.mark.parametrize("refusal", [Unavailable, Away])
async def test_what_is_unavailable_for_one_is_so_for_its_neighbours_only_if_the_database_is_away(
    store: Store, refusal, monkeypatch
):
    async def refused(_batch, _intents):
        raise refusal("No.")

    monkeypatch.setitem(_CARRY_OUT, Probe, refused)
    command = store.command()
    bad, good = await store.write(Probe(), AddCommands((command,)))
    assert type(bad) is refusal
    assert type(good) is Away if refusal is Away else good == (command.id,)
    assert await count(store, commands_table) == (0 if refusal is Away else 1)


async def test_a_database_that_goes_away_half_way_is_not_asked_for_the_rest(store: Store, monkeypatch):
    asked: list[int] = []

    async def refused(_batch, intents):
        asked.append(len(intents))
        raise Unavailable("Full.") if len(asked) < 3 else Away("Gone.")

    monkeypatch.setitem(_CARRY_OUT, Probe, refused)
    results = await store.write(*[Probe()] * 5)
    assert [type(one) for one in results] == [Unavailable, *[Away] * 4]
    assert asked == [5, 1, 1]


@pytest.mark.parametrize("kind", ["postgres"])
async def test_a_database_that_falls_silent_is_given_up_and_the_next_batch_is_written(store: Store, monkeypatch):
    monkeypatch.setattr(postgres, "LONGEST", 0.5)
    monkeypatch.setattr(postgres, "PATIENCE", 0.5)
    store.database._writing.terminate()  # the next connection has that patience
    silent = await asyncpg.connect(store.database.address.url)
    async with silent.transaction():
        await silent.execute("LOCK TABLE commands")
        results = await store.write(AddCommands((store.command(),)), AddCommands((store.command(),)))
        assert [type(one) for one in results] == [Away, Away]
    await silent.close()
    await store.add()
    assert await count(store, commands_table) == 1


async def test_a_caller_that_gave_up_finds_its_change_made(store: Store):
    new = store.command()
    waiting = asyncio.ensure_future(store.writer.write(AddCommands((new,))))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await store.write(Probe())
    assert [
        row.id for row in await commands.by_ids(store.database, EVERYTHING, [new.id], NEWEST, 1, store.clock.now)
    ] == [new.id]
    assert await numbers(store) == [1]


async def test_closing_carries_out_what_waits_and_then_refuses(store: Store):
    new = [store.command() for _ in range(20)]
    waiting = [asyncio.ensure_future(store.writer.write(AddCommands((one,)))) for one in new]
    await asyncio.sleep(0)
    closed = store.writer
    await store.close()
    assert [await one for one in waiting] == [(one.id,) for one in new]
    with pytest.raises(Unavailable, match="closing"):
        await closed.write(Probe())
    await store.open()
    assert await numbers(store) == list(range(1, 21))


async def test_setting_facts_is_told_apart_from_events(store: Store):
    await store.write(SetProperty({}))
    await store.write(Probe())
    assert store.published == [([], True)]


async def created(store, command_id):
    (row,) = await commands.by_ids(store.database, EVERYTHING, [command_id], NEWEST, 1, store.clock.now)
    return row.created


async def test_stamps_never_go_backwards_when_the_clock_does(store: Store):
    noon = store.clock.now
    first = await store.add()
    store.clock.now = noon - timedelta(days=1)
    second = await store.add()
    store.clock.now = noon + timedelta(seconds=1, microseconds=999_999)
    third = await store.add()
    assert [await created(store, one) for one in (first, second, third)] == [noon, noon, noon + timedelta(seconds=1)]
    times = [row[0] for row in await store.rows(select(_e.time).order_by(_e.number))]
    assert times == [seconds(noon), seconds(noon), seconds(noon) + 1]


async def test_stamps_go_on_after_a_restart_from_the_last_one_whatever_it_was_for(store: Store):
    noon = store.clock.now
    token = new_token(store)
    await store.write(AddResourceAccessTokens((token,)))
    store.clock.now = noon + timedelta(hours=1)
    change = ResourceAccessTokenChange(token.id, None, None, "2", None, None, None, None)
    await store.write(ChangeResourceAccessTokens(HOTEL, (change,)))
    store.clock.now = noon + timedelta(hours=2)
    await store.write(DeleteResourceAccessTokens(HOTEL, (token.id,)))
    store.clock.now = noon
    await store.restart()
    assert await created(store, await store.add()) == noon + timedelta(hours=2)


async def test_a_loaded_time_that_lies_ahead_does_not_move_the_stamps(store: Store):
    noon = store.clock.now
    ahead = noon + timedelta(days=365)
    await store.write(SetProperty({}, [store.command(created=ahead, updated=ahead)]))
    await store.restart()
    assert await created(store, await store.add()) == noon


async def test_events_of_each_enterprise_are_told_to_its_own(store: Store):
    mine = await store.add()
    theirs = await store.add(SISTER_PRINTER)
    own = await events.after(store.database, scope(PRINTER), 0, 10)
    assert [(event.number, event.command_id) for event in own] == [(1, mine)]
    sister = await events.after(store.database, scope(SISTER_PRINTER, enterprises=[SISTER]), 0, 10)
    assert [(event.number, event.command_id) for event in sister] == [(2, theirs)]
    assert await events.after(store.database, scope(SISTER_PRINTER), 0, 10) == []
    assert await events.bounds(store.database) == (1, 2)
