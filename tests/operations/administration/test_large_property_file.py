"""Large property files: little memory, a desk that goes on meanwhile, all or nothing to the last record."""

import asyncio
import itertools
import json
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nightporter.operations.administration import property_text
from nightporter.operations.administration.load_property import InvalidPropertyFile, load_property
from nightporter.operations.administration.property_text import find_pieces, read_piece
from nightporter.storage.audit import Audit
from tests.harness import RunningDesk
from tests.operations.administration.test_load_property import (
    PIN,
    STAY,
    as_agent,
    demo_hotel,  # noqa: F401 - a fixture: these tests begin with an empty desk
    everything,
    small_hotel,
)

MIB = 1024 * 1024
LIMIT = 200 * MIB
PROGRAM = """
import re, sys
from nightporter.cli import main
sys.argv[0] = "nightporter"
try:
    main()
finally:
    print("peak", re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def records(part: str, count: int) -> Iterator[dict[str, Any]]:
    """Records of a part, different from each other and as long as the vendor's own."""
    like = small_hotel()[part][0]
    vendor = {"Notes": "é" * 300, "Options": {"OwnerCheckedIn": True, "AllCompanionsCheckedIn": False}, "Tags": [1, {}]}
    for number in range(count):
        yield {**like, "Id": f"{number:08d}-1111-4000-8000-000000000000", **vendor}


def write(file: Path, count: int) -> int:
    """A file of one hotel with ``count`` records, a third each of guests, stays and PINs; returns its size."""
    parts = ("Customers", "Reservations", "ResourceAccessTokens")
    hotel = small_hotel()
    with file.open("w", encoding="utf-8") as out:
        out.write("{")
        for part, few in hotel.items():
            if part not in ("Commands", "Companionships"):
                many = records(part, count // 3) if part in parts else iter(())
                out.write(f'{"" if part == "Enterprises" else ","}\n"{part}": [\n')
                texts = (
                    json.dumps({**record, "CompanionshipId": None} if part == parts[2] else record, indent=1)
                    for record in itertools.chain(few, many)
                )
                out.writelines(f"{',' if place else ''}{text}\n" for place, text in enumerate(texts))
                out.write("]")
        out.write("}")
    return file.stat().st_size


def program(*arguments: str) -> tuple[str, int]:
    """What the program, in a process of its own, said, and the most memory that it had at once, in bytes."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said, peak = done.stdout.rsplit("peak", 1)
    return said, int(peak) * 1024


def loads_and_exports_in_little_memory(folder: Path, count: int) -> None:
    size = write(folder / "hotel.json", count)
    said, peak = program("load", str(folder / "hotel.json"), "--database", str(folder / "desk.db"), "--json")
    assert sum(json.loads(said).values()) > count - 3
    assert peak <= LIMIT, f"loading {size / MIB:.0f} MiB took {peak / MIB:.0f} MiB"
    _, peak = program("export", "--database", str(folder / "desk.db"), "--output", str(folder / "out.json"))
    assert peak <= LIMIT, f"exporting took {peak / MIB:.0f} MiB"
    with (folder / "out.json").open("rb") as out:
        assert sum(piece.count for piece in find_pieces(out)) > count - 3


def test_10_000_records_are_loaded_and_exported_in_200_mb(tmp_path: Path) -> None:
    loads_and_exports_in_little_memory(tmp_path, 10_000)


@pytest.mark.long
def test_100_000_records_are_loaded_and_exported_in_200_mb(tmp_path: Path) -> None:
    loads_and_exports_in_little_memory(tmp_path, 100_000)


class Progress:
    """Notes what is told; with ``hold`` the load stops at its first piece until it is let on."""

    def __init__(self, *, hold: bool = False) -> None:
        self.told: list[tuple[int, int]] = []
        self.begun = asyncio.Event()
        self.let_on = threading.Event()
        self._hold = hold
        self._loop = asyncio.get_running_loop()

    def __call__(self, done: int, whole: int) -> None:
        self.told.append((done, whole))
        if done and self._hold:
            self._loop.call_soon_threadsafe(self.begun.set)
            assert self.let_on.wait(60)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(property_text, "PIECE", 4096)


def many(count: int) -> dict[str, list[dict[str, Any]]]:
    hotel = small_hotel()
    hotel["Customers"] += records("Customers", count)
    return hotel


async def load(desk: RunningDesk, hotel: Any, progress: Progress | None = None) -> dict[str, int]:
    return await load_property(desk.desk.writer, desk.clock.sources(), json.dumps(hotel).encode(), progress)


@pytest.mark.usefixtures("small_pieces")
async def test_progress_is_told_from_none_to_all(desk: RunningDesk) -> None:
    progress = Progress()
    counts = await load(desk, many(100), progress)
    whole = sum(counts.values())
    assert progress.told[0] == (0, whole)
    assert progress.told[-1] == (whole, whole)
    assert len(progress.told) > 10
    assert progress.told == sorted(progress.told)


@pytest.mark.usefixtures("small_pieces")
async def test_the_desk_answers_while_a_file_is_loaded(desk: RunningDesk) -> None:
    await load(desk, small_hotel())
    progress = Progress(hold=True)
    loading = asyncio.create_task(load(desk, many(100), progress))
    await progress.begun.wait()
    assert (await as_agent(desk).call("devices/getAll")).status_code == 200
    assert len(everything(desk)["customers"]) == 1
    progress.let_on.set()
    await loading
    assert len(everything(desk)["customers"]) == 101


@pytest.mark.usefixtures("small_pieces")
async def test_the_loading_of_a_file_is_one_act_of_the_audit(desk: RunningDesk) -> None:
    content, audit = json.dumps(many(100)).encode(), Audit(None, "Ada", "properties/load")
    await load_property(desk.desk.writer, desk.clock.sources(), content, audit=audit)
    ((_, _, _, who, operation, _, kind, _, before, after),) = everything(desk)["audit_records"]
    assert (who, operation, kind, before) == ("Ada", "properties/load", "properties", None)
    assert json.loads(after)["Customers"] == 101


@pytest.mark.usefixtures("small_pieces")
async def test_a_load_that_nobody_waits_for_changes_nothing(desk: RunningDesk) -> None:
    progress = Progress(hold=True)
    loading = asyncio.create_task(load(desk, many(100), progress))
    await progress.begun.wait()
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    progress.let_on.set()
    await load(desk, {})  # the next in the queue of the writer
    assert everything(desk)["customers"] == []


@pytest.mark.usefixtures("small_pieces")
async def test_a_mistake_in_the_last_record_changes_nothing(desk: RunningDesk) -> None:
    hotel = many(100)
    hotel["ResourceAccessTokens"] += [{**hotel["ResourceAccessTokens"][0], "Id": STAY, "ServiceOrderId": PIN}]
    before = everything(desk)
    with pytest.raises(InvalidPropertyFile) as refused:
        await load(desk, hotel)
    assert str(refused.value) == (
        f"ResourceAccessTokens[1] (Id {STAY}): Expected a reservation of this file or the desk - at `$.ServiceOrderId`"
    )
    assert everything(desk) == before


THREE_THOUSAND = 3000
MISTAKES = [
    ("LastName", 1, "Expected `str | null`, got `int` - at `$.LastName`"),
    ("Id", "812", "Expected a uuid with hyphens - at `$.Id`"),
    ("EnterpriseId", PIN, "Expected an enterprise of this file or the desk - at `$.EnterpriseId`"),
    (
        "Id",
        f"{5:08d}-1111-4000-8000-000000000000",
        "Expected an Id of its own, Customers[6] (Id 00000005-1111-4000-8000-",
    ),
    ("Notes", "a\0b", "Expected a text without NUL - at `$.Notes`"),
    ("Notes", float("1e400"), "JSON is malformed"),
]


@pytest.mark.parametrize(("field", "value", "problem"), MISTAKES)
async def test_a_mistake_in_record_812_of_3000_is_told_with_its_place(
    desk: RunningDesk, field: str, value: Any, problem: str
) -> None:
    hotel = many(THREE_THOUSAND - 1)
    assert len(hotel["Customers"]) == THREE_THOUSAND
    known = hotel["Customers"][812]["Id"]
    hotel["Customers"][812][field] = value
    with pytest.raises(InvalidPropertyFile) as refused:
        await load(desk, hotel)
    told = str(refused.value)
    if value == float("inf"):
        # Where the text is no JSON there is no record to name; the place is told instead.
        assert re.fullmatch(r"The file is not a JSON object: JSON is malformed: .* \(line 1, column \d+\)", told)
        return
    assert told.startswith(f"Customers[812] (Id {value if field == 'Id' else known}): {problem}")


async def test_a_piece_of_the_file_is_read_again_where_it_stands(desk: RunningDesk, tmp_path: Path) -> None:
    """A file is taken as it is, without its bytes ever being in memory together."""
    write(tmp_path / "hotel.json", 600)
    with (tmp_path / "hotel.json").open("rb") as file:
        counts = await load_property(desk.desk.writer, desk.clock.sources(), file)
        pieces = find_pieces(file)
        read = [json.loads(bytes(raw)) for piece in pieces for raw in read_piece(file, piece)]
    assert counts["Customers"] == 201
    assert read == [one for part in json.loads((tmp_path / "hotel.json").read_bytes()).values() for one in part]
    connection = sqlite3.connect(desk.database)
    assert connection.execute("SELECT count(*) FROM customers").fetchone() == (201,)
    assert connection.execute("SELECT count(*) FROM customers WHERE record LIKE ?", ("%\n%",)).fetchone() == (0,)
    connection.close()
