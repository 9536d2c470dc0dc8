"""Resource access tokens as replies print them (contract 8.13)."""

from datetime import datetime

from nightporter.domain import resource_access_token as domain
from nightporter.domain.resource_access_token import ResourceAccessTokenType
from nightporter.wire.scalars import SentId, SentUtc
from nightporter.wire.shapes import Shape


class Permissions(Shape):
    """What the credential opens, plain."""

    bed: bool
    room: bool
    floor: bool
    building: bool


class ResourceAccessToken(Shape):
    """Contract 8.13."""

    id: SentId
    enterprise_id: SentId
    service_order_id: SentId
    companionship_id: SentId | None
    resource_id: SentId | None
    type: ResourceAccessTokenType
    value: str
    serial_number: str | None
    validity_start_utc: SentUtc
    validity_end_utc: SentUtc
    permissions: Permissions
    created_utc: SentUtc
    updated_utc: SentUtc
    is_active: bool

    @classmethod
    def of(cls, token: domain.ResourceAccessToken) -> "ResourceAccessToken":
        """``token`` as printed."""
        return cls.written(token, token.created, token.updated, token.is_active)

    @classmethod
    def written(
        cls, token: domain.NewResourceAccessToken, created: datetime, updated: datetime, is_active: bool = True
    ) -> "ResourceAccessToken":
        """``token`` as printed, with what the writer added to it."""
        opens = token.permissions
        return cls(
            token.id,
            token.enterprise_id,
            token.service_order_id,
            token.companionship_id,
            token.resource_id,
            token.type,
            token.value,
            token.serial_number,
            token.validity_start,
            token.validity_end,
            Permissions(opens.bed, opens.room, opens.floor, opens.building),
            created,
            updated,
            is_active,
        )


class ResourceAccessTokens(Shape):
    """The reply of 7.9 and 7.10."""

    resource_access_tokens: list[ResourceAccessToken]


class ResourceAccessTokenPage(Shape):
    """The reply of 7.8."""

    resource_access_tokens: list[ResourceAccessToken]
    cursor: SentId | None
