"""What other nodes commit reaches the listeners of this one: NOTIFY wakes, the tables tell, and a slow poll catches the rest.

Everything here runs on the event loop. The hub gets every event once, in the order of the numbers, whoever wrote it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from nightporter.domain.errors import Unavailable
from nightporter.domain.sources import Sources
from nightporter.push.hub import Hub
from nightporter.storage import events
from nightporter.storage.batch import Event
from nightporter.storage.database import WAKE, Channel, SharedDatabase

EVERY = 0.4
"""Seconds between two looks at the tables when nobody says anything."""
CURRENT_FOR = 1.0
"""Seconds for which a look at the tables holds: a revocation holds everywhere within that time."""
PAGE = 1000

_log = structlog.get_logger()


class Relay:
    """Relays from ``start`` to ``close``.

    When facts of a property were changed, here or elsewhere, ``forget`` is called at once, and then ``refresh``, which gives
    the open sockets the scope that they have now. Events that come after the change are published after that.
    """

    def __init__(
        self,
        database: SharedDatabase,
        hub: Hub,
        sources: Sources,
        forget: Callable[[], None],
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._hub = hub
        self._sources = sources
        self._forget = forget
        self._give_scopes = refresh
        self.on_message: Callable[[str], None] | None = None
        """Called for each message that is not a mere wake-up."""
        self._facts = 0
        self._refreshing: asyncio.Task[None] | None = None
        self._looked = float("-inf")
        self._wake = asyncio.Event()
        self._channel: Channel | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_current(self) -> bool:
        """Whether what this node knows of the facts was true a moment ago."""
        return self._sources.elapsed() - self._looked < CURRENT_FOR

    async def start(self) -> None:
        """Begin where the database stands. Raises Unavailable."""
        self._facts, self._hub.published = await events.progress(self._database)
        self._looked = self._sources.elapsed()
        self._tasks = [
            asyncio.create_task(self._look_again_and_again(), name="relay"),
            asyncio.create_task(self._listen_again_and_again(), name="ears"),
        ]

    async def close(self) -> None:
        """Stop."""
        for task in (*self._tasks, self._refreshing):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, Unavailable):
                    await task

    def committed(self, published: list[Event], property_changed: bool) -> None:
        """This node has committed a batch: told at once, unless events of another node come before."""
        if property_changed:
            self._refresh()
        if published and published[0].number == self._hub.published + 1 and self._refreshing is None:
            self._hub.publish(published)
        elif published or property_changed:
            self._wake.set()

    def _refresh(self) -> None:
        """Begin to give the sockets their scope, one such turn after the other."""

        async def in_turn(before: asyncio.Task[None] | None) -> None:
            if before is not None:
                await asyncio.wait({before})
            await self._give_scopes()

        self._forget()
        self._refreshing = asyncio.create_task(in_turn(self._refreshing), name="scopes")

    async def _refreshed(self) -> None:
        """Wait until the sockets have their scope; what fails is done again at the next look."""
        while (refreshing := self._refreshing) is not None:
            try:
                await asyncio.shield(refreshing)
            except Exception:
                self._facts = -1
                raise
            finally:
                if refreshing is self._refreshing and refreshing.done():
                    self._refreshing = None

    async def tell(self, message: str) -> None:
        """Tell every node, this one too. Raises Unavailable."""
        if self._channel is None:
            raise Unavailable("The other nodes cannot be heard at the moment. Nothing was changed.")
        await self._channel.tell(message)

    async def look(self) -> None:
        """Publish what is new in the tables. Raises Unavailable."""
        began = self._sources.elapsed()
        facts, last = await events.progress(self._database)
        if facts != self._facts:
            self._facts = facts
            self._refresh()
        self._looked = began
        await self._refreshed()
        while self._hub.published < last:
            page = await events.all_after(self._database, self._hub.published, PAGE)
            # Meanwhile a batch of this node's own may have been published.
            self._hub.publish([event for event in page if event.number > self._hub.published])
            if not page:
                self._hub.published = max(self._hub.published, last)  # retention took them before anybody here saw them

    async def _look_again_and_again(self) -> None:
        failing = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.look()
                if failing:
                    _log.info("events of other nodes are read again")
                failing = False
            except Exception as error:
                if not failing:
                    trace = None if isinstance(error, Unavailable) else error
                    _log.error("events of other nodes cannot be read", exc_info=trace, why=_why(error))
                failing = True

    async def _listen_again_and_again(self) -> None:
        failing = False
        while True:
            try:
                async with self._database.channel(self._hear) as channel:
                    self._channel = channel
                    failing = False
                    while True:
                        await asyncio.sleep(EVERY)
                        await channel.check()
            except Exception as error:
                if not failing:
                    trace = None if isinstance(error, Unavailable) else error
                    _log.warning("the other nodes are not heard; the tables are asked", exc_info=trace, why=_why(error))
                failing = True
            finally:
                self._channel = None
            await asyncio.sleep(EVERY)

    def _hear(self, message: str) -> None:
        if message == WAKE:
            self._wake.set()
        elif self.on_message is not None:
            self.on_message(message)


def _why(error: Exception) -> str:
    """What may be logged: the text of a defect could hold data of a guest."""
    return str(error) if isinstance(error, Unavailable) else type(error).__name__
