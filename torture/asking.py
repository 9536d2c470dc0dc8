"""How the people of a run ask: once, or again and again on every doubt, each time at any node."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from torture.doors import Door
from torture.hotel import CLIENT_TOKEN
from torture.witness import DEFECT, ILLEGAL, UNEXPECTED, Witness

PATIENCE = httpx.Timeout(3, connect=1)
"""Seconds of silence after which an answer is in doubt."""
PAUSE = 0.1
COME_AGAIN = frozenset({408, 503})


@dataclass(frozen=True)
class Reply:
    """A definite answer."""

    status: int
    body: Any
    message: str = ""


class Asking:
    """Somebody who calls operations through the doors of the nodes."""

    def __init__(self, witness: Witness, doors: list[Door], dice: random.Random) -> None:
        self.witness = witness
        self.dice = dice
        self._doors = doors
        self._http = httpx.AsyncClient(timeout=PATIENCE, trust_env=False, verify=False)  # no TLS, so nothing to verify

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def once(
        self,
        path: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        door: Door | None = None,
    ) -> Reply | None:
        """Ask one time; None is doubt: the request may have been carried out, or not, or may still be on its way."""
        door = door or self.dice.choice(self._doors)
        content = msgspec.json.encode(body)
        try:
            with self.witness.flying():
                response = await self._http.post(
                    f"http://127.0.0.1:{door.port}/api/{path}",
                    content=content,
                    headers={"Content-Type": "application/json", **(headers or {})},
                )
        except httpx.HTTPError:
            self.witness.doubts += 1
            return None
        return self._read(path, response)

    def _read(self, path: str, response: httpx.Response) -> Reply | None:
        try:
            body = msgspec.json.decode(response.content)
        except msgspec.DecodeError:
            self.witness.find(UNEXPECTED, f"{path} answered {response.status_code} with what is no JSON")
            return None
        status = response.status_code
        if status == 200:
            return Reply(200, body)
        message = str(body.get("Message", ""))
        self.witness.refused[f"{path.rsplit('/v1/', 1)[-1]} {status}"] += 1
        if status == 500:
            self.witness.find(DEFECT, f"{path}: {message} (request {body.get('RequestId')})")
        if status == 503 and not response.headers.get("retry-after", "").isdigit():
            self.witness.find(UNEXPECTED, f"{path} answered 503 without Retry-After: {message}")
        return Reply(status, body, message)

    async def insist(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
        """Ask until the answer is definite, whatever becomes of the nodes meanwhile."""
        while True:
            reply = await self.once(path, body, headers)
            if reply is not None and reply.status not in COME_AGAIN and not is_weather(reply):
                return reply
            await asyncio.sleep(PAUSE * (0.5 + self.dice.random()))

    async def call(self, integration_id: str, operation: str, *, key: str | None = None, **fields: Any) -> Reply:
        """Call an operation of the Connector API as an integration, with the token that it has at the moment; insist."""
        while True:
            token = self.witness.tokens[integration_id]
            reply = await self.insist(*connector(operation, token, fields), keyed(key))
            if reply.status != 401:
                return reply
            if token == self.witness.tokens[integration_id]:
                self.witness.find(ILLEGAL, f"{operation} refused a valid access token: {reply.message}")
                await asyncio.sleep(PAUSE)

    async def call_once(
        self, integration_id: str, operation: str, *, key: str | None = None, **fields: Any
    ) -> Reply | None:
        """The same, one time."""
        return await self.once(*connector(operation, self.witness.tokens[integration_id], fields), keyed(key))


def connector(operation: str, token: str, fields: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Path and body of a call of the Connector API."""
    common = {"ClientToken": CLIENT_TOKEN, "AccessToken": token, "Client": "Torture 1.0"}
    return f"connector/v1/{operation}", {**common, **fields}


def keyed(key: str | None) -> dict[str, str]:
    """The header of an idempotency key."""
    return {} if key is None else {"Idempotency-Key": key}


def is_weather(reply: Reply) -> bool:
    """Whether others came between again and again: to be repeated, as the desk itself says."""
    return reply.status == 409 and "repeat the request" in reply.message
