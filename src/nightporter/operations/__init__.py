"""The table of contents: every operation, one line each. Routes, OpenAPI and the coverage ledger come from here."""

from nightporter.access.rights import Right
from nightporter.operations.administration import ADMINISTRATION
from nightporter.operations.commands import (
    add_key_cutter,
    add_payment_terminal,
    add_printer,
    get_all_active,
    get_all_by_ids,
    update,
)
from nightporter.operations.devices import get_all as devices
from nightporter.operations.fiscal_machine_commands import get_all as fiscal
from nightporter.operations.operation import AdministrationCall, Call, Minimal, Operation, Portfolio, Streamed
from nightporter.operations.resource_access_tokens import add as add_tokens
from nightporter.operations.resource_access_tokens import delete as delete_tokens
from nightporter.operations.resource_access_tokens import get_all as tokens
from nightporter.operations.resource_access_tokens import update as update_tokens
from nightporter.wire.commands import AddedCommand, Commands, Devices, FiscalMachineCommands
from nightporter.wire.resource_access_tokens import ResourceAccessTokenPage, ResourceAccessTokens
from nightporter.wire.shapes import Empty

__all__ = ["ADMINISTRATION", "CONNECTOR", "AdministrationCall", "Call", "Minimal", "Operation", "Portfolio", "Streamed"]

_ONE, _MANY, _PAGE = Portfolio.ENTERPRISE_ID, Portfolio.ENTERPRISE_IDS, Minimal.EMPTY_PAGE

# fmt: off
CONNECTOR: tuple[Operation, ...] = (
    Operation("commands/getAllActive", get_all_active.get_all_active, get_all_active.Parameters, Commands, minimal=Minimal.EMPTY_LIMITED_PAGE),
    Operation("commands/getAllByIds", get_all_by_ids.get_all_by_ids, get_all_by_ids.Parameters, Commands, minimal=_PAGE),
    Operation("commands/addPrinter", add_printer.add_printer, add_printer.Parameters, AddedCommand, _ONE, is_keyed=True),
    Operation("commands/addKeyCutter", add_key_cutter.add_key_cutter, add_key_cutter.Parameters, AddedCommand, _ONE, is_keyed=True),
    Operation("commands/addPaymentTerminal", add_payment_terminal.add_payment_terminal, add_payment_terminal.Parameters, AddedCommand, right=Right.ADD_PAYMENT_TERMINAL_COMMANDS, is_keyed=True),
    Operation("commands/update", update.update, update.Parameters, Empty, minimal=Minimal.ALWAYS),
    Operation("fiscalMachineCommands/getAll", fiscal.get_all, fiscal.Parameters, FiscalMachineCommands, _MANY, right=Right.READ_FISCAL_MACHINE_COMMANDS, minimal=_PAGE),
    Operation("resourceAccessTokens/getAll", tokens.get_all, tokens.Parameters, ResourceAccessTokenPage, _MANY, minimal=_PAGE),
    Operation("resourceAccessTokens/add", add_tokens.add, add_tokens.Parameters, ResourceAccessTokens, is_keyed=True),
    Operation("resourceAccessTokens/update", update_tokens.update, update_tokens.Parameters, ResourceAccessTokens, _ONE),
    Operation("resourceAccessTokens/delete", delete_tokens.delete, delete_tokens.Parameters, Empty, minimal=Minimal.ALWAYS),
    Operation("devices/getAll", devices.get_all, devices.Parameters, Devices),
)
# fmt: on
"""The Connector API, in the order of the contract (section 1); addresses are ``/api/connector/v1/{path}``."""
