"""What the client's methods take beyond plain values: resource access tokens to add and to change, intervals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nightporter.domain.resource_access_token import ResourceAccessTokenType
from nightporter.domain.value import value


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenToAdd:
    """One resource access token to add (contract 7.9); times are aware, permissions not given are not granted (D70)."""

    service_order_id: str
    type: ResourceAccessTokenType
    value: str = field(repr=False)
    """The PIN or the tag; it stands in no text about this object."""
    validity_start: datetime
    validity_end: datetime
    companionship_id: str | None = None
    resource_id: str | None = None
    serial_number: str | None = None
    bed: bool = False
    room: bool = False
    floor: bool = False
    building: bool = False

    def fields(self) -> dict[str, Any]:
        """As the wire has it; raises ValueError for a time without a zone."""
        return {
            "ServiceOrderId": self.service_order_id,
            "CompanionshipId": self.companionship_id,
            "ResourceId": self.resource_id,
            "Type": self.type,
            "Value": self.value,
            "SerialNumber": self.serial_number,
            "ValidityStartUtc": printed(self.validity_start),
            "ValidityEndUtc": printed(self.validity_end),
            "Permissions": _permissions(self.bed, self.room, self.floor, self.building),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenChange:
    """What to change of one resource access token (contract 7.10); None leaves the aspect as it is."""

    id: str
    value: str | None = field(default=None, repr=False)
    validity_start: datetime | None = None
    validity_end: datetime | None = None
    bed: bool | None = None
    room: bool | None = None
    floor: bool | None = None
    building: bool | None = None

    def fields(self) -> dict[str, Any]:
        """As the wire has it; raises ValueError for a time without a zone."""
        start, end = self.validity_start, self.validity_end
        return given(
            ResourceAccessTokenId=self.id,
            Value=None if self.value is None else {"Value": self.value},
            ValidityStartUtc=None if start is None else {"Value": printed(start)},
            ValidityEndUtc=None if end is None else {"Value": printed(end)},
            Permissions=_permissions(self.bed, self.room, self.floor, self.building) or None,
        )


@value
class Span:
    """An interval in a filter: ``start`` ≤ t < ``end``, at most three months (contract 2.11)."""

    start: datetime
    end: datetime

    def fields(self) -> dict[str, str]:
        """As the wire has it; raises ValueError for a time without a zone."""
        return {"StartUtc": printed(self.start), "EndUtc": printed(self.end)}


def printed(moment: datetime) -> str:
    """A moment as the wire has it: UTC, whole seconds (D33); raises ValueError for one without a zone."""
    if moment.tzinfo is None:
        raise ValueError("give a time with its zone, for example datetime(2026, 3, 1, 12, tzinfo=UTC)")
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def given(**fields: Any) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def _permissions(
    bed: bool | None, room: bool | None, floor: bool | None, building: bool | None
) -> Mapping[str, Mapping[str, bool]]:
    permissions = given(Bed=bed, Room=room, Floor=floor, Building=building)
    return {name: {"Value": value} for name, value in permissions.items()}
