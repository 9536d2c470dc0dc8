"""``nightporter pay``."""

from decimal import Decimal, InvalidOperation
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

SAMPLE_CUSTOMER = "35d4b117-4e60-44a3-9580-c582117eff98"
"""The customer of the documents' own sample."""


def pay(
    amount: Annotated[str, typer.Option(help="How much, for example 12.30.", metavar="DECIMAL")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code, for example EUR.", metavar="CODE")],
    terminal: Annotated[
        UUID | None, typer.Option(help="Id of the payment terminal. [default: the first by name]", metavar="ID")
    ] = None,
    customer: Annotated[
        UUID | None,
        typer.Option(help="Id of the customer or company; at the demo a guest if left out.", metavar="ID"),
    ] = None,
    preauthorization: Annotated[
        bool, typer.Option("--preauthorization", help="Reserve the amount instead of taking it.")
    ] = False,
    bill: Annotated[UUID | None, typer.Option(help="Id of the open bill that is paid.", metavar="ID")] = None,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    address: AddressOption = DEFAULT_ADDRESS,
    socket_address: SocketAddressOption = None,
    client_token: ClientTokenOption = None,
    access_token: AccessTokenOption = None,
) -> None:
    """Take a payment on a terminal: add a payment terminal command.

    The amount is kept exactly as it is written. Prints the id of the command and its state; with --wait one line for
    each further state: the money is taken when it is Processed.
    """
    from nightporter.client import Client
    from nightporter.domain.command_data import PaymentType
    from nightporter.domain.device import DeviceType

    who = caller(address, socket_address, client_token, access_token)
    value = _amount(amount)
    if customer is None and not who.is_demo:
        raise fail("give who pays: --customer ID", USAGE)

    async def act(client: Client) -> None:
        device = await chosen(client, DeviceType.PAYMENT_TERMINAL, "--terminal", terminal)
        command_id = await client.add_payment_terminal(
            device,
            str(customer or SAMPLE_CUSTOMER),
            value,
            currency.upper(),
            PaymentType.PREAUTHORIZATION if preauthorization else PaymentType.PAYMENT,
            bill_id=str(bill) if bill else None,
        )
        await tell_added(client, command_id, device, wait=wait, as_json=as_json)

    ask(who, act)


def _amount(text: str) -> Decimal:
    """Read an amount exactly; raises typer.Exit."""
    try:
        value = Decimal(text) if text.isascii() and len(text) <= 20 and "_" not in text else None
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite() or value <= 0:
        raise fail("--amount is not an amount above zero; write it like 12.30", USAGE)
    return value
