import pytest
from sqlalchemy import select

from nightporter.storage import idempotency
from nightporter.storage.commands import AddCommands
from nightporter.storage.idempotency import LIFETIME, Once, Twin, Used
from nightporter.storage.resource_access_tokens import AddResourceAccessTokens
from nightporter.storage.tables import commands as commands_table
from nightporter.storage.tables import idempotency_keys
from nightporter.storage.types import seconds
from tests.stores.store import HOTEL, Store
from tests.stores.test_resource_access_tokens import new_token

ONCE = Once("token", "commands/addPrinter", "key", "hash", HOTEL)


async def find(store: Store, once: Once = ONCE):
    return await idempotency.find(store.database, once, seconds(store.clock.now))


async def count(store):
    return len(await store.rows(select(commands_table.c.id)))


async def test_a_key_is_kept_with_what_it_made(store: Store):
    assert await find(store) is None
    commands = (store.command(), store.command())
    (made,) = await store.write(AddCommands(commands, ONCE))
    assert made == tuple(command.id for command in commands)
    assert await find(store) == Used("hash", made)
    await store.restart()
    assert await find(store) == Used("hash", made)


async def test_tokens_keep_their_keys_too(store: Store):
    tokens = (new_token(store), new_token(store))
    await store.write(AddResourceAccessTokens(tokens, ONCE))
    assert await find(store) == Used("hash", tuple(token.id for token in tokens))
    (twin,) = await store.write(AddResourceAccessTokens((new_token(store),), ONCE))
    assert isinstance(twin, Twin)


async def test_a_key_that_is_taken_makes_nothing(store: Store):
    await store.add(once=ONCE)
    store.published.clear()
    twin, other = await store.write(
        AddCommands((store.command(document=b"QUJD"),), ONCE), AddCommands((store.command(),))
    )
    assert isinstance(twin, Twin)
    assert isinstance(other, tuple)
    assert await count(store) == 2
    assert sum(len(committed) for committed, _ in store.published) == 1


async def test_of_twins_in_one_batch_the_first_wins(store: Store):
    first, second = store.command(), store.command()
    made, twin = await store.write(AddCommands((first,), ONCE), AddCommands((second,), ONCE))
    assert made == (first.id,)
    assert isinstance(twin, Twin)
    assert await find(store) == Used("hash", (first.id,))
    assert await count(store) == 1


@pytest.mark.parametrize(
    "other",
    [
        Once("other token", ONCE.operation, ONCE.key, "hash", HOTEL),
        Once(ONCE.access_token_id, "commands/addKeyCutter", ONCE.key, "hash", HOTEL),
        Once(ONCE.access_token_id, ONCE.operation, "Key", "hash", HOTEL),
        Once(ONCE.access_token_id, ONCE.operation, "key ", "hash", HOTEL),
    ],
)
async def test_keys_are_scoped_to_token_and_operation(store: Store, other):
    await store.add(once=ONCE)
    assert await find(store, other) is None
    await store.add(once=other)
    assert await count(store) == 2


async def test_a_key_stands_for_24_hours_and_then_for_what_comes_next(store: Store):
    first = await store.add(once=ONCE)
    store.clock.move(LIFETIME - 1)
    assert await find(store) == Used("hash", (first,))
    (twin,) = await store.write(AddCommands((store.command(),), ONCE))
    assert isinstance(twin, Twin)
    store.clock.move(1)
    assert await find(store) is None
    again = Once(ONCE.access_token_id, ONCE.operation, ONCE.key, "another hash", HOTEL)
    second = await store.add(once=again)
    assert await find(store) == Used("another hash", (second,))
    assert len(await store.rows(select(idempotency_keys.c.key))) == 1
    assert LIFETIME == 24 * 3600
