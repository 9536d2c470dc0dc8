"""administrationTokens/add, getAll, revoke: who runs the desk."""

import json

from nightporter.access.tokens import new_token, token_hash
from nightporter.operations.operation import AdministrationCall
from nightporter.storage import parties
from nightporter.storage.administration import AddAdministrationToken, RevokeTokens
from nightporter.storage.types import moment
from nightporter.wire.property_file import Name
from nightporter.wire.scalars import SentId, SentUtc, usable_text
from nightporter.wire.shapes import Empty, Ids, Limitation, Shape


class AddParameters(Shape, kw_only=True):
    """A new administrator; without ``EnterpriseIds`` one of the whole desk."""

    name: Name
    enterprise_ids: Ids | None = None


class RevokeParameters(Shape, kw_only=True):
    """Which tokens."""

    administration_token_ids: Ids


class GetAllParameters(Shape, kw_only=True):
    """Which page to return."""

    limitation: Limitation


class AddedAdministrationToken(Shape):
    """The token is told once, here; the desk keeps a hash of it."""

    administration_token_id: SentId
    administration_token: str


class AdministrationTokenEntry(Shape):
    """A token without its secret. ``LastUsedUtc`` is exact to some minutes."""

    id: SentId
    name: str
    enterprise_ids: list[SentId] | None
    created_utc: SentUtc
    revoked_utc: SentUtc | None
    last_used_utc: SentUtc | None


class AdministrationTokens(Shape):
    """A page of tokens."""

    administration_tokens: list[AdministrationTokenEntry]
    cursor: SentId | None


async def add(call: AdministrationCall, parameters: AddParameters) -> AddedAdministrationToken:
    """Makes an administration token, for the whole desk or for some enterprises, and tells it, this once."""
    usable_text(parameters.name, "Name")
    token, token_id = new_token(), call.sources.new_id()
    enterprise_ids = None if parameters.enterprise_ids is None else tuple(map(str, parameters.enterprise_ids))
    await call.writer.write(
        AddAdministrationToken(token_id, parameters.name, token_hash(token), enterprise_ids, call.audit)
    )
    return AddedAdministrationToken(token_id, token)


async def revoke(call: AdministrationCall, parameters: RevokeParameters) -> Empty:
    """Revokes administration tokens from their next request on; those that are not there are left out."""
    ids = tuple(map(str, parameters.administration_token_ids))
    await call.writer.write(RevokeTokens("administration_tokens", ids, call.audit))
    return Empty()


async def get_all(call: AdministrationCall, parameters: GetAllParameters) -> AdministrationTokens:
    """Returns the administration tokens, revoked ones included, in the order of their ids."""
    limitation = parameters.limitation
    rows = await parties.administration_tokens(call.database, limitation.cursor or "", int(limitation.count))
    found = [
        AdministrationTokenEntry(
            row[0],
            row[1],
            None if row[2] is None else json.loads(row[2]),
            moment(row[3]),
            *(None if at is None else moment(at) for at in row[4:]),
        )
        for row in rows
    ]
    return AdministrationTokens(found, found[-1].id if found else None)
