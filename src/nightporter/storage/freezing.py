"""A desk that takes no changes for a while, so that the hotel can be moved; and one whose hotel was moved away."""

from collections.abc import Sequence

from sqlalchemy import select

from nightporter.domain.errors import Unavailable
from nightporter.domain.value import value
from nightporter.storage import audit
from nightporter.storage.audit import Audit, Change
from nightporter.storage.batch import Batch
from nightporter.storage.statements import Statement
from nightporter.storage.tables import desk

COME_AGAIN = 2
"""Seconds after which a caller may find a moved hotel where it is now."""


@value
class RecordFreeze:
    """Record that the desk takes no changes for so many ``seconds``; 0 when it takes them again."""

    seconds: int
    audit: Audit


async def record_freeze(batch: Batch, intents: Sequence[RecordFreeze]) -> list[object]:
    """Carry out the intents."""
    for one in intents:
        await audit.write(batch, one.audit, [Change("desk", None, None, None, {"frozen": one.seconds})])
    return [None] * len(intents)


MOVED = Statement(select(desk.c.moved))
"""Reads where the hotel was moved to."""


def moved(to: str) -> Unavailable:
    """The refusal of a desk whose hotel was moved ``to`` another database."""
    return Unavailable(
        f"The hotel was moved to {to}, and this desk takes no changes any more. Nothing was changed.", COME_AGAIN
    )


def frozen() -> Unavailable:
    """The refusal of a desk that takes no changes for a while."""
    return Unavailable("The hotel is being moved; the desk takes changes again soon. Nothing was changed.", COME_AGAIN)
