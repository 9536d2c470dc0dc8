"""The last step that the three adders share."""

from nightporter.domain.command import Creator, NewCommand
from nightporter.domain.command_data import KeyCutterData, PaymentTerminalData, PrinterData
from nightporter.domain.device import Device
from nightporter.operations.operation import Call
from nightporter.storage.commands import AddCommands
from nightporter.storage.idempotency import Once, Twin
from nightporter.wire.command_data import kept


async def add_command(
    call: Call,
    once: Once | None,
    device: Device,
    data: PrinterData | KeyCutterData | PaymentTerminalData,
    *,
    document: bytes | None = None,
    payment_request_id: str | None = None,
    reservation_id: str | None = None,
) -> tuple[str, ...] | Twin:
    """Have one pending command written for ``device``; its creator is the calling integration (D54)."""
    command = NewCommand(
        id=call.sources.new_id(),
        enterprise_id=device.enterprise_id,
        device_id=device.id,
        device_type=device.type,
        creator=Creator.of_integration(call.actor.integration_name),
        creator_integration_id=call.actor.integration_id,
        data=kept(data),
        document=document,
        payment_request_id=payment_request_id,
        reservation_id=reservation_id,
        expires_after=device.expires_after,
    )
    return await call.writer.write(AddCommands((command,), once))
