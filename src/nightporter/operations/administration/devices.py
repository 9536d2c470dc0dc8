"""devices/set, getAll, delete: the machines of a property with their configuration."""

from typing import Annotated

from msgspec import Meta, Raw

from nightporter.operations.administration.kept_record import device_record
from nightporter.operations.administration.pages import PageLimitation, cursor_after, place
from nightporter.operations.administration.records import one_of_his, set_records
from nightporter.operations.operation import AdministrationCall
from nightporter.storage import parties
from nightporter.storage.administration import DeleteDevices
from nightporter.wire.property_file import DeviceRecord
from nightporter.wire.scalars import Id
from nightporter.wire.shapes import Empty, Ids, Shape


class SetParameters(Shape, kw_only=True):
    """The devices to create or replace; ``EnterpriseId`` is that of records that name none."""

    enterprise_id: Id | None = None
    devices: Annotated[
        list[Annotated[Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/DeviceRecord"})]],
        Meta(min_length=1, max_length=1000),
    ]


class GetAllParameters(Shape, kw_only=True):
    """Whose devices, and which page to return."""

    enterprise_ids: Ids | None = None
    device_ids: Ids | None = None
    limitation: PageLimitation


class DeleteParameters(Shape, kw_only=True):
    """Which devices."""

    enterprise_id: Id | None = None
    device_ids: Ids


class Devices(Shape):
    """A page of devices."""

    devices: list[DeviceRecord]
    cursor: str | None


async def set_all(call: AdministrationCall, parameters: SetParameters) -> Empty:
    """Creates devices or replaces them by their ``Id``, all or none. The type of a device stays what it is.

    Raises InvalidRecord and Invalid("EnterpriseId").
    """
    await set_records(call, "Devices", parameters.devices, one_of_his(call, parameters.enterprise_id))
    return Empty()


async def get_all(call: AdministrationCall, parameters: GetAllParameters) -> Devices:
    """Returns devices with their configuration, deleted ones included (``IsActive`` is false).

    They come in the order of their enterprises and ids. Raises Invalid("Cursor").
    """
    limitation = parameters.limitation
    rows = await parties.devices(
        call.database,
        call.administrator.among(parameters.enterprise_ids),
        parameters.device_ids,
        place(limitation.cursor),
        int(limitation.count),
    )
    return Devices([device_record(row) for row in rows], cursor_after(rows[-1][0], rows[-1][1]) if rows else None)


async def delete(call: AdministrationCall, parameters: DeleteParameters) -> Empty:
    """Takes devices out of service: no list names them to clients, no command can be added to them.

    Their commands that have not begun become Cancelled; what an executor has under way it may still report. Devices that
    are not there are left out; ``devices/set`` brings one back.
    """
    asked = None if parameters.enterprise_id is None else [parameters.enterprise_id]
    await call.writer.write(
        DeleteDevices(call.administrator.among(asked), tuple(map(str, parameters.device_ids)), call.audit)
    )
    return Empty()
