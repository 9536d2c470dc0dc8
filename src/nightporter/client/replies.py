"""How answers are read: commands with their data in the shape of their device (contract 2.13, encoding C)."""

from typing import Any, TypeVar

import msgspec
from msgspec import Raw, UnsetType

from nightporter.client.errors import Unreadable
from nightporter.domain.command import CommandState
from nightporter.domain.value import value
from nightporter.wire.command_data import (
    DATA_OF,
    FiscalMachineCommandData,
    KeyCutterCommandData,
    PassportScannerCommandData,
    PaymentTerminalCommandData,
    PrinterCommandData,
)
from nightporter.wire.commands import Command, RawCommands
from nightporter.wire.shapes import Shape

T = TypeVar("T")

Data = (
    PrinterCommandData
    | KeyCutterCommandData
    | PaymentTerminalCommandData
    | FiscalMachineCommandData
    | PassportScannerCommandData
)
"""What a command's data can be; which one it is follows ``command.device.type``."""


@value
class CommandPage:
    """The answer of 7.1 and 7.2; ``cursor`` is where the next page begins, None without a ``count`` or at the end."""

    commands: list[Command[Data]]
    cursor: str | None


class StandingDevice(Shape):
    """Of a device only its id."""

    id: str


class Standing(Shape):
    """Of an active command only what the queue is told by."""

    id: str
    state: CommandState
    device: StandingDevice


class Standings(Shape):
    """The answer of 7.1 without data; a server that knows no ``Limitation`` there sends no cursor."""

    commands: list[Standing]
    cursor: str | None = None


def read(body: bytes, shape: type[T]) -> T:
    """Read an answer; raises Unreadable, which names the place at fault."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"The answer cannot be read as one of this API: {error}") from None


def read_commands(body: bytes) -> CommandPage:
    """Read the answer of 7.1 and 7.2; raises Unreadable."""
    page = read(body, RawCommands)
    cursor = page.cursor if isinstance(page.cursor, str) else None
    return CommandPage([_with_data(command) for command in page.commands], cursor)


def result_of(command: Command[Data]) -> dict[str, Any] | None:
    """What the executor sent as Result; None where it sent none, where it was not asked for, and where no server tells it."""
    if isinstance(command.execution, UnsetType):
        return None
    text = bytes(command.execution.result)
    return None if text == b"null" else read(text, dict[str, Any])


def _with_data(command: Command[Raw]) -> Command[Data]:
    data: Data = read(bytes(command.data), DATA_OF[command.device.type])  # type: ignore[assignment]  # the table's values are Data
    return Command(
        command.id, command.state, command.created_utc, command.creator, command.device, data, command.execution
    )
