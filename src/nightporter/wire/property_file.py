"""A property file: a hotel written down in one JSON document (DESIGN, "The administration operations").

Records of the property have the names that the vendor's own ``getAll`` operations give them, with the enterprise they
belong to; whatever else such a record holds is kept as it came.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from nightporter.access.rights import Right
from nightporter.domain.command import CommandState
from nightporter.domain.device import DeviceType
from nightporter.domain.reservation import ReservationState
from nightporter.domain.resource_access_token import ResourceAccessTokenType
from nightporter.wire.resource_access_tokens import Permissions
from nightporter.wire.scalars import Id, Utc
from nightporter.wire.shapes import Shape

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Token = Annotated[str, Meta(min_length=1, max_length=255)]


class EnterpriseRecord(Shape, kw_only=True):
    """One property."""

    id: Id
    name: Name
    accepted_currencies: list[str]
    is_enabled: bool = True


class PortfolioRecord(Shape, kw_only=True):
    """Several properties under one access token."""

    id: Id
    name: Name
    enterprise_ids: Annotated[list[Id], Meta(min_length=1)]


class ClientRecord(Shape, kw_only=True):
    """A client application."""

    id: Id
    name: Name
    client_token: Token
    rights: list[Right] = []


class AccessTokenRecord(Shape, kw_only=True):
    """One token of an integration."""

    id: Id
    access_token: Token


class IntegrationRecord(Shape, kw_only=True):
    """A client at an enterprise, or at a portfolio."""

    id: Id
    client_id: Id
    name: Name
    enterprise_id: Id | None = None
    portfolio_id: Id | None = None
    is_enabled: bool = True
    access_tokens: list[AccessTokenRecord]
    connected_device_ids: list[Id] = []


class ConfigurationRecord(Shape, kw_only=True):
    """What the desk knows about a machine beyond its name; each kind of device uses its own part."""

    machine_identifier: str | None = None
    api_url: str | None = None
    custom_data: str | None = None
    printer_name: str | None = None
    printer_driver_name: str | None = None
    printer_port_name: str | None = None
    tax_identifier: str | None = None
    serial_number: str | None = None


class DeviceRecord(Shape, kw_only=True):
    """A device."""

    id: Id
    enterprise_id: Id
    type: DeviceType
    name: Name
    identifier: str | None = None
    is_active: bool = True
    configuration: ConfigurationRecord = msgspec.field(default_factory=ConfigurationRecord)


class ResourceRecord(Shape, kw_only=True):
    """A room, bed, floor or building, with the locks that its key opens."""

    id: Id
    enterprise_id: Id
    name: Name
    parent_resource_id: Id | None = None
    lock_ids: list[str] = []


class CustomerRecord(Shape, kw_only=True):
    """A guest."""

    id: Id
    enterprise_id: Id
    first_name: str | None = None
    last_name: Name
    phone: str | None = None
    email: str | None = None


class CompanyRecord(Shape, kw_only=True):
    """A company."""

    id: Id
    enterprise_id: Id
    name: Name


class ReservationRecord(Shape, kw_only=True):
    """A stay; the account is its owner."""

    id: Id
    enterprise_id: Id
    number: str | None = None
    state: ReservationState
    scheduled_start_utc: Utc
    scheduled_end_utc: Utc
    account_id: Id | None = None
    assigned_resource_id: Id | None = None


class CompanionshipRecord(Shape, kw_only=True):
    """One guest on a reservation."""

    id: Id
    enterprise_id: Id
    customer_id: Id
    reservation_id: Id | None = None


class BillRecord(Shape, kw_only=True):
    """A bill in the older shape (contract 8.10); only what the desk looks at is read here."""

    id: Id
    enterprise_id: Id
    state: Annotated[str, Meta(pattern="^(Open|Closed)$")]


class PaymentRequestRecord(Shape, kw_only=True):
    """A request for payment."""

    id: Id
    enterprise_id: Id


class CreatorRecord(Shape, kw_only=True):
    """Who caused a command, for both shapes (contract 8.2, 8.4)."""

    first_name: str | None = None
    last_name: Name
    image_url: str | None = None
    discriminator: Annotated[str, Meta(pattern="^(Personal|Enterprise|Platform|Static|Integration)$")] = "Personal"
    profile_id: Id | None = None


class CommandRecord(Shape, kw_only=True):
    """A command as getAllByIds prints its data; added where it does not exist yet."""

    id: Id
    enterprise_id: Id
    device_id: Id
    state: CommandState
    created_utc: Utc
    updated_utc: Utc | None = None
    creator: CreatorRecord
    data: Raw


class ResourceAccessTokenRecord(Shape, kw_only=True):
    """A resource access token (contract 8.13)."""

    id: Id
    enterprise_id: Id
    service_order_id: Id
    companionship_id: Id | None = None
    resource_id: Id | None = None
    type: ResourceAccessTokenType
    value: Token
    serial_number: str | None = None
    validity_start_utc: Utc
    validity_end_utc: Utc
    permissions: Permissions
    created_utc: Utc
    updated_utc: Utc
    is_active: bool = True


RECORDS: dict[str, type[Shape]] = {
    "Enterprises": EnterpriseRecord,
    "Portfolios": PortfolioRecord,
    "Clients": ClientRecord,
    "Integrations": IntegrationRecord,
    "Devices": DeviceRecord,
    "Resources": ResourceRecord,
    "Customers": CustomerRecord,
    "Companies": CompanyRecord,
    "Reservations": ReservationRecord,
    "Companionships": CompanionshipRecord,
    "Bills": BillRecord,
    "PaymentRequests": PaymentRequestRecord,
    "Commands": CommandRecord,
    "ResourceAccessTokens": ResourceAccessTokenRecord,
}
"""The parts of a property file and the shape of their records."""
