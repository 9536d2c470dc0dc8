"""What can be seen of a desk from its file alone, also while a server has it; nothing is changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nightporter.domain.value import value
from nightporter.storage.refused import DatabaseRefused
from nightporter.storage.resealing import SAMPLE, SAMPLES
from nightporter.storage.sealing import key_of


class DatabaseDamaged(DatabaseRefused):
    """SQLite finds the file damaged."""


@value
class UnusedToken:
    """A valid token that nobody used for long; ``used`` in seconds since 1970, None for never."""

    id: str
    name: str
    used: int | None


@value
class WaitingCommands:
    """The commands of a device that nobody begins; ``oldest`` in seconds since 1970."""

    device_id: str
    device: str
    count: int
    oldest: int


@value
class Examination:
    """What was found. Pairs are id and name."""

    stamped: int
    """The latest time that the desk wrote down, in seconds since 1970."""
    without_token: list[tuple[str, str]]
    """Enabled integrations that no valid token belongs to."""
    unused: list[UnusedToken]
    unreachable: list[tuple[str, str]]
    """Active devices that no integration is connected to which could carry their commands out."""
    waiting: list[WaitingCommands]
    outlived: int
    """Resource access tokens that are active although their validity is over."""
    keys: frozenset[str | None]
    """The ids of the keys that some of the values are encrypted with; None where one is in the clear."""


@value
class Limits:
    """What counts as long, as moments in seconds since 1970."""

    now: int
    waiting_since: int
    used_since: int
    never_used_since: int


_VALID = "SELECT 1 FROM access_tokens AS t WHERE t.integration_id = i.id AND t.revoked IS NULL"
_WITHOUT_TOKEN = (
    f"SELECT i.id, i.name FROM integrations AS i WHERE i.is_enabled AND NOT EXISTS ({_VALID}) ORDER BY i.name"  # noqa: S608 - fixed text
)
_UNUSED = """
    SELECT id, name, used FROM (
        SELECT t.id, i.name, t.created, t.used FROM access_tokens AS t JOIN integrations AS i ON i.id = t.integration_id
        WHERE t.revoked IS NULL
        UNION ALL
        SELECT id, name, created, used FROM administration_tokens WHERE revoked IS NULL
    )
    WHERE used < :used_since OR (used IS NULL AND created < :never_used_since) ORDER BY name, id
"""
_UNREACHABLE = f"""
    SELECT d.id, d.name FROM devices AS d WHERE d.is_active AND NOT EXISTS (
        SELECT 1 FROM device_connections AS c JOIN integrations AS i ON i.id = c.integration_id
        WHERE c.device_id = d.id AND i.is_enabled AND EXISTS ({_VALID}) AND (
            i.enterprise_id = d.enterprise_id
            OR i.portfolio_id IN (SELECT portfolio_id FROM portfolio_members WHERE enterprise_id = d.enterprise_id)
        )
    ) ORDER BY d.name
"""  # noqa: S608 - fixed text
_WAITING = """
    SELECT c.device_id, coalesce(d.name, c.device_id), count(*), min(c.created) FROM commands AS c
    LEFT JOIN devices AS d ON d.enterprise_id = c.enterprise_id AND d.id = c.device_id
    WHERE c.state IN ('Pending', 'Received') AND c.created < :waiting_since AND (c.expires IS NULL OR c.expires > :now)
    GROUP BY c.enterprise_id, c.device_id ORDER BY min(c.created)
"""
_OUTLIVED = "SELECT count(*) FROM resource_access_tokens WHERE is_active AND validity_end < :now"


def examine(path: Path, limits: Limits) -> Examination:
    """Look at a database of this release; raises DatabaseDamaged, and DatabaseRefused when it cannot be read."""
    given = {
        "now": limits.now,
        "waiting_since": limits.waiting_since,
        "used_since": limits.used_since,
        "never_used_since": limits.never_used_since,
    }
    with _reading(path) as read:
        (damage,) = read.execute("PRAGMA quick_check(1)").fetchone()
        if damage != "ok":
            raise DatabaseDamaged(f"{path} is damaged: {damage}.")
        return Examination(
            stamped=read.execute("SELECT stamped FROM desk").fetchone()[0],
            without_token=read.execute(_WITHOUT_TOKEN).fetchall(),
            unused=[UnusedToken(*row) for row in read.execute(_UNUSED, given)],
            unreachable=read.execute(_UNREACHABLE).fetchall(),
            waiting=[WaitingCommands(*row) for row in read.execute(_WAITING, given)],
            outlived=read.execute(_OUTLIVED, given).fetchone()[0],
            keys=frozenset(
                key_of(row[0]) for sample in SAMPLES for row in read.execute(sample.sqlite, {"count": SAMPLE})
            ),
        )


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    # Without a WAL nothing is under way, and as immutable the file is read without leaving anything beside it, which would
    # belong to whoever looks and not to the user of the server.
    wal = path.with_name(path.name + "-wal")
    how = "mode=ro" if wal.exists() else "immutable=1"
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
        try:
            yield connection
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise DatabaseRefused(f"{path} cannot be read: {error}.") from error
