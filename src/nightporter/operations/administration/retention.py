"""retention/purge: what is over leaves, or is told (docs/retention.md)."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from nightporter.domain.retention import Kept
from nightporter.operations.operation import AdministrationCall
from nightporter.storage.database import Database
from nightporter.storage.retention import Purge, RecordPurge, count, find
from nightporter.storage.types import moment, seconds
from nightporter.storage.writer import Writer
from nightporter.wire.scalars import SentUtc
from nightporter.wire.shapes import Shape

LONGEST = 5.0
"""Seconds after which one call answers, whether or not all is gone."""


class Parameters(Shape, kw_only=True):
    """With ``DryRun`` nothing leaves, and the reply tells what would."""

    dry_run: bool = False


class Leaving(Shape):
    """How many of a kind leave: those that were over by ``BeforeUtc``, null where they are kept for ever."""

    kind: Kept
    before_utc: SentUtc | None
    count: int


class Purged(Shape):
    """What left, or would leave. Unless it ``IsComplete`` there is more: call again."""

    leaving: list[Leaving]
    is_complete: bool


async def purge(call: AdministrationCall, parameters: Parameters) -> Purged:
    """Takes away what is over for longer than the desk is to keep it, in small batches, or tells what would go.

    The desk does that by itself every minute; this is for a wish to see it, and for shortened times. A call takes away what
    it can within five seconds. Commands that have not ended and tokens that are valid never go.
    """
    now = seconds(call.sources.now())
    until = call.retention.until(now)
    counts = dict.fromkeys(until, 0)
    if parameters.dry_run:
        counts = {kind: await count(call.database, kind, at, now) for kind, at in until.items()}
        return _purged(until, counts, is_complete=True)
    await call.writer.write(RecordPurge(until, call.audit))
    began = call.sources.elapsed()
    places: dict[Kept, Any] = {}
    async for kind, done in take_away(call.database, call.writer, until, now, places):
        counts[kind] += done
        if call.sources.elapsed() - began > LONGEST:
            return _purged(until, counts, is_complete=False)
    return _purged(until, counts, is_complete=True)


async def take_away(
    database: Database, writer: Writer, until: Mapping[Kept, int], now: int, places: Mapping[Kept, Any]
) -> AsyncGenerator[tuple[Kept, int], None]:
    """Take away what was over ``until`` these moments, batch by batch; tells of each the kind and how many rows went.

    ``places`` says where the search for a kind begins, if not at the beginning. Times are in seconds since 1970. Raises
    Unavailable.
    """
    for kind, at in until.items():
        since = places.get(kind)
        while True:
            found = await find(database, kind, at, now, since)
            done = await writer.write(Purge(kind, at, found.rows, found.size)) if found.rows else 0
            yield kind, done
            # What could not be taken was changed meanwhile; whoever comes next finds what is left.
            if found.onwards is None or (found.rows and not done):
                break
            since = found.onwards


def _purged(until: Mapping[Kept, int], counts: Mapping[Kept, int], *, is_complete: bool) -> Purged:
    leaving = [Leaving(kind, moment(until[kind]) if kind in until else None, counts.get(kind, 0)) for kind in Kept]
    return Purged(leaving, is_complete)
