"""accessTokens/add, getAll, revoke: what an integration calls with; shown once, kept as a hash."""

from nightporter.access.tokens import new_token, token_hash
from nightporter.domain.errors import Invalid
from nightporter.operations.operation import AdministrationCall
from nightporter.storage import parties
from nightporter.storage.administration import RevokeTokens
from nightporter.storage.property import SetProperty
from nightporter.storage.types import moment, seconds
from nightporter.wire.scalars import Id, SentId, SentUtc
from nightporter.wire.shapes import Empty, Ids, Limitation, Shape


class AddParameters(Shape, kw_only=True):
    """For which integration."""

    integration_id: Id


class RevokeParameters(Shape, kw_only=True):
    """Which tokens."""

    access_token_ids: Ids


class GetAllParameters(Shape, kw_only=True):
    """Of which integrations, and which page to return."""

    integration_ids: Ids
    limitation: Limitation


class AddedAccessToken(Shape):
    """The token is told once, here; the desk keeps a hash of it."""

    access_token_id: SentId
    access_token: str


class AccessTokenEntry(Shape):
    """A token without its secret. ``LastUsedUtc`` is exact to some minutes."""

    id: SentId
    integration_id: SentId
    created_utc: SentUtc
    revoked_utc: SentUtc | None
    last_used_utc: SentUtc | None


class AccessTokens(Shape):
    """A page of tokens."""

    access_tokens: list[AccessTokenEntry]
    cursor: SentId | None


async def add(call: AdministrationCall, parameters: AddParameters) -> AddedAccessToken:
    """Makes an access token for an integration and tells it, this once. Raises Invalid("IntegrationId")."""
    if not await parties.is_integration_of(call.database, parameters.integration_id, call.administrator.enterprise_ids):
        raise Invalid("IntegrationId")
    token, token_id = new_token(), call.sources.new_id()
    row = {
        "id": token_id,
        "integration_id": str(parameters.integration_id),
        "token_hash": token_hash(token),
        "created": seconds(call.sources.now()),
        "revoked": None,
    }
    await call.writer.write(SetProperty({"access_tokens": [row]}, audit=call.audit))
    return AddedAccessToken(token_id, token)


async def revoke(call: AdministrationCall, parameters: RevokeParameters) -> Empty:
    """Revokes access tokens: their next request is refused, and their sockets close at once with 1008.

    Those revoked already stay so. Raises Invalid("AccessTokenIds") for one that is not there, and then none is revoked.
    """
    ids = tuple(dict.fromkeys(map(str, parameters.access_token_ids)))
    found = await parties.enterprises_of_tokens(call.database, ids)
    for one in ids:
        if one not in found or (found[one] is None and not call.administrator.runs_everything):
            raise Invalid("AccessTokenIds")
        if (enterprise_id := found[one]) is not None:
            call.administrator.enterprise(enterprise_id, "AccessTokenIds")
    await call.writer.write(RevokeTokens("access_tokens", ids, call.audit))
    return Empty()


async def get_all(call: AdministrationCall, parameters: GetAllParameters) -> AccessTokens:
    """Returns the access tokens of integrations, revoked ones included, in the order of their ids.

    Integrations that are not the administrator's are left out.
    """
    limitation = parameters.limitation
    his = [
        one
        for one in parameters.integration_ids
        if await parties.is_integration_of(call.database, one, call.administrator.enterprise_ids)
    ]
    rows = await parties.access_tokens(call.database, his, limitation.cursor or "", int(limitation.count))
    found = [
        AccessTokenEntry(row[0], row[1], moment(row[2]), *(None if at is None else moment(at) for at in row[3:]))
        for row in rows
    ]
    return AccessTokens(found, found[-1].id if found else None)
