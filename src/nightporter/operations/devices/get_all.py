"""devices/getAll (contract 7.12)."""

from nightporter.operations.operation import Call
from nightporter.storage import property as facts
from nightporter.wire.commands import Device, Devices
from nightporter.wire.shapes import Common


class Parameters(Common, kw_only=True):
    """Common fields only."""


async def get_all(call: Call, parameters: Parameters) -> Devices:
    """Returns all active devices of the enterprise, connected or not, by name (D29, D41, D96)."""
    devices = await facts.devices(call.database, call.actor.scope().enterprise_ids)
    return Devices([Device(device.id, device.type, device.name, device.identifier) for device in devices])
