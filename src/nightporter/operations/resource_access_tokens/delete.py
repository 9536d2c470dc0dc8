"""resourceAccessTokens/delete (contract 7.11)."""

from nightporter.domain.errors import Invalid
from nightporter.operations.operation import Call
from nightporter.storage import resource_access_tokens as tokens
from nightporter.storage.resource_access_tokens import DeleteResourceAccessTokens
from nightporter.wire.shapes import Common, Empty, Ids


class Parameters(Common, kw_only=True):
    """Contract 7.11, request."""

    ids: Ids


async def delete(call: Call, parameters: Parameters) -> Empty:
    """Deletes resource access tokens, all or none; they stay readable as Deleted (D78).

    One that is deleted already is accepted and left as it is (D79). Raises Invalid("Ids") for an unknown or foreign id.
    """
    enterprise_id = call.actor.enterprise(None)
    ids = tuple(dict.fromkeys(parameters.ids))
    known = await tokens.some(call.database, call.actor.scope(), ids)
    if len(known) < len(ids):
        raise Invalid("Ids")
    if any(token.is_active for token in known.values()):
        await call.writer.write(DeleteResourceAccessTokens(enterprise_id, ids))
    return Empty()
