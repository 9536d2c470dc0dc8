"""What every subcommand that acts as a client shares: where to ask and as whom, how it fails, what it prints."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

import typer

from nightporter.cli.demo import ACCESS_TOKEN, CLIENT_TOKEN
from nightporter.cli.running import fail
from nightporter.domain.value import value

if TYPE_CHECKING:
    from nightporter.client import Client
    from nightporter.domain.device import DeviceType
    from nightporter.wire.commands import Device

T = TypeVar("T")

DONE, FAILED, USAGE, UNREACHABLE, STOPPED = 0, 1, 2, 3, 130
LOOK = 10.0
"""Seconds between two looks at what the machine of a command waits for; the document comes along each time."""
EXIT_CODES = (
    "Exit codes: 0 done; 1 refused by the server, or the command ended in Error or Cancelled; 2 wrong usage; "
    "3 the server could not be reached; 130 stopped by Ctrl-C."
)
DEFAULT_ADDRESS = "http://127.0.0.1:8080"

AddressOption = Annotated[
    str, typer.Option("--address", envvar="NIGHTPORTER_ADDRESS", help="Where the server is.", show_default=True)
]
SocketAddressOption = Annotated[
    str | None,
    typer.Option(
        "--socket-address",
        envvar="NIGHTPORTER_SOCKET_ADDRESS",
        help="Where its socket is, if elsewhere, for example wss://ws.example.com.",
    ),
]
ClientTokenOption = Annotated[
    str | None,
    typer.Option(
        "--client-token",
        envvar="NIGHTPORTER_CLIENT_TOKEN",
        help="The ClientToken; rather give it in the environment. On this machine it is the demo's if left out.",
    ),
]
AccessTokenOption = Annotated[
    str | None,
    typer.Option(
        "--access-token",
        envvar="NIGHTPORTER_ACCESS_TOKEN",
        help="The AccessToken; rather give it in the environment. On this machine it is the demo's if left out.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Wait until the command has ended, and tell how; and what its machine waits for.")
]


@value
class Caller:
    """Where to ask, and as whom; ``is_demo`` when it is the demo on this machine with its own client."""

    address: str
    socket_address: str | None
    client_token: str = field(repr=False)
    access_token: str = field(repr=False)
    is_demo: bool

    def client(self) -> "Client":
        """A client that gives up soon enough for somebody who waits for it; raises ValueError."""
        from nightporter import __version__
        from nightporter.client import Client, Patience

        return Client(
            self.address,
            self.client_token,
            self.access_token,
            f"Nightporter command line {__version__}",
            self.socket_address,
            patience=Patience(tries=4, first_delay=0.25),
        )


def caller(address: str, socket_address: str | None, client_token: str | None, access_token: str | None) -> Caller:
    """Put the caller together; the demo's tokens, which everybody knows, only go to this machine.

    Raises typer.Exit with the reason told.
    """
    from nightporter.client.address import Address

    try:
        is_here = Address.of(address, socket_address or None).is_loopback
    except ValueError as error:
        raise fail(plain(str(error)), USAGE) from None
    if is_here and not (client_token and not access_token):
        client_token, access_token = client_token or CLIENT_TOKEN, access_token or ACCESS_TOKEN
    missing = [
        f"--{name} (or NIGHTPORTER_{name.upper().replace('-', '_')})"
        for name, token in (("client-token", client_token), ("access-token", access_token))
        if not token
    ]
    if missing:
        raise fail(f"give {' and '.join(missing)}; only the demo on this machine can be asked without", USAGE)
    assert client_token
    assert access_token
    return Caller(address, socket_address or None, client_token, access_token, is_here and client_token == CLIENT_TOKEN)


def ask(who: Caller, act: "Callable[[Client], Awaitable[T]]") -> T:
    """Run ``act`` with a client; whatever ends it early becomes one line on the error stream and an exit code."""
    import asyncio

    from nightporter.client import ClientError, Unreachable

    try:
        client = who.client()
    except ValueError as error:
        raise fail(plain(str(error)), USAGE) from None

    async def run() -> T:
        async with client:
            return await act(client)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        raise typer.Exit(STOPPED) from None
    except Unreachable as error:
        advice = "" if not who.is_demo else " Is the demo running? It is started by: nightporter demo"
        raise fail(plain(str(error)) + advice, UNREACHABLE) from None
    except ClientError as error:
        raise fail(plain(str(error)), FAILED) from None


async def chosen(client: "Client", kind: "DeviceType", flag: str, given: UUID | None) -> str:
    """The id of the device to use: the ``given`` one, else the first of its ``kind`` by name, told if there are more.

    Raises typer.Exit when there is none.
    """
    if given is not None:
        return str(given)
    devices: list[Device] = sorted(
        (one for one in await client.get_devices() if one.type is kind), key=lambda one: (one.name, one.id)
    )
    if not devices:
        raise fail(f"the property has no device of type {kind}", FAILED)
    first = devices[0]
    if len(devices) > 1:
        note(f"{first.name} ({first.id}) is used, the first by name of {len(devices)}; choose with {flag}")
    return first.id


async def tell_added(client: "Client", command_id: str, device_id: str, *, wait: bool, as_json: bool) -> None:
    """Tell of a new command, and with ``wait`` what becomes of it; raises typer.Exit unless that is Processed."""
    from contextlib import aclosing

    from nightporter.client.ticking import ticking
    from nightporter.domain.command import CommandState
    from nightporter.host.clock import machine_sources

    state = CommandState.PENDING
    if not as_json:
        say(f"{command_id} {state}")
    if wait:
        status = None
        states = client.follow(command_id, lost_and_found)
        async with aclosing(ticking(states, LOOK, machine_sources().pause)) as heard:
            async for following in heard:
                if following is not None:
                    if following != state and not as_json:
                        say(f"{command_id} {following}")
                    state = following
                elif state is CommandState.PROCESSING and not as_json:
                    before, status = status, await _status(client, command_id)
                    if status is not None and status != before:
                        say(f"{command_id} {state} {status}")
    if as_json:
        say_json({"CommandId": command_id, "DeviceId": device_id, "State": state})
    if state in (CommandState.ERROR, CommandState.CANCELLED):
        raise fail(f"the command ended as {state}", FAILED)


async def _status(client: "Client", command_id: str) -> str | None:
    """What the machine waits for, where the desk tells it and answers."""
    from nightporter.cli.telling import status_of
    from nightporter.client import ClientError

    try:
        page = await client.get_all_by_ids([command_id], execution=True)
    except ClientError:
        return None
    return status_of(page.commands[0]) if page.commands else None


def lost_and_found(connection: Any) -> None:
    """Tell on the error stream that the connection was lost."""
    if not connection.is_open:
        note(f"not connected: {connection.reason}; trying again in {connection.delay:.1f} s")


def plain(text: str) -> str:
    """``text`` from elsewhere without anything that could move the cursor of a terminal."""
    return "".join(one if one.isprintable() else "?" for one in text)


def say(line: str) -> None:
    """One line on the output."""
    typer.echo(plain(line))


def say_json(value: Any) -> None:
    """One line of JSON on the output: UTF-8, whatever the terminal speaks."""
    from nightporter.wire.shapes import encode

    typer.echo(encode(value))


def note(line: str) -> None:
    """One line on the error stream."""
    typer.echo(f"nightporter: {plain(line)}", err=True)


def survive_any_terminal() -> None:
    """Characters that the terminal or the pipe cannot show are escaped instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
