"""A property file: a hotel written down in one JSON document (DESIGN, "The administration operations").

Records of the property have the names that the vendor's own ``getAll`` operations give them, so that an export loads as
it is; whatever else such a record holds is kept as it came. Several of those operations do not tell the enterprise of a
record: a file that holds exactly one enterprise may leave ``EnterpriseId`` out.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, inspect

from nightporter.domain.bill import BillState
from nightporter.domain.command import CommandState
from nightporter.domain.device import DeviceType
from nightporter.domain.errors import Invalid
from nightporter.domain.reservation import ReservationState
from nightporter.domain.resource_access_token import ResourceAccessTokenType
from nightporter.wire.resource_access_tokens import Permissions
from nightporter.wire.scalars import Id, Utc, decimal, read_id
from nightporter.wire.shapes import Shape

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Token = Annotated[str, Meta(min_length=1, max_length=255)]


class Fact(Shape, kw_only=True):
    """What belongs to one enterprise; without ``EnterpriseId`` to the only one of the file."""

    id: Id
    enterprise_id: Id | None = None


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
    """A client application; its rights are the values of ``access.rights.Right``."""

    id: Id
    name: Name
    client_token: Token
    rights: list[str] = []


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


class DeviceRecord(Fact, kw_only=True):
    """A device."""

    type: DeviceType
    name: Name
    identifier: str | None = None
    is_active: bool = True
    configuration: ConfigurationRecord = msgspec.field(default_factory=ConfigurationRecord)


class ResourceRecord(Fact, kw_only=True):
    """A room, bed, floor or building, with the locks that its key opens."""

    name: Name
    parent_resource_id: Id | None = None
    lock_ids: list[Name] = []


class CustomerRecord(Fact, kw_only=True):
    """A guest."""

    first_name: str | None = None
    last_name: Name
    phone: str | None = None
    email: str | None = None


class CompanyRecord(Fact, kw_only=True):
    """A company."""

    name: Name


class ReservationRecord(Fact, kw_only=True):
    """A stay; the account is its owner.

    Names of the vendor's version 2017-04-12 are read where those of 2023-06-06 are missing.
    """

    number: str | None = None
    state: Annotated[str, Meta(pattern=f"^({'|'.join(ReservationState)}|Enquired)$")]
    scheduled_start_utc: Utc | None = None
    scheduled_end_utc: Utc | None = None
    account_id: Id | None = None
    assigned_resource_id: Id | None = None
    start_utc: Utc | None = None
    end_utc: Utc | None = None
    owner_id: Id | None = None
    customer_id: Id | None = None
    assigned_space_id: Id | None = None


class CompanionshipRecord(Fact, kw_only=True):
    """One guest on a reservation."""

    customer_id: Id
    reservation_id: Id | None = None


class BillRecord(Fact, kw_only=True):
    """A bill in the older shape (contract 8.10); only what the desk looks at is read here."""

    state: BillState


class PaymentRequestRecord(Fact, kw_only=True):
    """A request for payment."""


class CreatorRecord(Shape, kw_only=True):
    """Who caused a command, for both shapes (contract 8.2, 8.4)."""

    first_name: str | None = None
    last_name: Name
    image_url: str | None = None
    discriminator: Annotated[str, Meta(pattern="^(Personal|Enterprise|Platform|Static|Integration)$")] = "Personal"
    profile_id: Id | None = None


class CommandRecord(Fact, kw_only=True):
    """A command as getAllByIds prints its data; added where it does not exist yet."""

    device_id: Id
    state: CommandState
    created_utc: Utc
    updated_utc: Utc | None = None
    creator: CreatorRecord
    data: Raw


class ResourceAccessTokenRecord(Fact, kw_only=True):
    """A resource access token (contract 8.13)."""

    service_order_id: Id
    companionship_id: Id | None = None
    resource_id: Id | None = None
    type: ResourceAccessTokenType
    value: Token
    serial_number: Annotated[str, Meta(max_length=255)] | None = None
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


def as_sent(shape: Shape, place: str) -> None:
    """Bring a shape that came from outside into the form in which replies print it, in place.

    Ids become lower case, times UTC in whole seconds, decimals short. Raises ValueError, which names the place, for an
    id or a decimal that replies may not hold.
    """
    _into_sent(_described(type(shape)), shape, place)


_described = cache(inspect.type_info)


def _into_sent(kind: Any, value: Any, place: str) -> Any:
    if isinstance(kind, inspect.UnionType):
        (inner,) = (one for one in kind.types if not isinstance(one, inspect.NoneType))
        return None if value is None else _into_sent(inner, value, place)
    if isinstance(kind, inspect.StructType):
        for part in kind.fields:
            here = f"{place}.{part.encode_name}"
            setattr(value, part.name, _into_sent(part.type, getattr(value, part.name), here))
    elif isinstance(kind, inspect.ListType):
        return [_into_sent(kind.item_type, item, f"{place}[{number}]") for number, item in enumerate(value)]
    elif isinstance(kind, inspect.Metadata):
        if kind.extra_json_schema == {"format": "uuid"}:
            return _read(read_id, value, place)
        return _into_sent(kind.type, value, place)
    elif isinstance(value, datetime):
        return value.astimezone(UTC).replace(microsecond=0)
    elif isinstance(value, Decimal):
        return _read(_shortest, value, place)
    return value


def _shortest(value: Decimal) -> Decimal:
    try:
        return decimal(Raw(str(value).encode()), "Value")
    except Invalid:
        raise ValueError("expected a number of at most 15 digits") from None


def _read(read: Callable[[Any], Any], value: Any, place: str) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(f"{error} - at `{place}`") from None
