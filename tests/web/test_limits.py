import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nightporter.domain.errors import TooManyRequests
from nightporter.settings import Settings
from nightporter.web.limits import RequestLimit
from tests.harness import RunningDesk


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_the_window_slides_with_each_request():
    time = Time()
    limit = RequestLimit(3, 30.0, time)
    for at in (1000.0, 1010.0, 1020.0):
        time.now = at
        await limit.count("a")
    for at, wait in ((1020.0, 10), (1020.5, 10), (1029.0, 1), (1029.999, 1)):
        time.now = at
        with pytest.raises(TooManyRequests) as refused:
            await limit.count("a")
        assert refused.value.retry_after == wait
    time.now = 1030.0
    await limit.count("a")
    with pytest.raises(TooManyRequests) as refused:
        await limit.count("a")
    assert refused.value.retry_after == 10


async def test_tokens_are_counted_apart():
    limit = RequestLimit(1, 30.0, Time())
    await limit.count("a")
    await limit.count("b")
    with pytest.raises(TooManyRequests):
        await limit.count("a")


async def test_no_limit_counts_nothing():
    limit = RequestLimit(0, 30.0, Time())
    for _ in range(1000):
        await limit.count("a")
    assert limit._accepted == {}


@given(some.integers(1, 5), some.lists(some.integers(0, 12 * 1024).map(lambda n: n / 1024), max_size=60))
async def test_no_window_holds_more_than_the_limit_and_who_waits_as_told_gets_in(most, steps):
    time = Time()
    limit = RequestLimit(most, 30.0, time)
    accepted: list[float] = []
    for step in steps:
        time.now += step
        inside = [at for at in accepted if at > time.now - 30.0]
        if len(inside) == most:
            with pytest.raises(TooManyRequests) as refused:
                await limit.count("a")
            assert refused.value.retry_after == max(1, math.ceil(inside[0] + 30.0 - time.now))
            time.now += refused.value.retry_after
        await limit.count("a")
        accepted.append(time.now)


@pytest.mark.parametrize("settings", [Settings(request_limit=5, request_window=30.0, port=0)])
async def test_over_http_the_refused_are_not_counted_and_strangers_not_limited(desk: RunningDesk, settings: Settings):
    for _ in range(5):
        assert (await desk.call("devices/getAll")).status_code == 200
        desk.clock.move(1)
    for _ in range(10):
        refused = await desk.call("devices/getAll")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "25")
    stranger = desk.as_("nobody")
    for _ in range(10):
        assert (await stranger.call("devices/getAll")).status_code == 401
    assert (await desk.call("commands/update")).status_code == 429, "before the fields are looked at"
    desk.clock.move(25)
    assert (await desk.call("devices/getAll")).status_code == 200
    assert (await desk.call("devices/getAll")).headers["retry-after"] == "1"
