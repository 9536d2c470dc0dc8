import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from nightporter.domain.command import MOVES, CommandStanding, CommandState, Creator
from nightporter.domain.device import DeviceType
from nightporter.domain.interval import Interval
from nightporter.storage import commands
from nightporter.storage.command_changes import MoveCommand
from nightporter.storage.commands import NEAR_DOCUMENT, NEWEST, AddCommands, KeptCommand
from nightporter.storage.property import SetProperty
from nightporter.storage.tables import commands as table
from tests.stores.store import (
    AGENT,
    CUTTER,
    DEVICES,
    EVERYTHING,
    HOTEL,
    KIOSK,
    MACHINE,
    OTHER_MACHINE,
    PRINTER,
    SISTER,
    SISTER_MACHINE,
    SISTER_PRINTER,
    Store,
    scope,
)

PENDING, RECEIVED, PROCESSING = CommandState.PENDING, CommandState.RECEIVED, CommandState.PROCESSING
PROCESSED, CANCELLED, ERROR = CommandState.PROCESSED, CommandState.CANCELLED, CommandState.ERROR
_c = table.c


def move(command_id, state, progress=None, notes=None, enterprise=HOTEL):
    return MoveCommand(enterprise, command_id, state, progress, notes)


async def standing(store, command_id):
    found = await commands.standing(store.database, EVERYTHING, command_id)
    assert found is not None
    return found.state


async def loaded(store, state, device=PRINTER, **fields):
    """A command that comes with a state, as a property file brings it."""
    command = store.command(device, state=state, **fields)
    await store.write(SetProperty({}, [command]))
    return command.id


async def test_a_command_reads_back_as_it_was_written(store: Store):
    creator = Creator("José", "Müller😀", "https://x/y.png", "Enterprise", "3cd637ef-4728-47f9-8fb1-afb900c9cdcf")
    data = '{"a":"é\\u0000\\ud83d\\ude00","b":[1,2.50,null,true]}'
    old = datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)
    command = store.command(
        creator=creator, data=data, document=b"QUJD", created=old, updated=old + timedelta(seconds=1),
        payment_request_id=PRINTER, reservation_id=CUTTER,
    )  # fmt: skip
    await store.write(AddCommands((command,)))
    (row,) = await commands.by_ids(store.database, EVERYTHING, [command.id], NEWEST, 9, store.clock.now)
    assert row == KeptCommand(
        id=command.id,
        enterprise_id=HOTEL,
        sequence=row.sequence,
        state=PENDING,
        created=old,
        creator=creator,
        device_id=PRINTER,
        device_type=DeviceType.PRINTER,
        device_name="device 1",
        device_identifier=None,
        data=data.encode(),
        document_size=4,
        document=b"QUJD",
    )
    beside = select(_c.updated, _c.payment_request_id, _c.reservation_id, _c.creator_integration_id)
    assert [tuple(one) for one in await store.rows(beside)] == [(int(old.timestamp()) + 1, PRINTER, CUTTER, KIOSK)]


async def test_a_command_without_a_document_has_none(store: Store):
    await store.add(CUTTER)
    (row,) = await commands.active(store.database, EVERYTHING, NEWEST, 9, store.clock.now)
    assert (row.document_size, row.document) == (None, None)
    assert [piece async for piece in store.database.document(HOTEL, row.id)] == []


@pytest.mark.parametrize("size", [1, NEAR_DOCUMENT - 1, NEAR_DOCUMENT, NEAR_DOCUMENT + 1, 2 * NEAR_DOCUMENT, 5_000_001])
async def test_documents_come_whole_whatever_their_size(store: Store, size):
    content = random.Random(size).randbytes(size)
    await store.add(document=b"another")
    command_id = await store.add(document=content)
    (row,) = await commands.by_ids(store.database, EVERYTHING, [command_id], NEWEST, 9, store.clock.now)
    assert row.document_size == size
    assert row.document == (content if size <= NEAR_DOCUMENT else None)
    pieces = [piece async for piece in store.database.document(HOTEL, command_id)]
    assert b"".join(pieces) == content
    assert max(len(piece) for piece in pieces) <= NEAR_DOCUMENT
    assert [piece async for piece in store.database.document(SISTER, command_id)] == []


@pytest.mark.parametrize(("current", "requested"), list(itertools.product(CommandState, CommandState)))
async def test_a_move_is_made_only_from_the_states_it_may_follow(store: Store, current, requested):
    command_id = await loaded(store, current)
    other = await store.add()
    store.published.clear()
    (moved,) = await store.write(move(command_id, requested))
    assert moved is (current in MOVES[requested])
    assert await standing(store, command_id) is (requested if moved else current)
    assert await standing(store, other) is PENDING
    told = [(event.command_id, event.state) for committed, _ in store.published for event in committed]
    assert told == ([(command_id, requested)] if moved else [])


async def test_a_move_names_the_enterprise_and_the_command(store: Store):
    command_id = await store.add()
    assert await store.write(move(command_id, PROCESSED, enterprise=SISTER), move("x", PROCESSED)) == [False, False]
    assert await standing(store, command_id) is PENDING


@pytest.mark.parametrize(
    ("states", "results", "end"),
    [
        ([PROCESSING, PROCESSED], [True, True], PROCESSED),
        ([PROCESSED, ERROR], [True, False], PROCESSED),
        ([ERROR, PROCESSED, PROCESSING], [True, False, False], ERROR),
        ([RECEIVED, RECEIVED], [True, False], RECEIVED),
        ([PROCESSING, PROCESSING], [True, True], PROCESSING),
        ([PROCESSING, RECEIVED], [True, False], PROCESSING),
    ],
)
async def test_moves_of_one_command_in_one_batch_are_made_one_after_the_other(store: Store, states, results, end):
    command_id = await store.add()
    store.published.clear()
    assert await store.write(*(move(command_id, state) for state in states)) == results
    assert len(store.published) == 1
    assert await standing(store, command_id) is end
    assert [event.state for event in store.published[0][0]] == [
        state for state, moved in zip(states, results, strict=True) if moved
    ]


async def test_progress_and_notes_stay_until_others_come(store: Store):
    command_id = await store.add()
    told = select(_c.progress, _c.notes, _c.updated)
    steps = [
        (move(command_id, RECEIVED), (None, None)),
        (move(command_id, PROCESSING, progress=0.0), (0.0, None)),
        (move(command_id, PROCESSING), (0.0, None)),
        (move(command_id, PROCESSING, progress=12.5), (12.5, None)),
        (move(command_id, ERROR, notes="jam"), (12.5, "jam")),
        (move(command_id, PROCESSED, notes="lost"), (12.5, "jam")),
    ]
    for step, (intent, expected) in enumerate(steps):
        store.clock.move(1)
        before = store.clock.now.timestamp()
        await store.write(intent)
        ((progress, notes, updated),) = await store.rows(told)
        assert (progress, notes) == expected
        assert updated == before - (1 if step == 5 else 0)


async def test_standing_is_told_to_connected_devices_of_the_enterprise(store: Store):
    command_id = await store.add()
    assert await commands.standing(store.database, scope(PRINTER), command_id) == CommandStanding(
        command_id, HOTEL, PRINTER, PENDING
    )
    assert await commands.standing(store.database, scope(CUTTER, integration=KIOSK), command_id) is None
    assert await commands.standing(store.database, scope(PRINTER, enterprises=[SISTER]), command_id) is None
    assert await commands.standing(store.database, scope(PRINTER), PRINTER) is None


async def test_active_is_what_waits_on_connected_devices(store: Store):
    ids = {state: await loaded(store, state) for state in CommandState}
    await store.add(CUTTER)
    await store.add(SISTER_PRINTER)
    rows = await commands.active(store.database, scope(PRINTER), NEWEST, 99, store.clock.now)
    assert [row.id for row in rows] == [ids[RECEIVED], ids[PENDING]]
    assert (
        await commands.active(store.database, scope(PRINTER, enterprises=[SISTER]), NEWEST, 99, store.clock.now) == []
    )
    assert await commands.active(store.database, scope(integration=KIOSK), NEWEST, 99, store.clock.now) == []


async def test_by_ids_tells_connected_devices_and_the_adder(store: Store):
    mine, other, foreign = await store.add(PRINTER), await store.add(CUTTER), await store.add(SISTER_PRINTER)
    nobodys = await store.add(PRINTER, creator_integration_id=None)
    ids = [mine, other, foreign, nobodys, PRINTER]

    async def seen(*devices, **fields):
        return [
            row.id
            for row in await commands.by_ids(
                store.database, scope(*devices, **fields), ids, NEWEST, 99, store.clock.now
            )
        ]

    assert await seen(PRINTER) == [nobodys, mine]
    assert await seen(integration=KIOSK) == [other, mine]
    assert await seen(CUTTER, integration=AGENT) == [other]
    assert await seen(SISTER_PRINTER, enterprises=[SISTER]) == [foreign]
    assert await seen(*DEVICES, enterprises=[HOTEL, SISTER]) == [nobodys, foreign, other, mine]
    assert await seen() == []
    assert (await commands.position(store.database, scope(integration=KIOSK), other)) is not None
    assert (await commands.position(store.database, scope(CUTTER), other)) is not None
    assert (await commands.position(store.database, scope(PRINTER), other)) is None
    assert (await commands.position(store.database, scope(*DEVICES, integration=KIOSK), foreign)) is None


async def walked(store, read, size):
    """All pages of ``read``, with the position of the last row as the cursor, as the operations do it."""
    after, found = NEWEST, []
    while page := await read(after, size):
        assert len(page) <= size
        found += page
        position = await commands.position(store.database, EVERYTHING, page[-1].id)
        assert position is not None
        after = position
    return [row.id for row in found]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_order_is_creation_then_sequence_for_loaded_old_commands_too(store: Store, size):
    noon = store.clock.now
    expected = []
    for place, (device, hours) in enumerate(
        itertools.product([PRINTER, SISTER_PRINTER, MACHINE, SISTER_MACHINE], [0, -5, -5, 3, 0, -90])
    ):
        created = noon + timedelta(hours=hours)
        command_id = await loaded(store, PENDING, device, created=created, data=str(place))
        expected.append((created, place, command_id, device))
    expected.sort(reverse=True)
    ids = [one[2] for one in expected]

    async def active(after, count):
        return await commands.active(store.database, EVERYTHING, after, count, store.clock.now)

    async def by_ids(after, count):
        return await commands.by_ids(store.database, EVERYTHING, ids, after, count, store.clock.now)

    async def fiscal(after, count, **wanted):
        machines = frozenset({MACHINE, SISTER_MACHINE})
        return await commands.fiscal(store.database, EVERYTHING, machines, after=after, count=count, now=noon, **wanted)

    async def fiscal_in_state(after, count):
        return await fiscal(after, count, states=[PENDING, ERROR, PENDING])

    async def fiscal_by_ids(after, count):
        return await fiscal(after, count, ids=ids)

    async def fiscal_updated(after, count):
        ever = Interval(noon - timedelta(days=30), noon + timedelta(days=30))
        return await fiscal(after, count, states=[PENDING], updated=ever)

    assert await walked(store, active, size) == ids
    assert await walked(store, by_ids, size) == ids
    of_machines = [one[2] for one in expected if one[3] in (MACHINE, SISTER_MACHINE)]
    for read in (fiscal_in_state, fiscal_by_ids, fiscal_updated):
        assert await walked(store, read, size) == of_machines


async def test_fiscal_commands_by_device_state_and_time(store: Store):
    noon = store.clock.now
    ids = {}
    for device, state, offset in itertools.product(
        [MACHINE, OTHER_MACHINE, SISTER_MACHINE], [PENDING, PROCESSED], [-1, 0, 1]
    ):
        at = noon + timedelta(seconds=offset)
        ids[device, state, offset] = await loaded(store, state, device, created=noon, updated=at)
    await loaded(store, PENDING, PRINTER)

    async def found(*devices, enterprises=(HOTEL, SISTER), **wanted):
        rows = await commands.fiscal(
            store.database,
            scope(enterprises=enterprises),
            frozenset(devices),
            after=NEWEST,
            count=99,
            now=noon,
            **wanted,
        )
        keys = {command_id: key for key, command_id in ids.items()}
        return {keys[row.id] for row in rows}

    def those(devices, states, offsets):
        return set(itertools.product(devices, states, offsets))

    every = (-1, 0, 1)
    assert await found(MACHINE, states=[PENDING]) == those([MACHINE], [PENDING], every)
    assert await found(MACHINE, OTHER_MACHINE, states=list(CommandState)) == those(
        [MACHINE, OTHER_MACHINE], [PENDING, PROCESSED], every
    )
    assert await found(MACHINE, SISTER_MACHINE, states=[PENDING], enterprises=[SISTER]) == those(
        [SISTER_MACHINE], [PENDING], every
    )
    assert await found(PRINTER, states=[PENDING]) == set()
    assert await found(MACHINE, states=[ERROR]) == set()
    assert await found(MACHINE, states=[PENDING], enterprises=[]) == set()
    for start, end, offsets in [
        (-1, 1, (-1, 0)),
        (0, 0, (0,)),
        (-1, 0, (-1,)),
        (1, 9, (1,)),
        (2, 2, ()),
        (0, 2, (0, 1)),
    ]:
        when = Interval(noon + timedelta(seconds=start), noon + timedelta(seconds=end))
        assert await found(MACHINE, states=[PENDING], updated=when) == those([MACHINE], [PENDING], offsets)
    some = [ids[MACHINE, PENDING, 0], ids[OTHER_MACHINE, PROCESSED, 1], ids[SISTER_MACHINE, PENDING, 0]]
    assert await found(MACHINE, OTHER_MACHINE, ids=some) == {(MACHINE, PENDING, 0), (OTHER_MACHINE, PROCESSED, 1)}
    assert await found(*DEVICES, ids=some, enterprises=[SISTER]) == {(SISTER_MACHINE, PENDING, 0)}


async def test_a_loaded_command_that_is_known_stays_as_it_became(store: Store):
    command = store.command()
    await store.write(SetProperty({}, [command]))
    await store.write(move(command.id, PROCESSED))
    await store.write(SetProperty({}, [command]))
    assert await standing(store, command.id) is PROCESSED
    assert len(await store.rows(select(_c.id))) == 1
