"""commands/addKeyCutter (contract 7.4)."""

from nightporter.domain.command_data import KeyCutterData
from nightporter.domain.device import DeviceType
from nightporter.domain.errors import Blocked, Invalid
from nightporter.operations.commands.adding import add_command
from nightporter.operations.never_twice import never_twice
from nightporter.operations.operation import Call
from nightporter.storage import property as facts
from nightporter.storage.idempotency import Once, Twin
from nightporter.wire.commands import AddedCommand
from nightporter.wire.scalars import Id, KeyCount
from nightporter.wire.shapes import Common


class Parameters(Common, kw_only=True):
    """Contract 7.4, request."""

    enterprise_id: Id | None = None
    key_cutter_id: Id
    reservation_id: Id
    key_count: KeyCount


async def add_key_cutter(call: Call, parameters: Parameters) -> AddedCommand:
    """Adds a command that cuts the keys of a reservation; what they open is a snapshot taken now.

    Raises Invalid for the EnterpriseId of a portfolio token, for a KeyCutterId that is no active key cutter and a
    ReservationId that is no reservation of the enterprise; Blocked when the stay has ended or has no room (D59).
    """
    enterprise_id = call.actor.enterprise(parameters.enterprise_id)

    async def add(once: Once | None) -> tuple[str, ...] | Twin:
        cutter = await facts.device(call.database, enterprise_id, parameters.key_cutter_id, DeviceType.KEY_CUTTER)
        if cutter is None:
            raise Invalid("KeyCutterId")
        stay = await facts.stay(call.database, enterprise_id, parameters.reservation_id)
        if stay is None:
            raise Invalid("ReservationId")
        stay.reservation.check_key()
        if stay.resource is None:
            raise Blocked("The resource assigned to the reservation is not known at the desk; assign another one.")
        data = KeyCutterData.to_cut(cutter, int(parameters.key_count), stay.reservation, stay.resource, stay.owner)
        return await add_command(call, once, cutter, data)

    (command_id,) = await never_twice(call, parameters, enterprise_id, add)
    return AddedCommand(command_id)
