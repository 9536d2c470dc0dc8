"""Resource access tokens: a PIN or a card that opens something for a while (contract 7.8 to 7.11, 8.13)."""

from datetime import datetime
from enum import StrEnum

from nightporter.domain.value import value


class ResourceAccessTokenType(StrEnum):
    """The kind of credential (contract 8.1)."""

    PIN_CODE = "PinCode"
    RFID_TAG = "RfidTag"


class ActivityState(StrEnum):
    """Not deleted, or deleted (D78); running out of validity changes nothing here."""

    ACTIVE = "Active"
    DELETED = "Deleted"


@value
class Permissions:
    """What the credential opens."""

    bed: bool
    room: bool
    floor: bool
    building: bool


@value
class NewResourceAccessToken:
    """A token as it is handed to the writer, which adds the times."""

    id: str
    enterprise_id: str
    service_order_id: str
    companionship_id: str | None
    resource_id: str | None
    type: ResourceAccessTokenType
    value: str
    serial_number: str | None
    validity_start: datetime
    validity_end: datetime
    permissions: Permissions


@value
class ResourceAccessToken(NewResourceAccessToken):
    """A token as it is kept."""

    created: datetime
    updated: datetime
    is_active: bool


@value
class ResourceAccessTokenChange:
    """What to change of one token; None leaves the aspect as it is (contract 7.10)."""

    id: str
    validity_start: datetime | None
    validity_end: datetime | None
    value: str | None
    bed: bool | None
    room: bool | None
    floor: bool | None
    building: bool | None

    def is_valid_for(self, token: ResourceAccessToken) -> bool:
        """Whether the end is still after the start once the change is merged into ``token`` (D74)."""
        return (self.validity_start or token.validity_start) < (self.validity_end or token.validity_end)
