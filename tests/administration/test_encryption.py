"""A desk with keys: clients see no difference, and who reads the database sees nothing (docs/encryption.md)."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from nightporter.domain.retention import Kept
from nightporter.operations.administration import keys as operation
from nightporter.settings import Settings
from nightporter.storage.places import Place
from nightporter.storage.refused import DatabaseRefused
from nightporter.storage.resealing import Reseal, find
from nightporter.storage.sealing import key_id, key_of
from tests.contract import hotel
from tests.harness import Clock, RunningDesk, running_desk, sql

ONE, TWO, THREE = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2, 3))
ID = {key: key_id(base64.b64decode(key)) for key in (ONE, TWO, THREE)}
COLUMNS = {
    "commands": "data",
    "documents": "content",
    "results": "content",
    "resource_access_tokens": "value",
}


@dataclass
class Secrets:
    """What must not be readable, told apart from that of every other test by a word."""

    word: str

    def __post_init__(self) -> None:
        self.guest, self.pin, self.odd = f"Guest {self.word}", f"pin {self.word}", f"\x11sealed:1:{self.word}"
        self.result = {"Number": f"passport {self.word}"}
        self.short = base64.b64encode(f"%PDF-1.7 {self.word}".encode()).decode()
        self.long = base64.b64encode(f"%PDF-1.7 long {self.word}".encode() + bytes(range(256)) * 1024).decode()
        self.texts = (self.guest, self.pin, self.odd, self.result["Number"], self.short, self.long[:40])

    def hotel(self) -> bytes:
        """The hotel, with a guest in a bill and a PIN that no other table tells."""
        facts = hotel.property_file()
        for command in facts["Commands"]:
            if command["Id"] == hotel.STRUCTURED_FISCAL:
                command["Data"]["Bill"]["OwnerData"]["Value"]["LastName"] = self.guest
        facts["ResourceAccessTokens"][0]["Value"] = self.odd
        return hotel.printed(facts)

    def token(self) -> dict[str, Any]:
        return {
            "ServiceOrderId": hotel.STAY, "Type": "PinCode", "Value": self.pin, "ValidityStartUtc": "2026-03-01T12:00:00Z",
            "ValidityEndUtc": "2026-03-02T12:00:00Z", "Permissions": {"Bed": False, "Room": True},
        }  # fmt: skip


@dataclass
class Desks:
    """One database, served with any keys."""

    home: Place
    clock: Clock
    secret: Secrets

    @asynccontextmanager
    async def with_keys(self, *keys: str) -> AsyncIterator[RunningDesk]:
        settings = Settings(request_limit=0, port=0, keys=",".join(keys))
        async with running_desk(self.home, self.secret.hotel(), settings, self.clock) as running:
            yield running.as_(hotel.AGENT, hotel.CLIENT_TOKEN)

    def key_ids(self) -> dict[str, set[str | None]]:
        """The keys that the values of each table are sealed with."""
        return {
            table: {key_of(row[0]) for row in sql(self.home, f"SELECT {column} FROM {table}")}
            for table, column in COLUMNS.items()
        }

    def sealed(self, key: str) -> bool:
        return all(ids == {ID[key]} for ids in self.key_ids().values())


@pytest.fixture
def desks(home: Place, clock: Clock) -> Desks:
    return Desks(home, clock, Secrets(secrets.token_hex(8)))


def dumped(home: Place) -> bytes:
    """All that whoever steals the database can read: its files and the log that is written ahead, and every row."""
    if isinstance(home, Path):
        return b"".join(path.read_bytes() for path in home.parent.iterdir() if path.name.startswith(home.name))
    stolen = []
    for table in COLUMNS:
        rows = sql(home, f"SELECT * FROM {table}")
        stolen += [repr(rows).encode(), *(field for row in rows for field in row if isinstance(field, bytes))]
    if sql(home, "SELECT has_function_privilege('pg_read_binary_file(text)', 'EXECUTE')") == [(True,)]:
        sql(home, "CHECKPOINT")
        names = [row[0] for row in sql(home, "SELECT 'pg_wal/' || name FROM pg_ls_waldir()")]
        names += [sql(home, f"SELECT pg_relation_filepath('{table}')")[0][0] for table in COLUMNS]
        stolen += [sql(home, "SELECT pg_read_binary_file(?)", name)[0][0] for name in names]
    return b"".join(stolen)


async def done(response: Any) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


async def a_day(desk: RunningDesk, secret: Secrets) -> dict[str, Any]:
    """A PIN, two prints and a scan; returns all that clients see of them."""
    wanted = [secret.token()]
    added = await done(await desk.call("resourceAccessTokens/add", ResourceAccessTokenParameters=wanted))
    ids = []
    for data in (secret.short, secret.long):
        printed = await desk.call("commands/addPrinter", PrinterId=hotel.PRINTER, CopyCount=1, Data=data)
        ids.append((await done(printed))["CommandId"])
    update = {"CommandId": ids[0], "State": "Processed", "Result": secret.result}
    await done(await desk.call("commands/update", **update))
    return {"tokens": added["ResourceAccessTokens"], "ids": ids, **await seen(desk, ids)}


async def seen(desk: RunningDesk, ids: list[str]) -> dict[str, Any]:
    told = await done(await desk.call("commands/getAllByIds", CommandIds=ids, Extent={"Execution": True}))
    between = {"StartUtc": "2026-02-01T00:00:00Z", "EndUtc": "2026-04-01T00:00:00Z"}
    tokens = await desk.call("resourceAccessTokens/getAll", CollidingUtc=between, Limitation={"Count": 100})
    only = {"FiscalMachineIds": [hotel.FISCAL], "CommandIds": [hotel.STRUCTURED_FISCAL]}
    fiscal = await desk.call("fiscalMachineCommands/getAll", **only, Limitation={"Count": 10})
    return {
        "commands": told,
        "active": await done(await desk.call("commands/getAllActive")),
        "access": (await done(tokens))["ResourceAccessTokens"],
        "fiscal": await done(fiscal),
    }


async def rotated(desk: RunningDesk) -> tuple[dict[str, int], dict[str, int]]:
    """Rotate; returns how many values of each kind were sealed anew, and how many are left."""
    reply = await done(await desk.administer("keys/rotate"))
    assert reply["IsComplete"] is True
    counts = {one["Kind"]: one["Count"] for one in reply["Rotated"] if one["Count"]}
    return counts, {one["Kind"]: one["Left"] for one in reply["Rotated"] if one["Left"]}


async def test_clients_see_no_difference_and_the_database_holds_nothing_readable(desks: Desks):
    async with desks.with_keys(ONE) as desk:
        day = await a_day(desk, desks.secret)
        texts = {one["Data"]["FileData"] for one in day["commands"]["Commands"]}
        assert texts == {desks.secret.short, desks.secret.long}
        assert day["commands"]["Commands"][1]["Execution"]["Result"] == desks.secret.result
        assert desks.secret.guest in str(day["fiscal"])
        assert day["tokens"][0]["Value"] in [one["Value"] for one in day["access"]]
        assert desks.sealed(ONE)
        stolen = dumped(desks.home)
        assert hotel.STAY.encode() in stolen
        assert [one for one in desks.secret.texts if one.encode() in stolen] == []
    async with desks.with_keys(TWO, ONE) as desk:
        assert await seen(desk, day["ids"]) == {name: day[name] for name in ("commands", "active", "access", "fiscal")}


async def test_without_a_key_the_same_search_finds_everything(desks: Desks):
    async with desks.with_keys() as desk:
        await a_day(desk, desks.secret)
        stolen = dumped(desks.home)
    assert [one for one in desks.secret.texts if one.encode() not in stolen] == []


async def test_a_token_is_changed_and_told_with_its_new_value(desks: Desks):
    async with desks.with_keys(ONE) as desk:
        token = (await a_day(desk, desks.secret))["tokens"][0]
        change = {"ResourceAccessTokenId": token["Id"], "Value": {"Value": "\x11sealed:0:9"}}
        changed = await done(await desk.call("resourceAccessTokens/update", ResourceAccessTokenUpdates=[change]))
        assert changed["ResourceAccessTokens"][0]["Value"] == "\x11sealed:0:9"
        assert desks.sealed(ONE)


async def test_a_request_sent_again_gets_the_value_of_the_first(desks: Desks):
    async with desks.with_keys(ONE) as desk:
        replies = [
            await done(
                await desk.call(
                    "resourceAccessTokens/add",
                    headers={"Idempotency-Key": "k"},
                    ResourceAccessTokenParameters=[desks.secret.token()],
                )
            )
            for _ in range(2)
        ]
        assert replies[0] == replies[1]


async def test_keys_that_come_later_encrypt_what_is_there_and_can_be_changed_again(desks: Desks):
    async with desks.with_keys() as desk:
        day = await a_day(desk, desks.secret)
    parts = {name: day[name] for name in ("commands", "active", "access", "fiscal")}
    everything = len(sql(desks.home, "SELECT id FROM commands"))
    for keys in ([ONE], [TWO, ONE]):
        async with desks.with_keys(*keys) as desk:
            assert await seen(desk, day["ids"]) == parts
            counts, left = await rotated(desk)
            assert (counts["Commands"], counts["Results"], left) == (everything, 1, {})
            assert await rotated(desk) == ({}, {})
            assert await seen(desk, day["ids"]) == parts
            assert desks.sealed(keys[0])
            records = (await desk.administer("auditRecords/getAll", Limitation={"Count": 10})).json()["AuditRecords"]
            told = [one["After"] for one in records if one["Kind"] == "keys"]
            assert told[0] == {"first": ID[keys[0]]}
    async with desks.with_keys(TWO) as desk:
        assert await seen(desk, day["ids"]) == parts


async def test_keys_are_changed_while_clients_add_and_report(desks: Desks):
    async with desks.with_keys(ONE) as desk:
        await a_day(desk, desks.secret)
    async with desks.with_keys(TWO, ONE) as desk:

        async def work() -> list[str]:
            return [one for _ in range(5) for one in (await a_day(desk, desks.secret))["ids"]]

        working = [asyncio.create_task(work()) for _ in range(3)]
        while not all(task.done() for task in working):
            await rotated(desk)
        ids = [one for task in working for one in await task]
        await rotated(desk)
        assert desks.sealed(TWO)
        told = (await seen(desk, ids))["commands"]["Commands"]
        assert {one["Data"]["FileData"] for one in told} == {desks.secret.long, desks.secret.short}
        assert len(told) == len(ids)


async def test_a_value_that_changed_since_it_was_read_is_not_undone(desks: Desks):
    async with desks.with_keys() as desk:
        token = (await a_day(desk, desks.secret))["tokens"][0]
    async with desks.with_keys(ONE) as desk:
        found = await find(desk.desk.database, Kept.RESOURCE_ACCESS_TOKENS)
        change = {"ResourceAccessTokenId": token["Id"], "Value": {"Value": "new"}}
        await done(await desk.call("resourceAccessTokens/update", ResourceAccessTokenUpdates=[change]))
        assert await desk.desk.writer.write(Reseal(Kept.RESOURCE_ACCESS_TOKENS, found.rows)) == len(found.rows) - 1
        told = {one["Id"]: one["Value"] for one in (await seen(desk, [hotel.NOBODY]))["access"]}
        assert told[token["Id"]] == "new"


async def test_a_long_rotation_answers_soon_and_goes_on_when_it_is_called_again(desks: Desks):
    async with desks.with_keys() as desk:
        await a_day(desk, desks.secret)
    async with desks.with_keys(ONE) as desk:
        sources = desk.desk.sources

        def elapsed() -> float:
            desk.clock.elapsed += operation.LONGEST
            return desk.clock.elapsed

        desk.desk.sources = replace(sources, elapsed=elapsed)
        replies = [await done(await desk.administer("keys/rotate")) for _ in range(3)]
        assert [reply["IsComplete"] for reply in replies] == [False, False, False]
        assert [sum(one["Count"] for one in reply["Rotated"]) > 0 for reply in replies] == [True, True, True]
        desk.desk.sources = sources
        await rotated(desk)
        assert desks.sealed(ONE)


async def test_a_desk_without_the_key_of_its_values_does_not_open(desks: Desks):
    async with desks.with_keys(ONE) as desk:
        await a_day(desk, desks.secret)
    for keys in ([], [TWO]):
        with pytest.raises(DatabaseRefused, match=rf"keys this desk does not have \({ID[ONE]}\)"):
            async with desks.with_keys(*keys):
                pass


async def test_a_value_of_another_key_is_told_with_its_name_and_no_neighbour_suffers(desks: Desks):
    async with desks.with_keys(ONE) as desk:
        day = await a_day(desk, desks.secret)
        desk.desk.database.seal = other = type(desk.desk.database.seal)([base64.b64decode(THREE)])
        foreign = other.close("resource_access_tokens.value", hotel.HOTEL, day["tokens"][0]["Id"], "1")
        sql(desks.home, "UPDATE resource_access_tokens SET value = ? WHERE id = ?", foreign, day["tokens"][0]["Id"])
    async with desks.with_keys(ONE, THREE) as desk:
        desk.desk.database.seal = type(other)([base64.b64decode(ONE)])
        fields = {"ValidityEndUtc": {"Value": "2026-03-05T12:00:00Z"}}
        changes = [{"ResourceAccessTokenId": day["tokens"][0]["Id"], **fields}]
        printing = desk.call("commands/addPrinter", PrinterId=hotel.PRINTER, CopyCount=1, Data="QUJD")
        refused, printed = await asyncio.gather(
            desk.call("resourceAccessTokens/update", ResourceAccessTokenUpdates=changes), printing
        )
        assert (refused.status_code, printed.status_code) == (503, 200)
        assert f"a key that this desk does not have ({ID[THREE]})" in refused.json()["Message"]
        reply = await done(await desk.administer("keys/rotate"))
        assert ID[THREE] in reply["Trouble"]
        assert {one["Kind"]: one["Left"] for one in reply["Rotated"] if one["Left"]} == {"ResourceAccessTokens": 1}
    row = sql(desks.home, "SELECT validity_end FROM resource_access_tokens WHERE id = ?", day["tokens"][0]["Id"])
    assert row == [(1772452800,)], "what was refused was not changed"


async def test_a_value_in_another_row_is_not_told_as_its_own(desks: Desks):
    async with desks.with_keys(ONE) as desk:
        ids = (await a_day(desk, desks.secret))["ids"]
        sql(desks.home, "UPDATE commands SET data = (SELECT data FROM commands WHERE id = ?) WHERE id = ?", *ids)
        refused = await desk.call("commands/getAllByIds", CommandIds=ids)
        assert (refused.status_code, "changed or moved" in refused.json()["Message"]) == (503, True)


async def test_a_desk_without_a_key_has_nothing_to_change(desks: Desks):
    async with desks.with_keys() as desk:
        refused = await desk.administer("keys/rotate")
        assert (refused.status_code, "nightporter new-key" in refused.json()["Message"]) == (403, True)


async def test_guests_leave_and_a_command_is_added_again_under_a_key(desks: Desks):
    async with desks.with_keys(ONE) as desk:
        day = await a_day(desk, desks.secret)
        again = await done(await desk.administer("commands/addAgain", CommandId=day["ids"][0]))
        (told,) = (await seen(desk, [again["CommandId"]]))["commands"]["Commands"]
        assert told["Data"]["FileData"] == desks.secret.short
        await done(await desk.call("commands/update", CommandId=hotel.STRUCTURED_FISCAL, State="Processed"))
        desk.clock.move(8 * 24 * 3600)
        await done(await desk.administer("retention/purge"))
        fiscal = (await seen(desk, [hotel.STRUCTURED_FISCAL]))["fiscal"]
        assert desks.secret.guest not in str(fiscal)
        assert fiscal["Commands"]
        assert desks.key_ids()["commands"] == {ID[ONE]}


async def test_a_property_file_is_written_in_the_clear(desks: Desks):
    async with desks.with_keys(ONE) as desk:
        await a_day(desk, desks.secret)
        with_keys = (await desk.administer("properties/export")).text
        one = desks.secret
        for text in (one.guest, one.pin, one.long, f"\\u0011sealed:1:{one.word}"):
            assert text in with_keys
        await done(await desk.administer("properties/load", **(await desk.administer("properties/export")).json()))
        assert (await desk.administer("properties/export")).text == with_keys
        assert desks.sealed(ONE)
