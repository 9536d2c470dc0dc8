import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from nightporter.domain.interval import Interval
from nightporter.domain.resource_access_token import (
    NewResourceAccessToken,
    Permissions,
    ResourceAccessToken,
    ResourceAccessTokenChange,
    ResourceAccessTokenType,
)
from nightporter.storage import resource_access_tokens as tokens
from nightporter.storage.commands import NEWEST, AddCommands
from nightporter.storage.resource_access_tokens import (
    AddResourceAccessTokens,
    ChangeResourceAccessTokens,
    DeleteResourceAccessTokens,
    Filter,
)
from nightporter.storage.tables import resource_access_tokens as table
from tests.stores.store import EVERYTHING, HOTEL, SISTER, Store, scope

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)
ORDERS = [f"40000000-0000-4000-8000-{n:012d}" for n in range(1, 5)]


def new_token(store: Store, **fields) -> NewResourceAccessToken:
    known = {
        "id": store._ids.new_id(), "enterprise_id": HOTEL, "service_order_id": ORDERS[0], "companionship_id": None,
        "resource_id": None, "type": ResourceAccessTokenType.PIN_CODE, "value": "1234#", "serial_number": None,
        "validity_start": START, "validity_end": END, "permissions": Permissions(False, True, False, False), **fields,
    }  # fmt: skip
    return NewResourceAccessToken(**known)


def as_kept(token: NewResourceAccessToken, now: datetime) -> ResourceAccessToken:
    fields = {name: getattr(token, name) for name in NewResourceAccessToken.__slots__}
    return ResourceAccessToken(**fields, created=now, updated=now, is_active=True)


def change(token_id, **fields):
    names = ("validity_start", "validity_end", "value", "bed", "room", "floor", "building")
    return ResourceAccessTokenChange(token_id, **{name: fields.get(name) for name in names})


async def kept(store, *ids):
    found = await tokens.some(store.database, EVERYTHING, ids)
    return [found[one] for one in ids]


@pytest.mark.parametrize("permissions", [(False, False, False, True), (True, False, True, False), (True,) * 4])
async def test_a_token_reads_back_as_it_was_written(store: Store, permissions):
    full = new_token(
        store,
        companionship_id=ORDERS[1],
        resource_id=ORDERS[2],
        type=ResourceAccessTokenType.RFID_TAG,
        value="é'\"\\\n\u2028😀",
        serial_number="",
        validity_start=datetime(1, 1, 1, tzinfo=UTC),
        validity_end=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        permissions=Permissions(*permissions),
    )
    plain = new_token(store)
    assert await store.write(AddResourceAccessTokens((full, plain))) == [store.clock.now]
    assert await kept(store, full.id, plain.id) == [as_kept(full, store.clock.now), as_kept(plain, store.clock.now)]


async def test_a_change_writes_what_it_names_and_the_time(store: Store):
    one = new_token(store)
    await store.write(AddResourceAccessTokens((one,)))
    before = as_kept(one, store.clock.now)
    store.clock.move(5)
    changes = {
        "validity_start": START - timedelta(days=1),
        "validity_end": END + timedelta(days=1),
        "value": "9",
        "bed": True,
        "room": False,
        "floor": True,
        "building": True,
    }
    (changed,) = await store.write(ChangeResourceAccessTokens(HOTEL, (change(one.id, **changes),)))
    expected = replace(
        before,
        validity_start=changes["validity_start"],
        validity_end=changes["validity_end"],
        value="9",
        permissions=Permissions(True, False, True, True),
        updated=store.clock.now,
    )
    assert changed == [expected]
    assert await kept(store, one.id) == changed
    store.clock.move(5)
    ((same,),) = await store.write(ChangeResourceAccessTokens(HOTEL, (change(one.id),)))
    assert same == replace(expected, updated=store.clock.now)


@pytest.mark.parametrize(
    "bad",
    [
        {"id": "nobody"},
        {"validity_end": START},
        {"validity_start": END},
        {"validity_start": END + timedelta(days=1)},
        {"enterprise": SISTER},
        {"deleted": True},
    ],
)
async def test_a_change_is_whole_or_not_at_all_and_leaves_its_batch_alone(store: Store, bad):
    bad = dict(bad)
    one, two, three = (new_token(store) for _ in range(3))
    await store.write(AddResourceAccessTokens((one, two, three)))
    if bad.pop("deleted", False):
        await store.write(DeleteResourceAccessTokens(HOTEL, (two.id,)))
    before = await kept(store, one.id, two.id)
    store.published.clear()
    enterprise, second = bad.pop("enterprise", HOTEL), bad.pop("id", two.id)
    whole = ChangeResourceAccessTokens(
        enterprise, (change(one.id, value="lost"), change(second, value="lost", **bad), change(one.id, value="lost"))
    )
    command = store.command()
    results = await store.write(
        ChangeResourceAccessTokens(HOTEL, (change(three.id, value="before"),)),
        whole,
        ChangeResourceAccessTokens(HOTEL, (change(three.id, bed=True),)),
        AddCommands((command,)),
    )
    assert len(store.published) == 1, "they shared a batch"
    assert results[1] is None
    assert results[0][0].value == "before"
    assert (results[2][0].value, results[2][0].permissions.bed) == ("before", True)
    assert results[3] == (command.id,)
    assert await kept(store, one.id, two.id) == before
    assert await kept(store, three.id) == results[2]


async def test_deleting_marks_once(store: Store):
    one, two, foreign = new_token(store), new_token(store), new_token(store, enterprise_id=SISTER)
    await store.write(AddResourceAccessTokens((one, two, foreign)))
    store.clock.move(5)
    gone = store.clock.now
    await store.write(DeleteResourceAccessTokens(HOTEL, (one.id, foreign.id)))
    store.clock.move(5)
    await store.write(DeleteResourceAccessTokens(HOTEL, (one.id, two.id)))
    first, second, third = await kept(store, one.id, two.id, foreign.id)
    assert (first.is_active, first.updated) == (False, gone)
    assert (second.is_active, second.updated) == (False, store.clock.now)
    assert (third.is_active, third.updated) == (True, third.created)


async def test_scope_is_the_enterprises(store: Store):
    one, foreign = new_token(store), new_token(store, enterprise_id=SISTER)
    await store.write(AddResourceAccessTokens((one, foreign)))
    assert set(await tokens.some(store.database, scope(), [one.id, foreign.id])) == {one.id}
    assert await tokens.position(store.database, scope(), foreign.id) is None
    assert await tokens.position(store.database, scope(), one.id) is not None
    assert [t.id for t in await tokens.page(store.database, scope(), Filter(ids=[one.id, foreign.id]), NEWEST, 9)] == [
        one.id
    ]
    assert await tokens.page(store.database, scope(enterprises=()), Filter(ids=[one.id]), NEWEST, 9) == []


def matches(token: ResourceAccessToken, wanted: Filter) -> bool:
    """What the contract says of the filters (7.8, D34, D82 to D84), once more and plainly."""

    def overlaps(interval):
        end = interval.end if interval.end > interval.start else interval.start + timedelta(seconds=1)
        return token.validity_start < end and token.validity_end > interval.start

    def within(interval):
        return interval.start <= token.updated < interval.end or token.updated == interval.start == interval.end

    return (
        (wanted.ids is None or token.id in wanted.ids)
        and (wanted.service_order_ids is None or token.service_order_id in wanted.service_order_ids)
        and (wanted.colliding is None or overlaps(wanted.colliding))
        and (wanted.updated is None or within(wanted.updated))
        and (wanted.is_active is None or token.is_active is wanted.is_active)
    )


async def test_pages_hold_exactly_what_matches_newest_first(store: Store):
    dice = random.Random(11)
    noon = store.clock.now
    ids = []
    for _ in range(40):
        batch = []
        for _ in range(dice.randint(1, 3)):
            start = START + timedelta(hours=dice.randrange(60))
            batch.append(
                new_token(
                    store,
                    enterprise_id=dice.choice([HOTEL, SISTER]),
                    service_order_id=dice.choice(ORDERS),
                    validity_start=start,
                    validity_end=start + timedelta(hours=dice.randint(1, 20)),
                )
            )
        await store.write(AddResourceAccessTokens(tuple(batch)))
        ids += [one.id for one in batch]
        if dice.random() < 0.4:
            await store.write(DeleteResourceAccessTokens(dice.choice([HOTEL, SISTER]), (dice.choice(ids),)))
        store.clock.move(dice.choice([0, 1, 1, 7]))
    order = [row[0] for row in await store.rows(select(table.c.id).order_by(table.c.sequence.desc()))]
    every = sorted(await kept(store, *ids), key=lambda token: order.index(token.id))

    def interval(since, unit, most):
        begin = since + unit * dice.randrange(most)
        return Interval(begin, begin + unit * dice.choice([0, 0, 1, 5, most]))

    seen = 0
    for _ in range(150):
        wanted = Filter(
            ids=dice.choice([None, None, dice.sample(ids, 20)]),
            service_order_ids=dice.choice([None, dice.sample(ORDERS, 2)]),
            colliding=dice.choice([None, interval(START, timedelta(hours=1), 60)]),
            updated=dice.choice([None, interval(noon, timedelta(seconds=1), 90)]),
            is_active=dice.choice([None, True, False]),
        )
        enterprises = dice.choice([(HOTEL,), (SISTER,), (HOTEL, SISTER)])
        expected = [t for t in every if t.enterprise_id in enterprises and matches(t, wanted)]
        size, after, found = dice.randint(1, 30), NEWEST, []
        while page := await tokens.page(store.database, scope(enterprises=enterprises), wanted, after, size):
            assert len(page) <= size
            found += page
            position = await tokens.position(store.database, EVERYTHING, page[-1].id)
            assert position is not None
            after = position
        assert found == expected
        seen += len(found)
    assert seen > 500
