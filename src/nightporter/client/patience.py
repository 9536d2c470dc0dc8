"""How long to wait and how often to try again; and where time, chance and keys come from."""

import asyncio
import secrets
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The bounds of waiting, in seconds."""

    tries: int = 5
    """How often one call is sent at most."""
    first_delay: float = 0.5
    """The wait before the second try is up to this; it doubles with each further one."""
    longest_delay: float = 30.0
    """Where the doubling ends."""
    longest_wait: float = 60.0
    """A ``Retry-After`` longer than this is not waited for; the refusal is raised at once."""
    connect_timeout: float = 10.0
    silence: float = 45.0
    """How long the server may say nothing while it answers; its own time budget is 30 s (contract 2.8)."""
    longest_call: float = 600.0
    """The whole of one try; a queue full of documents takes its time."""
    ping: float = 20.0
    """Between pings on an open socket, and for the answer to one."""
    look: float = 20.0
    """How long whoever follows one command trusts the socket alone before it looks at the command itself."""
    sweep: float = 300.0
    """How long a listener trusts the socket alone before it looks at the queue itself."""
    deaf: float = 10.0
    """The same while the socket is not open."""


def _new_key() -> str:
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))


def _elapsed() -> float:
    return asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Time, chance and keys, so that a test owns them.

    ``sleep`` waits some seconds; ``elapsed`` gives seconds that never go backwards; ``random`` gives a number from 0
    up to 1; ``new_key`` gives a new Idempotency-Key.
    """

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    elapsed: Callable[[], float] = _elapsed
    random: Callable[[], float] = field(default=secrets.SystemRandom().random)
    new_key: Callable[[], str] = _new_key


class BackOff:
    """Delays that double, each shortened by chance so that many clients do not come back at the same moment."""

    def __init__(self, patience: Patience, means: Means) -> None:
        self._patience = patience
        self._means = means
        self._longest = patience.first_delay

    def reset(self) -> None:
        """Begin with the shortest delay again."""
        self._longest = self._patience.first_delay

    def next(self, at_least: float | None = None) -> float:
        """The next delay in seconds: between half of what it may be and all of it; ``at_least`` is what a server asked for."""
        delay = self._longest * (0.5 + self._means.random() / 2)
        self._longest = min(self._longest * 2, self._patience.longest_delay)
        return max(delay, at_least or 0.0)


def read_retry_after(retry_after: str | None, date: str | None) -> float | None:
    """The header ``Retry-After`` in seconds; None when it is absent or makes no sense.

    Its other form, a moment, is compared with the answer's own ``Date``: the clocks of two machines need not agree.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    moment, sent = read_moment(text), read_moment(date or "")
    if moment is None or sent is None:
        return None
    return max((moment - sent).total_seconds(), 0.0)


def read_moment(text: str) -> datetime | None:
    """A date as headers write it, aware; None when it makes no sense."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None
