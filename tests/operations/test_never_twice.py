import asyncio
from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import func, select

from nightporter.domain.errors import Blocked, Changed, Invalid
from nightporter.operations.commands.add_key_cutter import Parameters
from nightporter.operations.never_twice import body_hash
from nightporter.storage.commands import AddCommands
from nightporter.storage.idempotency import LIFETIME, Twin
from nightporter.storage.property import SetProperty
from nightporter.storage.statements import Statement
from nightporter.storage.tables import commands, resource_access_tokens
from nightporter.wire.scalars import Id, KeyCount
from tests.contract.hotel import CUTTER, GUEST, HOTEL, PRINTER, ROOM, STAY, TERMINAL
from tests.operations.calls import AlwaysTooLate, Between, Caller

KEY = {"KeyCutterId": CUTTER, "ReservationId": STAY, "KeyCount": 1}
ADDERS = {
    "commands/addPrinter": {"PrinterId": PRINTER, "CopyCount": 1, "Data": "QUJD"},
    "commands/addKeyCutter": KEY,
    "commands/addPaymentTerminal": {
        "TerminalId": TERMINAL, "CustomerId": GUEST, "Type": "Payment", "Amount": {"Currency": "EUR", "Value": 1},
    },
    "resourceAccessTokens/add": {
        "ResourceAccessTokenParameters": [
            {
                "ServiceOrderId": STAY, "Type": "PinCode", "Value": "1", "ValidityStartUtc": "2026-03-01",
                "ValidityEndUtc": "2026-03-02", "Permissions": {"Room": True},
            }
        ]
    },
}  # fmt: skip


async def count(caller: Caller, path: str) -> int:
    table = resource_access_tokens if path.startswith("resource") else commands
    ((number,),) = await caller.desk.database.many(Statement(select(func.count()).select_from(table)))
    return number


@pytest.mark.parametrize("path", ADDERS)
async def test_the_same_key_and_body_get_the_first_result(kiosk: Caller, path: str):
    before = await count(kiosk, path)
    first = await kiosk(path, "key", **ADDERS[path])
    kiosk.clock.move(5)
    again = await kiosk(path, "key", LanguageCode="cs", CultureCode="cs-CZ", **ADDERS[path])
    assert again == first
    assert await count(kiosk, path) == before + 1
    assert await kiosk(path, "other key", **ADDERS[path]) != first
    assert await kiosk(path, None, **ADDERS[path]) != first
    assert await count(kiosk, path) == before + 3
    assert kiosk.desk.in_flight == {}


@pytest.mark.parametrize("path", ADDERS)
@pytest.mark.parametrize("twins", [2, 20])
async def test_twins_in_flight_make_one(kiosk: Caller, path: str, twins: int):
    before = await count(kiosk, path)
    results = await asyncio.gather(*(kiosk(path, "key", **ADDERS[path]) for _ in range(twins)))
    assert all(result == results[0] for result in results)
    assert await count(kiosk, path) == before + 1
    assert kiosk.desk.in_flight == {}


class Gate:
    """Holds back what is handed over until it is opened; with ``behind``, once it has been carried out."""

    def __init__(self, writer, *, behind: bool) -> None:
        self.writer, self.behind = writer, behind
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def write(self, intent):
        if self.behind:
            await self.writer.write(intent)
        self.reached.set()
        await self.opened.wait()
        return await self.writer.write(intent)


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("path", ADDERS)
async def test_when_the_first_of_twins_gives_up_the_second_goes_on_and_makes_exactly_one(
    kiosk: Caller, path: str, behind: bool
):
    before = await count(kiosk, path)
    gate = Gate(kiosk.desk.writer, behind=behind)
    first = asyncio.ensure_future(kiosk.through(gate)(path, "key", **ADDERS[path]))
    reached = asyncio.ensure_future(gate.reached.wait())
    await asyncio.wait([first, reached], return_when=asyncio.FIRST_COMPLETED)
    assert reached.done(), "the first is refused before it writes"
    second = asyncio.ensure_future(kiosk(path, "key", **ADDERS[path]))
    third = asyncio.ensure_future(kiosk(path, "key", **ADDERS[path]))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not second.done(), "it waits for the first"
    assert await count(kiosk, path) == before + behind
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == await third
    assert await count(kiosk, path) == before + 1
    assert kiosk.desk.in_flight == {}


async def test_only_twins_wait_for_each_other(kiosk: Caller, agent: Caller):
    path, gate = "commands/addKeyCutter", Gate(kiosk.desk.writer, behind=False)
    first = asyncio.ensure_future(kiosk.through(gate)(path, "key", **KEY))
    reached = asyncio.ensure_future(gate.reached.wait())
    await asyncio.wait([first, reached], return_when=asyncio.FIRST_COMPLETED)
    others = {
        asyncio.ensure_future(kiosk(path, "another key", **KEY)),
        asyncio.ensure_future(kiosk("commands/addPrinter", "key", **ADDERS["commands/addPrinter"])),
        asyncio.ensure_future(agent(path, "key", **KEY)),
    }
    _, waiting = await asyncio.wait(others, timeout=10)
    assert not waiting
    assert not first.done()
    gate.opened.set()
    assert (await first).command_id not in [other.result().command_id for other in others]


async def test_a_refused_first_lets_the_second_be_judged_itself(kiosk: Caller):
    await set_stay(kiosk, "Canceled")
    results = await asyncio.gather(
        *(kiosk("commands/addKeyCutter", "key", **KEY) for _ in range(3)), return_exceptions=True
    )
    assert [type(result) for result in results] == [Blocked] * 3
    assert kiosk.desk.in_flight == {}
    await set_stay(kiosk, "Started")
    before = await count(kiosk, "commands")
    first = await kiosk("commands/addKeyCutter", "key", **KEY)
    await set_stay(kiosk, "Canceled")
    assert await kiosk("commands/addKeyCutter", "key", **KEY) == first, "a retry succeeds although the stay has ended"
    assert await count(kiosk, "commands") == before + 1


async def set_stay(caller: Caller, state: str) -> None:
    row = {
        "enterprise_id": HOTEL, "id": STAY, "number": "1", "state": state, "start_time": 0, "end_time": 1,
        "account_id": GUEST, "resource_id": ROOM, "record": "{}",
    }  # fmt: skip
    await caller.desk.writer.write(SetProperty({"reservations": [row]}))


@pytest.mark.parametrize(
    "other",
    [{"KeyCount": 2}, {"ReservationId": GUEST}, {"KeyCutterId": PRINTER}, {"EnterpriseId": HOTEL}],
)
async def test_the_same_key_with_another_body_is_refused(kiosk: Caller, other: dict):
    await kiosk("commands/addKeyCutter", "key", **KEY)
    before = await count(kiosk, "commands")
    with pytest.raises(Invalid) as refused:
        await kiosk("commands/addKeyCutter", "key", **(KEY | other))
    assert refused.value.parameter == "Idempotency-Key"
    assert await count(kiosk, "commands") == before
    assert kiosk.desk.in_flight == {}


@pytest.mark.parametrize("other", [{"Currency": "USD", "Value": 1}, {"Currency": "EUR", "Value": 2}])
async def test_another_amount_is_another_body(kiosk: Caller, other: dict):
    path = "commands/addPaymentTerminal"
    await kiosk(path, "key", **ADDERS[path])
    with pytest.raises(Invalid, match="Invalid Idempotency-Key"):
        await kiosk(path, "key", **(ADDERS[path] | {"Amount": other}))


@pytest.mark.parametrize("key", [" ", "~", "k" * 255, "a b-c_D:9"])
async def test_keys_that_can_be_used(kiosk: Caller, key: str):
    first = await kiosk("commands/addKeyCutter", key, **KEY)
    assert await kiosk("commands/addKeyCutter", key, **KEY) == first


@pytest.mark.parametrize("key", ["", "k" * 256, "é", "\x1f", "\x7f", "a\tb", "a\n", "\0"])
async def test_keys_that_cannot(kiosk: Caller, key: str):
    before = await count(kiosk, "commands")
    with pytest.raises(Invalid) as refused:
        await kiosk("commands/addKeyCutter", key, **KEY)
    assert refused.value.parameter == "Idempotency-Key"
    assert await count(kiosk, "commands") == before


async def test_a_key_belongs_to_its_access_token_and_operation(kiosk: Caller, agent: Caller):
    first = await kiosk("commands/addKeyCutter", "key", **KEY)
    assert await agent("commands/addKeyCutter", "key", **KEY) != first
    await kiosk("commands/addPrinter", "key", **ADDERS["commands/addPrinter"])


async def test_a_key_stands_for_24_hours(kiosk: Caller):
    first = await kiosk("commands/addKeyCutter", "key", **KEY)
    kiosk.clock.move(LIFETIME - 1)
    assert await kiosk("commands/addKeyCutter", "key", **KEY) == first
    kiosk.clock.move(1)
    second = await kiosk("commands/addKeyCutter", "key", **(KEY | {"KeyCount": 2}))
    assert second != first
    assert await kiosk("commands/addKeyCutter", "key", **(KEY | {"KeyCount": 2})) == second


def another_desk(caller: Caller) -> Caller:
    """The same database with requests in flight of its own, as another node has them."""
    return replace(caller, desk=replace(caller.desk, in_flight={}))


@pytest.mark.parametrize("path", ADDERS)
async def test_a_twin_at_another_node_is_answered_with_what_that_one_made(kiosk: Caller, path: str):
    before = await count(kiosk, path)
    made = []

    async def elsewhere():
        made.append(await another_desk(kiosk)(path, "key", **ADDERS[path]))

    late = await kiosk.through(Between(kiosk.desk.writer, elsewhere))(path, "key", **ADDERS[path])
    assert [late] == made
    assert await count(kiosk, path) == before + 1


async def test_a_twin_at_another_node_with_another_body_refuses_this_one(kiosk: Caller):
    async def elsewhere():
        await another_desk(kiosk)("commands/addKeyCutter", "key", **(KEY | {"KeyCount": 2}))

    with pytest.raises(Invalid, match="Invalid Idempotency-Key"):
        await kiosk.through(Between(kiosk.desk.writer, elsewhere))("commands/addKeyCutter", "key", **KEY)


async def test_a_key_that_is_always_taken_and_never_found_is_given_up_after_three_rounds(kiosk: Caller):
    writer = AlwaysTooLate(Twin())
    with pytest.raises(Changed):
        await kiosk.through(writer)("commands/addKeyCutter", "key", **KEY)
    assert writer.written == 3
    assert kiosk.desk.in_flight == {}


async def test_what_is_kept_of_a_body_is_keyed_and_tells_bodies_apart():
    base = Parameters(client="c", key_cutter_id=Id(CUTTER), reservation_id=Id(STAY), key_count=KeyCount(1))
    secret = b"s" * 32
    kept = body_hash(secret, base)
    assert len(kept) == 64
    assert body_hash(secret, msgspec.structs.replace(base, client="d", language_code="cs", culture_code="x")) == kept
    others = [
        body_hash(b"t" * 32, base),
        body_hash(secret, msgspec.structs.replace(base, key_count=KeyCount(2))),
        body_hash(secret, msgspec.structs.replace(base, key_cutter_id=Id(STAY), reservation_id=Id(CUTTER))),
        body_hash(secret, msgspec.structs.replace(base, enterprise_id=Id(HOTEL))),
    ]
    assert len({kept, *others}) == 5


async def test_the_intent_bears_the_key_with_the_change(kiosk: Caller):
    seen = []

    class Reading:
        async def write(self, intent):
            seen.append(intent)
            return await kiosk.desk.writer.write(intent)

    await kiosk.through(Reading())("commands/addKeyCutter", "key", **KEY)
    await kiosk.through(Reading())("commands/addKeyCutter", None, **KEY)
    with_key, without = seen
    assert isinstance(with_key, AddCommands)
    assert (with_key.once.operation, with_key.once.key, with_key.once.enterprise_id) == (
        "commands/addKeyCutter",
        "key",
        HOTEL,
    )
    assert without.once is None
