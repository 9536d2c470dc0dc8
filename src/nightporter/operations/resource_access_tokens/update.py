"""resourceAccessTokens/update (contract 7.10)."""

from typing import Annotated

from msgspec import Meta

from nightporter.domain.errors import Changed, Invalid
from nightporter.domain.resource_access_token import ResourceAccessTokenChange
from nightporter.operations.operation import Call
from nightporter.operations.resource_access_tokens.permissions import PermissionParameters, opens
from nightporter.storage import resource_access_tokens as tokens
from nightporter.storage.resource_access_tokens import ChangeResourceAccessTokens
from nightporter.wire.resource_access_tokens import ResourceAccessToken, ResourceAccessTokens
from nightporter.wire.scalars import Id, IdOrUpdateValue, usable_text
from nightporter.wire.shapes import Common, Shape, UtcUpdateValue

ROUNDS = 3


class ValueUpdate(Shape):
    """The new credential."""

    value: Annotated[str, Meta(min_length=1, max_length=255)]


class ResourceAccessTokenUpdate(Shape, kw_only=True):
    """What to change of one token; what is left out stays."""

    resource_access_token_id: IdOrUpdateValue
    validity_start_utc: UtcUpdateValue | None = None
    validity_end_utc: UtcUpdateValue | None = None
    value: ValueUpdate | None = None
    permissions: PermissionParameters | None = None


class Parameters(Common, kw_only=True):
    """Contract 7.10, request."""

    enterprise_id: Id | None = None
    resource_access_token_updates: Annotated[list[ResourceAccessTokenUpdate], Meta(max_length=1000)] | None = None


async def update(call: Call, parameters: Parameters) -> ResourceAccessTokens:
    """Changes validity, value or permissions of resource access tokens, all or none (D76), and returns them.

    Raises Invalid for a token that is unknown, foreign, deleted or named twice (D80) and for a validity that would not
    end after it starts (D74); Changed when others changed the tokens again and again meanwhile.
    """
    enterprise_id = call.actor.enterprise(parameters.enterprise_id)
    scope = call.actor.scope([enterprise_id])
    changes = tuple(_change(one) for one in parameters.resource_access_token_updates or ())
    ids = [change.id for change in changes]
    if len(set(ids)) < len(ids):
        raise Invalid("ResourceAccessTokenId")
    if not changes:
        return ResourceAccessTokens([])
    for _ in range(ROUNDS):
        known = await tokens.some(call.database, scope, ids)
        for change in changes:
            token = known.get(change.id)
            if token is None or not token.is_active:
                raise Invalid("ResourceAccessTokenId")
            if not change.is_valid_for(token):
                raise Invalid("ValidityEndUtc")
        changed = await call.writer.write(ChangeResourceAccessTokens(enterprise_id, changes))
        if changed is not None:
            return ResourceAccessTokens([ResourceAccessToken.of(token) for token in changed])
    raise Changed


def _change(one: ResourceAccessTokenUpdate) -> ResourceAccessTokenChange:
    allowed = one.permissions or PermissionParameters()
    return ResourceAccessTokenChange(
        id=one.resource_access_token_id,
        validity_start=one.validity_start_utc.value if one.validity_start_utc else None,
        validity_end=one.validity_end_utc.value if one.validity_end_utc else None,
        value=usable_text(one.value.value, "Value") if one.value else None,
        bed=opens(allowed.bed),
        room=opens(allowed.room),
        floor=opens(allowed.floor),
        building=opens(allowed.building),
    )
