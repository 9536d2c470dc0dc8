"""Streams around a stream: one that also tells when nothing came for a while, and one that runs ahead of its taker."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
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
            await _given_up(following, ticker)


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
        await _given_up(following, taking)


async def _given_up(*pending: asyncio.Future[Any] | None) -> None:
    """Cancel what is pending, and wait for its end; what it ended with is nobody's concern any more."""
    given_up = {one for one in pending if one is not None}
    for one in given_up:
        one.cancel()
    cancelled: asyncio.CancelledError | None = None
    while waiting := {one for one in given_up if not one.done()}:
        # Not awaited one by one: that would take a cancellation of whoever waits here for theirs, and end it. One that comes
        # meanwhile is passed on when they have ended: what they run cannot be closed before.
        try:
            await asyncio.wait(waiting)
        except asyncio.CancelledError as error:
            cancelled = error
    for one in given_up:
        if not one.cancelled():
            one.exception()
    if cancelled is not None:
        raise cancelled
