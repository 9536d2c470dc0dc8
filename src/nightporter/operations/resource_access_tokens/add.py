"""resourceAccessTokens/add (contract 7.9)."""

from typing import Annotated

from msgspec import Meta

from nightporter.domain.errors import Invalid
from nightporter.domain.resource_access_token import NewResourceAccessToken, Permissions, ResourceAccessTokenType
from nightporter.operations.never_twice import never_twice
from nightporter.operations.operation import Call
from nightporter.operations.resource_access_tokens.permissions import PermissionParameters, opens
from nightporter.storage import property as facts
from nightporter.storage import resource_access_tokens as tokens
from nightporter.storage.idempotency import Once, Twin
from nightporter.storage.resource_access_tokens import AddResourceAccessTokens
from nightporter.wire.resource_access_tokens import ResourceAccessToken, ResourceAccessTokens
from nightporter.wire.scalars import Id, Utc, plain, usable_text
from nightporter.wire.shapes import Common, Shape


class ResourceAccessTokenParameters(Shape, kw_only=True):
    """One token to add."""

    service_order_id: Id
    companionship_id: Id | None = None
    resource_id: Id | None = None
    type: ResourceAccessTokenType
    value: Annotated[str, Meta(min_length=1, max_length=255)]
    serial_number: Annotated[str, Meta(max_length=255)] | None = None
    validity_start_utc: Utc
    validity_end_utc: Utc
    permissions: PermissionParameters


class Parameters(Common, kw_only=True):
    """Contract 7.9, request."""

    resource_access_token_parameters: Annotated[
        list[ResourceAccessTokenParameters], Meta(min_length=1, max_length=1000)
    ]


async def add(call: Call, parameters: Parameters) -> ResourceAccessTokens:
    """Adds resource access tokens, all or none (D76), and returns them in the order of the request.

    Raises Invalid for a validity that does not end after it starts (D74), for texts with a NUL, and for a reservation,
    companionship or resource that the enterprise does not have or that do not belong together (D75).
    """
    wanted = parameters.resource_access_token_parameters
    for one in wanted:
        usable_text(one.value, "Value")
        usable_text(one.serial_number, "SerialNumber")
        if one.validity_end_utc <= one.validity_start_utc:
            raise Invalid("ValidityEndUtc")
    enterprise_id = call.actor.enterprise(None)
    made: list[ResourceAccessToken] = []

    async def write(once: Once | None) -> tuple[str, ...] | Twin:
        await _check_references(call, enterprise_id, wanted)
        new = tuple(_new(call, enterprise_id, one) for one in wanted)
        written = await call.writer.write(AddResourceAccessTokens(new, once))
        if isinstance(written, Twin):
            return written
        made.extend(ResourceAccessToken.written(token, written, written) for token in new)
        return tuple(token.id for token in new)

    ids = await never_twice(call, parameters, enterprise_id, write)
    if made:
        return ResourceAccessTokens(made)
    kept = await tokens.some(call.database, call.actor.scope(), ids)
    return ResourceAccessTokens([ResourceAccessToken.of(kept[token_id]) for token_id in ids])


def _new(call: Call, enterprise_id: str, one: ResourceAccessTokenParameters) -> NewResourceAccessToken:
    allowed = one.permissions
    return NewResourceAccessToken(
        call.sources.new_id(),
        enterprise_id,
        str(one.service_order_id),
        str(one.companionship_id) if one.companionship_id else None,
        str(one.resource_id) if one.resource_id else None,
        one.type,
        one.value,
        one.serial_number,
        plain(one.validity_start_utc),
        plain(one.validity_end_utc),
        Permissions(
            opens(allowed.bed) or False,
            opens(allowed.room) or False,
            opens(allowed.floor) or False,
            opens(allowed.building) or False,
        ),
    )


async def _check_references(call: Call, enterprise_id: str, wanted: list[ResourceAccessTokenParameters]) -> None:
    known = await facts.references(
        call.database,
        enterprise_id,
        list({one.service_order_id for one in wanted}),
        list({one.companionship_id for one in wanted if one.companionship_id}),
        list({one.resource_id for one in wanted if one.resource_id}),
    )
    for one in wanted:
        if one.service_order_id not in known.reservations:
            raise Invalid("ServiceOrderId")
        if one.companionship_id and known.companionships.get(one.companionship_id) != one.service_order_id:
            raise Invalid("CompanionshipId")
        if one.resource_id and one.resource_id not in known.resources:
            raise Invalid("ResourceId")
