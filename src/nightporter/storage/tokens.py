"""Who is calling: the integration behind a client token and an access token."""

import json

from sqlalchemy import select

from nightporter.access import tokens
from nightporter.access.actor import Actor
from nightporter.access.rights import Right
from nightporter.domain.errors import NotRecognised
from nightporter.storage.database import Database
from nightporter.storage.statements import Statement, given
from nightporter.storage.tables import (
    access_tokens,
    clients,
    device_connections,
    enterprises,
    integrations,
    portfolio_members,
)

_CLIENT = Statement(
    select(clients.c.id, clients.c.token_hash, clients.c.rights).where(clients.c.token_hash == given("hash"))
)
_INTEGRATION = Statement(
    select(
        access_tokens.c.id,
        access_tokens.c.token_hash,
        integrations.c.id,
        integrations.c.name,
        integrations.c.client_id,
        integrations.c.enterprise_id,
        integrations.c.portfolio_id,
    )
    .join(integrations, integrations.c.id == access_tokens.c.integration_id)
    .where(access_tokens.c.token_hash == given("hash"), access_tokens.c.revoked.is_(None), integrations.c.is_enabled)
)
_ENTERPRISE = Statement(
    select(enterprises.c.id).where(enterprises.c.id == given("enterprise"), enterprises.c.is_enabled)
)
_MEMBERS = Statement(
    select(enterprises.c.id)
    .join(portfolio_members, portfolio_members.c.enterprise_id == enterprises.c.id)
    .where(portfolio_members.c.portfolio_id == given("portfolio"), enterprises.c.is_enabled)
    .order_by(enterprises.c.id)
)
_CONNECTIONS = Statement(
    select(device_connections.c.device_id).where(device_connections.c.integration_id == given("integration"))
)


async def recognise(database: Database, client_hash: str, access_hash: str) -> Actor:
    """The actor behind two token hashes that belong together and are enabled (contract 2.3 rules 2 to 4, D7 to D9).

    Raises NotRecognised.
    """
    client = await database.one(_CLIENT, hash=client_hash)
    if client is None or not tokens.same(client[1], client_hash):
        raise NotRecognised("ClientToken")
    found = await database.one(_INTEGRATION, hash=access_hash)
    if found is None or not tokens.same(found[1], access_hash) or found[4] != client[0]:
        raise NotRecognised("AccessToken")
    token_id, _, integration_id, name, client_id, enterprise_id, portfolio_id = found
    if portfolio_id is None:
        members = await database.few(_ENTERPRISE, enterprise=enterprise_id)
    else:
        members = await database.few(_MEMBERS, portfolio=portfolio_id)
    if not members:
        raise NotRecognised("AccessToken")
    connected = await database.few(_CONNECTIONS, integration=integration_id)
    return Actor(
        access_token_id=token_id,
        integration_id=integration_id,
        integration_name=name,
        client_id=client_id,
        enterprise_ids=tuple(row[0] for row in members),
        is_portfolio=portfolio_id is not None,
        device_ids=frozenset(row[0] for row in connected),
        rights=frozenset(Right(right) for right in json.loads(client[2])),
    )
