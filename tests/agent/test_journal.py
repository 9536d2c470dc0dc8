"""The journal: each stage is on the disk when its write returns, and a result is nowhere in it when the platform has it."""

import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightporter.agent.journal import Ending, Journal, JournalLost, Stage
from nightporter.domain.command import CommandState
from tests.cli.program import ROOT
from tests.durability.process import need_strace

COMMAND, DEVICE = "01920000-0000-7000-8000-000000000001", "d117866d-78de-4459-9077-42d7ea0120e3"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DONE = Ending(Stage.DONE, CommandState.PROCESSED, "It rang.", {"Name": "SAMPLEGUEST"})


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    one = Journal(tmp_path, lambda: NOW)
    one.executor = "front desk"
    yield one
    await one.close()


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("journal.db*"))


async def received(journal: Journal) -> None:
    await journal.receive(COMMAND, DEVICE, "Front", NOW)


async def prepared(journal: Journal) -> None:
    await received(journal)
    await journal.prepared(COMMAND, 1, {"count": 7})


async def sent(journal: Journal) -> None:
    await prepared(journal)
    await journal.sent(COMMAND, 1, {"job": 3})


async def done(journal: Journal) -> None:
    await sent(journal)
    await journal.done(COMMAND, 1, {"Name": "SAMPLEGUEST"})


async def ended(journal: Journal) -> None:
    await done(journal)
    await journal.ended(COMMAND, DONE)


@pytest.mark.parametrize(
    ("write", "stage", "step"),
    [
        (received, Stage.RECEIVED, None),
        (prepared, Stage.RECEIVED, (Stage.PREPARED, {"count": 7}, {}, None)),
        (sent, Stage.RECEIVED, (Stage.SENT, {"count": 7}, {"job": 3}, None)),
        (done, Stage.RECEIVED, (Stage.DONE, {"count": 7}, {"job": 3}, {"Name": "SAMPLEGUEST"})),
        (ended, Stage.DONE, (Stage.DONE, {"count": 7}, {"job": 3}, {"Name": "SAMPLEGUEST"})),
    ],
)
async def test_every_stage_is_there_for_whoever_opens_it_next(
    journal: Journal, tmp_path: Path, write: Callable[[Journal], Awaitable[None]], stage: Stage, step: object
) -> None:
    await write(journal)
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in files(tmp_path):
        shutil.copy(path, copy)  # as a crash would leave it
    again = Journal(copy, lambda: NOW)
    (entry,) = await again.open_entries()
    await again.close()
    assert (entry.command_id, entry.device_id, entry.machine, entry.executor) == (
        COMMAND,
        DEVICE,
        "Front",
        "front desk",
    )
    assert (entry.created, entry.stage) == (NOW, stage)
    found = [(one.stage, one.baseline, one.reference, one.result) for one in entry.steps.values()]
    assert found == ([step] if step else [])
    assert entry.ending == (DONE if write is ended else None)


async def test_a_step_that_is_prepared_anew_forgets_what_was_sent(journal: Journal) -> None:
    await sent(journal)
    await journal.prepared(COMMAND, 1, {"count": 8})
    entry = await journal.entry(COMMAND)
    assert entry is not None
    assert (entry.steps[1].stage, entry.steps[1].baseline, entry.steps[1].reference) == (
        Stage.PREPARED,
        {"count": 8},
        {},
    )


async def test_what_arrives_again_stays_as_it_is(journal: Journal) -> None:
    await ended(journal)
    before = await journal.entry(COMMAND)
    await received(journal)
    assert await journal.entry(COMMAND) == before
    await journal.reported(COMMAND)
    await received(journal)
    entry = await journal.entry(COMMAND)
    assert entry is not None
    assert entry.stage is Stage.REPORTED


async def test_what_was_taken_back_and_is_offered_again_is_open_again(journal: Journal) -> None:
    await prepared(journal)
    await journal.reported(COMMAND, "Somebody else has it.")
    assert await journal.open_entries() == []
    journal.executor = "another name"
    await received(journal)
    (entry,) = await journal.open_entries()
    assert (entry.stage, entry.said, entry.executor) == (Stage.RECEIVED, None, "another name")
    assert entry.steps[1].stage is Stage.PREPARED


async def test_a_result_is_nowhere_when_the_platform_has_it(journal: Journal, tmp_path: Path) -> None:
    def everywhere() -> bytes:
        return b"".join(path.read_bytes() for path in files(tmp_path))

    await ended(journal)
    assert b"SAMPLEGUEST" in everywhere()
    await journal.reported(COMMAND)
    assert b"SAMPLEGUEST" not in everywhere(), "while the agent goes on, and if it is struck down now"
    entry = await journal.entry(COMMAND)
    assert entry is not None
    assert (entry.stage, entry.steps[1].result) == (Stage.REPORTED, None)
    assert entry.ending == Ending(Stage.DONE, CommandState.PROCESSED, "It rang.")


async def test_what_is_through_is_forgotten_after_its_time_and_nothing_else(journal: Journal) -> None:
    await ended(journal)
    await journal.forget(timedelta(seconds=-1))
    assert await journal.entry(COMMAND) is not None, "the platform does not know of it yet"
    await journal.reported(COMMAND)
    await journal.forget(timedelta(days=30))
    assert await journal.entry(COMMAND) is not None
    await journal.forget(timedelta(seconds=-1))
    assert await journal.entry(COMMAND) is None
    assert journal._connection.execute("SELECT count(*) FROM step").fetchone() == (0,)


async def test_commands_are_told_in_order_of_creation(journal: Journal) -> None:
    for number, age in (("3", 1), ("1", 3), ("2", 2)):
        await journal.receive(number, DEVICE, "Front", NOW - timedelta(seconds=age))
    assert [one.command_id for one in await journal.open_entries()] == ["1", "2", "3"]


async def test_only_its_owner_may_read_it(journal: Journal, tmp_path: Path) -> None:
    await received(journal)
    assert {path.stat().st_mode & 0o077 for path in files(tmp_path)} == {0}


WRITING = """
import asyncio, pathlib, sys
from datetime import UTC, datetime
from nightporter.agent.journal import Journal

async def main():
    journal = Journal(pathlib.Path(sys.argv[1]), lambda: datetime(2026, 3, 1, tzinfo=UTC))
    await journal.receive("one", "two", "three", datetime(2026, 3, 1, tzinfo=UTC))
    await journal.prepared("one", 1, {})
    for number in range(10):
        await journal.sent("one", 1, {"mark": f"MARK{number}"})
        print(f"LEAVES{number}", flush=True)
    await journal.close()

asyncio.run(main())
"""


def test_what_is_announced_as_sent_is_synced_before_anything_else_happens(tmp_path: Path) -> None:
    record = tmp_path / "calls"
    traced = "trace=pwrite64,pwritev,write,fsync,fdatasync"
    done = subprocess.run(
        [need_strace(), "-f", "-y", "-s", "5000", "-e", traced, "-e", "signal=none", "-o", str(record),
         sys.executable, "-c", WRITING, str(tmp_path / "state")],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = record.read_text().splitlines()
    for number in range(10):
        written = next(at for at, line in enumerate(lines) if f"MARK{number}" in line and "journal.db-wal" in line)
        leaves = next(at for at, line in enumerate(lines) if f"LEAVES{number}" in line)
        between = lines[written:leaves]
        assert any("sync(" in line and "journal.db-wal" in line for line in between), between


@pytest.mark.parametrize("write", ["receive", "prepared", "sent", "done", "ended", "reported"])
async def test_a_disk_without_room_is_told_and_changes_nothing(tmp_path: Path, write: str) -> None:
    journal = Journal(tmp_path, lambda: NOW)
    await sent(journal)
    before = await journal.entry(COMMAND)
    big = {"text": "x" * 100_000}
    acts: dict[str, Callable[[], Awaitable[object]]] = {
        "receive": lambda: journal.receive("other", DEVICE, "x" * 100_000, NOW),
        "prepared": lambda: journal.prepared(COMMAND, 1, big),
        "sent": lambda: journal.sent(COMMAND, 1, big),
        "done": lambda: journal.done(COMMAND, 1, big),
        "ended": lambda: journal.ended(COMMAND, Ending(Stage.DONE, CommandState.PROCESSED, "", big)),
        "reported": lambda: journal.reported(COMMAND, "x" * 100_000),
    }
    size = (tmp_path / "journal.db-wal").stat().st_size + 1000
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        with pytest.raises(JournalLost, match="Nothing is begun without it"):
            await acts[write]()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await journal.close()
    again = Journal(tmp_path, lambda: NOW)
    assert await again.entry(COMMAND) == before
    assert await again.entry("other") is None
    await again.close()


def test_a_folder_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(JournalLost, match="cannot be used"):
        Journal(tmp_path / "state", lambda: NOW)


def test_a_file_that_is_no_journal_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_text("not a database at all, but long enough to be looked at" * 100)
    with pytest.raises(JournalLost, match="not a database"):
        Journal(tmp_path, lambda: NOW)


async def test_a_journal_that_may_only_be_read_is_told(journal: Journal) -> None:
    journal._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(JournalLost) as caught:
        await received(journal)
    assert isinstance(caught.value.__cause__, sqlite3.Error)
