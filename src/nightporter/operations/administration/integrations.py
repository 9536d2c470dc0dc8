"""integrations/add, getAll, enable, disable, connectDevices, disconnectDevices: a client at a property, or at a portfolio."""

from msgspec import UNSET, UnsetType

from nightporter.domain.errors import Contradictory, Invalid, InvalidRecord
from nightporter.operations.operation import AdministrationCall
from nightporter.storage import parties
from nightporter.storage.administration import ChangeIntegration
from nightporter.storage.property import PropertyRefused, Reference, SetProperty
from nightporter.wire.property_file import Name
from nightporter.wire.scalars import Id, SentId, usable_text
from nightporter.wire.shapes import Empty, Ids, Limitation, Shape


class AddParameters(Shape, kw_only=True):
    """A new integration; exactly one of ``EnterpriseId`` and ``PortfolioId``."""

    client_id: Id
    name: Name
    enterprise_id: Id | None = None
    portfolio_id: Id | None = None
    device_ids: Ids | UnsetType = UNSET


class ChangeParameters(Shape, kw_only=True):
    """Which integration."""

    integration_id: Id


class DeviceParameters(Shape, kw_only=True):
    """Which integration, and which devices."""

    integration_id: Id
    device_ids: Ids


class GetAllParameters(Shape, kw_only=True):
    """Whose integrations, and which page to return."""

    enterprise_ids: Ids | None = None
    limitation: Limitation


class AddedIntegration(Shape):
    """The new integration; it needs an access token (accessTokens/add) before anybody can call with it."""

    integration_id: SentId


class IntegrationEntry(Shape):
    """An integration with the devices that it is connected to."""

    id: SentId
    client_id: SentId
    name: str
    enterprise_id: SentId | None
    portfolio_id: SentId | None
    is_enabled: bool
    connected_device_ids: list[SentId]


class Integrations(Shape):
    """A page of integrations."""

    integrations: list[IntegrationEntry]
    cursor: SentId | None


async def add(call: AdministrationCall, parameters: AddParameters) -> AddedIntegration:
    """Adds an integration of a client with an enterprise or a portfolio, connected to the given devices.

    Raises Contradictory unless exactly one of EnterpriseId and PortfolioId is given, and InvalidRecord for a client,
    enterprise, portfolio or device that is not there.
    """
    usable_text(parameters.name, "Name")
    enterprise_id, portfolio_id = parameters.enterprise_id, parameters.portfolio_id
    if (enterprise_id is None) == (portfolio_id is None):
        raise Contradictory("Either EnterpriseId or PortfolioId must be specified.")
    if enterprise_id is not None:
        call.administrator.enterprise(enterprise_id)
        party = Reference(("enterprises",), (str(enterprise_id),), "EnterpriseId")
    else:
        call.administrator.permit(whole_desk=True)
        party = Reference(("portfolios",), (str(portfolio_id),), "PortfolioId")
    integration_id = call.sources.new_id()
    row = {
        "id": integration_id,
        "client_id": str(parameters.client_id),
        "name": parameters.name,
        "enterprise_id": enterprise_id and str(enterprise_id),
        "portfolio_id": portfolio_id and str(portfolio_id),
        "is_enabled": True,
    }
    devices = () if parameters.device_ids is UNSET else dict.fromkeys(parameters.device_ids)
    intent = SetProperty(
        {
            "integrations": [row],
            "device_connections": [{"integration_id": integration_id, "device_id": str(one)} for one in devices],
        },
        references=[Reference(("clients",), (str(parameters.client_id),), "ClientId"), party],
        names={("integrations", integration_id): "DeviceIds"},
        audit=call.audit,
    )
    try:
        await call.writer.write(intent)
    except PropertyRefused as refused:
        raise InvalidRecord(f"Invalid {refused}") from None
    return AddedIntegration(integration_id)


async def enable(call: AdministrationCall, parameters: ChangeParameters) -> Empty:
    """Lets an integration call again. Raises Invalid("IntegrationId")."""
    await _his(call, parameters.integration_id)
    await call.writer.write(ChangeIntegration(parameters.integration_id, True, (), (), call.audit))
    return Empty()


async def disable(call: AdministrationCall, parameters: ChangeParameters) -> Empty:
    """Refuses an integration from now on and closes its sockets; its tokens stay. Raises Invalid("IntegrationId")."""
    await _his(call, parameters.integration_id)
    await call.writer.write(ChangeIntegration(parameters.integration_id, False, (), (), call.audit))
    return Empty()


async def connect_devices(call: AdministrationCall, parameters: DeviceParameters) -> Empty:
    """Connects devices: the integration sees their commands from now on, also on open sockets.

    Raises Invalid("IntegrationId"), and Invalid("DeviceIds") for a device that its enterprises do not have.
    """
    await _his(call, parameters.integration_id)
    devices = tuple(map(str, parameters.device_ids))
    if not await parties.are_devices_of(call.database, parameters.integration_id, devices):
        raise Invalid("DeviceIds")
    await call.writer.write(ChangeIntegration(parameters.integration_id, None, devices, (), call.audit))
    return Empty()


async def disconnect_devices(call: AdministrationCall, parameters: DeviceParameters) -> Empty:
    """Disconnects devices; those that are not connected are left out. Raises Invalid("IntegrationId")."""
    await _his(call, parameters.integration_id)
    devices = tuple(map(str, parameters.device_ids))
    await call.writer.write(ChangeIntegration(parameters.integration_id, None, (), devices, call.audit))
    return Empty()


async def get_all(call: AdministrationCall, parameters: GetAllParameters) -> Integrations:
    """Returns integrations with their connected devices in the order of their ids.

    Those of portfolios are told to an administrator of the whole desk who asks for no enterprise in particular.
    """
    limitation = parameters.limitation
    rows = await parties.integrations(
        call.database,
        call.administrator.among(parameters.enterprise_ids),
        limitation.cursor or "",
        int(limitation.count),
    )
    found = [IntegrationEntry(row[0], row[1], row[2], row[3], row[4], bool(row[5]), devices) for row, devices in rows]
    return Integrations(found, found[-1].id if found else None)


async def _his(call: AdministrationCall, integration_id: str) -> None:
    if not await parties.is_integration_of(call.database, integration_id, call.administrator.enterprise_ids):
        raise Invalid("IntegrationId")
