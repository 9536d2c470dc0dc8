"""``nightporter rooms``, ``guests`` and ``stays``: the facts that a hotelier types; the others are for ``records``."""

from typing import Annotated, Any

import typer

from nightporter.cli.adding import AmongOption, EnterpriseOption, QuietOption, add, new_id
from nightporter.cli.asking import USAGE
from nightporter.cli.desk import ADMINISTRATION_EXIT_CODES, Administration, Where, administer, with_desk
from nightporter.cli.naming import GUEST, ROOM, enterprise_of, id_of, pages, unused
from nightporter.cli.running import fail
from nightporter.cli.table import tell

rooms = typer.Typer(help="Rooms, with the locks that their keys open.", no_args_is_help=True)
guests = typer.Typer(help="Guests.", no_args_is_help=True)
stays = typer.Typer(help="Stays: who is in which room, and how long.", no_args_is_help=True)


@rooms.command("add", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def add_room(
    where: Where,
    name: Annotated[str, typer.Argument(help="Its name, like 101.", metavar="NAME")],
    lock: Annotated[
        list[str] | None,
        typer.Option(
            help="Id of a lock that its key opens; may be given several times. [default: its name]", metavar="ID"
        ),
    ] = None,
    enterprise: EnterpriseOption = None,
    quiet: QuietOption = False,
) -> None:
    """Add a room."""

    async def act(ask: Administration) -> dict[str, Any]:
        owner = await enterprise_of(ask, enterprise)
        record = {"Name": await unused(ask, ROOM, name, owner), "LockIds": lock or []}
        return await _added(ask, "Resources", owner, record)

    add(where, act, quiet=quiet)


@guests.command("add", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def add_guest(
    where: Where,
    last_name: Annotated[str, typer.Argument(help="The last name.", metavar="LAST_NAME")],
    first_name: Annotated[str | None, typer.Option(help="The first name.", metavar="TEXT")] = None,
    email: Annotated[str | None, typer.Option(help="The e-mail address.", metavar="TEXT")] = None,
    phone: Annotated[str | None, typer.Option(help="The telephone number.", metavar="TEXT")] = None,
    enterprise: EnterpriseOption = None,
    quiet: QuietOption = False,
) -> None:
    """Add a guest."""
    given = {"FirstName": first_name, "LastName": last_name, "Email": email, "Phone": phone}

    async def act(ask: Administration) -> dict[str, Any]:
        record = {field: text for field, text in given.items() if text is not None}
        return await _added(ask, "Customers", enterprise, record)

    add(where, act, quiet=quiet)


@stays.command("add", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def add_stay(
    where: Where,
    guest: Annotated[str, typer.Option(help="Name or id of the guest.", metavar="NAME")],
    room: Annotated[str, typer.Option(help="Name or id of the room.", metavar="NAME")],
    nights: Annotated[int | None, typer.Option(min=1, max=1000, help="How many nights.")] = None,
    begin: Annotated[
        str | None,
        typer.Option("--from", help="When it begins, like 2026-03-01T14:00Z. [default: now]", metavar="TIME"),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--until", help="When it ends, instead of a number of nights.", metavar="TIME")
    ] = None,
    number: Annotated[str | None, typer.Option(help="The number of the reservation.", metavar="TEXT")] = None,
    enterprise: EnterpriseOption = None,
    quiet: QuietOption = False,
) -> None:
    """Add a stay of a guest in a room: a reservation, Started if it begins now and Confirmed if later.

    Times without an offset are UTC.
    """
    from datetime import timedelta

    from nightporter.host.clock import machine_sources

    if (nights is None) == (end is None):
        raise fail("give either --nights or --until", USAGE)
    now = machine_sources().now().replace(microsecond=0)
    start = now if begin is None else time_of("--from", begin)
    last = time_of("--until", end) if end is not None else start + timedelta(days=nights or 0)
    if last <= start:
        raise fail("the stay must end after it begins", USAGE)

    async def act(ask: Administration) -> dict[str, Any]:
        place = await enterprise_of(ask, enterprise)
        record = {
            "State": "Started" if start <= now else "Confirmed",
            "Number": number,
            "ScheduledStartUtc": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "ScheduledEndUtc": f"{last:%Y-%m-%dT%H:%M:%SZ}",
            "AccountId": await id_of(ask, GUEST, guest, EnterpriseIds=[place]),
            "AssignedResourceId": await id_of(ask, ROOM, room, EnterpriseIds=[place]),
        }
        return await _added(ask, "Reservations", place, record)

    add(where, act, quiet=quiet)


def time_of(flag: str, text: str) -> Any:
    """A time in UTC; raises typer.Exit."""
    from datetime import UTC, datetime

    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise fail(f"{flag} is not a time; write it like 2026-03-01T14:00Z", USAGE) from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)


async def _added(ask: Administration, part: str, enterprise: str | None, record: dict[str, Any]) -> dict[str, Any]:
    record = {"Id": new_id(), **record, "EnterpriseId": await enterprise_of(ask, enterprise)}
    await ask(f"{part.lower()}/set", **{part: [record]})
    return {field: given for field, given in record.items() if given not in (None, [])}


@rooms.command("list", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def list_rooms(where: Where, enterprise: AmongOption = None) -> None:
    """List the rooms, those of every enterprise if none is given."""
    _list(where, "Resources", ("Id", "Name", "LockIds"), enterprise)


@guests.command("list", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def list_guests(where: Where, enterprise: AmongOption = None) -> None:
    """List the guests, those of every enterprise if none is given."""
    _list(where, "Customers", ("Id", "FirstName", "LastName", "Email", "Phone"), enterprise)


@stays.command("list", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def list_stays(where: Where, enterprise: AmongOption = None) -> None:
    """List the reservations, those of every enterprise if none is given."""
    fields = ("Id", "Number", "State", "ScheduledStartUtc", "ScheduledEndUtc", "AccountId", "AssignedResourceId")
    _list(where, "Reservations", fields, enterprise)


def _list(where: Where, part: str, fields: tuple[str, ...], enterprise: str | None) -> None:
    async def act(ask: Administration) -> list[dict[str, Any]]:
        among = None if enterprise is None else [await enterprise_of(ask, enterprise)]
        return [record async for record in pages(ask, part, EnterpriseIds=among)]

    tell(administer(where, act), fields, as_json=where.as_json)
