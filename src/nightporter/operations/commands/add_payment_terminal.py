"""commands/addPaymentTerminal (contract 7.5)."""

from typing import Annotated

from msgspec import Meta, Raw, field
from msgspec.structs import replace

from nightporter.domain.bill import BillState
from nightporter.domain.command_data import PaymentTerminalData, PaymentType
from nightporter.domain.device import DeviceType
from nightporter.domain.errors import Blocked, Invalid
from nightporter.domain.money import DECIMALS, is_payable
from nightporter.operations.commands.adding import add_command
from nightporter.operations.never_twice import never_twice
from nightporter.operations.operation import Call
from nightporter.storage import property as facts
from nightporter.storage.idempotency import Once, Twin
from nightporter.wire.commands import AddedCommand
from nightporter.wire.scalars import Id, Number, absent, decimal, finite
from nightporter.wire.shapes import Common, Shape, encode


class CurrencyValue(Shape, kw_only=True):
    """Contract 8.6; the taxes are deprecated, accepted and ignored."""

    currency: Annotated[str, Meta(min_length=1, description="ISO 4217 code.")]
    value: Number = field(default_factory=absent)
    net: Number = field(default_factory=absent)
    tax: Number = field(default_factory=absent)
    tax_rate: Number = field(default_factory=absent)


class Parameters(Common, kw_only=True):
    """Contract 7.5, request."""

    terminal_id: Id
    customer_id: Id
    type: PaymentType
    amount: CurrencyValue
    bill_id: Id | None = None
    payment_request_id: Id | None = None
    reservation_id: Id | None = None


async def add_payment_terminal(call: Call, parameters: Parameters) -> AddedCommand:
    """Adds a command that takes a payment, or reserves an amount, on a payment terminal.

    Raises Invalid for an amount that cannot be paid (D62), and for a terminal, account, open bill, payment request or
    reservation that the enterprise does not have (D63, D64); Blocked for a currency that it does not accept.
    """
    amount = parameters.amount
    if amount.currency not in DECIMALS:
        raise Invalid("Currency")
    value = decimal(amount.value, "Value")
    if not is_payable(value, amount.currency):
        raise Invalid("Value")
    for ignored, name in ((amount.net, "Net"), (amount.tax, "Tax"), (amount.tax_rate, "TaxRate")):
        finite(ignored, name)
    enterprise_id = call.actor.enterprise(None)

    async def add(once: Once | None) -> tuple[str, ...] | Twin:
        terminal = await facts.device(call.database, enterprise_id, parameters.terminal_id, DeviceType.PAYMENT_TERMINAL)
        if terminal is None:
            raise Invalid("TerminalId")
        account = await facts.account(call.database, enterprise_id, parameters.customer_id)
        if account is None:
            raise Invalid("CustomerId")
        await _check_references(call, enterprise_id, parameters)
        enterprise = await facts.enterprise(call.database, enterprise_id)
        if enterprise is None or amount.currency not in enterprise.accepted_currencies:
            raise Blocked(f"The enterprise does not accept payments in {amount.currency}.")
        data = PaymentTerminalData.to_charge(
            terminal, account, parameters.type, call.sources.new_id(), amount.currency, value, parameters.bill_id
        )
        return await add_command(
            call,
            once,
            terminal,
            data,
            payment_request_id=parameters.payment_request_id,
            reservation_id=parameters.reservation_id,
        )

    # The same amount written otherwise (230 and 230.00) is the same body; the deprecated taxes are not part of it.
    read = CurrencyValue(currency=amount.currency, value=Raw(encode(value)))
    (command_id,) = await never_twice(call, replace(parameters, amount=read), enterprise_id, add)
    return AddedCommand(command_id)


async def _check_references(call: Call, enterprise_id: str, parameters: Parameters) -> None:
    database = call.database
    if parameters.bill_id is not None:
        bill = await facts.bill(database, enterprise_id, parameters.bill_id)
        if bill is None or bill.state is not BillState.OPEN:
            raise Invalid("BillId")
    if parameters.payment_request_id is not None and not await facts.has_payment_request(
        database, enterprise_id, parameters.payment_request_id
    ):
        raise Invalid("PaymentRequestId")
    if parameters.reservation_id is not None and not await facts.has_reservation(
        database, enterprise_id, parameters.reservation_id
    ):
        raise Invalid("ReservationId")
