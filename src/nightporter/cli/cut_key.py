"""``nightporter cut-key``."""

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

SAMPLE_RESERVATION = "be35b39e-ad7e-460a-8de9-4c7581e016a2"
"""The reservation of the documents' own sample."""


def cut_key(
    key_cutter: Annotated[
        UUID | None, typer.Option(help="Id of the key cutter. [default: the first by name]", metavar="ID")
    ] = None,
    reservation: Annotated[
        UUID | None,
        typer.Option(help="Id of the reservation; at the demo a guest in the house if left out.", metavar="ID"),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many keys.")] = 1,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    address: AddressOption = DEFAULT_ADDRESS,
    socket_address: SocketAddressOption = None,
    client_token: ClientTokenOption = None,
    access_token: AccessTokenOption = None,
) -> None:
    """Cut the keys of a reservation: add a key cutter command.

    What the keys open, and for how long, the desk takes from the reservation. Prints the id of the command and its
    state; with --wait one line for each further state.
    """
    from nightporter.client import Client
    from nightporter.domain.device import DeviceType

    who = caller(address, socket_address, client_token, access_token)
    if reservation is None and not who.is_demo:
        raise fail("give the reservation that the key is for: --reservation ID", USAGE)

    async def act(client: Client) -> None:
        device = await chosen(client, DeviceType.KEY_CUTTER, "--key-cutter", key_cutter)
        command_id = await client.add_key_cutter(device, str(reservation or SAMPLE_RESERVATION), count)
        await tell_added(client, command_id, device, wait=wait, as_json=as_json)

    ask(who, act)
