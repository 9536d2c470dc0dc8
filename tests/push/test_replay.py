import asyncio
import json
import random

import pytest
from sqlalchemy import delete

from nightporter.domain.command import CommandState
from nightporter.domain.errors import Invalid
from nightporter.domain.retention import Kept
from nightporter.push import replay
from nightporter.push.hub import Hub, Listener
from nightporter.push.replay import catch_up, read_cursor
from nightporter.storage.command_changes import MoveCommand
from nightporter.storage.commands import AddCommands
from nightporter.storage.retention import Purge
from nightporter.storage.statements import Statement, given
from nightporter.storage.tables import events
from tests.stores.store import AGENT, CUTTER, HOTEL, KIOSK, PRINTER, SISTER_PRINTER, Store, scope


@pytest.fixture
def hub(store: Store) -> Hub:
    """A hub to which the store's writer publishes, as the desk wires it."""
    made = Hub()
    store.writer._publish = lambda committed, _: made.publish(committed)
    return made


class Ear:
    def __init__(self, *devices: str, limit: int = 100_000, integration: str = AGENT) -> None:
        self.numbers: list[int] = []
        self.dropped = 0
        self.listener = Listener(scope(*devices, integration=integration), self.send, self.drop, limit)

    async def send(self, message: str) -> None:
        await asyncio.sleep(0)
        told = json.loads(message)
        assert len(told["Events"]) == 1
        self.numbers.append(int(told["Cursor"]))

    def drop(self) -> None:
        self.dropped += 1


async def drained(hub: Hub, ear: Ear) -> list[int]:
    while (writing := ear.listener._writing) is not None:
        await writing
    assert not ear.listener._waiting
    return ear.numbers


@pytest.mark.parametrize(
    "text", ["x", "", " ", "-1", "+1", "01", "1.0", "1e0", "٣", "4", "99", "9" * 30, "0x1", "1 ", "null", "3\n"]
)
async def test_a_cursor_that_is_malformed_or_lies_ahead_is_refused(store: Store, text: str):
    for _ in range(3):
        await store.add()
    with pytest.raises(Invalid) as refused:
        await read_cursor(store.database, text)
    assert refused.value.parameter == "Cursor"


@pytest.mark.parametrize("text", ["0", "1", "2", "3"])
async def test_a_cursor_is_the_number_of_an_event_or_the_beginning(store: Store, text: str):
    for _ in range(3):
        await store.add()
    assert await read_cursor(store.database, text) == int(text)


async def test_a_desk_without_events_has_one_cursor(store: Store):
    assert await read_cursor(store.database, "0") == 0
    with pytest.raises(Invalid):
        await read_cursor(store.database, "1")


async def test_a_cursor_behind_what_was_purged_is_refused(store: Store):
    for _ in range(5):
        await store.add()
    purge = Statement(delete(events).where(events.c.number <= given("last")))

    async def work(transaction):
        await transaction.run(purge, [{"last": 3}])

    await store.database.transact(work)
    for gone in ("0", "1", "2"):
        with pytest.raises(Invalid):
            await read_cursor(store.database, gone)
    for kept in (3, 4, 5):
        assert await read_cursor(store.database, str(kept)) == kept


@pytest.mark.parametrize("page", [1, 2, 7, 500])
async def test_what_was_missed_comes_first_then_what_happens(
    store: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch, page: int
):
    monkeypatch.setattr(replay, "PAGE", page)
    for _ in range(10):
        await store.add(PRINTER)
        await store.add(CUTTER, creator_integration_id=None)
        await store.add(SISTER_PRINTER)
    ear = Ear(PRINTER)
    await catch_up(store.database, hub, ear.listener, 6, ear.send)
    await store.add(PRINTER)
    await store.add(CUTTER)
    assert await drained(hub, ear) == [*range(7, 31, 3), 31]
    assert len(hub) == 1
    own = Ear(integration=KIOSK)
    await catch_up(store.database, hub, own.listener, 0, own.send)
    assert await drained(hub, own) == [*range(1, 31, 3), 31, 32]


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("page", [1, 3, 500])
async def test_no_gap_and_no_double_while_others_commit(
    store: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch, page: int, seed: int
):
    """Listeners begin at any moment, from any cursor, while callers commit: each hears every number once, in order."""
    monkeypatch.setattr(replay, "PAGE", page)
    dice = random.Random(seed)
    ears: list[tuple[int, Ear]] = []

    async def caller() -> None:
        for _ in range(12):
            command = store.command(dice.choice([PRINTER, CUTTER]))
            await store.write(
                AddCommands((command,)), MoveCommand(HOTEL, command.id, CommandState.PROCESSED, None, None)
            )
            for _ in range(dice.randrange(4)):
                await asyncio.sleep(0)

    async def listen() -> None:
        for _ in range(6):
            for _ in range(dice.randrange(60)):
                await asyncio.sleep(0)
            cursor = dice.randint(0, hub.published)
            ear = Ear(PRINTER, CUTTER)
            ears.append((cursor, ear))
            await catch_up(store.database, hub, ear.listener, cursor, ear.send)

    await asyncio.gather(*(caller() for _ in range(4)), *(listen() for _ in range(3)))
    last = hub.published
    assert last == 4 * 12 * 2
    for cursor, ear in ears:
        assert await drained(hub, ear) == list(range(cursor + 1, last + 1))
        assert ear.dropped == 0


async def test_a_listener_that_is_ended_while_it_catches_up_is_told_no_more(
    store: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(replay, "PAGE", 3)
    for _ in range(10):
        await store.add()
    ear = Ear(PRINTER)

    async def until_the_fourth(message: str) -> None:
        await ear.send(message)
        if len(ear.numbers) == 4:
            ear.listener.end()

    await catch_up(store.database, hub, ear.listener, 0, until_the_fourth)
    await store.add()
    assert await drained(hub, ear) == [1, 2, 3, 4]
    assert len(hub) == 0


async def test_a_device_that_is_disconnected_while_its_events_are_replayed_is_told_no_more(store: Store, hub: Hub):
    for _ in range(3):
        await store.add(PRINTER)
        await store.add(CUTTER)
    ear = Ear(PRINTER, CUTTER)

    async def until_the_third(message: str) -> None:
        await ear.send(message)
        if len(ear.numbers) == 3:
            hub.rescope(ear.listener, scope(CUTTER))

    await catch_up(store.database, hub, ear.listener, 0, until_the_third)
    await store.add(PRINTER)
    await store.add(CUTTER)
    assert await drained(hub, ear) == [1, 2, 3, 4, 6, 8]


async def test_a_listener_is_dropped_rather_than_told_with_a_gap(
    store: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch
):
    """What it is still to catch up with leaves meanwhile."""
    monkeypatch.setattr(replay, "PAGE", 3)
    for _ in range(10):
        await store.add()
    ear = Ear(PRINTER)

    async def slowly(message: str) -> None:
        await ear.send(message)
        if len(ear.numbers) == 2:
            await store.write(Purge(Kept.EVENTS, 0, ((4, 0),)))

    await catch_up(store.database, hub, ear.listener, 0, slowly)
    assert (ear.numbers, ear.dropped, len(hub)) == ([1, 2, 3], 1, 0)


async def test_what_leaves_behind_a_listener_does_not_concern_it(
    store: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(replay, "PAGE", 3)
    for _ in range(10):
        await store.add()
    ear = Ear(PRINTER)

    async def slowly(message: str) -> None:
        await ear.send(message)
        await store.write(Purge(Kept.EVENTS, 0, ((ear.numbers[-1], 0),)))

    await catch_up(store.database, hub, ear.listener, 0, slowly)
    assert (await drained(hub, ear), ear.dropped) == ([*range(1, 11)], 0)


async def test_when_all_but_the_newest_event_have_left_two_cursors_are_good(store: Store):
    for _ in range(5):
        await store.add()
    assert await store.write(Purge(Kept.EVENTS, 0, ((5, 0),))) == [4]
    for gone in ("0", "3", "6"):
        with pytest.raises(Invalid):
            await read_cursor(store.database, gone)
    assert [await read_cursor(store.database, kept) for kept in ("4", "5")] == [4, 5]
