"""desk/freeze: the desk takes no changes for a while (docs/backup.md)."""

from nightporter.domain.errors import Blocked, Invalid
from nightporter.operations.operation import AdministrationCall
from nightporter.storage.freezing import RecordFreeze
from nightporter.wire.scalars import Int32
from nightporter.wire.shapes import Empty, Shape

LONGEST = 600
"""Seconds for which a desk can be frozen at once."""


class Parameters(Shape, kw_only=True):
    """For how many ``Seconds`` from now on, 600 at most; 0 ends it."""

    seconds: Int32


async def freeze(call: AdministrationCall, parameters: Parameters) -> Empty:
    """Lets the desk take no changes for a while: they get 503 with ``Retry-After``, and reads go on.

    ``nightporter copy`` asks for it, and again before the time has come to its end; if it does not, the desk goes on by
    itself. What was accepted before is in the database once this answers. A desk on PostgreSQL is refused: it has other
    nodes. Raises Invalid("Seconds"), Blocked, Unavailable.
    """
    if not 0 <= parameters.seconds <= LONGEST:
        raise Invalid("Seconds")
    if call.database.is_shared:
        raise Blocked("The nodes of a desk on PostgreSQL are not frozen one by one. Stop them instead.")
    await call.writer.freeze(RecordFreeze(int(parameters.seconds), call.audit))
    return Empty()
