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

    def count(self, access_token_id: str) -> None:
        """Count one request; raises TooManyRequests, and then does not count it."""
        if not self._limit:
            return
        accepted = self._accepted.get(access_token_id)
        if accepted is None:
            accepted = self._accepted[access_token_id] = deque()
        now = self._elapsed()
        since = now - self._window
        while accepted and accepted[0] <= since:
            accepted.popleft()
        if len(accepted) >= self._limit:
            raise TooManyRequests(max(1, math.ceil(accepted[0] + self._window - now)))
        accepted.append(now)
