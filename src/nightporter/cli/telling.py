"""A command in a few words: what may stand on a terminal or in a script's file.

Documents, the custom data of machines, and guests' names, telephone numbers and addresses stay out.
"""

from typing import Any

from msgspec import UnsetType

from nightporter.client import Data, result_of
from nightporter.domain.command import CommandState
from nightporter.domain.money import told_amount
from nightporter.wire.command_data import (
    FiscalMachineCommandData,
    KeyCutterCommandData,
    PaymentTerminalCommandData,
    PrinterCommandData,
)
from nightporter.wire.commands import Command
from nightporter.wire.shapes import encode

STORY = {
    CommandState.PENDING: "It waits at the desk; nobody has taken it yet.",
    CommandState.RECEIVED: "Whoever drives the device has taken it and has not begun.",
    CommandState.PROCESSING: "It is being carried out.",
    CommandState.PROCESSED: "It was carried out.",
    CommandState.CANCELLED: "It was called off.",
    CommandState.ERROR: "It was tried and ended with an error.",
}


def summary(command: Command[Data]) -> dict[str, Any]:
    """For scripts, in the words of the wire."""
    creator = command.creator
    names = [creator.first_name, creator.last_name] if creator else []
    return {
        "Id": command.id,
        "State": command.state,
        "CreatedUtc": command.created_utc,
        "Creator": " ".join(name for name in names if name) or None,
        "Device": {"Id": command.device.id, "Type": command.device.type, "Name": command.device.name},
        "Data": _data(command.data),
    }


def _data(data: Data) -> dict[str, Any]:
    if isinstance(data, PrinterCommandData):
        size = len(data.file_data) // 4 * 3 - data.file_data[-2:].count("=")
        return {
            "CopyCount": data.copy_count,
            "FileType": data.file_type,
            "FileSize": size,
            "PrinterName": data.printer_name,
        }
    if isinstance(data, KeyCutterCommandData):
        return {
            "KeyCount": data.key_count,
            "LockIds": data.lock_ids,
            "StartUtc": data.start_utc,
            "EndUtc": data.end_utc,
            "ReservationId": data.reservation_id,
            "ReservationNumber": data.reservation_number,
        }
    if isinstance(data, PaymentTerminalCommandData):
        return {
            "Type": "Preauthorization" if data.preauthorization_id else "Payment",
            "Amount": {"Currency": data.amount.currency, "Value": data.amount.gross_value},
            "AccountId": data.account_id,
            "BillId": data.bill_id,
        }
    if isinstance(data, FiscalMachineCommandData):
        return {"BillId": data.bill.id, "BillNumber": data.bill.number}
    return {"CustomerId": data.customer_id, "ReservationId": data.reservation_id}


def work_of(data: Data) -> str:
    """What is to be done, in a few words."""
    if isinstance(data, PrinterCommandData):
        told = _data(data)
        return f"print {_counted(data.copy_count, 'copy', 'copies')} of a document of {told['FileSize']} bytes"
    if isinstance(data, KeyCutterCommandData):
        opens = ", ".join(data.lock_ids) or "nothing"
        number = f" for reservation {data.reservation_number}" if data.reservation_number else ""
        return f"cut {_counted(data.key_count, 'key', 'keys')}{number}, opening {opens} until {data.end_utc:%Y-%m-%d %H:%M} UTC"
    if isinstance(data, PaymentTerminalCommandData):
        act = "reserve" if data.preauthorization_id else "take"
        return f"{act} {told_amount(data.amount.gross_value, data.amount.currency)}"
    if isinstance(data, FiscalMachineCommandData):
        return f"fiscalise bill {data.bill.number or data.bill.id}"
    return "scan a passport"


def line(command: Command[Data]) -> str:
    """For people, on one line."""
    return f"{command.id} {command.state} {command.device.name} ({command.device.type}): {work_of(command.data)}"


def story(command: Command[Data]) -> list[str]:
    """For people, as far as the desk tells it."""
    told = summary(command)
    by = f" by {told['Creator']}" if told["Creator"] else ""
    return [
        f"Command  {command.id}",
        f"State    {command.state}. {STORY[command.state]}",
        f"Created  {command.created_utc:%Y-%m-%d %H:%M:%S} UTC{by}",
        f"Device   {command.device.name} ({command.device.type}, {command.device.id})",
        f"To do    {work_of(command.data)}",
    ]


def execution(command: Command[Data], *, with_result: bool) -> dict[str, Any]:
    """For scripts, what became of it, in the words of the wire; nothing where the server does not tell it."""
    told = command.execution
    if isinstance(told, UnsetType):
        return {}
    result = {"Result": result_of(command)} if with_result else {}
    states = [{"State": one.state, "Utc": one.utc} for one in told.states]
    return {
        "Execution": {
            "Progress": told.progress, "Notes": told.notes, **result, "Executor": told.executor, "States": states,
        }
    }  # fmt: skip


def history(command: Command[Data], *, with_result: bool) -> list[str]:
    """For people, how it came to where it stands."""
    told = command.execution
    if isinstance(told, UnsetType):
        return []
    lines = [
        f"{'' if place else 'History':<8} {one.utc:%Y-%m-%d %H:%M:%S} UTC {one.state}"
        for place, one in enumerate(told.states)
    ]
    if told.executor is not None:
        lines.append(f"Taken by {told.executor}")
    if told.progress is not None:
        lines.append(f"Progress {told.progress:g} %")
    if (status := status_of(command)) is not None:
        lines.append(f"Status   {status}")
    if told.notes is not None:
        lines.append(f"Notes    {told.notes}")
    if with_result and (result := result_of(command)) is not None:
        lines.append(f"Result   {encode(result).decode()}")
    return lines


def status_of(command: Command[Data]) -> str | None:
    """What the machine waits for, as an agent tells it meanwhile: a sentence, and nothing of a guest's."""
    match result_of(command):
        case {"Status": str(status), **rest} if not rest and command.state is CommandState.PROCESSING:
            return status
    return None


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
