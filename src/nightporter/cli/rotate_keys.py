"""``nightporter rotate-keys``."""

from typing import Any

from nightporter.cli.asking import FAILED
from nightporter.cli.desk import Administration, Where, administer, with_desk
from nightporter.cli.running import fail
from nightporter.cli.table import tell


@with_desk
def rotate_keys(where: Where) -> None:
    """Encrypt everything anew with the first key, and tell how much that was and what is left.

    A server goes on working meanwhile, and its keys count; without one they come from NIGHTPORTER_KEYS. It can be stopped and
    repeated. Once nothing is left, the older keys can be taken away.
    """
    rotated, trouble = administer(where, _all)
    tell(rotated, ("Kind", "Count", "Left"), as_json=where.as_json)
    if any(one["Left"] for one in rotated):
        raise fail(f"keep the older keys, not all is encrypted with the first: {trouble or 'run it again'}", FAILED)


async def _all(ask: Administration) -> tuple[list[dict[str, Any]], str | None]:
    """What was done until nothing more could be, and why something had to be left."""
    counts: dict[str, int] = {}
    while True:
        reply = await ask("keys/rotate")
        for one in reply["Rotated"]:
            one["Count"] = counts[one["Kind"]] = counts.get(one["Kind"], 0) + one["Count"]
        if reply["IsComplete"]:
            return reply["Rotated"], reply["Trouble"]
