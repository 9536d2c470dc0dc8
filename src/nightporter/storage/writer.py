"""The one door for writes: intents are gathered, carried out in one transaction, made durable, answered, published.

See docs/decisions/0002. Operations decide and hand over one intent; they never open a transaction.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, overload

import structlog
from sqlalchemy import case, literal_column, select, update

from nightporter.domain.deadlines import Deadlines
from nightporter.domain.errors import Away, Unavailable, Undecided
from nightporter.domain.resource_access_token import ResourceAccessToken
from nightporter.domain.sources import Sources
from nightporter.domain.value import value
from nightporter.storage import (
    administration,
    command_administration,
    commands,
    events,
    fact_records,
    property,  # noqa: A004 - the property's own word
    resource_access_tokens,
)
from nightporter.storage.administration import (
    AddAdministrationToken,
    ChangeClient,
    ChangeIntegration,
    DeleteDevices,
    RevokeTokens,
    TouchTokens,
)
from nightporter.storage.batch import Batch, Event
from nightporter.storage.command_administration import AddAdministered, CancelCommands
from nightporter.storage.command_changes import (
    ExpireCommands,
    MoveCommand,
    ResolveStalled,
    expire_commands,
    move_commands,
    resolve_stalled,
)
from nightporter.storage.commands import AddCommands
from nightporter.storage.database import Database, Transaction
from nightporter.storage.fact_records import DeleteFacts
from nightporter.storage.freezing import MOVED, RecordFreeze, frozen, moved, record_freeze
from nightporter.storage.idempotency import Twin
from nightporter.storage.property import SetProperty
from nightporter.storage.property_load import LoadProperty, load_property
from nightporter.storage.resealing import Reseal, reseal
from nightporter.storage.resource_access_tokens import (
    AddResourceAccessTokens,
    ChangeResourceAccessTokens,
    DeleteResourceAccessTokens,
)
from nightporter.storage.retention import Purge, RecordPurge, purge, record_purge
from nightporter.storage.statements import Row, Statement, given
from nightporter.storage.tables import desk
from nightporter.storage.types import moment, seconds


@value
class Probe:
    """Write something that changes nothing, to know that the desk can write."""


Intent = (
    Probe
    | AddCommands
    | MoveCommand
    | ExpireCommands
    | ResolveStalled
    | AddResourceAccessTokens
    | ChangeResourceAccessTokens
    | DeleteResourceAccessTokens
    | SetProperty
    | LoadProperty
    | DeleteFacts
    | AddAdministrationToken
    | RevokeTokens
    | ChangeClient
    | ChangeIntegration
    | DeleteDevices
    | AddAdministered
    | CancelCommands
    | TouchTokens
    | Purge
    | RecordPurge
    | RecordFreeze
    | Reseal
)

_TOUCH = Statement(update(desk).values(demo=desk.c.demo))


async def _probe(batch: Batch, intents: Sequence[Probe]) -> list[object]:
    await batch.transaction.run(_TOUCH, [{}])
    return [None] * len(intents)


_CARRY_OUT: dict[type[Any], Callable[[Batch, Sequence[Any]], Awaitable[list[object]]]] = {
    Probe: _probe,
    SetProperty: property.set_property,
    LoadProperty: load_property,
    DeleteFacts: fact_records.delete_facts,
    AddAdministrationToken: administration.add_tokens,
    RevokeTokens: administration.revoke_tokens,
    ChangeClient: administration.change_clients,
    ChangeIntegration: administration.change_integrations,
    DeleteDevices: administration.delete_devices,
    AddAdministered: command_administration.add_administered,
    CancelCommands: command_administration.cancel_commands,
    TouchTokens: administration.touch_tokens,
    AddCommands: commands.add_commands,
    MoveCommand: move_commands,
    ExpireCommands: expire_commands,
    ResolveStalled: resolve_stalled,
    AddResourceAccessTokens: resource_access_tokens.add_tokens,
    ChangeResourceAccessTokens: resource_access_tokens.change_tokens,
    DeleteResourceAccessTokens: resource_access_tokens.delete_tokens,
    RecordPurge: record_purge,
    RecordFreeze: record_freeze,
    Reseal: reseal,
    Purge: purge,
}
"""Every intent and the function that carries it out; a batch goes through it from top to bottom."""

_STAMPED = Statement(select(desk.c.stamped))
_STAMP = Statement(
    update(desk)
    .values(stamped=case((desk.c.stamped < given("now"), given("now")), else_=desk.c.stamped))
    .returning(desk.c.stamped)
)
_FACTS_CHANGED = Statement(update(desk).values(facts=desk.c.facts + literal_column("1")))

LONG_DOCUMENT = 256 * 1024

_log = structlog.get_logger()


def _is_long(intent: Intent) -> bool:
    """Whether carrying it out would hold up the event loop noticeably."""
    if isinstance(intent, Purge | Reseal):
        return intent.size > LONG_DOCUMENT
    if isinstance(intent, AddAdministered):
        return len(intent.command.document or b"") > LONG_DOCUMENT
    if isinstance(intent, AddCommands):
        return any(c.document is not None and len(c.document) > LONG_DOCUMENT for c in intent.commands)
    return isinstance(intent, SetProperty | LoadProperty)


Publish = Callable[[list[Event], bool], None]
"""Takes the events of a committed batch, and whether facts of a property were changed."""
Measure = Callable[[int, float, float, float | None], None]
"""Takes of each batch: how many intents it had, the seconds that its oldest one waited for the batch to begin, those until
it was durable or refused, and those from then until its events were published; None when it had none."""


def _unmeasured(_size: int, _waited: float, _took: float, _lag: float | None) -> None:
    pass


class Writer:
    """The only one who writes. ``publish`` is called after each commit, in order, on the event loop.

    ``deadlines`` are the defaults for devices that say nothing themselves; ``measure`` is called once for each batch.
    """

    def __init__(
        self,
        database: Database,
        sources: Sources,
        publish: Publish,
        batch_limit: int,
        deadlines: Deadlines,
        measure: Measure = _unmeasured,
    ) -> None:
        self._database = database
        self._sources = sources
        self._publish = publish
        self._batch_limit = batch_limit
        self.deadlines = deadlines
        self._measure = measure
        self._waiting: deque[tuple[Intent, asyncio.Future[Any], float]] = deque()
        self._committed: deque[tuple[list[Event], bool]] = deque()
        self._wake = asyncio.Event()
        self._last = 0
        self._frozen_until = float("-inf")
        self._knows_of_move = False
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write; stamps continue where the database stopped."""
        if row := await self._database.one(_STAMPED):
            self._last = row[0]
        self._task = asyncio.create_task(self._write_batches(), name="writer")

    async def close(self) -> None:
        """Carry out what is waiting, then stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    @overload
    async def write(self, intent: AddCommands) -> tuple[str, ...] | Twin: ...
    @overload
    async def write(self, intent: AddResourceAccessTokens) -> datetime | Twin: ...
    @overload
    async def write(self, intent: MoveCommand) -> bool: ...
    @overload
    async def write(self, intent: ExpireCommands | ResolveStalled | Purge | Reseal) -> int: ...
    @overload
    async def write(self, intent: ChangeResourceAccessTokens) -> list[ResourceAccessToken] | None: ...
    @overload
    async def write(self, intent: RevokeTokens) -> int: ...
    @overload
    async def write(self, intent: CancelCommands) -> tuple[str, ...]: ...
    @overload
    async def write(
        self,
        intent: DeleteResourceAccessTokens
        | SetProperty
        | LoadProperty
        | DeleteFacts
        | AddAdministrationToken
        | ChangeClient
        | ChangeIntegration
        | DeleteDevices
        | AddAdministered
        | TouchTokens
        | RecordPurge
        | RecordFreeze
        | Probe,
    ) -> None: ...
    async def write(self, intent: Intent) -> object:
        """Hand over ``intent``; returns what came of it once that is durable (each intent says what).

        A caller that stops waiting may find its change made, never half made. Raises Unavailable when the database
        cannot write, or the desk is closing.
        """
        if self._sources.elapsed() < self._frozen_until:
            self._refuse_moved(await self._database.few(MOVED))
            raise frozen()
        return await self._hand_over(intent)

    async def freeze(self, record: RecordFreeze) -> None:
        """Refuse every change for the seconds that ``record`` says, 0 to take them again; what came before is durable then.

        Of a desk that is frozen already only the time is set anew. Raises Unavailable, and then nothing is frozen.
        """
        was_frozen = self._sources.elapsed() < self._frozen_until
        self._frozen_until = self._sources.elapsed() + record.seconds
        if was_frozen == bool(record.seconds):
            return
        try:
            await self._hand_over(record)
        except BaseException:
            self._frozen_until = float("-inf")
            raise

    def _refuse_moved(self, found: Sequence[Row]) -> None:
        """Raise Unavailable when the hotel was moved away, by what ``MOVED`` found; that is logged once."""
        if not found or found[0][0] is None:
            return
        if not self._knows_of_move:
            self._knows_of_move = True
            _log.warning("the hotel was moved", to=found[0][0], advice="stop this server, and start one there")
        raise moved(found[0][0])

    async def _hand_over(self, intent: Intent) -> object:
        if self._closing:
            raise Unavailable("The desk is closing. Nothing was changed.")
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting.append((intent, done, self._sources.elapsed()))
        self._wake.set()
        return await done

    async def _write_batches(self) -> None:
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch_limit))]
            intents = [intent for intent, _, _ in taken]
            began = self._sources.elapsed()
            try:
                results = await self._commit(intents)
            except Exception as error:
                results = await self._one_by_one(intents, error)
            ended = self._sources.elapsed()
            for (_, done, _), result in zip(taken, results, strict=True):
                if done.done():
                    continue
                if isinstance(result, BaseException):
                    done.set_exception(result)
                else:
                    done.set_result(result)
            has_events = False
            while self._committed:
                published, property_changed = self._committed.popleft()
                has_events = has_events or bool(published)
                if published or property_changed:
                    self._publish(published, property_changed)
            lag = self._sources.elapsed() - ended if has_events else None
            self._measure(len(taken), began - taken[0][2], ended - began, lag)

    async def _one_by_one(self, intents: list[Intent], error: Exception) -> list[object]:
        """After a batch failed as a whole: no intent takes its neighbours with it.

        What may have been made is not made again, and nobody asks a database that is away for each intent.
        """
        if len(intents) == 1 or isinstance(error, Away | Undecided):
            return [error] * len(intents)
        results: list[object] = []
        for intent in intents:
            try:
                results += await self._commit([intent])
            except Away as away:
                return results + [away] * (len(intents) - len(results))
            except Exception as own:
                results.append(own)
        return results

    async def _commit(self, intents: list[Intent]) -> list[object]:
        async def work(transaction: Transaction) -> tuple[list[object], list[Event], bool, int]:
            now = await self._stamp(transaction)
            batch = Batch(transaction, moment(now), now, self.deadlines, seal=self._database.seal)
            if not self._database.is_shared:
                # In each transaction, so that not one change comes after the mark.
                self._refuse_moved(await transaction.fetch(MOVED, {}))
            results: list[object] = [None] * len(intents)
            for kind, carry_out in _CARRY_OUT.items():
                places = [place for place, intent in enumerate(intents) if type(intent) is kind]
                if places:
                    for place, result in zip(
                        places, await carry_out(batch, [intents[place] for place in places]), strict=True
                    ):
                        results[place] = result
            if batch.property_changed:
                await transaction.run(_FACTS_CHANGED, [{}])
            numbered = await events.number(batch)
            if numbered or batch.property_changed:
                await transaction.wake()
            return results, numbered, batch.property_changed, now

        results, published, property_changed, now = await self._database.transact(
            work, apart=any(_is_long(intent) for intent in intents)
        )
        self._last = now
        self._committed.append((published, property_changed))
        return results

    async def _stamp(self, transaction: Transaction) -> int:
        """The time of this batch: that of the clock, unless a batch of any node had a later one."""
        now, stamped = max(seconds(self._sources.now()), self._last), self._last
        if self._database.is_shared:
            stamped = (await transaction.fetch(_STAMPED, {}))[0][0]
        if now > stamped:
            stamped = (await transaction.fetch(_STAMP, {"now": now}))[0][0]
        return int(max(now, stamped))
