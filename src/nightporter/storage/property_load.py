"""A whole property file, set piece by piece in one transaction."""

from collections.abc import Callable, Iterator, Sequence

from nightporter.domain.value import value
from nightporter.storage.batch import Batch
from nightporter.storage.property import SetProperty, set_property


@value
class LoadProperty:
    """Carry out one SetProperty after the other, all or none of them. The result is None.

    ``intents`` makes them one at a time while they are written, in the writer's thread, so that what they hold is never
    in memory as a whole; it is called again when a batch is repeated. Raises PropertyRefused, and what ``intents`` raises.
    """

    intents: Callable[[], Iterator[SetProperty]]


async def load_property(batch: Batch, intents: Sequence[LoadProperty]) -> list[object]:
    """Carry out the intents."""
    for intent in intents:
        for part in intent.intents():
            await set_property(batch, (part,))
    return [None] * len(intents)
