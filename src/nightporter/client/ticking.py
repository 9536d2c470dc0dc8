"""Streams around a stream: one that also tells when nothing came for a while, and one that runs ahead of its taker."""

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


async def ahead(
    items: AsyncGenerator[T, None], most: int, on_item: Callable[[T], None] | None
) -> AsyncGenerator[T, None]:
    """``items``, taken in as they come, up to ``most`` before their taker asks; closes ``items`` at its end.

    ``on_item`` is told of each when it comes in.
    """
    waiting: asyncio.Queue[T] = asyncio.Queue(most)

    async def take_in() -> None:
        async with aclosing(items):
            async for item in items:
                if on_item is not None:
                    on_item(item)
                await waiting.put(item)

    taking = asyncio.ensure_future(take_in())
    following: asyncio.Future[T] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(waiting.get())
            both: set[asyncio.Future[Any]] = {following, taking}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                item, following = following.result(), None
                yield item
            elif waiting.empty():
                taking.result()
                return
    finally:
        for pending in (following, taking):
            if pending is not None:
                pending.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await pending
