"""The request limit: a log of accepted request times for each access token (contract 2.7, D23)."""

import math
from collections import deque
from collections.abc import Callable

from nightporter.domain.errors import TooManyRequests


class RequestLimit:
    """At most ``limit`` requests per access token within ``window`` seconds, sliding; a limit of 0 counts nothing."""

    def __init__(self, limit: int, window: float, elapsed: Callable[[], float]) -> None:
        self._limit = limit
        self._window = window
        self._elapsed = elapsed
        self._accepted: dict[str, deque[float]] = {}

    async def count(self, access_token_id: str) -> None:
        """Count one request; raises TooManyRequests, and then does not count it."""
        if self._limit:
            self._accept(access_token_id, self._limit)

    def _accept(self, access_token_id: str, limit: int) -> None:
        self._check(access_token_id, limit).append(self._elapsed())

    def _check(self, access_token_id: str, limit: int) -> deque[float]:
        """What was accepted within the window; raises TooManyRequests when that is all there may be."""
        accepted = self._recent(access_token_id)
        if len(accepted) >= limit:
            raise TooManyRequests(max(1, math.ceil(accepted[-limit] + self._window - self._elapsed())))
        return accepted

    def _recent(self, access_token_id: str) -> deque[float]:
        accepted = self._accepted.get(access_token_id)
        if accepted is None:
            accepted = self._accepted[access_token_id] = deque()
        since = self._elapsed() - self._window
        while accepted and accepted[0] <= since:
            accepted.popleft()
        return accepted
