"""A stream that runs ahead of its taker."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from nightporter.client.ticking import ahead
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
