"""Telling the service manager how the desk is (sd_notify(3))."""

from nightporter.domain.sources import Sources
from nightporter.host.service_manager import EVERY, ServiceManager
from nightporter.web.readiness import Readiness


async def keep_telling(
    manager: ServiceManager, readiness: Readiness, sources: Sources, watchdog: float | None, serving: str
) -> None:
    """Go on to say ``serving`` while the desk can really write, and else why not.

    ``watchdog`` is the longest time in seconds between two ``WATCHDOG=1``; the service manager then starts the desk anew,
    so they are left out only where that may help.
    """
    every = EVERY if watchdog is None else watchdog / 3
    while True:
        trouble = await readiness.trouble()
        manager.tell(*(["WATCHDOG=1"] if readiness.is_alive else []), status=trouble or serving)
        await sources.pause(every)
