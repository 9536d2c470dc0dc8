"""A stream that also tells when nothing came for a while."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def ticking(
    items: AsyncGenerator[T, None], seconds: float, sleep: Callable[[float], Awaitable[None]]
) -> AsyncGenerator[T | None, None]:
    """``items``, and None whenever ``seconds`` went by since the last None; closes ``items`` at its end."""
    async with aclosing(items):
        following: asyncio.Future[T] | None = None
        ticker: asyncio.Future[None] | None = None
        try:
            while True:
                following = following or asyncio.ensure_future(anext(items))
                ticker = ticker or asyncio.ensure_future(sleep(seconds))
                both: set[asyncio.Future[Any]] = {following, ticker}
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    try:
                        item = following.result()
                    except StopAsyncIteration:
                        return
                    following = None
                    yield item
                else:
                    ticker.result()
                    ticker = None
                    yield None
        finally:
            for pending in (following, ticker):
                if pending is not None:
                    pending.cancel()
                    with suppress(asyncio.CancelledError, Exception):
                        await pending
