"""``nightporter commands list``, ``cancel`` and ``again``: the queue, for whoever runs the desk."""

from typing import Annotated, Any
from uuid import UUID

import typer

from nightporter.cli.adding import AmongOption, QuietOption, add
from nightporter.cli.asking import FAILED, USAGE, note, plain, say, say_json
from nightporter.cli.audit import LimitOption
from nightporter.cli.desk import Administration, Where, administer, with_desk
from nightporter.cli.naming import DEVICE, ENTERPRISE, id_of, member_of
from nightporter.cli.running import fail
from nightporter.cli.table import tell
from nightporter.domain.command import CommandState
from nightporter.domain.device import DeviceType

FIELDS = ("Id", "CreatedUtc", "State", "Device", "Progress", "Executor", "Notes")
EVERY = 1.0
"""Seconds between two looks at what has changed."""
PAGE = 1000
LONGEST = 89
"""Days that one list may span: no three months are shorter."""


@with_desk
def list_commands(
    where: Where,
    enterprise: AmongOption = None,
    device: Annotated[
        list[str] | None, typer.Option(help="Name or id of a device; may be given several times.", metavar="NAME")
    ] = None,
    device_type: Annotated[
        list[DeviceType] | None,
        typer.Option("--type", help="Type of device; may be given several times.", parser=member_of(DeviceType)),
    ] = None,
    state: Annotated[
        list[CommandState] | None, typer.Option(help="May be given several times.", parser=member_of(CommandState))
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Created at this time or later, like 2026-03-01T14:00Z.", metavar="TIME")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Created before this time.", metavar="TIME")] = None,
    text: Annotated[str | None, typer.Option(help="Words in the notes.", metavar="TEXT")] = None,
    limit: LimitOption = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Tell instead each change of a command as it comes, until Ctrl-C.")
    ] = False,
) -> None:
    """List commands, newest first; all that is given must hold. Times without an offset are UTC.

    With --follow each line is a change: when it was, the command, its new state and its device. That needs a server.
    """
    created = _between(since, until)

    async def act(ask: Administration) -> list[dict[str, Any]]:
        among = None if enterprise is None else [await id_of(ask, ENTERPRISE, enterprise)]
        wanted = {
            "EnterpriseIds": among,
            "DeviceIds": [await id_of(ask, DEVICE, one, EnterpriseIds=among) for one in device or ()] or None,
            "DeviceTypes": device_type or None,
            "CreatedUtc": created,
            "Text": text,
        }
        if follow:
            await _follow(ask, wanted, state, as_json=where.as_json)
        reply = await ask("commands/getAll", **wanted, States=state or None, Limitation={"Count": limit})
        commands: list[dict[str, Any]] = reply["Commands"]
        return commands

    found = administer(where, act, alone=not follow)
    tell(
        [one if where.as_json else {**one, "Device": one["Device"]["Name"]} for one in found],
        FIELDS,
        as_json=where.as_json,
    )


def _between(since: str | None, until: str | None) -> dict[str, str] | None:
    from datetime import timedelta

    from nightporter.cli.hotel import time_of
    from nightporter.host.clock import machine_sources

    if since is None and until is None:
        return None
    end = time_of("--until", until) if until is not None else machine_sources().now() + timedelta(days=1)
    start = time_of("--since", since) if since is not None else end - timedelta(days=LONGEST)
    if not timedelta() < end - start <= timedelta(days=LONGEST):
        raise fail("--until must be after --since, and at most three months; until tomorrow if it is left out", USAGE)
    return {"StartUtc": f"{start:%Y-%m-%dT%H:%M:%SZ}", "EndUtc": f"{end:%Y-%m-%dT%H:%M:%SZ}"}


async def _follow(
    ask: Administration, wanted: dict[str, Any], states: list[CommandState] | None, *, as_json: bool
) -> None:
    from nightporter.host.clock import machine_sources

    pause = machine_sources().pause
    among = wanted["EnterpriseIds"]
    cursor = await _newest(ask, among)
    note("following; Ctrl-C ends it")
    while True:
        reply = await ask("events/getAll", EnterpriseIds=among, Limitation={"Count": PAGE, "Cursor": cursor})
        events = reply["Events"]
        if events:
            cursor = reply["Cursor"]
            ids = list({event["CommandId"] for event in events})
            found = await ask("commands/getAll", **wanted, CommandIds=ids, Limitation={"Count": PAGE})
            commands = {command["Id"]: command for command in found["Commands"]}
            for event in events:
                command = commands.get(event["CommandId"])
                if command is None or (states and event["State"] not in states):
                    continue
                if as_json:
                    say_json(
                        {**command, "State": event["State"], "TimeUtc": event["TimeUtc"], "Number": event["Number"]}
                    )
                else:
                    device = command["Device"]
                    say(f"{event['TimeUtc']} {command['Id']} {event['State']} {device['Name']} ({device['Type']})")
        if len(events) < PAGE:
            await pause(EVERY)


async def _newest(ask: Administration, among: list[str] | None) -> str:
    """The number of the last event that is there; found by halving, since events are listed from the first on."""

    async def is_before_one(number: int) -> bool:
        reply = await ask("events/getAll", EnterpriseIds=among, Limitation={"Count": 1, "Cursor": str(number)})
        return bool(reply["Events"])

    low, high = -1, 1
    while await is_before_one(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if await is_before_one(middle) else (low, middle)
    return str(high)


@with_desk
def cancel(
    where: Where,
    command_ids: Annotated[list[UUID], typer.Argument(help="Ids of commands.", metavar="ID...")],
    notes: Annotated[str | None, typer.Option(help="Why, for whoever looks at it.", metavar="TEXT")] = None,
) -> None:
    """Cancel commands that have not ended; prints the ids of those. An executor that ends one all the same is believed."""

    async def act(ask: Administration) -> list[str]:
        reply = await ask("commands/cancel", CommandIds=[str(one) for one in command_ids], Notes=notes)
        done: list[str] = reply["CommandIds"]
        return done

    done = administer(where, act)
    tell([{"Id": one} for one in done], ("Id",), as_json=where.as_json)
    if left := [str(one) for one in command_ids if str(one) not in done]:
        raise fail(f"ended already: {plain(', '.join(left))}", FAILED)


@with_desk
def again(
    where: Where,
    command_id: Annotated[UUID, typer.Argument(help="Id of a command that has ended.", metavar="ID")],
    quiet: QuietOption = False,
) -> None:
    """Add a command once more, with the data and the document that it had."""

    async def act(ask: Administration) -> dict[str, Any]:
        return await ask("commands/addAgain", CommandId=str(command_id))

    add(where, act, quiet=quiet)
