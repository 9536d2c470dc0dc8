"""resourceAccessTokens/getAll (contract 7.8)."""

from typing import Annotated

from msgspec import Meta

from nightporter.domain.errors import Contradictory
from nightporter.domain.resource_access_token import ActivityState
from nightporter.operations.operation import Call
from nightporter.operations.pages import found
from nightporter.storage import resource_access_tokens as tokens
from nightporter.storage.commands import NEWEST
from nightporter.wire.resource_access_tokens import ResourceAccessToken, ResourceAccessTokenPage
from nightporter.wire.shapes import Common, Ids, Limitation, TimeInterval, interval_of


class Parameters(Common, kw_only=True):
    """Contract 7.8, request."""

    enterprise_ids: Ids | None = None
    resource_access_token_ids: Ids | None = None
    service_order_ids: Ids | None = None
    colliding_utc: TimeInterval | None = None
    updated_utc: TimeInterval | None = None
    activity_states: Annotated[list[ActivityState], Meta(max_length=1000)] | None = None
    limitation: Limitation


async def get_all(call: Call, parameters: Parameters) -> ResourceAccessTokenPage:
    """Returns resource access tokens by ids, reservations, validity or update time, newest first.

    All filters that are given must hold (D83). Raises Invalid for an interval or a cursor, Contradictory without a
    usable filter (D17).
    """
    wanted = tokens.Filter(
        ids=parameters.resource_access_token_ids,
        service_order_ids=parameters.service_order_ids,
        colliding=interval_of(parameters.colliding_utc, "CollidingUtc"),
        updated=interval_of(parameters.updated_utc, "UpdatedUtc"),
        is_active=_activity(parameters.activity_states),
    )
    if all(one is None for one in (wanted.ids, wanted.service_order_ids, wanted.colliding, wanted.updated)):
        raise Contradictory(
            "At least one of ResourceAccessTokenIds, ServiceOrderIds, CollidingUtc and UpdatedUtc must be specified."
        )
    limitation, after = parameters.limitation, NEWEST
    if limitation.cursor:
        after = found(await tokens.position(call.database, call.actor.scope(), limitation.cursor))
    page = await tokens.page(
        call.database, call.actor.scope(parameters.enterprise_ids), wanted, after, int(limitation.count)
    )
    return ResourceAccessTokenPage([ResourceAccessToken.of(token) for token in page], page[-1].id if page else None)


def _activity(states: list[ActivityState] | None) -> bool | None:
    """Both, when none or both are asked for (D82)."""
    asked = set(states or ActivityState)
    return None if len(asked) == len(ActivityState) else ActivityState.ACTIVE in asked
