"""``agent status``: what the journal tells, read beside the agent that writes it, or after it stopped."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from nightporter.agent.configuration import LOCK
from nightporter.agent.journal import NAME, Entry, read
from nightporter.domain.value import value
from nightporter.host.locks import is_held


@value
class Status:
    """Whether an agent runs, what is under way or waits in order of creation, and what was through last, newest first.

    ``has_journal`` is false where no agent has worked yet.
    """

    is_running: bool
    has_journal: bool
    open: list[Entry]
    recent: list[Entry]


def status(folder: Path, recent: int) -> Status:
    """The status of the agent with its state in ``folder``; raises OSError and sqlite3.Error when that cannot be read."""
    path = folder / NAME
    if not path.exists():
        return Status(is_held(folder / LOCK), False, [], [])
    with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, timeout=5)) as connection:
        return Status(
            is_held(folder / LOCK),
            True,
            read(connection, "stage <> 'REPORTED' ORDER BY created, command_id"),
            read(connection, "stage = 'REPORTED' ORDER BY ended DESC LIMIT ?", recent),
        )
