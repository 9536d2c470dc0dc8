"""One request limit for all nodes of a desk.

Nodes tell each other each second what they accepted. A node that has accepted for one token as many requests as it may
keep to itself tells that at once, and waits until it hears itself: messages come in one order everywhere, so that by then
it has heard what the others told before. What all nodes together keep to themselves is a tenth of the limit.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from nightporter.domain.errors import Unavailable
from nightporter.domain.sources import Sources
from nightporter.web.limits import RequestLimit

EVERY = 1.0
"""Seconds between two exchanges."""
GONE_AFTER = 5.0
"""Seconds after which a node that says nothing is gone."""
OVERSHOOT = 0.1
PATIENCE = 1.0
"""Seconds to wait for one's own message; then the others count as unheard."""
AT_ONCE = 100
"""Tokens in one message, which PostgreSQL takes up to 8,000 bytes."""


class _Told(msgspec.Struct):
    """What a node accepted for each access token since it told the last time."""

    node: str
    number: int
    counts: dict[str, int]


_decode = msgspec.json.Decoder(_Told).decode


class SharedLimit(RequestLimit):
    """Exchanges from ``start`` to ``close``; ``tell`` tells a message to every node and may raise Unavailable."""

    def __init__(self, limit: int, window: float, sources: Sources, tell: Callable[[str], Awaitable[None]]) -> None:
        super().__init__(limit, window, sources.elapsed)
        self._node = sources.new_id()
        self._tell = tell
        self._untold: Counter[str] = Counter()
        self._others: dict[str, float] = {}
        self._number = 0
        self._echoes: dict[int, asyncio.Future[None]] = {}
        self._exchanging: asyncio.Task[None] | None = None
        self._is_deaf = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to exchange."""
        if self._limit:
            self._task = asyncio.create_task(self._go_on(), name="request counts")

    async def close(self) -> None:
        """Stop."""
        for task in (self._task, self._exchanging):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def count(self, access_token_id: str) -> None:
        """Count one request; raises TooManyRequests, and then does not count it."""
        if not self._limit:
            return
        while self._others and not self._is_deaf and self._untold[access_token_id] >= self._keeps:
            self._check(access_token_id, self._limit)
            await self.exchange()
        # Whoever hears nobody keeps to its share.
        self._accept(access_token_id, max(1, self._limit // self._nodes) if self._is_deaf else self._limit)
        self._untold[access_token_id] += 1

    @property
    def _nodes(self) -> int:
        return 1 + len(self._others)

    @property
    def _keeps(self) -> int:
        """How many requests of one token may be untold."""
        return max(1, int(self._limit * OVERSHOOT) // self._nodes)

    def hear(self, message: str) -> None:
        """Take what a node told."""
        told = _decode(message)
        if told.node == self._node:
            if (echo := self._echoes.pop(told.number, None)) is not None and not echo.done():
                echo.set_result(None)
            return
        self._others[told.node] = self._elapsed()
        for access_token_id, count in told.counts.items():
            self._recent(access_token_id).extend([self._elapsed()] * min(count, self._limit))

    async def exchange(self) -> None:
        """Tell what was accepted, and hear what the others told before."""
        if self._exchanging is None or self._exchanging.done():
            self._exchanging = asyncio.create_task(self._exchange())
        await asyncio.shield(self._exchanging)

    async def _exchange(self) -> None:
        telling, self._untold = self._untold, Counter()
        tokens = list(telling)
        try:
            async with asyncio.timeout(PATIENCE):
                for start in range(0, max(1, len(tokens)), AT_ONCE):
                    await self._say({token: telling[token] for token in tokens[start : start + AT_ONCE]})
        except (Unavailable, TimeoutError):
            self._is_deaf = True
            self._untold.update(telling)  # told twice is better than never
        else:
            self._is_deaf = False

    async def _say(self, counts: dict[str, int]) -> None:
        self._number = number = self._number + 1
        echo = self._echoes[number] = asyncio.get_running_loop().create_future()
        try:
            await self._tell(msgspec.json.encode(_Told(self._node, number, counts)).decode())
            await echo
        finally:
            self._echoes.pop(number, None)

    async def _go_on(self) -> None:
        while True:
            await self.exchange()
            if not self._is_deaf:
                silent_since = self._elapsed() - GONE_AFTER
                self._others = {node: heard for node, heard in self._others.items() if heard > silent_since}
            await asyncio.sleep(EVERY)
