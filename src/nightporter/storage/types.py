"""Column types whose values read back equal on both databases.

Times are whole seconds since 1970 (the contract's resolution, D33): the same number on both, no zone to lose.
Ids are text in their wire form.
"""

from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import BigInteger, String, Text

Id = String(36)
Seconds = BigInteger()
Json = Text()


@lru_cache(4096)
def seconds(moment: datetime) -> int:
    """An aware time as it is kept: whole seconds, the fraction cut off."""
    return int(moment.timestamp() // 1)


def moment(kept: int) -> datetime:
    """A kept time as an aware UTC time."""
    return datetime.fromtimestamp(kept, UTC)
