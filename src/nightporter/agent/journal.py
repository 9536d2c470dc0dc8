"""The journal: what the agent has begun, on the disk before it is done (docs/decisions/0011).

It holds ids, what drivers wrote down, and outcomes; never a document. A result, which may hold a guest's data, is wiped as
soon as the platform has it.
"""

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from nightporter.agent.driver import Notes
from nightporter.domain.command import CommandState
from nightporter.domain.value import value

T = TypeVar("T")

NAME = "journal.db"


class JournalLost(Exception):
    """The journal cannot be written or read; the message says why. An agent without its journal must not go on."""


class Stage(StrEnum):
    """How far a command, or one step of it, has come."""

    RECEIVED = "RECEIVED"
    PREPARED = "PREPARED"
    """The baseline of a step is written; nothing was sent."""
    SENT = "SENT"
    """What is about to be sent is written; it may have had its effect."""
    DONE = "DONE"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    REPORTED = "REPORTED"
    """The platform knows how the command ended, or said that it does not want to."""


@value
class Step:
    """One step of a command; ``baseline``, ``reference`` and ``result`` are the driver's."""

    number: int
    stage: Stage
    baseline: Notes
    reference: Notes
    result: Notes | None


@value
class Ending:
    """What the platform is to be told of a command that has ended."""

    stage: Stage
    state: CommandState
    notes: str
    result: Notes | None = None


@value
class Entry:
    """One command in the journal; ``ending`` once it has one, ``said`` when the platform did not take it."""

    command_id: str
    device_id: str
    machine: str
    created: datetime
    received: datetime
    executor: str
    """As whom the agent told the platform that it takes the command: nobody else may report on it."""
    stage: Stage
    status: str | None
    ending: Ending | None
    said: str | None
    steps: Mapping[int, Step]


_TABLES = """
CREATE TABLE IF NOT EXISTS command (
    command_id TEXT PRIMARY KEY,
    device_id TEXT NOT NULL,
    machine TEXT NOT NULL,
    created TEXT NOT NULL,
    received TEXT NOT NULL,
    executor TEXT NOT NULL,
    stage TEXT NOT NULL,
    status TEXT,
    ended TEXT,
    outcome TEXT,
    state TEXT,
    notes TEXT,
    result TEXT,
    said TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS command_open ON command (created) WHERE stage <> 'REPORTED';
CREATE INDEX IF NOT EXISTS command_ended ON command (ended);
CREATE TABLE IF NOT EXISTS step (
    command_id TEXT NOT NULL REFERENCES command ON DELETE CASCADE,
    number INTEGER NOT NULL,
    stage TEXT NOT NULL,
    baseline TEXT NOT NULL,
    reference TEXT NOT NULL DEFAULT '{}',
    result TEXT,
    PRIMARY KEY (command_id, number)
) WITHOUT ROWID;
"""
_COLUMNS = (
    "command_id, device_id, machine, created, received, executor, stage, status, outcome, state, notes, result, said"
)

_HAS_RESULT = """
SELECT EXISTS (SELECT 1 FROM command WHERE command_id = ? AND result IS NOT NULL)
    OR EXISTS (SELECT 1 FROM step WHERE command_id = ? AND result IS NOT NULL)
"""


class Journal:
    """The journal in ``folder``, which is made when it is missing. ``now`` is the wall clock.

    Every method that writes returns when what it wrote is on the disk. All of them, and making it, raise JournalLost.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._now = now
        self.executor = ""
        """The ``Executor`` that commands are received as from now on."""
        self._path = folder / NAME
        # One thread, so that a slow disk holds up whoever writes and nobody else.
        self._thread = ThreadPoolExecutor(1, "journal")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.executescript(_TABLES)
        except (OSError, sqlite3.Error) as error:
            raise self._lost(error) from error

    async def close(self) -> None:
        """Close the file; what was being written is finished first."""
        await self._run(self._connection.close)
        self._thread.shutdown()

    async def entry(self, command_id: str) -> Entry | None:
        """What the journal holds of a command; None for nothing."""
        return next(iter(await self._run(lambda: read(self._connection, "command_id = ?", command_id))), None)

    async def open_entries(self) -> list[Entry]:
        """The commands that the platform has not been told the end of, in order of creation."""
        return await self._run(lambda: read(self._connection, "stage <> 'REPORTED' ORDER BY created, command_id"))

    async def unreported(self) -> int:
        """How many commands have ended, and the platform has not been told how."""
        count = "SELECT count(*) FROM command WHERE stage <> 'REPORTED' AND outcome IS NOT NULL"
        return int((await self._run(lambda: self._connection.execute(count).fetchone()))[0])

    async def receive(self, command_id: str, device_id: str, machine: str, created: datetime) -> Entry:
        """Write a new command down; one that is there already stays as it is. Returns what the journal holds of it then.

        But one that the platform had taken back, and that had no end here, is open again.
        """
        written = (
            "INSERT INTO command (command_id, device_id, machine, created, received, executor, stage) "
            "VALUES (?, ?, ?, ?, ?, ?, 'RECEIVED') ON CONFLICT DO UPDATE SET stage = 'RECEIVED', said = NULL, "
            "ended = NULL, executor = excluded.executor WHERE stage = 'REPORTED' AND outcome IS NULL"
        )
        values = (command_id, device_id, machine, _print(created), _print(self._now()), self.executor)

        def act() -> Entry:
            self._connection.execute(written, values)
            return read(self._connection, "command_id = ?", command_id)[0]

        return await self._run(act)

    async def prepared(self, command_id: str, step: int, baseline: Notes) -> None:
        """Write the baseline of a step down; what an earlier try had noted is replaced."""
        await self._write(
            "INSERT INTO step (command_id, number, stage, baseline) VALUES (?, ?, 'PREPARED', ?) "
            "ON CONFLICT DO UPDATE SET stage = 'PREPARED', baseline = excluded.baseline, reference = '{}'",
            command_id, step, json.dumps(baseline),
        )  # fmt: skip

    async def sent(self, command_id: str, step: int, reference: Notes) -> None:
        """Write down that a step may have its effect from now on."""
        await self._write(
            "UPDATE step SET stage = 'SENT', reference = ? WHERE command_id = ? AND number = ?",
            json.dumps(reference), command_id, step,
        )  # fmt: skip

    async def done(self, command_id: str, step: int, result: Notes | None) -> None:
        """Write down that a step was carried out."""
        await self._write(
            "UPDATE step SET stage = 'DONE', result = ? WHERE command_id = ? AND number = ?",
            None if result is None else json.dumps(result), command_id, step,
        )  # fmt: skip

    def note(self, command_id: str, status: str | None) -> None:
        """Write down, soon, what a command waits for: for whoever looks at the agent."""
        self._thread.submit(
            self._connection.execute, "UPDATE command SET status = ? WHERE command_id = ?", (status, command_id)
        )

    async def ended(self, command_id: str, ending: Ending) -> None:
        """Write down how a command ended; from now on it is only reported."""
        result = None if ending.result is None else json.dumps(ending.result)
        await self._write(
            "UPDATE command SET stage = ?, outcome = ?, state = ?, notes = ?, result = ?, ended = ?, status = NULL "
            "WHERE command_id = ?",
            ending.stage, ending.stage, ending.state, ending.notes, result, _print(self._now()), command_id,
        )  # fmt: skip

    async def reported(self, command_id: str, said: str | None = None) -> None:
        """Write down that the platform knows, or what it ``said`` instead; results, which hold guests' data, are wiped."""

        def act() -> None:
            self._connection.execute("BEGIN IMMEDIATE")
            wiped = self._connection.execute(_HAS_RESULT, (command_id, command_id)).fetchone()[0]
            self._connection.execute(
                "UPDATE command SET stage = 'REPORTED', result = NULL, said = ?, status = NULL, "
                "ended = coalesce(ended, ?) WHERE command_id = ?",
                (said, _print(self._now()), command_id),
            )
            self._connection.execute("UPDATE step SET result = NULL WHERE command_id = ?", (command_id,))
            self._connection.execute("COMMIT")
            if wiped:
                # The log beside the file still holds it. Whoever reads just now makes this wait until the next one.
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        await self._run(act)

    async def forget(self, older_than: timedelta) -> None:
        """Delete the commands that ended and were reported so long ago."""
        await self._write(
            "DELETE FROM command WHERE stage = 'REPORTED' AND ended < ?", _print(self._now() - older_than)
        )

    async def _write(self, statement: str, *values: Any) -> None:
        await self._run(lambda: self._connection.execute(statement, values))

    async def _run(self, act: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, act)
        except sqlite3.Error as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> JournalLost:
        return JournalLost(
            f"the journal {self._path} cannot be used: {error}. Nothing is begun without it; see that its folder may be "
            "written and its disk has room."
        )


def read(connection: sqlite3.Connection, condition: str, *values: Any) -> list[Entry]:
    """The entries for which the SQL ``condition`` holds."""
    commands = connection.execute(f"SELECT {_COLUMNS} FROM command WHERE {condition}", values)  # noqa: S608 - written above and in status.py
    return [_entry(connection, row) for row in commands.fetchall()]


def _entry(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Entry:
    command_id, device_id, machine, created, received, executor, stage, status, outcome, state, notes, result, said = (
        row
    )
    steps = connection.execute(
        "SELECT number, stage, baseline, reference, result FROM step WHERE command_id = ?", (command_id,)
    )
    return Entry(
        command_id, device_id, machine, datetime.fromisoformat(created), datetime.fromisoformat(received), executor,
        Stage(stage), status,
        None if outcome is None else Ending(Stage(outcome), CommandState(state), notes, _read(result)),
        said,
        {one[0]: Step(one[0], Stage(one[1]), json.loads(one[2]), json.loads(one[3]), _read(one[4])) for one in steps},
    )  # fmt: skip


def _read(text: str | None) -> Notes | None:
    return None if text is None else json.loads(text)


def _print(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()
