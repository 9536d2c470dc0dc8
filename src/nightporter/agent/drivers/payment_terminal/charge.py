"""What a payment command asks of a terminal: which function, how much, in which currency; what is not certain is refused."""

from decimal import Decimal

from nightporter.agent.driver import Refused
from nightporter.agent.drivers.payment_terminal.messages import PAYMENT, RESERVATION
from nightporter.domain.money import DECIMALS, is_payable, told_amount
from nightporter.domain.value import value
from nightporter.wire.command_data import PaymentTerminalCommandData

NUMBERS = {
    "BGN": 975, "CHF": 756, "CZK": 203, "DKK": 208, "EUR": 978, "GBP": 826, "HUF": 348, "NOK": 578, "PLN": 985, "RON": 946,
    "RSD": 941, "SEK": 752, "TRY": 949, "UAH": 980,
}  # fmt: skip
"""The numeric codes of ISO 4217 that terminals are told. All have two decimals: how a terminal counts others is not certain."""

_LARGEST = 10**12


@value
class Charge:
    """An amount to ask a card for; ``minor`` is in the smallest unit of ``currency``."""

    command: int
    minor: int
    currency: str

    @property
    def currency_number(self) -> int:
        """The numeric code of the currency."""
        return NUMBERS[self.currency]

    @property
    def effect(self) -> str:
        """What it is called: payment or reservation."""
        return "payment" if self.command == PAYMENT else "reservation"

    @property
    def amount(self) -> str:
        """The amount as people write it: 12.00 EUR."""
        return told_amount(self._value, self.currency)

    @property
    def units(self) -> str:
        """The amount as a decimal number, with all decimals of the currency."""
        return str(self._value)

    @property
    def _value(self) -> Decimal:
        return Decimal(self.minor).scaleb(-DECIMALS[self.currency])


def charge_of(data: object, currency: str, reservations: bool) -> Charge | Refused:
    """Read a command for a terminal that takes ``currency``; Refused wherever anything would have to be guessed."""
    if not isinstance(data, PaymentTerminalCommandData):
        return Refused("This is no payment command, so the payment terminal was not asked.")
    if (data.payment_id is None) == (data.preauthorization_id is None):
        return Refused(
            "The command does not say whether to take a payment or to reserve an amount, so nothing was taken. "
            "Ask for the payment again; if that does not help, call support."
        )
    if data.preauthorization_id is not None and not reservations:
        return Refused("Amounts are not reserved at this payment terminal. Take a payment, or use another terminal.")
    if data.fee is not None and data.fee.gross_value != 0:
        return Refused(
            "The command asks for a fee beside the amount, and it does not say whether the amount holds it already. "
            "Nothing was taken. Ask for the whole amount without a fee."
        )
    gross = data.amount.gross_value
    if data.amount.currency != currency:
        return Refused(f"This payment terminal takes {currency} only, so nothing was taken. Use another terminal.")
    if not gross.is_finite() or not is_payable(gross, currency):
        return Refused(
            f"The amount is not above zero, or finer than {currency} allows, so nothing was taken. Ask for a right amount."
        )
    minor = int(gross.scaleb(DECIMALS[currency]))
    if minor >= _LARGEST:
        return Refused("The amount is larger than a payment terminal can take. Nothing was taken.")
    return Charge(PAYMENT if data.payment_id is not None else RESERVATION, minor, currency)
