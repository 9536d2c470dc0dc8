"""Who runs the desk meanwhile: replaces access tokens and revokes the old, disconnects devices and connects them again."""

import asyncio
from typing import Any

from torture import hotel
from torture.asking import Asking, Reply, connector
from torture.doors import Door
from torture.witness import ILLEGAL, UNEXPECTED

REPLACED = (hotel.AGENT, hotel.PRINTROOM, hotel.PASSER)
"""Not those of the adders: an idempotency key holds for one access token."""
REVOKED_WITHIN = 1.0
"""Seconds after which a revocation holds on every node; on one node it holds at once."""


class Administrator:
    """Somebody who runs the desk, with the administration token ``token``."""

    def __init__(self, asking: Asking, token: str, doors: list[Door]) -> None:
        self._asking = asking
        self._headers = {"Authorization": f"Bearer {token}"}
        self._doors = doors
        self._ids = {one: hotel.first_token_id(one) for one in REPLACED}

    async def ask(self, operation: str, **fields: Any) -> Reply:
        """Call an administration operation; insist."""
        return await self._asking.insist(f"administration/v1/{operation}", fields, self._headers)

    async def administer(self) -> None:
        """Revoke and reconnect until the run closes."""
        witness, dice = self._asking.witness, self._asking.dice
        while not witness.closing:
            await asyncio.sleep(0.2 + dice.random())
            if dice.random() < 0.5:
                await self._replace(dice.choice(REPLACED))
            else:
                passer = {"IntegrationId": hotel.PASSER, "DeviceIds": [hotel.CUTTER]}
                await self._do("integrations/disconnectDevices", **passer)
                await asyncio.sleep(dice.random())
                await self._do("integrations/connectDevices", **passer)

    async def _do(self, operation: str, **fields: Any) -> Reply:
        reply = await self.ask(operation, **fields)
        witness = self._asking.witness
        if reply.status == 200:
            witness.operations[operation] += 1
        else:
            witness.find(UNEXPECTED, f"{operation} was refused: {reply.status} {reply.message}")
        return reply

    async def _replace(self, integration_id: str) -> None:
        witness = self._asking.witness
        added = await self._do("accessTokens/add", IntegrationId=integration_id)
        if added.status != 200:
            return
        old, witness.tokens[integration_id] = witness.tokens[integration_id], added.body["AccessToken"]
        await self._do("accessTokens/revoke", AccessTokenIds=[self._ids[integration_id]])
        self._ids[integration_id] = added.body["AccessTokenId"]
        if len(self._doors) > 1:
            await asyncio.sleep(REVOKED_WITHIN)
        for door in self._doors:
            reply = await self._asking.once(*connector("devices/getAll", old, {}), door=door)
            if reply is not None and reply.status == 200:
                witness.find(ILLEGAL, f"a revoked access token of {hotel.INTEGRATIONS[integration_id]} was served")
