"""Administrators and what they change beside the facts of a property: tokens, integrations, what is deleted."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import false, select, text, update

from nightporter.access.administrator import Administrator
from nightporter.access.tokens import same
from nightporter.domain.command import CommandState, EndedBy
from nightporter.domain.errors import Invalid, NotRecognised
from nightporter.domain.value import value
from nightporter.storage import audit, tables
from nightporter.storage.audit import Audit, Change
from nightporter.storage.batch import Batch
from nightporter.storage.command_changes import MoveCommand, move_commands
from nightporter.storage.database import Database
from nightporter.storage.statements import Statement, add, among, given, put

_t, _a, _i, _l = (
    tables.administration_tokens.c,
    tables.access_tokens.c,
    tables.integrations.c,
    tables.device_connections.c,
)


@value
class AddAdministrationToken:
    """Add an administrator; ``enterprise_ids`` None for the whole desk. The result is None."""

    id: str
    name: str
    token_hash: str
    enterprise_ids: tuple[str, ...] | None
    audit: Audit


@value
class RevokeTokens:
    """Revoke tokens of ``table`` (access_tokens or administration_tokens); those revoked already stay as they are.

    The result tells how many were revoked.
    """

    table: str
    ids: tuple[str, ...]
    audit: Audit


@value
class ChangeClient:
    """Change the name or the rights (JSON) of a client; None leaves them. The result is None.

    Raises Invalid("ClientId") when it is not there.
    """

    client_id: str
    name: str | None
    rights: str | None
    audit: Audit


@value
class ChangeIntegration:
    """Enable or disable an integration, connect and disconnect devices; all at once. The result is None.

    Raises Invalid("IntegrationId") when it is gone.
    """

    integration_id: str
    is_enabled: bool | None
    connect: tuple[str, ...]
    disconnect: tuple[str, ...]
    audit: Audit


@value
class TouchTokens:
    """Note when tokens were last used: pairs of table and id."""

    tokens: tuple[tuple[str, str], ...]


_TOKEN = Statement(
    select(_t.id, _t.token_hash, _t.name, _t.enterprise_ids).where(_t.token_hash == given("hash"), _t.revoked.is_(None))
)


async def administrator(database: Database, token_hash: str) -> Administrator:
    """The administrator behind the hash of a token; raises NotRecognised."""
    row = await database.one(_TOKEN, hash=token_hash)
    if row is None or not same(row[1], token_hash):
        raise NotRecognised("Authorization")
    return Administrator(row[0], row[2], None if row[3] is None else frozenset(json.loads(row[3])))


_ADD_TOKEN = add(
    tables.administration_tokens, ["id", "name", "token_hash", "enterprise_ids", "created", "revoked", "used"]
)


async def add_tokens(batch: Batch, intents: Sequence[AddAdministrationToken]) -> list[object]:
    """Carry out the intents."""
    for one in intents:
        enterprises = None if one.enterprise_ids is None else json.dumps(one.enterprise_ids)
        row = (one.id, one.name, one.token_hash, enterprises, batch.seconds, None, None)
        await batch.transaction.run(_ADD_TOKEN, [row])
        after = {"name": one.name, "enterprise_ids": enterprises, "revoked": None}
        await audit.write(batch, one.audit, [Change("administration_tokens", None, one.id, None, after)])
    return [None] * len(intents)


def _revoking(name: str) -> Statement:
    table = tables.metadata.tables[name]
    revoked = update(table).where(among(table.c.id, "ids"), table.c.revoked.is_(None)).values(revoked=given("now"))
    return Statement(revoked.returning(table.c.id), lists=("ids",))


_REVOKE = {name: _revoking(name) for name in ("access_tokens", "administration_tokens")}


async def revoke_tokens(batch: Batch, intents: Sequence[RevokeTokens]) -> list[object]:
    """Carry out the intents."""
    counts: list[object] = []
    for one in intents:
        gone = await batch.transaction.fetch(_REVOKE[one.table], {"ids": one.ids, "now": batch.seconds})
        changes = [Change(one.table, None, row[0], {"revoked": None}, {"revoked": batch.seconds}) for row in gone]
        await audit.write(batch, one.audit, changes)
        counts.append(len(gone))
        batch.property_changed = batch.property_changed or bool(gone)
    return counts


_c = tables.clients.c
_CLIENT = Statement(select(_c.name, _c.rights).where(_c.id == given("client")))
_RENAME = Statement(
    update(tables.clients).where(_c.id == given("client")).values(name=given("name"), rights=given("rights"))
)


async def change_clients(batch: Batch, intents: Sequence[ChangeClient]) -> list[object]:
    """Carry out the intents, in their order."""
    for one in intents:
        found = await batch.transaction.fetch(_CLIENT, {"client": one.client_id})
        if not found:
            raise Invalid("ClientId")
        before = {"name": found[0][0], "rights": found[0][1]}
        after = {"name": one.name or before["name"], "rights": before["rights"] if one.rights is None else one.rights}
        if after != before:
            await batch.transaction.fetch(_RENAME, {"client": one.client_id, **after})
            await audit.write(batch, one.audit, [Change("clients", None, one.client_id, before, after)])
            batch.property_changed = True
    return [None] * len(intents)


_INTEGRATION = Statement(select(_i.id, _i.enterprise_id, _i.is_enabled).where(_i.id == given("integration")))
_ENABLE = Statement(
    update(tables.integrations).where(_i.id == given("integration")).values(is_enabled=given("enabled"))
)
_CONNECTED = Statement(select(_l.device_id).where(_l.integration_id == given("integration")).order_by(_l.device_id))
_CONNECT = put(tables.device_connections, ["integration_id", "device_id"])
_DISCONNECT = Statement(
    tables.device_connections.delete().where(_l.integration_id == given("integration"), among(_l.device_id, "devices")),
    lists=("devices",),
)


async def change_integrations(batch: Batch, intents: Sequence[ChangeIntegration]) -> list[object]:
    """Carry out the intents, in their order."""
    fetch = batch.transaction.fetch
    for one in intents:
        which = {"integration": one.integration_id}
        found = await fetch(_INTEGRATION, which)
        if not found:
            raise Invalid("IntegrationId")
        before: dict[str, Any] = {
            "is_enabled": bool(found[0][2]),
            "devices": [row[0] for row in await fetch(_CONNECTED, which)],
        }
        if one.is_enabled is not None:
            await fetch(_ENABLE, {**which, "enabled": one.is_enabled})
        missing = [device for device in one.connect if device not in before["devices"]]
        if missing:
            rows = [{"integration_id": one.integration_id, "device_id": device} for device in missing]
            await batch.transaction.run(_CONNECT, rows)
        if one.disconnect:
            await fetch(_DISCONNECT, {**which, "devices": one.disconnect})
        after: dict[str, Any] = {
            "is_enabled": before["is_enabled"] if one.is_enabled is None else one.is_enabled,
            "devices": [row[0] for row in await fetch(_CONNECTED, which)],
        }
        if after != before:
            change = Change("integrations", found[0][1], one.integration_id, before, after)
            await audit.write(batch, one.audit, [change])
            batch.property_changed = True
    return [None] * len(intents)


_TOUCH = {
    name: Statement(update(table).where(table.c.id == given("token")).values(used=given("now")))
    for name, table in (
        ("access_tokens", tables.access_tokens),
        ("administration_tokens", tables.administration_tokens),
    )
}


async def touch_tokens(batch: Batch, intents: Sequence[TouchTokens]) -> list[object]:
    """Carry out the intents."""
    for one in intents:
        for table, token_id in one.tokens:
            await batch.transaction.fetch(_TOUCH[table], {"token": token_id, "now": batch.seconds})
    return [None] * len(intents)


@value
class DeleteDevices:
    """Take devices out of service and cancel their commands that have not begun. The result is None."""

    enterprise_ids: tuple[str, ...] | None
    ids: tuple[str, ...]
    audit: Audit


_d = tables.devices.c


def _deactivation(*, everywhere: bool) -> Statement:
    core, lists = update(tables.devices).where(among(_d.id, "ids"), _d.is_active), ["ids"]
    if not everywhere:
        core, lists = core.where(among(_d.enterprise_id, "enterprises")), ["ids", "enterprises"]
    return Statement(core.values(is_active=false()).returning(_d.enterprise_id, _d.id), lists=lists)


_DEACTIVATE = {everywhere: _deactivation(everywhere=everywhere) for everywhere in (True, False)}
_k = tables.commands.c
_WAITING = Statement(
    select(_k.id).where(
        _k.enterprise_id == given("enterprise"),
        text("commands.state IN ('Pending', 'Received')"),
        _k.device_id == given("device"),
    )
)
DEVICE_DELETED = "The device was deleted."


async def delete_devices(batch: Batch, intents: Sequence[DeleteDevices]) -> list[object]:
    """Carry out the intents."""
    for one in intents:
        wanted: dict[str, Any] = {"ids": one.ids}
        if one.enterprise_ids is not None:
            wanted["enterprises"] = one.enterprise_ids
        gone = await batch.transaction.fetch(_DEACTIVATE[one.enterprise_ids is None], wanted)
        await audit.write(
            batch,
            one.audit,
            [Change("devices", row[0], row[1], {"is_active": True}, {"is_active": False}) for row in gone],
        )
        for enterprise_id, device_id in gone:
            waiting = await batch.transaction.fetch(_WAITING, {"enterprise": enterprise_id, "device": device_id})
            await move_commands(
                batch,
                [
                    MoveCommand(
                        enterprise_id,
                        row[0],
                        CommandState.CANCELLED,
                        None,
                        DEVICE_DELETED,
                        ended_by=EndedBy.ADMINISTRATOR,
                    )
                    for row in waiting
                ],
            )
        batch.property_changed = batch.property_changed or bool(gone)
    return [None] * len(intents)
