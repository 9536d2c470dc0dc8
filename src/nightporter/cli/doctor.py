"""``nightporter doctor``."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightporter.cli.asking import FAILED, JsonOption, plain, say, say_json
from nightporter.cli.desk import DEFAULT_DATABASE, NO_DESK_YET, DatabaseOption
from nightporter.domain.value import value
from nightporter.storage.places import Place, place_of

if TYPE_CHECKING:
    from datetime import datetime

    from nightporter.domain.sources import Sources
    from nightporter.storage.examination import Examination
    from nightporter.storage.examination import Server as PostgresServer

OK, WARNING, PROBLEM = "ok", "warning", "problem"
MEGABYTE = 1_000_000
LEAST_FREE, LITTLE_FREE = 100 * MEGABYTE, 1000 * MEGABYTE
LARGE_WAL = 256 * MEGABYTE
OF_A_NODE = 12
"""Connections that one worker uses at most: for reads, to write, to listen, and to do alone what one of them does."""
CLOCKS_APART = 2.0
"""Seconds by which clocks may differ."""
HOUR, DAY = 3600, 86400
PATIENCE = 10.0
"""Seconds that a server may take to say whether it is ready."""
SHOWN = 5
"""How many names one line tells at most."""


@value
class Finding:
    """One line: how it is, about what, what was found and what to do; ``advice`` is empty where all is well."""

    level: str
    about: str
    found: str
    advice: str = ""


def doctor(
    database: DatabaseOption = DEFAULT_DATABASE,
    settings: Annotated[Path | None, typer.Option(help="The TOML file that serve is given.", metavar="FILE")] = None,
    as_json: JsonOption = False,
) -> None:
    """Examine a desk, and say what to do: settings, disk, database, clock, tokens, devices, queue, encryption.

    One line for each thing looked at: ok, warning or problem. Nothing is changed; servers may run meanwhile.
    """
    has_problem = False
    for one in _findings(place_of(database), settings):
        has_problem = has_problem or one.level == PROBLEM
        if as_json:
            say_json({"Level": one.level, "About": one.about, "Found": one.found, "Advice": one.advice or None})
        else:
            say(f"{one.level:<8} {one.about:<9} {one.found}{f'; {one.advice}' if one.advice else ''}")
    if has_problem:
        raise typer.Exit(FAILED)


def _findings(place: Place, file: Path | None) -> Iterator[Finding]:
    from nightporter.domain.errors import Unavailable
    from nightporter.host.clock import machine_sources
    from nightporter.storage.examination import DatabaseDamaged
    from nightporter.storage.refused import DatabaseRefused, DatabaseUnreachable

    sources = machine_sources()
    now = sources.now()
    yield from _settings(file)
    yield _year(now)
    if isinstance(place, Path):
        if not place.is_file():
            yield Finding(PROBLEM, "database", f"{place} does not exist", NO_DESK_YET)
            return
        yield from _disk(place)
    try:
        migration = _migration(place)
        yield migration
        if migration.level == PROBLEM:
            return
        found, of_the_database = _examined(place, sources)
    except DatabaseDamaged as damaged:
        advice = "stop the server, keep the file, and go back to the last backup: docs/running.md"
        yield Finding(PROBLEM, "database", str(damaged).rstrip("."), advice)
        return
    except (DatabaseUnreachable, Unavailable) as away:
        yield Finding(PROBLEM, "database", str(away).rstrip("."), _to_reach(place))
        return
    except DatabaseRefused as refused:
        yield Finding(PROBLEM, "database", str(refused).rstrip("."))
        return
    yield from of_the_database
    if found.moved is not None:
        advice = "stop its server, if one runs, and give that database (--database); what it took on since is not here"
        yield Finding(PROBLEM, "database", f"the hotel in {place} was moved to {found.moved}", advice)
        return
    for check in _CHECKS:
        yield check(found, now)
    if (keys := _keys(file)) is not None:
        yield _encryption(found, keys)


def _settings(file: Path | None) -> Iterator[Finding]:
    from nightporter.client.address import is_loopback
    from nightporter.settings import InvalidSetting, load, unknown_variables
    from nightporter.web.app import deadlines_of

    try:
        settings = load({}, file)
        deadlines_of(settings)
    except InvalidSetting as problem:
        yield Finding(PROBLEM, "settings", str(problem), "correct it, serve will not start with it")
        return
    unknown = unknown_variables()
    for found, advice in unknown:
        yield Finding(WARNING, "settings", found, advice)
    if not is_loopback(settings.host):
        advice = "let a proxy with TLS stand before it, so that nobody reads tokens on their way"
        yield Finding(WARNING, "settings", f"it listens on {settings.host}, where other machines can call", advice)
    elif not unknown:
        yield Finding(OK, "settings", "every one can be used")


def _keys(file: Path | None) -> tuple[str, ...] | None:
    """The ids of the keys, the first one first; None where the settings cannot be used, which is told already."""
    from nightporter.settings import InvalidSetting, load, read_keys
    from nightporter.storage.sealing import key_id

    try:
        return tuple(key_id(key) for key in read_keys(load({}, file).keys))
    except InvalidSetting:
        return None


def _encryption(found: "Examination", keys: tuple[str, ...]) -> Finding:
    about = "keys"
    if missing := sorted(key for key in found.keys if key is not None and key not in keys):
        advice = "set keys (NIGHTPORTER_KEYS) as serve has it; what another key has encrypted cannot be read without it"
        return Finding(PROBLEM, about, f"values are encrypted with keys that are not here: {_some(missing)}", advice)
    if not keys:
        advice = "run: nightporter new-key, and set keys (NIGHTPORTER_KEYS) to what it prints; see docs/encryption.md"
        return Finding(WARNING, about, "there is none: PINs, documents and guest data are kept in the clear", advice)
    if found.keys - {keys[0]}:
        return Finding(WARNING, about, "not all is encrypted with the first key", "run: nightporter rotate-keys")
    return Finding(OK, about, f"values are encrypted with key {keys[0]}")


def _year(now: "datetime") -> Finding:
    if not 2025 <= now.year < 2100:
        return Finding(PROBLEM, "clock", f"it says {now:%Y-%m-%d}", "set the clock of the machine, with NTP")
    return Finding(OK, "clock", f"it says {now:%Y-%m-%d %H:%M:%S} UTC")


def _disk(database: Path) -> Iterator[Finding]:
    import os
    import shutil

    folder = database.absolute().parent
    free = shutil.disk_usage(folder).free
    level = PROBLEM if free < LEAST_FREE else WARNING if free < LITTLE_FREE else OK
    advice = "" if level == OK else "make room; a full disk stops the desk, and loses nothing"
    yield Finding(level, "disk", f"{_size(free)} are free in {folder}", advice)
    for path in (folder, database):
        if not os.access(path, os.W_OK):
            yield Finding(PROBLEM, "disk", f"{path} may not be written", "give the user of the server that right")


def _to_reach(place: Place) -> str:
    if isinstance(place, Path):
        return "see the rights of the file and of its folder, and the disk"
    return "start its server, or correct the address (--database); a desk that runs goes on when it is back"


async def _can_be_opened(place: Place) -> None:
    """Raises DatabaseRefused."""
    from nightporter.storage.opening import open_database

    await (await open_database(place)).close()


def _migration(database: Place) -> Finding:
    import asyncio

    from nightporter.storage.opening import REVISIONS, is_demo, revision

    found = revision(database)
    if found is None:
        return Finding(PROBLEM, "database", f"{database} is empty", NO_DESK_YET)
    if found not in REVISIONS:
        asyncio.run(_can_be_opened(database))
        told = f"{database} is of a newer release (migration {found}), but this one can serve it"
        return Finding(WARNING, "database", told, "install that one here too")
    if found != REVISIONS[-1]:
        advice = f"back it up, then run: nightporter upgrade --database {database}"
        return Finding(PROBLEM, "database", f"{database} is of an older release (migration {found})", advice)
    if not isinstance(database, Path):
        return Finding(OK, "database", f"{database}{', a demo,' if is_demo(database) else ''} is at migration {found}")
    wal = database.with_name(database.name + "-wal")
    beside = wal.stat().st_size if wal.exists() else 0
    told = f"{database}{', a demo,' if is_demo(database) else ''} has {_size(database.stat().st_size)}"
    if beside > LARGE_WAL:
        advice = "something reads for very long, a backup perhaps; it shrinks when that ends"
        return Finding(WARNING, "database", f"{told}, and {_size(beside)} in its WAL", advice)
    return Finding(OK, "database", f"{told}, at migration {found}")


def _examined(place: Place, sources: "Sources") -> tuple["Examination", list[Finding]]:
    """What is found in the database, and how the database itself is."""
    import asyncio

    from nightporter.storage.examination import Limits, examine, examine_server, looked_at
    from nightporter.storage.opening import open_database

    seconds = int(sources.now().timestamp())
    limits = Limits(seconds, seconds - HOUR, seconds - 90 * DAY, seconds - 7 * DAY)
    if isinstance(place, Path):
        with looked_at(place) as file:
            found = asyncio.run(examine(file, limits))
        return found, [Finding(OK, "database", "SQLite finds it sound"), _server(place)]

    async def from_server() -> tuple["Examination", list[Finding]]:
        database = await open_database(place)
        try:
            asked = sources.now().timestamp()
            server = await examine_server(database)
            ahead = server.time - (asked + sources.now().timestamp()) / 2
            return await examine(database, limits), _of_the_server(server, ahead)
        finally:
            await database.close()

    return asyncio.run(from_server())


def _of_the_server(server: "PostgresServer", ahead: float) -> list[Finding]:
    """``ahead`` is how many seconds its clock is before that of this machine."""
    left = Finding(OK, "server", f"{server.connections_left} connections are left")
    if server.connections_left < OF_A_NODE:
        advice = f"each worker uses up to {OF_A_NODE}: raise max_connections of PostgreSQL, or have fewer workers"
        left = Finding(WARNING, "server", left.found, advice)
    clock = Finding(OK, "clock", "it agrees with that of the database")
    if abs(ahead) > CLOCKS_APART:
        found = f"that of the database is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
        clock = Finding(WARNING, "clock", found, "set the clocks of all machines with NTP; each stamps what it changes")
    return [Finding(OK, "database", f"PostgreSQL {server.version} with {server.promises}"), left, clock]


def _server(database: Path) -> Finding:
    import asyncio

    from aiohttp import ClientError

    from nightporter.cli.announcing import announced
    from nightporter.client.calling import reason_of
    from nightporter.storage.lock import DatabaseInUse, DatabaseLock
    from nightporter.storage.refused import DatabaseRefused

    try:
        with DatabaseLock(database):
            return Finding(OK, "server", "none runs on this file")
    except DatabaseRefused as refusal:
        return Finding(PROBLEM, "server", str(refusal).rstrip("."))
    except DatabaseInUse:
        pass
    try:
        at = announced(database)
        if at is None:
            return Finding(OK, "server", "the file is in use by another command, or by a server that is just starting")
        status, told = asyncio.run(_asked_whether_ready(at[0]))
    except PermissionError:
        return Finding(OK, "server", "one runs, under another user")
    except (ClientError, TimeoutError) as error:
        return Finding(PROBLEM, "server", f"it does not answer: {reason_of(error)}", "see its log")
    if status != 200:
        return Finding(PROBLEM, "server", f"{at[0]} cannot write: {_reason(told).rstrip('.')}", "see its log")
    return Finding(OK, "server", f"it runs at {at[0]} and can write")


async def _asked_whether_ready(address: str) -> tuple[int, bytes]:
    from aiohttp import ClientSession, ClientTimeout

    async with (
        ClientSession(timeout=ClientTimeout(PATIENCE)) as http,
        http.get(f"{address}/ready", allow_redirects=False) as answer,
    ):
        return answer.status, await answer.read()


def _reason(answer: bytes) -> str:
    """Why a server is not ready, in its own words."""
    import msgspec

    try:
        return msgspec.json.decode(answer, type=dict[str, str])["Reason"]
    except (msgspec.DecodeError, KeyError):
        return "it does not say why"


def _stamped(found: "Examination", now: "datetime") -> Finding:
    from datetime import timedelta

    ahead = timedelta(seconds=found.stamped) - timedelta(seconds=int(now.timestamp()))
    if ahead > timedelta(minutes=1):
        advice = f"set the clock with NTP; until {ahead} from now the desk stamps everything with the last time it knew"
        return Finding(PROBLEM, "clock", f"it has gone back by {ahead} since the desk last wrote", advice)
    return Finding(OK, "clock", "it has not gone back since the desk last wrote")


def _without_token(found: "Examination", _: "datetime") -> Finding:
    if not found.without_token:
        return Finding(OK, "tokens", "every enabled integration has a valid one")
    advice = "nobody can call as it; run: nightporter tokens add --integration NAME, or nightporter integrations disable NAME"
    return Finding(WARNING, "tokens", f"integrations without one: {_names(found.without_token)}", advice)


def _unused(found: "Examination", _: "datetime") -> Finding:
    if not found.unused:
        return Finding(OK, "tokens", "every valid one is in use")
    from datetime import UTC, datetime

    told = [
        f"{one.id} ({one.name}, {'never' if one.used is None else f'{datetime.fromtimestamp(one.used, UTC):%Y-%m-%d}'})"
        for one in found.unused
    ]
    return Finding(WARNING, "tokens", f"not used for long: {_some(told)}", "run: nightporter tokens revoke ID")


def _unreachable(found: "Examination", _: "datetime") -> Finding:
    if not found.unreachable:
        return Finding(OK, "devices", "each is connected to an integration that can call")
    advice = (
        "nobody would carry their commands out; run: nightporter integrations connect NAME DEVICE, "
        "or nightporter devices delete DEVICE"
    )
    return Finding(WARNING, "devices", f"not reachable: {_names(found.unreachable)}", advice)


def _waiting(found: "Examination", now: "datetime") -> Finding:
    if not found.waiting:
        return Finding(OK, "queue", "no command waits for more than an hour")
    told = [
        f"{one.count} for {one.device} since {(int(now.timestamp()) - one.oldest) // HOUR} h" for one in found.waiting
    ]
    advice = "see whether the program beside the device runs, or run: nightporter commands cancel ID"
    return Finding(WARNING, "queue", f"commands wait: {_some(told)}", advice)


def _outlived(found: "Examination", _: "datetime") -> Finding:
    if not found.outlived:
        return Finding(OK, "access", "no resource access token has outlived its validity")
    told = f"{found.outlived} resource access tokens are active although their validity is over"
    return Finding(WARNING, "access", told, "let the property system delete them (resourceAccessTokens/delete)")


_CHECKS: tuple[Callable[["Examination", "datetime"], Finding], ...] = (
    _stamped,
    _without_token,
    _unused,
    _unreachable,
    _waiting,
    _outlived,
)


def _names(found: list[tuple[str, str]]) -> str:
    return _some([name for _, name in found])


def _some(told: list[str]) -> str:
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return plain(", ".join(told[:SHOWN])) + more


def _size(count: int) -> str:
    return f"{count / MEGABYTE:.1f} MB" if count < 1000 * MEGABYTE else f"{count / 1000 / MEGABYTE:.1f} GB"
