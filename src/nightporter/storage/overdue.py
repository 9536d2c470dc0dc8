"""What the sweep looks for: commands that did not begin in time, and those that nothing is heard of any more."""

from datetime import datetime

from sqlalchemy import select, text

from nightporter.domain.deadlines import Deadlines
from nightporter.domain.device import DeviceType, StalledPolicy
from nightporter.storage.command_changes import StalledCommand
from nightporter.storage.database import Database
from nightporter.storage.statements import Statement, at_most, given
from nightporter.storage.tables import commands, devices
from nightporter.storage.types import seconds

_c, _d = commands.c, devices.c
_OVERDUE = Statement(
    # The one hot statement that names no enterprise: it goes through what expires, which is next to nothing.
    at_most(
        select(_c.enterprise_id, _c.id)
        .where(text("state IN ('Pending', 'Received') AND expires IS NOT NULL"), _c.expires <= given("now"))
        .order_by(_c.expires),
        "count",
    )
)
_WITH_POLICY = Statement(
    select(_d.enterprise_id, _d.id, _d.type, _d.stalled_after, _d.stalled_policy, _d.expires_after).where(
        text("stalled_policy IN ('Error', 'Pending')")
    )
)
_SILENT = Statement(
    at_most(
        select(_c.id).where(
            _c.enterprise_id == given("enterprise"),
            text("state = 'Processing'"),
            _c.updated <= given("since"),
            _c.device_id == given("device"),
        ),
        "count",
    )
)


async def overdue(database: Database, now: datetime, count: int) -> list[tuple[str, str]]:
    """At most ``count`` commands that are overdue, as enterprise and id, the longest overdue first."""
    return [(row[0], row[1]) for row in await database.few(_OVERDUE, now=seconds(now), count=count)]


async def stalled(database: Database, deadlines: Deadlines, now: datetime, count: int) -> list[StalledCommand]:
    """At most ``count`` stalled commands whose devices want something done about it; inactive devices included."""
    found: list[StalledCommand] = []
    for enterprise_id, device_id, kind, own, policy, expires_after in await database.many(_WITH_POLICY):
        after = deadlines.stall(DeviceType(kind), own)
        if after is None:
            continue
        rows = await database.few(
            _SILENT, enterprise=enterprise_id, device=device_id, since=seconds(now) - after, count=count - len(found)
        )
        expiry = deadlines.expiry(DeviceType(kind), expires_after)
        found += [StalledCommand(enterprise_id, row[0], after, StalledPolicy(policy), expiry) for row in rows]
        if len(found) >= count:
            break
    return found
