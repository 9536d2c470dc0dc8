"""Who is listening to what: committed events go to bounded queues, and nobody waits for the slow.

Everything here runs on the event loop. Events arrive in their order, once each, after their commit.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

import structlog

from nightporter.access.actor import Scope
from nightporter.storage.batch import Event
from nightporter.wire.commands import DeviceCommandEvent, Message
from nightporter.wire.shapes import encode

_log = structlog.get_logger()


def message_of(event: Event) -> str:
    """The message that tells one event, with the cursor behind it (DESIGN, "Gap-free push")."""
    told = DeviceCommandEvent(event.command_id, event.state)
    return encode(Message([told], str(event.number))).decode()


class Listener:
    """One open socket: what it may hear, and the messages that wait for it.

    ``send`` writes one message; ``drop`` is called once when more than ``limit`` messages wait, or when what
    it missed is kept no longer. Messages wait until :meth:`begin`, then one task writes them as long as there are any, so
    an idle listener has none.
    """

    __slots__ = ("_begun", "_drop", "_limit", "_send", "_waiting", "_writing", "dropped", "heard", "scope")

    def __init__(
        self, scope: Scope, send: Callable[[str], Awaitable[None]], drop: Callable[[], None], limit: int
    ) -> None:
        self.scope = scope
        self.heard = 0
        """The number of the last event that was told otherwise; it is not told again."""
        self.dropped = False
        self._send = send
        self._drop = drop
        self._limit = limit
        self._waiting: deque[tuple[Event, str]] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._begun = False

    def may_hear(self, event: Event) -> bool:
        """Whether the event is of a connected device, or of a command that the listener added (contract 3 rule 6)."""
        return event.enterprise_id in self.scope.enterprise_ids and (
            event.device_id in self.scope.device_ids or event.creator_integration_id == self.scope.integration_id
        )

    def hand(self, event: Event, message: str) -> None:
        """Queue a message; too many waiting ones end the listener."""
        if self.dropped:
            return
        if len(self._waiting) >= self._limit:
            self.drop()
            return
        self._waiting.append((event, message))
        self._write_on()

    def drop(self) -> None:
        """End it as one that is too slow."""
        self.end()
        self._drop()

    async def told(self) -> None:
        """Wait until nothing is being written any more."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    def end(self) -> None:
        """Tell nothing more."""
        self.dropped = True
        self._waiting.clear()

    def limit_to(self, scope: Scope) -> None:
        """From now on tell what ``scope`` may hear, of what waits already too."""
        self.scope = scope
        self._waiting = deque(one for one in self._waiting if self.may_hear(one[0]))

    def begin(self) -> None:
        """Let waiting messages out."""
        self._begun = True
        self._write_on()

    def _write_on(self) -> None:
        if self._begun and self._writing is None and self._waiting:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._waiting:
                event, message = self._waiting.popleft()
                if event.number > self.heard:
                    await self._send(message)
        except Exception:
            # The peer is gone; whoever reads from the socket sees that too and takes the listener out.
            self.end()
        finally:
            self._writing = None


class Hub:
    """All listeners of this process."""

    def __init__(self) -> None:
        self.published = 0
        """The number of the last event that was published here."""
        self._by_device: dict[str, set[Listener]] = {}
        self._by_integration: dict[str, set[Listener]] = {}
        self._listeners: set[Listener] = set()

    def __len__(self) -> int:
        return len(self._listeners)

    def listeners(self) -> Iterable[Listener]:
        """All listeners, as they are now."""
        return tuple(self._listeners)

    def add(self, listener: Listener) -> None:
        """From now on ``listener`` hears what its scope may hear; one that was ended stays out."""
        if listener.dropped:
            return
        self._listeners.add(listener)
        for device_id in listener.scope.device_ids:
            self._by_device.setdefault(device_id, set()).add(listener)
        self._by_integration.setdefault(listener.scope.integration_id, set()).add(listener)

    def remove(self, listener: Listener) -> None:
        """Forget ``listener``; one that is not known is fine."""
        self._listeners.discard(listener)
        for device_id in listener.scope.device_ids:
            _discard(self._by_device, device_id, listener)
        _discard(self._by_integration, listener.scope.integration_id, listener)

    def rescope(self, listener: Listener, scope: Scope) -> None:
        """Its devices were connected or disconnected: both hold at once (DESIGN, overrides of contract 5).

        One that is still catching up, and so not joined yet, gets its new scope too.
        """
        if listener.scope == scope:
            return
        joined = listener in self._listeners
        self.remove(listener)
        listener.limit_to(scope)
        if joined:
            self.add(listener)

    def publish(self, events: Iterable[Event]) -> None:
        """Hand each event to everyone who may hear it."""
        nobody: set[Listener] = set()
        for event in events:
            self.published = event.number
            hearing = self._by_device.get(event.device_id, nobody)
            if event.creator_integration_id is not None:
                hearing = hearing | self._by_integration.get(event.creator_integration_id, nobody)
            if not hearing:
                continue
            message = message_of(event)
            for listener in tuple(hearing):
                if listener.may_hear(event):
                    listener.hand(event, message)
                    if listener.dropped:
                        _log.warning("listener dropped", integration=listener.scope.integration_id)
                        self.remove(listener)


def _discard(index: dict[str, set[Listener]], key: str, listener: Listener) -> None:
    if listeners := index.get(key):
        listeners.discard(listener)
        if not listeners:
            del index[key]
