"""A property file: a hotel written down in one JSON document (DESIGN, "The administration operations").

Records of the property have the names that the vendor's own ``getAll`` operations give them, so that an export loads as
it is; whatever else such a record holds is kept as it came. Several of those operations do not tell the enterprise of a
record: a file that holds exactly one enterprise may leave ``EnterpriseId`` out. A whole reply of theirs may stand in a file
too: what it brings beside the parts is in ``LEFT_OUT``. ``docs/property-file.md`` is made from the descriptions here.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, inspect

from nightporter.domain.bill import BillState
from nightporter.domain.command import CommandState
from nightporter.domain.device import DeviceType, StalledPolicy
from nightporter.domain.errors import Invalid
from nightporter.domain.resource_access_token import ResourceAccessTokenType
from nightporter.wire.resource_access_tokens import Permissions
from nightporter.wire.scalars import Duration, Id, Utc, decimal, read_id
from nightporter.wire.shapes import Shape

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Token = Annotated[str, Meta(min_length=1, max_length=255)]
Given = Annotated[str, Meta(min_length=1)]
"""A name that the property system gave; it tells no upper bound."""
TokenHash = Annotated[
    str, Meta(pattern="^[0-9a-f]{64}$", description="What is kept of the token, as an export tells it.")
]


class Fact(Shape, kw_only=True):
    """What belongs to one enterprise; without ``EnterpriseId`` to the only one of the file."""

    id: Id
    enterprise_id: Annotated[
        Id | None, Meta(description="May be left out where the file holds exactly one enterprise.")
    ] = None


class EnterpriseRecord(Shape, kw_only=True):
    """One property."""

    id: Id
    name: Name
    accepted_currencies: Annotated[list[str], Meta(description="ISO 4217 codes; payments are taken in no other.")]
    is_enabled: Annotated[bool, Meta(description="A disabled one admits nobody.")] = True


class PortfolioRecord(Shape, kw_only=True):
    """Several properties under one access token."""

    id: Id
    name: Name
    enterprise_ids: Annotated[list[Id], Meta(min_length=1)]


class ClientRecord(Shape, kw_only=True):
    """A client application; what rights there are is in ``access/rights.py``."""

    id: Id
    name: Name
    client_token: Annotated[
        Token | None, Meta(description="What it sends as ClientToken; kept as a hash. Either this or ClientTokenHash.")
    ] = None
    client_token_hash: TokenHash | None = None
    rights: Annotated[list[str], Meta(description="For the operations that not every client may call.")] = []


class AccessTokenRecord(Shape, kw_only=True):
    """One token of an integration."""

    id: Id
    access_token: Annotated[
        Token | None, Meta(description="What is sent as AccessToken; kept as a hash. Either this or AccessTokenHash.")
    ] = None
    access_token_hash: TokenHash | None = None


class IntegrationRecord(Shape, kw_only=True):
    """A client at an enterprise, or at a portfolio."""

    id: Id
    client_id: Id
    name: Name
    enterprise_id: Annotated[Id | None, Meta(description="Either this or PortfolioId.")] = None
    portfolio_id: Annotated[Id | None, Meta(description="Either this or EnterpriseId.")] = None
    is_enabled: bool = True
    access_tokens: list[AccessTokenRecord]
    connected_device_ids: Annotated[list[Id], Meta(description="Whose commands it sees and carries out.")] = []


class ConfigurationRecord(Shape, kw_only=True):
    """What the desk knows about a machine beyond its name; each kind of device uses its own part."""

    machine_identifier: Annotated[str | None, Meta(description="The machine's own identifier, like FM-001.")] = None
    api_url: Annotated[str | None, Meta(description="Key cutters and fiscal machines.")] = None
    custom_data: Annotated[str | None, Meta(description="JSON, handed through as KeyCutterData and so on.")] = None
    printer_name: str | None = None
    printer_driver_name: str | None = None
    printer_port_name: str | None = None
    tax_identifier: Annotated[str | None, Meta(description="Fiscal machines.")] = None
    serial_number: str | None = None


class DeviceRecord(Fact, kw_only=True):
    """A device."""

    type: DeviceType
    name: Name
    identifier: str | None = None
    is_active: Annotated[bool, Meta(description="An inactive device is listed no more and takes no command.")] = True
    configuration: ConfigurationRecord = msgspec.field(default_factory=ConfigurationRecord)
    expires_after: Annotated[
        Duration | None,
        Meta(
            description="A command not begun within this time is cancelled; PT0S for never, else as the type of device."
        ),
    ] = None
    stalled_after: Annotated[
        Duration | None,
        Meta(description="Silence in Processing that counts as stalled; PT0S for never, else as the type of device."),
    ] = None
    stalled_policy: Annotated[
        StalledPolicy | None,
        Meta(
            description="What becomes of a stalled command; Flag if left out. Pending offers it again, which payment "
            "terminals, fiscal machines and key cutters may not."
        ),
    ] = None


class ResourceRecord(Fact, kw_only=True):
    """A room, bed, floor or building, with the locks that its key opens.

    The vendor's records have no ``LockIds``: those that the desk has stay, and where it has none the key opens the lock
    that bears the name, so a name there must be. What the vendor says of its state, and that it is no longer active, is
    kept and stops nothing: whoever assigned the stay to it decides, and tokens of the past refer to it.
    """

    name: Given
    parent_resource_id: Annotated[Id | None, Meta(description="The room of a bed, the floor of a room.")] = None
    lock_ids: Annotated[
        list[Name] | None,
        Meta(description="What its key opens; with none, its name. Left out, those that the desk has stay."),
    ] = None


class CustomerRecord(Fact, kw_only=True):
    """A guest. Blank text counts as none, and a single name is the last name, wherever it was put.

    The vendor's records always have ``LastName``. It may be null or blank all the same: a guest who was made anonymous is
    not refused, and has no name on keys.
    """

    first_name: str | None = None
    last_name: Annotated[str | None, Meta(description="Must stand there, though it may be null or blank.")]
    phone: str | None = None
    email: str | None = None


class CompanyRecord(Fact, kw_only=True):
    """A company."""

    name: Given


class RecordedState(StrEnum):
    """The states of a reservation in both of the vendor's versions: Enquired is the older word for Inquired."""

    INQUIRED = "Inquired"
    CONFIRMED = "Confirmed"
    STARTED = "Started"
    PROCESSED = "Processed"
    CANCELED = "Canceled"
    OPTIONAL = "Optional"
    REQUESTED = "Requested"
    ENQUIRED = "Enquired"


class ReservationRecord(Fact, kw_only=True):
    """A stay; the account is its owner.

    Names of the vendor's version 2017-04-12 are read where those of 2023-06-06 are missing. Who came early has been in
    since then, so a key holds from ``ActualStartUtc`` where that is before ``ScheduledStartUtc``. An actual end is not
    looked at: a stay that has one is over.
    """

    number: str | None = None
    state: RecordedState
    scheduled_start_utc: Annotated[Utc | None, Meta(description="Required, unless StartUtc is there.")] = None
    actual_start_utc: Annotated[Utc | None, Meta(description="Begins the stay where it is the earlier one.")] = None
    scheduled_end_utc: Annotated[Utc | None, Meta(description="Required, unless EndUtc is there.")] = None
    account_id: Annotated[Id | None, Meta(description="A customer or company; known, unless the stay is over.")] = None
    assigned_resource_id: Annotated[Id | None, Meta(description="Without one no key can be cut.")] = None
    start_utc: Annotated[Utc | None, Meta(description="Older name of ScheduledStartUtc.")] = None
    end_utc: Annotated[Utc | None, Meta(description="Older name of ScheduledEndUtc.")] = None
    owner_id: Annotated[Id | None, Meta(description="Older name of AccountId.")] = None
    customer_id: Annotated[Id | None, Meta(description="Still older name of AccountId.")] = None
    assigned_space_id: Annotated[Id | None, Meta(description="Older name of AssignedResourceId.")] = None


class CompanionshipRecord(Fact, kw_only=True):
    """One guest on a reservation, or on a group of them without one of its own."""

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
    profile_id: Annotated[Id | None, Meta(description="Only beside the Discriminator Enterprise.")] = None


class CommandRecord(Fact, kw_only=True):
    """A command as getAllByIds prints its data; added where it does not exist yet."""

    device_id: Annotated[Id, Meta(description="A device of the same file.")]
    state: CommandState
    created_utc: Annotated[Utc, Meta(description="Not in the future.")]
    updated_utc: Annotated[Utc | None, Meta(description="Not in the future; CreatedUtc if left out.")] = None
    creator: CreatorRecord
    data: Annotated[Raw, Meta(description="The data of a command for this type of device, as replies print it.")]


class ResourceAccessTokenRecord(Fact, kw_only=True):
    """A resource access token (contract 8.13)."""

    service_order_id: Annotated[Id, Meta(description="A reservation.")]
    companionship_id: Id | None = None
    resource_id: Id | None = None
    type: ResourceAccessTokenType
    value: Token
    serial_number: Annotated[str, Meta(max_length=255)] | None = None
    validity_start_utc: Utc
    validity_end_utc: Annotated[Utc, Meta(description="After the start.")]
    permissions: Permissions
    created_utc: Annotated[Utc, Meta(description="Not in the future.")]
    updated_utc: Annotated[Utc, Meta(description="Not in the future.")]
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

LEFT_OUT: dict[str, str] = {
    "Cursor": "every reply",
    "BusinessSegments": "reservations/getAll (2017-04-12)",
    "Items": "reservations/getAll (2017-04-12)",
    "Notes": "reservations/getAll (2017-04-12)",
    "OrderItems": "reservations/getAll (2017-04-12)",
    "Products": "reservations/getAll (2017-04-12)",
    "QrCodeData": "reservations/getAll (2017-04-12)",
    "RateGroups": "reservations/getAll (2017-04-12)",
    "Rates": "reservations/getAll (2017-04-12)",
    "ReservationGroups": "reservations/getAll (2017-04-12), companionships/getAll",
    "Services": "reservations/getAll (2017-04-12)",
    "ResourceCategories": "resources/getAll, reservations/getAll (2017-04-12)",
    "ResourceCategoryAssignments": "resources/getAll, reservations/getAll (2017-04-12)",
    "ResourceCategoryImageAssignments": "resources/getAll",
    "ResourceFeatures": "resources/getAll",
    "ResourceFeatureAssignments": "resources/getAll",
    "Documents": "customers/getAll",
}
"""What the vendor's replies bring beside the parts, and which do; a file may hold it and the desk has no use for it.

Any other name is refused: it may be a part misspelt, and its records would be lost without a word.
"""


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
