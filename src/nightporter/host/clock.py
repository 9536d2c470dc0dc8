"""The machine's clock, and new ids: the one place where they come from."""

import asyncio
import time
from datetime import UTC, datetime

import uuid_utils

from nightporter.domain.sources import Sources


def machine_sources() -> Sources:
    """The machine's clock, and new version 7 ids."""
    return Sources(
        now=lambda: datetime.now(UTC),  # noqa: TID251 - the one place
        elapsed=time.monotonic,  # noqa: TID251 - the one place
        new_id=lambda: str(uuid_utils.uuid7()),  # noqa: TID251 - the one place
        pause=asyncio.sleep,
    )
