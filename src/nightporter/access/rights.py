"""The rights that a client may hold, alphabetically: one for each operation that the vendor grants per client (D10)."""

from enum import StrEnum


class Right(StrEnum):
    """A permission of a client application."""

    ADD_PAYMENT_TERMINAL_COMMANDS = "AddPaymentTerminalCommands"
    READ_FISCAL_MACHINE_COMMANDS = "ReadFiscalMachineCommands"
