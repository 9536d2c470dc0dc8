"""To wait for a time, unless something happens first."""

import asyncio

from nightporter.domain.sources import Sources


async def pause_unless(sources: Sources, seconds: float, happened: asyncio.Event) -> None:
    """Wait so long, or until it ``happened``, whichever comes first."""
    waits = [asyncio.ensure_future(sources.pause(seconds)), asyncio.ensure_future(happened.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
