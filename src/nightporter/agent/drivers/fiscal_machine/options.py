"""What the configuration says of a fiscal machine, and the tables that are used where it is silent."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from nightporter.agent.driver import Options

Number = Annotated[int, Meta(ge=0, le=99)]


class Means(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A means of payment as the machine numbers them, and how it is called on paper."""

    type: Number
    index: Number = 0
    description: str = ""


class Refunds(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How refunds name the receipt that they refer to."""

    sequence: Literal["z", "document"] = "z"
    """What ``RebatedReceiptSequence`` is: the number of the closing, or that of the document."""
    unreferenced: bool = False
    """Whether a refund that names no receipt is printed without one."""


class EpsonOptions(Options, kw_only=True):
    """Options of an Epson fiscal machine."""

    address: str
    """``http://host[:port]``."""
    device_id: str = "local_printer"
    timeout: Annotated[int, Meta(ge=100, le=120_000)] = 10_000
    """Milliseconds that the machine allows its printer for one request."""
    operator: str = "1"
    departments: dict[str, Annotated[int, Meta(ge=1, le=99)]] = {}
    """The department of each tax rate by its code; ``untaxed`` for amounts without one."""
    payments: dict[str, Means] = {}
    """The means of payment of each kind of payment item; those not named here are taken from ``PAYMENTS``."""
    descriptions: dict[str, str] = {}
    """What an item is called on paper, by its kind; those not named here are taken from ``DESCRIPTIONS``."""
    refunds: Refunds = Refunds()
    trailer: str = "Conto"
    """Printed at the end of a receipt before the bill's number; empty prints neither."""
    serial: str | None = None
    """The serial number that the machine must have."""
    follow_api_url: bool = False
    """Speak to the machine that the command names in ``ApiUrl``."""
    patience: Annotated[float, Meta(ge=0.0, le=600.0)] = 15.0
    """Seconds for which a machine must be idle and unchanged before a lost request counts as never arrived."""


UNTAXED = "untaxed"

PAYMENTS = {
    "Cash": Means(type=0, description="Contanti"),
    "Cheque": Means(type=1, description="Assegno"),
    "CreditCard": Means(type=2, index=1, description="Carta"),
}
"""Those that every machine has and that leave no doubt; the others are for the property's accountant to say."""

DESCRIPTIONS = {
    "SpaceOrder": "Soggiorno",
    "ProductOrder": "Prodotto",
    "CancellationFee": "Penale di cancellazione",
    "Deposit": "Acconto",
    "Rebate": "Sconto",
    "Surcharge": "Supplemento",
    "SurchargeDiscount": "Sconto",
    "ResourceUpgradeFee": "Supplemento camera",
    "InvoiceFee": "Spese di fattura",
    "ProductRevenue": "Prodotto",
}
OTHER = "Servizio"
