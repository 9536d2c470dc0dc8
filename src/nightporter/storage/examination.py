"""What can be seen of a desk from its database alone, also while servers have it; nothing is changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select, text, union_all

from nightporter.domain.value import value
from nightporter.storage.refused import DatabaseRefused
from nightporter.storage.resealing import SAMPLE, SAMPLES
from nightporter.storage.sealing import key_of
from nightporter.storage.statements import Row, Statement, given
from nightporter.storage.tables import (
    access_tokens,
    administration_tokens,
    commands,
    desk,
    device_connections,
    devices,
    integrations,
    portfolio_members,
    resource_access_tokens,
)


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
    moved: str | None
    """Where the hotel was moved to, if it was."""
    keys: frozenset[str | None]
    """The ids of the keys that some of the values are encrypted with; None where one is in the clear."""


@value
class Limits:
    """What counts as long, as moments in seconds since 1970."""

    now: int
    waiting_since: int
    used_since: int
    never_used_since: int


@value
class Server:
    """How a PostgreSQL server is."""

    version: str
    promises: str
    """The settings that its durability rests on, as text."""
    connections_left: int
    """How many connections it would still give to the desk."""
    time: float
    """What its clock says, in seconds since 1970."""


class Reads(Protocol):
    """Whatever reads: a database that is open, or a file that is only looked at."""

    async def many(self, statement: Statement, **given: Any) -> list[Row]:
        """All rows."""


_one: ColumnElement[int] = literal_column("1")
_i, _t, _a, _d, _c, _r = (
    table.c for table in (integrations, access_tokens, administration_tokens, devices, commands, resource_access_tokens)
)
_valid = select(_one).where(_t.integration_id == _i.id, _t.revoked.is_(None)).correlate(integrations).exists()
_DESK = Statement(select(desk.c.stamped, desk.c.moved))
_WITHOUT_TOKEN = Statement(select(_i.id, _i.name).where(_i.is_enabled, ~_valid).order_by(_i.name))
_tokens = union_all(
    select(_t.id, _i.name, _t.created, _t.used)
    .join_from(access_tokens, integrations, _i.id == _t.integration_id)
    .where(_t.revoked.is_(None)),
    select(_a.id, _a.name, _a.created, _a.used).where(_a.revoked.is_(None)),
).subquery("tokens")
_UNUSED = Statement(
    select(_tokens.c.id, _tokens.c.name, _tokens.c.used)
    .where(
        or_(
            _tokens.c.used < given("used_since"),
            and_(_tokens.c.used.is_(None), _tokens.c.created < given("never_used_since")),
        )
    )
    .order_by(_tokens.c.name, _tokens.c.id)
)
_portfolios = select(portfolio_members.c.portfolio_id).where(portfolio_members.c.enterprise_id == _d.enterprise_id)
_UNREACHABLE = Statement(
    select(_d.id, _d.name)
    .where(
        _d.is_active,
        ~select(_one)
        .select_from(device_connections.join(integrations, _i.id == device_connections.c.integration_id))
        .where(
            device_connections.c.device_id == _d.id,
            _i.is_enabled,
            _valid,
            or_(_i.enterprise_id == _d.enterprise_id, _i.portfolio_id.in_(_portfolios.correlate(devices))),
        )
        .correlate(devices)
        .exists(),
    )
    .order_by(_d.name)
)
_WAITING = Statement(
    select(_c.device_id, func.coalesce(func.min(_d.name), _c.device_id), func.count(), func.min(_c.created))
    .join_from(commands, devices, and_(_d.enterprise_id == _c.enterprise_id, _d.id == _c.device_id), isouter=True)
    .where(
        text("commands.state IN ('Pending', 'Received')"),
        _c.created < given("waiting_since"),
        or_(_c.expires.is_(None), _c.expires > given("now")),
    )
    .group_by(_c.enterprise_id, _c.device_id)
    .order_by(func.min(_c.created))
)
_OUTLIVED = Statement(
    select(func.count()).select_from(resource_access_tokens).where(_r.is_active, _r.validity_end < given("now"))
)


async def examine(database: Reads, limits: Limits) -> Examination:
    """Look at a database of this release. Raises Unavailable, and of a file DatabaseRefused when it cannot be read."""
    many = database.many
    stamped, moved = (await many(_DESK))[0]
    return Examination(
        stamped=stamped,
        moved=moved,
        without_token=[(row[0], row[1]) for row in await many(_WITHOUT_TOKEN)],
        unused=[
            UnusedToken(*row)
            for row in await many(_UNUSED, used_since=limits.used_since, never_used_since=limits.never_used_since)
        ],
        unreachable=[(row[0], row[1]) for row in await many(_UNREACHABLE)],
        waiting=[
            WaitingCommands(*row) for row in await many(_WAITING, waiting_since=limits.waiting_since, now=limits.now)
        ],
        outlived=(await many(_OUTLIVED, now=limits.now))[0][0],
        keys=frozenset([key_of(row[0]) for sample in SAMPLES for row in await many(sample, count=SAMPLE)]),
    )


_SERVER = Statement(
    text(
        """
        SELECT current_setting('server_version'),
            'fsync ' || current_setting('fsync') || ', synchronous_commit ' || current_setting('synchronous_commit')
                || ', full_page_writes ' || current_setting('full_page_writes'),
            (SELECT sum(setting::bigint * CASE name WHEN 'max_connections' THEN 1 ELSE -1 END) FROM pg_settings
                WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections'))::bigint
                - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
            extract(epoch FROM clock_timestamp())::float8
        """
    )
)


async def examine_server(database: Reads) -> Server:
    """Look at the PostgreSQL server of a database. Raises Unavailable."""
    return Server(*(await database.many(_SERVER))[0])


class File:
    """A SQLite file that is only looked at."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    async def many(self, statement: Statement, **given: Any) -> list[Row]:
        """All rows. Raises DatabaseRefused."""
        try:
            return self._connection.execute(statement.sqlite, given).fetchall()
        except sqlite3.DatabaseError as error:
            raise _unreadable(self._path, error) from error


@contextmanager
def looked_at(path: Path) -> Iterator[File]:
    """The file, when SQLite finds it sound; raises DatabaseDamaged, and DatabaseRefused when it cannot be read."""
    # Without a WAL nothing is under way, and as immutable the file is read without leaving anything beside it, which would
    # belong to whoever looks and not to the user of the server.
    wal = path.with_name(path.name + "-wal")
    how = "mode=ro" if wal.exists() else "immutable=1"
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
    except sqlite3.DatabaseError as error:
        raise _unreadable(path, error) from error
    try:
        try:
            (damage,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            raise _unreadable(path, error) from error
        if damage != "ok":
            raise DatabaseDamaged(f"{path} is damaged: {' '.join(damage.split())}.")
        yield File(connection, path)
    finally:
        connection.close()


def _unreadable(path: Path, error: sqlite3.DatabaseError) -> DatabaseRefused:
    return DatabaseRefused(f"{path} cannot be read: {error}.")
