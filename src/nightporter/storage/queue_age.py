"""How long the oldest active command of each type of device has been waiting: what a person who watches a desk looks at."""

from datetime import datetime

from sqlalchemy import func, or_, select, text

from nightporter.storage.database import Database
from nightporter.storage.statements import Statement, given
from nightporter.storage.tables import commands
from nightporter.storage.types import seconds

_c = commands.c
_OLDEST = Statement(
    # Of every enterprise: it goes through what is active, never through history, and is asked when metrics are read.
    select(_c.device_type, func.min(_c.created))
    .where(text("state IN ('Pending', 'Received')"), or_(_c.expires.is_(None), _c.expires > given("now")))
    .group_by(_c.device_type)
)


async def queue_ages(database: Database, now: datetime) -> dict[str, float]:
    """Seconds since the oldest active command was added, by type of device; a type without one is left out.

    Raises Unavailable.
    """
    at = seconds(now)
    return {row[0]: float(max(at - row[1], 0)) for row in await database.many(_OLDEST, now=at)}
