"""A whole property file, set piece by piece in one transaction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import partial

from nightporter.domain.value import value
from nightporter.storage import audit
from nightporter.storage.audit import Audit, Change
from nightporter.storage.batch import Batch
from nightporter.storage.property import SetProperty, set_property


@value
class LoadProperty:
    """Carry out one SetProperty after the other, all or none of them. The result is None.

    ``intents`` makes them one at a time while they are written, in the writer's thread, so that what they hold is never
    in memory as a whole; it is called again when a batch is repeated. Raises PropertyRefused, and what ``intents`` raises.
    """

    intents: Callable[[], Iterator[SetProperty]]
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many records of each part there are."""
    audit: Audit | None = None
    """Who loads it; the whole of it is one act, of which the record tells the counts."""


async def load_property(batch: Batch, intents: Sequence[LoadProperty]) -> list[object]:
    """Carry out the intents."""
    for intent in intents:
        parts = intent.intents()
        while (part := await batch.transaction.aside(partial(next, parts, None))) is not None:
            await set_property(batch, (part,))
        if intent.audit is not None:
            await audit.write(batch, intent.audit, [Change("properties", None, None, None, intent.counts)])
    return [None] * len(intents)
