"""A hotel is moved from a SQLite file to PostgreSQL: every row of it, or none; and the file is served no more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nightporter.storage import moving, opening
from nightporter.storage.moving import move
from nightporter.storage.opening import open_database, revision
from nightporter.storage.places import PostgresAddress
from nightporter.storage.refused import DatabaseRefused
from tests import postgres
from tests.harness import POS_TOKEN, Clock, RunningDesk, everything, running_desk, sql

PRINTER = "d117866d-78de-4459-9077-42d7ea0120e3"
CUTTER = "7dafffff-78de-4459-9077-42d7ea0120e3"


@pytest.fixture
def kind() -> str:
    return "sqlite"


@pytest.fixture
def target(postgres_server: str) -> Iterator[PostgresAddress]:
    """A database without a table."""
    with postgres.database(postgres_server) as address:
        yield address


@pytest.fixture
async def hotel(home: Path, demo_hotel: bytes, clock: Clock) -> Path:
    """The demo property in a file of a real desk, after a day's work."""
    async with running_desk(home, demo_hotel, clock=clock) as desk:
        await a_day(desk)
    return home


async def a_day(desk: RunningDesk, name: str = "print") -> None:
    for number in range(3):
        printed = await desk.call(
            "commands/addPrinter", PrinterId=PRINTER, CopyCount=1, Data="QUJD" * 30_000 * number + "QUJD",
            headers={"Idempotency-Key": f"{name} {number}"},
        )  # fmt: skip
        command = printed.json()["CommandId"]
        for state in ("Received", "Processing", "Processed")[:number]:
            told = await desk.call(
                "commands/update",
                CommandId=command,
                State=state,
                Progress=0.5,
                Notes="Käse \u2603",
                Result={"n": number},
            )
            assert told.status_code == 200
    await desk.administer("administrationTokens/add", Name="Head office")
    await desk.as_(POS_TOKEN).call("devices/getAll")


async def test_all_that_a_hotel_has_is_there_afterwards(hotel: Path, target: PostgresAddress) -> None:
    before, desk = everything(hotel), sql(hotel, "SELECT demo, secret, created, stamped, facts, works_since FROM desk")
    moved = await move(hotel, target)
    for name in (
        "commands",
        "documents",
        "results",
        "events",
        "idempotency_keys",
        "audit_records",
        "resource_access_tokens",
    ):
        assert before[name], name
    assert everything(target) == before
    assert sql(target, "SELECT demo, secret, created, stamped, facts, works_since FROM desk") == [
        (bool(desk[0][0]), *desk[0][1:])
    ]
    assert moved.rows == {name: len(rows) for name, rows in before.items()} | {"desk": 1}
    assert revision(target) == opening.REVISIONS[-1]


async def test_numbers_go_on_and_keys_hold_where_the_hotel_is_now(
    hotel: Path, target: PostgresAddress, clock: Clock
) -> None:
    before = everything(hotel)
    await move(hotel, target)
    async with running_desk(target, None, clock=clock) as desk:
        again = await desk.call(
            "commands/addPrinter", PrinterId=PRINTER, CopyCount=1, Data="QUJD", headers={"Idempotency-Key": "print 0"}
        )
        assert len(sql(target, "SELECT id FROM commands")) == len(before["commands"]), again.text
        ids = {row[0] for row in sql(hotel, "SELECT id FROM commands")}
        assert again.json()["CommandId"] in ids
        await a_day(desk, "tomorrow")
        numbers = [row[0] for row in sql(target, "SELECT number FROM events ORDER BY number")]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(sql(target, "SELECT id FROM commands")) == len(before["commands"]) + 3
        await desk.administer("clients/add", Name="New")
    latest = sql(target, "SELECT max(number), count(*) FROM audit_records")
    assert latest[0][0] == latest[0][1] > len(before["audit_records"])


async def test_an_empty_hotel_can_be_moved_and_filled_there(
    home: Path, target: PostgresAddress, demo_hotel: bytes
) -> None:
    await move(home, target)
    async with running_desk(target, demo_hotel) as desk:
        assert (await desk.call("devices/getAll")).json()["Devices"]
    assert sql(target, "SELECT min(sequence) FROM commands") == [(1,)]


async def test_a_file_whose_hotel_was_moved_is_not_opened_nor_moved_again(hotel: Path, target: PostgresAddress) -> None:
    await move(hotel, target)
    for use in (open_database, lambda file: move(file, target)):
        with pytest.raises(DatabaseRefused, match=f"was moved to {target}"):
            await use(hotel)


async def test_a_database_that_holds_something_is_left_as_it_is(hotel: Path, target: PostgresAddress) -> None:
    sql(target, "CREATE TABLE songs (title text)")
    with pytest.raises(DatabaseRefused, match="holds tables of something else"):
        await move(hotel, target)
    sql(target, "DROP TABLE songs")
    opening.create(target, Clock().sources(), demo=False)
    with pytest.raises(DatabaseRefused, match="holds a desk already"):
        await move(hotel, target)
    await _is_where_it_was(hotel)


async def test_rows_that_do_not_arrive_as_they_were_are_noticed(hotel: Path, target: PostgresAddress) -> None:
    sql(
        target,
        "CREATE FUNCTION change() RETURNS trigger AS 'BEGIN NEW.notes = ''changed''; RETURN NEW; END' LANGUAGE plpgsql",
    )
    sql(target, "CREATE FUNCTION watch() RETURNS event_trigger AS $$ BEGIN IF to_regclass('commands') IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM pg_trigger WHERE tgname = 'one') THEN CREATE TRIGGER one BEFORE INSERT ON commands FOR EACH ROW WHEN "
        "(NEW.sequence = 2) EXECUTE FUNCTION change(); END IF; END $$ LANGUAGE plpgsql")  # fmt: skip
    sql(
        target, "CREATE EVENT TRIGGER watching ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION watch()"
    )
    with pytest.raises(DatabaseRefused, match="The table commands is not the same"):
        await move(hotel, target)
    await _is_where_it_was(hotel)
    assert revision(target) is None


@pytest.mark.parametrize("rows", [1, 7])
async def test_pieces_of_any_size_come_whole(
    hotel: Path, target: PostgresAddress, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "ROWS", rows)
    monkeypatch.setattr(moving, "PIECE", 1000)
    await move(hotel, target)
    assert everything(target) == everything(hotel)


async def test_a_row_that_the_other_database_cannot_hold_moves_nothing(hotel: Path, target: PostgresAddress) -> None:
    sql(hotel, "UPDATE clients SET token_hash = ? WHERE rowid = 1", "x" * 65)
    with pytest.raises(DatabaseRefused, match=r"could not take the hotel: value too long"):
        await move(hotel, target)
    await _is_where_it_was(hotel)
    assert revision(target) is None


async def test_a_demo_is_not_moved(hotel: Path, target: PostgresAddress) -> None:
    sql(hotel, "UPDATE desk SET demo = 1")
    with pytest.raises(DatabaseRefused, match="holds the demo"):
        await move(hotel, target)


async def _is_where_it_was(hotel: Path) -> None:
    database = await open_database(hotel)
    await database.close()
