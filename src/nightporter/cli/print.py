"""``nightporter print``."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from nightporter.cli.asking import (
    DEFAULT_ADDRESS,
    USAGE,
    AccessTokenOption,
    AddressOption,
    ClientTokenOption,
    JsonOption,
    SocketAddressOption,
    WaitOption,
    ask,
    caller,
    chosen,
    tell_added,
)
from nightporter.cli.running import fail


def print_file(
    file: Annotated[Path, typer.Argument(help="The PDF document.", metavar="FILE.pdf")],
    printer: Annotated[
        UUID | None, typer.Option(help="Id of the printer. [default: the first by name]", metavar="ID")
    ] = None,
    copies: Annotated[int, typer.Option(min=1, max=100, help="How many copies.")] = 1,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    address: AddressOption = DEFAULT_ADDRESS,
    socket_address: SocketAddressOption = None,
    client_token: ClientTokenOption = None,
    access_token: AccessTokenOption = None,
) -> None:
    """Print a PDF document: add a printer command.

    The command waits at the desk until whoever drives the printer takes it. Prints the id of the command and its
    state; with --wait one line for each further state.
    """
    from nightporter.client import Client
    from nightporter.domain.device import DeviceType

    who = caller(address, socket_address, client_token, access_token)
    try:
        document = file.read_bytes()
    except OSError as error:
        raise fail(f"{file} cannot be read: {error.strerror}", USAGE) from None
    if b"%PDF-" not in document[:1024]:
        raise fail(f"{file} is not a PDF document", USAGE)

    async def act(client: Client) -> None:
        device = await chosen(client, DeviceType.PRINTER, "--printer", printer)
        command_id = await client.add_printer(device, document, copies)
        await tell_added(client, command_id, device, wait=wait, as_json=as_json)

    ask(who, act)
