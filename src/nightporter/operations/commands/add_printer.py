"""commands/addPrinter (contract 7.3)."""

from typing import Annotated

from msgspec import Meta

from nightporter.domain.command_data import PrinterData
from nightporter.domain.device import DeviceType
from nightporter.domain.errors import Invalid
from nightporter.operations.commands.adding import add_command
from nightporter.operations.never_twice import never_twice
from nightporter.operations.operation import Call
from nightporter.storage import property as facts
from nightporter.storage.idempotency import Once, Twin
from nightporter.wire.commands import AddedCommand
from nightporter.wire.scalars import CopyCount, Id, is_base64
from nightporter.wire.shapes import Common


class Parameters(Common, kw_only=True):
    """Contract 7.3, request."""

    enterprise_id: Id | None = None
    printer_id: Id
    copy_count: CopyCount
    data: Annotated[
        str, Meta(min_length=1, description="PDF document.", extra_json_schema={"contentEncoding": "base64"})
    ]


async def add_printer(call: Call, parameters: Parameters) -> AddedCommand:
    """Adds a command that prints a PDF document on a printer of the enterprise.

    Raises Invalid for Data that is not base64 (D57), for the EnterpriseId of a portfolio token, and for a PrinterId
    that is no active printer of the enterprise.
    """
    if not is_base64(parameters.data):
        raise Invalid("Data")
    enterprise_id = call.actor.enterprise(parameters.enterprise_id)

    async def add(once: Once | None) -> tuple[str, ...] | Twin:
        printer = await facts.device(call.database, enterprise_id, parameters.printer_id, DeviceType.PRINTER)
        if printer is None:
            raise Invalid("PrinterId")
        data = PrinterData.to_print(printer, int(parameters.copy_count))
        return await add_command(call, once, printer, data, document=parameters.data.encode("ascii"))

    (command_id,) = await never_twice(call, parameters, enterprise_id, add)
    return AddedCommand(command_id)
