"""Calling operations as functions: a desk with a real database, without HTTP, and writers between which others get in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from nightporter.access.tokens import token_hash
from nightporter.operations import CONNECTOR
from nightporter.operations.operation import Call
from nightporter.storage.tokens import recognise
from nightporter.web.desk import Desk
from tests.contract.hotel import AGENT, CLIENT_TOKEN
from tests.harness import Clock

_OPERATIONS = {operation.path: operation for operation in CONNECTOR}


@dataclass
class Caller:
    """Calls operations with one access token; ``writer`` may stand in front of the desk's own."""

    desk: Desk
    clock: Clock
    access_token: str = AGENT
    writer: Any = None

    def as_(self, access_token: str) -> "Caller":
        return replace(self, access_token=access_token)

    def through(self, writer: Any) -> "Caller":
        return replace(self, writer=writer)

    async def __call__(self, path: str, key: str | None = None, **fields: Any) -> Any:
        """Call an operation by its path with the fields of its request; what it refuses is raised."""
        operation, desk = _OPERATIONS[path], self.desk
        actor = await recognise(desk.database, token_hash(CLIENT_TOKEN), token_hash(self.access_token))
        call = Call(path, actor, desk.database, self.writer or desk.writer, desk.sources, desk.in_flight, key)
        body = msgspec.json.encode({"Client": "Tests 1.0", **fields})
        return await operation.run(call, operation.decode(body))


@dataclass
class Between:
    """Lets ``others`` act between what an operation has read and what it writes, the first ``times`` times."""

    writer: Any
    others: Callable[[], Awaitable[Any]]
    times: int = 1
    written: int = 0

    async def write(self, intent: Any) -> Any:
        self.written += 1
        if self.written <= self.times:
            await self.others()
        return await self.writer.write(intent)


@dataclass
class AlwaysTooLate:
    """Finds every row changed by somebody else once more, which no real one does forever."""

    answer: Any
    written: int = 0

    async def write(self, intent: Any) -> Any:
        self.written += 1
        return self.answer
