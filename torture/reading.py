"""What the desk says at the end, through its API: every command with its history, every event, every token."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torture import hotel
from torture.adders import number_of
from torture.administrators import Administrator
from torture.asking import Asking

PAGE = 1000
ROUNDS = 20


@dataclass(frozen=True)
class Told:
    """An event as events/getAll tells it."""

    number: int
    command_id: str
    device_id: str
    state: str


@dataclass(frozen=True)
class Kept:
    """A command as commands/getAllByIds tells it. ``number`` is that of the request that its content shows."""

    command_id: str
    device_id: str
    number: int
    document: str | None
    state: str
    states: tuple[str, ...]
    times: tuple[str, ...]
    executor: str | None


@dataclass(frozen=True)
class KeptToken:
    """A resource access token: of which batch, with the value of which generation."""

    token_id: str
    batch: int
    generation: int
    is_active: bool


@dataclass(frozen=True)
class Truth:
    """All of it. ``listed`` are the ids in the administrators' list of commands."""

    events: tuple[Told, ...]
    commands: Mapping[str, Kept]
    listed: tuple[str, ...]
    tokens: tuple[KeptToken, ...]


async def read(asking: Asking, administrator: Administrator, known: set[str]) -> Truth:
    """Read until nothing is written any more; ``known`` are further ids of commands to ask for."""
    events = await _events(administrator)
    for _ in range(ROUNDS):
        listed = [one["Id"] for one in await _pages(administrator, "commands/getAll", "Commands")]
        commands = await _commands(asking, sorted({*listed, *known}))
        later = await _events(administrator)
        if len(later) == len(events):
            break
        events = later
        await asyncio.sleep(0.5)
    return Truth(events, commands, tuple(listed), await _tokens(asking))


async def _events(administrator: Administrator) -> tuple[Told, ...]:
    return tuple(
        Told(one["Number"], one["CommandId"], one["DeviceId"], one["State"])
        for one in await _pages(administrator, "events/getAll", "Events")
    )


async def _pages(administrator: Administrator, operation: str, name: str) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while True:
        reply = await administrator.ask(operation, Limitation={"Count": PAGE, "Cursor": cursor})
        if reply.status != 200:
            raise RuntimeError(f"{operation} was refused: {reply.status} {reply.message}")
        if not reply.body[name]:
            return found
        found += reply.body[name]
        cursor = reply.body["Cursor"]


async def _commands(asking: Asking, ids: list[str]) -> dict[str, Kept]:
    found = {}
    for place in range(0, len(ids), PAGE):
        reply = await asking.call(
            hotel.AGENT,
            "commands/getAllByIds",
            CommandIds=ids[place : place + PAGE],
            Extent={"Execution": True},
            Limitation={"Count": PAGE},
        )
        for one in reply.body["Commands"]:
            found[one["Id"]] = _kept(one)
    return found


def _kept(one: Any) -> Kept:
    data, execution = one["Data"], one["Execution"]
    return Kept(
        one["Id"],
        one["Device"]["Id"],
        number_of(one["Device"]["Type"], data),
        data.get("FileData"),
        one["State"],
        tuple(change["State"] for change in execution["States"]),
        tuple(change["Utc"] for change in execution["States"]),
        execution["Executor"],
    )


async def _tokens(asking: Asking) -> tuple[KeptToken, ...]:
    found: list[KeptToken] = []
    for stay_id in hotel.TOKEN_STAYS:
        cursor = None
        while True:
            reply = await asking.call(
                hotel.AGENT,
                "resourceAccessTokens/getAll",
                ServiceOrderIds=[stay_id],
                Limitation={"Count": PAGE, "Cursor": cursor},
            )
            page = reply.body["ResourceAccessTokens"]
            if not page:
                break
            found += [
                KeptToken(one["Id"], int(one["SerialNumber"].split("/")[0]), int(one["Value"]), one["IsActive"])
                for one in page
            ]
            cursor = reply.body["Cursor"]
    return tuple(found)
