"""The desk that an administrator's command works on: the running server, or the database itself, under its lock.

Which of them it is, is chosen here, so that no command has to know: :func:`administer` calls administration operations
wherever they can be carried out; :func:`wherever` is for what is done in one way there and in another here.
"""

import inspect
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, Protocol, TypeVar

import typer

from nightporter.cli.asking import DEFAULT_ADDRESS, FAILED, STOPPED, UNREACHABLE, USAGE, JsonOption, note, plain
from nightporter.cli.running import fail
from nightporter.domain.value import value
from nightporter.settings import InvalidSetting
from nightporter.storage.places import Place, place_of

if TYPE_CHECKING:
    from nightporter.web.desk import Desk

T = TypeVar("T")
P = ParamSpec("P")


def usable_database(text: str) -> str:
    """The text, if it names a place where a desk can be; raises typer.Exit with the reason told."""
    try:
        place_of(text)
    except InvalidSetting as problem:
        raise fail(str(problem), USAGE) from None
    return text


DatabaseOption = Annotated[
    str,
    typer.Option(
        callback=usable_database,
        envvar="NIGHTPORTER_DATABASE",
        help="The SQLite file of the desk, or its PostgreSQL database: postgresql://USER@HOST/NAME.",
        metavar="FILE",
    ),
]
DeskAddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Where the server is, if it is not that of the database; needs an administration token. "
        f"[default: NIGHTPORTER_ADDRESS, else {DEFAULT_ADDRESS}]",
        show_default=False,
    ),
]
AdministrationTokenOption = Annotated[
    str | None,
    typer.Option(
        "--administration-token",
        envvar="NIGHTPORTER_ADMINISTRATION_TOKEN",
        help="Ask the server at the address with this token; rather give it in the environment.",
    ),
]
ADMINISTRATION_EXIT_CODES = (
    "Exit codes: 0 done; 1 it could not be done, with the reason told; 2 wrong usage, or an unusable setting; "
    "3 the server could not be reached; 130 stopped by Ctrl-C."
)
NO_DESK_YET = (
    "give the database of the desk (--database), or make one: nightporter enterprises add NAME --currency CODE"
)
DEFAULT_DATABASE = "nightporter.db"
PATIENCE = 5.0
"""Seconds to wait for a database that another command has, or whose server is just starting."""


@value
class Where:
    """Which desk is meant: that of ``database``, or with a ``token`` the server at ``address``; and how to answer."""

    database: Place
    address: str | None
    token: str | None = field(repr=False)
    as_json: bool


class Administration(Protocol):
    """Calls an administration operation."""

    async def __call__(self, path: str, **fields: Any) -> dict[str, Any]:
        """The reply of the operation ``path``; fields that are None are left out. Raises Refusal or ClientError."""


def with_desk(command: Callable[Concatenate[Where, P], None]) -> Callable[..., None]:
    """Give a command the options that say which desk is meant; it takes them as its first argument."""

    @wraps(command)
    def run(
        *given: Any,
        database: str,
        address: str | None,
        administration_token: str | None,
        as_json: bool,
        **options: Any,
    ) -> None:
        command(Where(place_of(database), address, administration_token, as_json), *given, **options)

    shared = {
        "as_json": (JsonOption, False),
        "database": (DatabaseOption, DEFAULT_DATABASE),
        "address": (DeskAddressOption, None),
        "administration_token": (AdministrationTokenOption, None),
    }
    own = [*inspect.signature(command).parameters.values()][1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter(name, keyword, default=default, annotation=kind) for name, (kind, default) in shared.items()
    ]
    run.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]  # inspect looks for it
    run.__annotations__ = {
        **{one.name: one.annotation for one in own},
        **{name: kind for name, (kind, _) in shared.items()},
        "return": None,
    }
    return run


def administer(
    where: Where, act: Callable[[Administration], Awaitable[T]], *, make: bool = False, alone: bool = True
) -> T:
    """Do ``act`` with a function that calls administration operations, at a server or on the database.

    A missing database is made where ``make`` says so; what makes no sense ``alone``, where nobody else can have the
    database, is refused. Raises typer.Exit with the reason told.
    """
    from nightporter.cli.administration import over_http, within

    async def there(address: str, token: str) -> T:
        async with over_http(address, token) as ask:
            return await act(ask)

    async def here(desk: "Desk") -> T:
        if not alone and not desk.database.is_shared:
            raise fail(f"no server has {plain(str(where.database))}, and without one nothing happens there", FAILED)
        return await act(within(desk))

    return wherever(where, there, here, make=make)


There = Callable[[str, str], Awaitable[T]]
Here = Callable[["Desk"], Awaitable[T]]


def wherever(where: Where, there: There[T], here: Here[T], *, make: bool = False) -> T:
    """Do ``there`` with the address of the desk's server and a token, or ``here`` with the desk open in this process.

    A missing database is made where ``make`` says so. Raises typer.Exit with the reason told.
    """
    import asyncio

    from nightporter.client import ClientError, Unreachable
    from nightporter.domain.errors import Refusal

    try:
        return asyncio.run(_done(where, there, here, make=make))
    except KeyboardInterrupt:
        raise typer.Exit(STOPPED) from None
    except Unreachable as error:
        raise fail(plain(str(error)), UNREACHABLE) from None
    except (ClientError, Refusal) as error:
        raise fail(plain(_in_words(str(error))), FAILED) from None


def _in_words(message: str) -> str:
    """A refusal that names a parameter of the API, in words for whoever typed a command; any other as it is."""
    refused = re.fullmatch(r"Invalid (\w+?)Ids?( \(.*\))?", message)
    if refused is None:
        return message
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", refused[1]).lower()
    return f"there is no such {kind} at this desk, and nothing was changed{refused[2] or ''}"


async def _done(where: Where, there: There[T], here: Here[T], *, make: bool) -> T:
    from nightporter.settings import variables

    if where.token:
        address = where.address or variables().get("NIGHTPORTER_ADDRESS") or DEFAULT_ADDRESS
        try:
            return await there(address, where.token)
        except ValueError as error:
            raise fail(plain(str(error)), USAGE) from None
    if where.address is not None:
        raise fail("give --administration-token (or NIGHTPORTER_ADMINISTRATION_TOKEN) with --address", USAGE)
    if not isinstance(where.database, Path):
        return await _here(where.database, here, make=make)
    if where.database.is_file() and (server := _running(where.database)):
        return await there(*server)
    return await _in_turn(where.database, there, here, make=make)


def _running(database: Path) -> tuple[str, str] | None:
    """Address and token of the server that has the database, if one does and has told them."""
    from nightporter.cli.announcing import announced
    from nightporter.storage.lock import DatabaseInUse, DatabaseLock
    from nightporter.storage.refused import DatabaseRefused

    try:
        DatabaseLock(database).release()
    except DatabaseInUse:
        with suppress(PermissionError):
            return announced(database)
    except DatabaseRefused:
        pass  # told by whoever opens it
    return None


async def _in_turn(database: Path, there: There[T], here: Here[T], *, make: bool) -> T:
    """On the database, once nobody else has it, or at the server that announces itself meanwhile."""
    from nightporter.cli.announcing import announced, announcement
    from nightporter.host.clock import machine_sources
    from nightporter.storage.lock import DatabaseInUse, DatabaseLock
    from nightporter.storage.refused import DatabaseRefused

    sources = machine_sources()
    tried_until = sources.elapsed() + PATIENCE
    while True:
        try:
            with DatabaseLock(_usable(database, make=make)):
                return await _here(database, here, make=make)
        except OSError as error:
            raise fail(f"{plain(str(database))} cannot be used: {error.strerror}", FAILED) from None
        except DatabaseRefused as refusal:
            raise fail(plain(str(refusal)), FAILED) from None
        except DatabaseInUse as in_use:
            try:
                server = announced(database)
            except PermissionError:
                raise fail(
                    f"a server has {plain(str(database))}, and {plain(str(announcement(database)))} "
                    "may be read by its user only: be that user, or give an administration token",
                    FAILED,
                ) from None
            if server is not None:
                return await there(*server)
            if sources.elapsed() > tried_until:
                raise fail(plain(str(in_use)), FAILED) from None
            await sources.pause(0.1)


async def _here(database: Place, act: Callable[["Desk"], Awaitable[T]], *, make: bool) -> T:
    """Do ``act`` in this process; raises typer.Exit with the reason told."""
    from nightporter.domain.errors import Unavailable
    from nightporter.host.clock import machine_sources
    from nightporter.host.logs import configure
    from nightporter.settings import load
    from nightporter.storage.opening import create, revision
    from nightporter.storage.refused import DatabaseRefused
    from nightporter.web.app import App

    sources = machine_sources()
    try:
        settings = load()
    except InvalidSetting as problem:
        raise fail(str(problem), USAGE) from None
    told = plain(str(database))
    try:
        if revision(database) is None:
            if not make:
                raise fail(f"{told} is empty; {NO_DESK_YET}", FAILED)
            create(database, sources, demo=False)
            note(f"made {told}")
        configure("error", sources.now)
        async with App(settings, sources, database).open() as desk:
            return await act(desk)
    except InvalidSetting as problem:
        raise fail(str(problem), USAGE) from None
    except (DatabaseRefused, Unavailable) as refusal:
        raise fail(plain(str(refusal)), FAILED) from None


def _usable(database: Path, *, make: bool) -> Path:
    """A file that can be there, or be made; raises typer.Exit with the reason told."""
    if database.is_dir():
        raise fail(f"{plain(str(database))} is a folder; give the file of the desk (--database)", FAILED)
    if not make and not database.is_file():
        raise fail(f"{plain(str(database))} does not exist; {NO_DESK_YET}", FAILED)
    if not database.parent.is_dir():
        raise fail(f"there is no folder {plain(str(database.parent))}; make it, or give another --database", FAILED)
    return database
