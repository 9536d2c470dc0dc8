"""What is over leaves, and nothing else: for any ages and states, and whatever happens between finding and taking."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from nightporter.domain.command import TERMINAL, CommandState
from nightporter.domain.device import DeviceType
from nightporter.domain.resource_access_token import NewResourceAccessToken, Permissions, ResourceAccessTokenType
from nightporter.domain.retention import Kept, Retention
from nightporter.operations.administration.retention import take_away
from nightporter.storage import commands, retention
from nightporter.storage.audit import Audit
from nightporter.storage.command_changes import MoveCommand
from nightporter.storage.commands import AddCommands
from nightporter.storage.idempotency import LIFETIME, Once, find
from nightporter.storage.resource_access_tokens import AddResourceAccessTokens, DeleteResourceAccessTokens
from nightporter.storage.retention import BATCH, Purge, RecordPurge
from nightporter.storage.sealing import Seal
from nightporter.storage.statements import Statement
from nightporter.storage.statements import given as parameter
from nightporter.storage.tables import (
    audit_records,
    documents,
    events,
    idempotency_keys,
    resource_access_tokens,
    results,
)
from nightporter.storage.tables import commands as table
from nightporter.storage.types import moment, seconds
from tests.stores.store import CUTTER, EVERYTHING, HOTEL, MACHINE, NEWEST, PRINTER, SISTER, SISTER_PRINTER, Store

HOUR, DAY = 3600, 24 * 3600
WEEK = Retention({kind: 7 * DAY for kind in (*Kept,) if kind is not Kept.IDEMPOTENCY_KEYS})
KEY_DATA = (
    '{"KeyCount":1,"FirstName":"Ana","LastName":"Novák","Telephone":null,"Email":"a@example.com","KeyCutterId":"7"}'
)


def of(*kinds: Kept, after: int = 7 * DAY) -> Retention:
    return Retention(dict.fromkeys(kinds, after))


async def purged(store: Store, keeping: Retention) -> dict[Kept, int]:
    """Take away all that is over, and tell how much; the same was foretold."""
    now = seconds(store.clock.now)
    until = keeping.until(now)
    told = {kind: await retention.count(store.database, kind, at, now) for kind, at in until.items()}
    counts = dict.fromkeys(until, 0)
    async for kind, done in take_away(store.database, store.writer, until, now, {}):
        counts[kind] += done
        assert done <= retention.MANY
    assert counts == told
    assert not any([await retention.count(store.database, kind, at, now) for kind, at in until.items()])
    return counts


async def end(store: Store, command: str, state: CommandState = CommandState.PROCESSED, **fields: Any) -> None:
    assert await store.write(MoveCommand(HOTEL, command, state, None, None, **fields)) == [True]


async def kept(store: Store) -> list[str]:
    return [row[0] for row in await store.rows(select(table.c.id).order_by(table.c.sequence))]


async def how_many(store: Store, core: Any) -> int:
    return int((await store.rows(select(func.count()).select_from(core)))[0][0])


AGED = st.tuples(
    st.sampled_from([PRINTER, CUTTER, MACHINE, SISTER_PRINTER]),
    st.sampled_from(CommandState),
    # Around the lengths of time that are tried, where it is decided.
    st.sampled_from([age + by for age in (0, HOUR, 5 * DAY, 10 * DAY, 20 * DAY) for by in (-1, 0, 1) if age + by >= 0]),
    st.booleans(),
)
LENGTHS = st.dictionaries(
    st.sampled_from([Kept.RESULTS, Kept.GUESTS, Kept.DOCUMENTS, Kept.COMMANDS]),
    st.sampled_from([0, HOUR, 5 * DAY, 10 * DAY, 30 * DAY]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(AGED, max_size=12), LENGTHS)
async def test_of_commands_that_goes_which_ended_long_enough_ago(
    store: Store, aged: list[tuple[str, CommandState, int, bool]], lengths: dict[Kept, int]
):
    await purged(store, of(Kept.COMMANDS, after=-1))
    clock = store.clock.now
    now, made = seconds(clock), {}
    for device, state, age, has_document in aged:
        at = moment(now - age)
        command = store.command(
            device, state=state, created=at, updated=at, data=KEY_DATA, document=b"JVBE" if has_document else None
        )
        await store.write(AddCommands((command,)))
        made[command.id] = (device, state, age, has_document)
    keeping = Retention(lengths)
    await purged(store, keeping)

    def is_over(kind: Kept, command: str) -> bool:
        _, state, age, _ = made[command]
        return kind in lengths and state in TERMINAL and age >= lengths[kind]

    left = {one for one in made if not is_over(Kept.COMMANDS, one)}
    assert {one for one in await kept(store) if one in made} == left
    rows = await store.rows(select(documents.c.command_id))
    whole = {one for one in left if made[one][3] and not is_over(Kept.DOCUMENTS, one)}
    assert {row[0] for row in rows if row[0] in made} == whole
    told = {row[0]: row[1:] for row in await store.rows(select(table.c.id, table.c.data, table.c.document_size))}
    for one in left:
        data, size = told[one]
        with_guests = made[one][0] in (CUTTER, MACHINE)
        gone = made[one][0] == CUTTER and is_over(Kept.GUESTS, one)
        assert ("Novák" in data) is not gone, (made[one], with_guests)
        assert (size is not None) is (one in whole)
    await store.write(*(MoveCommand(HOTEL, one, CommandState.ERROR, None, None) for one in left))


async def test_an_active_command_never_goes_whatever_is_asked_of_the_writer(store: Store):
    ids = []
    for state in (None, CommandState.RECEIVED, CommandState.PROCESSING):
        ids.append(await store.add(data=KEY_DATA, document=b"JVBE"))
        if state:
            await end(store, ids[-1], state, result="{}")
    store.clock.move(1000 * DAY)
    until = seconds(store.clock.now)
    assert await purged(store, WEEK) | {Kept.EVENTS: 0} == dict.fromkeys(WEEK.seconds, 0)
    rows = tuple((HOTEL, one) for one in ids)
    stripped = tuple((HOTEL, one, "{}") for one in ids)
    for kind in (Kept.RESULTS, Kept.DOCUMENTS, Kept.COMMANDS):
        assert await store.write(Purge(kind, until, rows)) == [0]
    assert await store.write(Purge(Kept.GUESTS, until, stripped)) == [0]
    assert await kept(store) == ids
    assert await how_many(store, documents) == 3
    assert await how_many(store, results) == 2
    assert [row[0] for row in await store.rows(select(table.c.data))] == [KEY_DATA] * 3


async def test_a_command_takes_its_document_and_its_result_with_it(store: Store):
    for _ in range(2):
        await end(store, await store.add(document=b"JVBE"), result='{"Passport":"P1"}')
    store.clock.move(7 * DAY - 1)
    assert await purged(store, of(Kept.COMMANDS)) == {Kept.COMMANDS: 0}
    store.clock.move(1)
    assert await purged(store, of(Kept.COMMANDS)) == {Kept.COMMANDS: 2}
    assert [await how_many(store, one) for one in (table, documents, results)] == [0, 0, 0]


async def test_what_was_changed_after_it_was_found_stays(store: Store):
    """Late truth between finding and taking away begins the time anew."""
    command = await store.add()
    moved = MoveCommand(HOTEL, command, CommandState.CANCELLED, None, None, ended_by=None)
    await store.write(moved)
    await store.database.transact(_ended_by_expiry)
    store.clock.move(8 * DAY)
    now = seconds(store.clock.now)
    found = await retention.find(store.database, Kept.COMMANDS, now - 7 * DAY, now)
    assert found.rows == ((HOTEL, command),)
    await end(store, command)
    assert await store.write(Purge(Kept.COMMANDS, now - 7 * DAY, found.rows)) == [0]
    assert await kept(store) == [command]


async def _ended_by_expiry(transaction: Any) -> None:
    await transaction.run(Statement(update(table).values(ended_by=parameter("by"))), [{"by": "Expiry"}])


async def test_a_command_whose_document_has_gone_is_told_without_it(store: Store):
    command = await store.add(document=b"JVBE")
    await end(store, command)
    store.clock.move(8 * DAY)
    assert (await purged(store, of(Kept.DOCUMENTS)))[Kept.DOCUMENTS] == 1
    (told,) = await commands.by_ids(store.database, EVERYTHING, [command], NEWEST, 10, store.clock.now)
    assert (told.document, told.document_size) == (None, None)


async def test_results_and_guests_go_before_their_command_and_are_not_looked_for_again(store: Store):
    cut = await store.add(CUTTER, data=KEY_DATA)
    await end(store, cut, result='{"Passport":"P1"}')
    store.clock.move(8 * DAY)
    first = await purged(store, of(Kept.RESULTS, Kept.GUESTS))
    assert first == {Kept.RESULTS: 1, Kept.GUESTS: 1}
    assert await how_many(store, results) == 0
    ((data, stripped),) = await store.rows(select(table.c.data, table.c.stripped))
    assert data == '{"KeyCount":1,"FirstName":null,"LastName":"","Telephone":null,"Email":null,"KeyCutterId":"7"}'
    assert stripped == seconds(store.clock.now)
    assert await purged(store, of(Kept.RESULTS, Kept.GUESTS)) == {Kept.RESULTS: 0, Kept.GUESTS: 0}


@pytest.mark.parametrize("broken", range(3))
async def test_what_cannot_be_opened_keeps_nothing_else(store: Store, monkeypatch: pytest.MonkeyPatch, broken: int):
    monkeypatch.setattr(retention, "BATCH", 1)
    cuts = []
    for place in range(3):
        store.database.seal = Seal([bytes([place == broken]) * 32])
        cuts.append(await store.add(CUTTER, data=KEY_DATA))
    store.database.seal = Seal([bytes(32)])
    for cut in cuts:  # all in one second, as an expiry ends them
        await end(store, cut)
    store.clock.move(8 * DAY)
    until = of(Kept.GUESTS, Kept.COMMANDS).until(seconds(store.clock.now))
    done = [done async for _, done in take_away(store.database, store.writer, until, seconds(store.clock.now), {})]
    assert sum(done) == 2 + 3


@pytest.mark.parametrize("left", range(4))
async def test_the_newest_event_stays_and_the_next_number_follows_it(store: Store, left: int):
    for _ in range(5):
        await store.add()
    store.clock.move(30 * DAY)
    for _ in range(left):
        await store.add()
    assert await purged(store, of(Kept.EVENTS)) == {Kept.EVENTS: 4 if not left else 5}
    await store.restart()
    await store.add()
    numbers = [row[0] for row in await store.rows(select(events.c.number).order_by(events.c.number))]
    assert numbers == list(range(5 if not left else 6, 5 + left + 2))


async def test_events_go_in_their_order_and_none_that_is_young(store: Store):
    for _ in range(4):
        await store.add()
        store.clock.move(DAY)
    assert await purged(store, of(Kept.EVENTS, after=2 * DAY + 1)) == {Kept.EVENTS: 2}
    assert await purged(store, of(Kept.EVENTS, after=2 * DAY)) == {Kept.EVENTS: 1}
    assert [row[0] for row in await store.rows(select(events.c.number))] == [4]


def token(number: int, start: int, end: int) -> NewResourceAccessToken:
    return NewResourceAccessToken(
        f"70000000-0000-4000-8000-{number:012d}", HOTEL if number % 2 else SISTER, "o", None, None,
        ResourceAccessTokenType.PIN_CODE, "1234", None, moment(start), moment(end), Permissions(True, True, True, True),
    )  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([end * DAY + by for end in (-20, -1, 0, 1, 2, 10, 30, 60) for by in (-1, 0, 1)]),
            st.booleans(),
        ),
        max_size=12,
    ),
    st.sampled_from([0, HOUR, DAY, 10 * DAY]),
    st.sampled_from([0, DAY - 1, DAY, 2 * DAY, 10 * DAY, 11 * DAY, 30 * DAY]),
)
async def test_of_tokens_those_go_which_are_over_for_long_and_never_a_valid_one(
    store: Store, tokens: list[tuple[int, bool]], length: int, passed: int
):
    store.clock.move(400 * DAY)
    await purged(store, of(Kept.RESOURCE_ACCESS_TOKENS, after=0))
    assert await how_many(store, resource_access_tokens) == 0
    began = seconds(store.clock.now)
    for number, (ends, _) in enumerate(tokens):
        await store.write(AddResourceAccessTokens((token(number, began - 40 * DAY, began + ends),)))
    for number, (_, deleted) in enumerate(tokens):
        if deleted:
            one = token(number, 0, 1)
            await store.write(DeleteResourceAccessTokens(one.enterprise_id, (one.id,)))
    store.clock.move(passed)
    await purged(store, of(Kept.RESOURCE_ACCESS_TOKENS, after=length))
    left = {row[0] for row in await store.rows(select(resource_access_tokens.c.id))}
    for number, (ends, deleted) in enumerate(tokens):
        is_over = passed >= max(length, LIFETIME) and (deleted or ends <= passed - length)
        assert (token(number, 0, 1).id in left) is not is_over, (ends, deleted, length, passed)
    await store.write(*(DeleteResourceAccessTokens(one, tuple(left)) for one in (HOTEL, SISTER) if left))


async def test_a_key_leaves_when_it_no_longer_holds_and_never_sooner(store: Store):
    keeping = of(Kept.IDEMPOTENCY_KEYS, after=LIFETIME)
    once = Once("token", "commands/addPrinter", "key", "hash", HOTEL)
    command = await store.add(once=once)
    await end(store, command)
    store.clock.move(2 * HOUR)
    await purged(store, of(Kept.COMMANDS, after=HOUR))
    assert await kept(store) == []
    store.clock.move(LIFETIME - 2 * HOUR - 1)
    assert await purged(store, keeping) == {Kept.IDEMPOTENCY_KEYS: 0}
    used = await find(store.database, once, seconds(store.clock.now))
    assert used is not None
    assert used.result == (command,)
    store.clock.move(1)
    assert await find(store.database, once, seconds(store.clock.now)) is None
    assert await purged(store, keeping) == {Kept.IDEMPOTENCY_KEYS: 1}


async def test_a_key_that_was_taken_anew_after_it_was_found_stays(store: Store):
    once = Once("token", "commands/addPrinter", "key", "hash", HOTEL)
    await store.add(once=once)
    store.clock.move(LIFETIME)
    now = seconds(store.clock.now)
    found = await retention.find(store.database, Kept.IDEMPOTENCY_KEYS, now - LIFETIME, now)
    again = await store.add(once=once)
    assert await store.write(Purge(Kept.IDEMPOTENCY_KEYS, now - LIFETIME, found.rows)) == [0]
    used = await find(store.database, once, now)
    assert used is not None
    assert used.result == (again,)


async def test_keys_are_gone_through_whole_however_many_there_are(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "MANY", 7)
    for number in range(50):
        store.clock.move(HOUR)
        await store.add(once=Once(f"t{number % 3}", "o", f"key {number * 7 % 50}", "h", HOTEL))
    assert await purged(store, of(Kept.IDEMPOTENCY_KEYS, after=LIFETIME)) == {Kept.IDEMPOTENCY_KEYS: 26}
    assert await how_many(store, idempotency_keys) == 24


async def test_batches_are_small_and_large_documents_go_apart(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "BYTES", 1000)
    sizes = [400, 400, 400, 5000, 100, *[1] * 250]
    ids = [await store.add(document=b"A" * size) for size in sizes]
    await store.write(*(MoveCommand(HOTEL, one, CommandState.PROCESSED, None, None) for one in ids))
    store.clock.move(8 * DAY)
    now, taken = seconds(store.clock.now), []
    while found := await retention.find(store.database, Kept.DOCUMENTS, now - 7 * DAY, now):
        if not found.rows:
            break
        taken.append((len(found.rows), found.size, found.onwards is not None))
        assert await store.write(Purge(Kept.DOCUMENTS, now - 7 * DAY, found.rows, found.size)) == [len(found.rows)]
    assert taken == [
        (2, 800, True), (1, 400, True), (1, 5000, True), (BATCH, 199, True), (BATCH, 100, True), (51, 51, False),
    ]  # fmt: skip


async def test_documents_go_on_where_large_ones_made_a_batch_short(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "BYTES", 10)
    for _ in range(3):
        await end(store, await store.add(document=b"A" * 8))
    store.clock.move(8 * DAY)
    assert await purged(store, of(Kept.DOCUMENTS)) == {Kept.DOCUMENTS: 3}


async def test_what_could_not_be_taken_ends_the_search_instead_of_repeating_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "BATCH", 1)
    command = await store.add()
    await end(store, command)
    store.clock.move(8 * DAY)
    until = of(Kept.COMMANDS).until(seconds(store.clock.now))

    class Refusing:
        written = 0

        async def write(self, intent: Any) -> int:
            self.written += 1
            return 0

    refusing = Refusing()
    async for _, done in take_away(store.database, refusing, until, seconds(store.clock.now), {}):  # type: ignore[arg-type]
        assert done == 0
    assert refusing.written == 1


async def test_the_record_says_what_was_asked_for_and_its_newest_row_stays(store: Store):
    until = {Kept.EVENTS: seconds(store.clock.now) - DAY}
    for _ in range(3):
        await store.write(RecordPurge(until, Audit(None, "command line", "retention/purge")))
    rows = await store.rows(select(audit_records.c.kind, audit_records.c.after))
    assert set(rows) == {("retention", '{"Events":"2026-02-28T12:00:00+00:00"}')}
    store.clock.move(8 * DAY)
    assert await purged(store, of(Kept.AUDIT_RECORDS)) == {Kept.AUDIT_RECORDS: 2}


async def test_readers_and_writers_get_in_between_two_batches(store: Store):
    ids = [await store.add() for _ in range(3 * BATCH)]
    await store.write(*(MoveCommand(HOTEL, one, CommandState.PROCESSED, None, None) for one in ids))
    store.clock.move(8 * DAY)
    now = seconds(store.clock.now)
    left, added = [], []
    async for _, done in take_away(store.database, store.writer, of(Kept.COMMANDS).until(now), now, {}):
        if done:
            added.append(await store.add())
            left.append(len(await kept(store)))
    assert left == [2 * BATCH + 1, BATCH + 2, 3]
    assert await kept(store) == added


def test_every_kind_can_be_found_counted_and_taken():
    for listed in (retention._CORES, retention._TAKE, retention._PAGES, retention._COUNTS):
        assert set(listed) == set(Kept)


def test_guests_are_in_the_data_of_three_types():
    assert set(retention.GUEST) == {DeviceType.KEY_CUTTER, DeviceType.PAYMENT_TERMINAL, DeviceType.FISCAL_MACHINE}
