"""A database that a test owns, with a writer on it, and the little hotel that its rows speak of."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import Select

from nightporter.access.actor import Scope
from nightporter.domain.command import Creator, NewCommand
from nightporter.domain.deadlines import Deadlines
from nightporter.domain.device import DeviceType
from nightporter.storage.batch import Event
from nightporter.storage.commands import NEWEST, AddCommands
from nightporter.storage.database import Database
from nightporter.storage.property import SetProperty
from nightporter.storage.statements import Row, Statement
from nightporter.storage.writer import Writer
from tests.harness import Clock

HOTEL, SISTER = "10000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000002"
PRINTER, CUTTER, MACHINE, OTHER_MACHINE = (f"20000000-0000-4000-8000-{n:012d}" for n in range(1, 5))
SISTER_PRINTER, SISTER_MACHINE = (f"20000000-0000-4000-8000-{n:012d}" for n in range(5, 7))
KIOSK, AGENT = "30000000-0000-4000-8000-000000000001", "30000000-0000-4000-8000-000000000002"
DEVICES = {
    PRINTER: (HOTEL, DeviceType.PRINTER),
    CUTTER: (HOTEL, DeviceType.KEY_CUTTER),
    MACHINE: (HOTEL, DeviceType.FISCAL_MACHINE),
    OTHER_MACHINE: (HOTEL, DeviceType.FISCAL_MACHINE),
    SISTER_PRINTER: (SISTER, DeviceType.PRINTER),
    SISTER_MACHINE: (SISTER, DeviceType.FISCAL_MACHINE),
}
CREATOR = Creator.of_integration("Kiosk")
EVERYTHING = Scope((HOTEL, SISTER), frozenset(DEVICES), AGENT)


class Store:
    """An open database and its writer; it can be closed and opened again, as a restart does."""

    def __init__(self, clock: Clock, opening: Callable[[], Awaitable[Database]], batch_limit: int) -> None:
        self.clock = clock
        self.published: list[tuple[list[Event], bool]] = []
        """What the writer published: one entry a committed batch."""
        self.deadlines = Deadlines()
        self._opening = opening
        self._batch_limit = batch_limit
        self._ids = clock.sources()

    async def open(self) -> None:
        self.database: Database = await self._opening()
        self.writer = Writer(
            self.database, self._ids, lambda *batch: self.published.append(batch), self._batch_limit, self.deadlines
        )
        await self.writer.start()

    async def close(self) -> None:
        await self.writer.close()
        await self.database.close()

    async def restart(self) -> None:
        await self.close()
        await self.open()

    async def write(self, *intents: Any) -> list[Any]:
        """Hand over all ``intents`` before the writer wakes, so that they share a batch; errors are results."""
        return await asyncio.gather(*(self.writer.write(intent) for intent in intents), return_exceptions=True)

    async def rows(self, core: Select[Any], **given: Any) -> list[Row]:
        return await self.database.many(Statement(core), **given)

    async def set_hotel(self) -> None:
        """Two enterprises with their devices."""
        enterprises = [
            {"id": one, "name": one, "accepted_currencies": "[]", "is_enabled": True} for one in (HOTEL, SISTER)
        ]
        devices = [
            {
                "enterprise_id": enterprise,
                "id": one,
                "type": kind.value,
                "name": f"device {one[-1]}",
                "identifier": None,
                "is_active": True,
                "configuration": "{}",
            }
            for one, (enterprise, kind) in DEVICES.items()
        ]
        await self.write(SetProperty({"enterprises": enterprises, "devices": devices}))
        self.published.clear()

    def command(self, device: str = PRINTER, **fields: Any) -> NewCommand:
        """A new command with an id of its own."""
        enterprise, kind = DEVICES[device]
        given = {"creator": CREATOR, "creator_integration_id": KIOSK, "data": "{}", "id": self._ids.new_id(), **fields}
        return NewCommand(enterprise_id=enterprise, device_id=device, device_type=kind, **given)

    async def add(self, device: str = PRINTER, once: Any = None, **fields: Any) -> str:
        """Add one command; returns its id."""
        (ids,) = await self.write(AddCommands((self.command(device, **fields),), once))
        if isinstance(ids, BaseException):
            raise ids
        return ids[0]


def scope(*devices: str, enterprises: Sequence[str] = (HOTEL,), integration: str = AGENT) -> Scope:
    return Scope(tuple(enterprises), frozenset(devices), integration)


__all__ = ["NEWEST", "Store", "scope"]
