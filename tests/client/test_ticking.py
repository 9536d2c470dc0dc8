"""A stream that runs ahead of its taker, and streams that can be stopped at any moment."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import pytest

from nightporter.client.ticking import ahead, ticking
from tests.client.test_listening import following


class Numbers:
    """Counts from 1 to ``last``, and then ends as it is told."""

    def __init__(self, last: int, error: Exception | None = None) -> None:
        self.last = last
        self.error = error
        self.given = 0
        self.is_closed = False

    async def stream(self) -> AsyncGenerator[int, None]:
        try:
            while self.given < self.last:
                self.given += 1
                yield self.given
            if self.error is not None:
                raise self.error
        finally:
            self.is_closed = True


async def test_it_ends_when_all_of_it_was_taken() -> None:
    numbers = Numbers(5)
    assert [number async for number in ahead(numbers.stream(), 10, None)] == [1, 2, 3, 4, 5]


async def test_an_error_comes_after_what_came_before_it() -> None:
    stream = ahead(Numbers(1, ArithmeticError()).stream(), 10, None)
    assert await following(stream) == 1
    with pytest.raises(ArithmeticError):
        await following(stream)


async def test_it_runs_ahead_so_far_and_no_further() -> None:
    numbers = Numbers(100)
    told: list[int] = []
    async with aclosing(ahead(numbers.stream(), 10, told.append)) as stream:
        assert await following(stream) == 1
        for _ in range(50):
            await asyncio.sleep(0)
        assert told == list(range(1, 13)), "ten wait, one has been taken, and one stands before the full row"
        assert await following(stream) == 2
    assert numbers.is_closed


async def never(_: float) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    "around", [lambda items: ahead(items, 10, None), lambda items: ticking(items, 1.0, never)], ids=["ahead", "ticking"]
)
async def test_being_stopped_while_a_stream_is_closed_is_not_forgotten(
    around: Callable[[AsyncGenerator[int, None]], AsyncGenerator[int, None]],
) -> None:
    closing, closed = asyncio.Event(), asyncio.Event()

    async def slow_to_close() -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closing.set()
            await closed.wait()

    async def listen() -> None:
        try:
            async with aclosing(around(slow_to_close())) as items:
                async for _ in items:
                    # What is being taken in meanwhile has to be given up first.
                    await asyncio.sleep(0)
                    raise OSError
        except OSError:
            await asyncio.Event().wait()

    listening = asyncio.create_task(listen())
    await closing.wait()
    listening.cancel()
    await asyncio.sleep(0)
    closed.set()
    done, _ = await asyncio.wait({listening}, timeout=5)
    assert done
    assert listening.cancelled()
