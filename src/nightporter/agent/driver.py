"""What a driver is: how the agent speaks to one kind of machine.

A driver never decides whether something may be done: the agent does (``agent/carrying.py``), by the journal. For each
step of a command it calls :meth:`Driver.prepare`, which has no effect, then :meth:`Driver.execute`. When the answer of
a machine got lost, or the agent died after the driver had announced that it sends, :meth:`Driver.resolve` has to find
out what became of it. What cannot be known is never repeated.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from nightporter.client import Data
from nightporter.domain.device import DeviceType
from nightporter.domain.sources import Sources
from nightporter.domain.value import value

Notes = dict[str, Any]
"""What a driver writes down in the journal: values that JSON can hold, never a name, a document or a card number."""

PIECE = 64 * 1024


class Away(Exception):
    """The machine cannot be reached, is busy with somebody else, or broke off in the middle of an exchange.

    The message says so in one sentence for a receptionist. Raised before anything was announced as sent, it means that
    nothing happened, and the agent tries again for a while; raised afterwards, the agent resolves.
    """


class Document:
    """The file of a printer command, decoded, on this machine's disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size
        """In bytes."""

    def pieces(self, size: int = PIECE) -> Iterator[bytes]:
        """What it holds, in pieces of at most ``size`` bytes."""
        with self._path.open("rb") as file:
            while piece := file.read(size):
                yield piece


@value
class Task:
    """One command, as a driver sees it. ``data`` is in the words of the wire; of a printer's, ``file_data`` is empty."""

    command_id: str
    created: datetime
    data: Data
    document: Document | None = None


@value
class Probe:
    """What a machine says of itself: its ``identity`` for people, and ``problems``, each one sentence; none, it is ready."""

    identity: str
    problems: tuple[str, ...] = ()


@value
class Done:
    """It was carried out. ``notes`` is for the receptionist; ``result`` is what came of it, at most 64 KiB as JSON."""

    notes: str
    result: Notes | None = field(default=None, repr=False)


@value
class Refused:
    """It was not carried out and had no effect; ``notes`` says why and what to do.

    ``is_cancelled`` when a person called it off at the machine, or the platform did and the machine had not begun.
    """

    notes: str
    is_cancelled: bool = False


@value
class Unknown:
    """What became of it cannot be known, or it ended half way; ``notes`` says what a person must check. Never repeated."""

    notes: str


Outcome = Done | Refused | Unknown


@value
class Happened:
    """What had been sent was carried out after all; the same two as in Done."""

    notes: str
    result: Notes | None = field(default=None, repr=False)


@value
class NotHappened:
    """What had been sent had no effect, for certain; the agent prepares and executes it anew."""


Resolution = Happened | NotHappened | Refused | Unknown
"""Refused is for what the machine itself says that it turned down: it had no effect, and another try would end so too."""


class Attempt:
    """What a driver is given while it executes or resolves one step.

    ``write`` puts what is about to be sent on the disk, ``tell`` passes on how far it came.
    """

    def __init__(
        self, write: Callable[[Notes], Awaitable[None]], tell: Callable[[float | None, str | None], None]
    ) -> None:
        self._write = write
        self._tell = tell
        self.is_sent = False
        self.cancelled = asyncio.Event()
        """Set when the platform calls the command off. Whether it can still be stopped at the machine, the driver knows."""

    async def sending(self, reference: Notes) -> None:
        """Announce that the next bytes may have an effect; when it returns, ``reference`` is on the disk.

        ``reference`` is by what :meth:`Driver.resolve` will find it at the machine. Called again, it replaces the
        earlier one. Must be called before the first byte that may have an effect leaves.
        """
        await self._write(reference)
        self.is_sent = True

    def progress(self, percent: float | None, status: str | None = None) -> None:
        """Tell how far it is (0 to 100, None for not known) and, in one sentence, what it waits for; returns at once."""
        self._tell(percent, status)


class Driver(Protocol):
    """Speaks to one machine. One call runs at a time, except :meth:`probe`, which comes between two commands.

    Every method may raise :class:`Away`, and must be ready to be cancelled wherever it waits.
    """

    async def probe(self) -> Probe:
        """Ask the machine who and how it is, without any effect. Raises Away."""
        ...

    def steps(self, task: Task) -> int:
        """How many effects the task has that stand for themselves, like three keys; they are executed one after the other."""
        ...

    async def prepare(self, task: Task, step: int) -> Notes | Refused:
        """Check that the task can be carried out, without any effect, and return the baseline of ``step`` (from 1).

        The baseline is what :meth:`resolve` will compare with: the last receipt, the printer's up-time. Raises Away.
        """
        ...

    async def execute(self, task: Task, step: int, baseline: Notes, attempt: Attempt) -> Outcome:
        """Carry ``step`` out, once. Announces with ``attempt.sending`` before anything may have an effect. Raises Away."""
        ...

    async def resolve(self, task: Task, step: int, baseline: Notes, reference: Notes, attempt: Attempt) -> Resolution:
        """Find out what became of what was announced under ``reference``; waits for its end where it is still under way.

        Sends nothing that may have an effect. Raises Away, and is asked again for a while.
        """
        ...

    def doubt(self, task: Task, step: int, reference: Notes) -> str:
        """What a person must check when nobody could be asked what became of ``step``; one or two sentences."""
        ...

    async def close(self) -> None:
        """Close all connections; nothing is called afterwards."""
        ...


@value
class Surroundings:
    """What every driver is given: the time and how to wait, the property's time zone, and the name of the machine.

    Relative paths among its options are beside the configuration, in ``folder``.
    """

    sources: Sources
    time_zone: ZoneInfo
    name: str
    folder: Path = Path()


class Options(Struct, forbid_unknown_fields=True, kw_only=True):
    """The base of a driver's options: what stands in the configuration beside ``device`` and ``driver``."""


@value
class Kind:
    """One entry in the table of drivers.

    ``make`` takes an instance of ``options`` and the surroundings and returns the driver without connecting; it raises
    ValueError with one sentence for options that cannot be right. ``place`` tells from the options which machine it is, in a text
    that is the same for the same machine, so that it is never driven twice.
    """

    name: str
    device_type: DeviceType
    options: type[Options]
    make: Callable[[Any, Surroundings], Driver]
    place: Callable[[Any], str]


def merged(parts: Mapping[int, Notes | None]) -> Notes | None:
    """The results of all steps in one: that of a single step as it is, of several under ``Steps``."""
    known = {step: part for step, part in sorted(parts.items()) if part is not None}
    if len(parts) <= 1:
        return next(iter(known.values()), None)
    return {"Steps": [{"Step": step, **part} for step, part in known.items()]} if known else None
