"""Where time and new ids come from: one value, made in ``host/clock.py`` and passed down; a lint rule bans every other."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from nightporter.domain.value import value


@value
class Sources:
    """The clock and the mint.

    ``now`` gives the wall clock as an aware UTC time; ``elapsed`` gives seconds that never go backwards, for limits and
    durations; ``new_id`` gives a new version 7 id in lower case with hyphens; ``pause`` waits for some seconds.
    """

    now: Callable[[], datetime]
    elapsed: Callable[[], float]
    new_id: Callable[[], str]
    pause: Callable[[float], Awaitable[None]]
