"""The time budget of requests (contract 2.8, D20): one timer for all of them, because all have the same budget.

``asyncio.timeout`` makes and cancels a timer for each request, which costs more than reading its body.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Self

from nightporter.domain.errors import TookTooLong


class TimeBudget:
    """Ends requests that take longer than ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: deque[Timed] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def timed(self) -> "Timed":
        """A context for one request; it raises TookTooLong when the time runs out inside."""
        return Timed(self, self._seconds)

    def start(self, timed: "Timed") -> None:
        """Count ``timed`` from now on."""
        loop = asyncio.get_running_loop()
        timed.deadline = loop.time() + self._seconds
        self._running.append(timed)
        if self._timer is None:
            self._timer = loop.call_at(timed.deadline, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        running = self._running
        while running and (running[0].task is None or running[0].deadline <= loop.time()):
            timed = running.popleft()
            if timed.task is not None:
                timed.is_over = True
                timed.task.cancel()
        if running:
            self._timer = loop.call_at(running[0].deadline, self._expire, loop)


class Timed:
    """One request under the budget."""

    __slots__ = ("_budget", "_seconds", "deadline", "is_over", "task")

    def __init__(self, budget: TimeBudget, seconds: float) -> None:
        self._budget = budget
        self._seconds = seconds
        self.deadline = 0.0
        self.is_over = False
        self.task: asyncio.Task[object] | None = None

    def __enter__(self) -> Self:
        self.task = asyncio.current_task()
        self._budget.start(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self.task = self.task, None
        if self.is_over and kind is asyncio.CancelledError and task is not None and task.uncancel() == 0:
            raise TookTooLong(self._seconds) from error
