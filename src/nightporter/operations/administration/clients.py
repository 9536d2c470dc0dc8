"""clients/add, clients/getAll: client applications, with the rights that they hold at every property."""

import json

from nightporter.access.rights import Right
from nightporter.access.tokens import new_token, token_hash
from nightporter.operations.operation import AdministrationCall
from nightporter.storage import parties
from nightporter.storage.administration import ChangeClient
from nightporter.storage.property import SetProperty
from nightporter.wire.property_file import Name
from nightporter.wire.scalars import Id, SentId, usable_text
from nightporter.wire.shapes import Empty, Limitation, Shape


class AddParameters(Shape, kw_only=True):
    """A new client application."""

    name: Name
    rights: list[Right] = []


class UpdateParameters(Shape, kw_only=True):
    """The new name and rights of a client application; what is left out stays."""

    client_id: Id
    name: Name | None = None
    rights: list[Right] | None = None


class GetAllParameters(Shape, kw_only=True):
    """Which page to return."""

    limitation: Limitation


class AddedClient(Shape):
    """The client's token is told once, here; the desk keeps a hash of it."""

    client_id: SentId
    client_token: str


class ClientEntry(Shape):
    """A client application without its token."""

    id: SentId
    name: str
    rights: list[str]


class Clients(Shape):
    """A page of client applications."""

    clients: list[ClientEntry]
    cursor: SentId | None


async def add(call: AdministrationCall, parameters: AddParameters) -> AddedClient:
    """Adds a client application and tells its ClientToken, this once."""
    usable_text(parameters.name, "Name")
    token, client_id = new_token(), call.sources.new_id()
    row = {
        "id": client_id,
        "name": parameters.name,
        "token_hash": token_hash(token),
        "rights": json.dumps([right.value for right in parameters.rights]),
    }
    await call.writer.write(SetProperty({"clients": [row]}, audit=call.audit))
    return AddedClient(client_id, token)


async def update(call: AdministrationCall, parameters: UpdateParameters) -> Empty:
    """Changes the name or the rights of a client application; they hold from its next request on.

    Raises Invalid("ClientId").
    """
    usable_text(parameters.name, "Name")
    rights = None if parameters.rights is None else json.dumps([right.value for right in parameters.rights])
    await call.writer.write(ChangeClient(parameters.client_id, parameters.name, rights, call.audit))
    return Empty()


async def get_all(call: AdministrationCall, parameters: GetAllParameters) -> Clients:
    """Returns the client applications in the order of their ids, without their tokens."""
    limitation = parameters.limitation
    rows = await parties.clients(call.database, limitation.cursor or "", int(limitation.count))
    found = [ClientEntry(row[0], row[1], json.loads(row[2])) for row in rows]
    return Clients(found, found[-1].id if found else None)
