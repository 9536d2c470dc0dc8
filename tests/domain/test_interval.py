from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nightporter.domain.interval import LONGEST_MONTHS, Interval, months_later

moments = some.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59), timezones=some.just(UTC))


@pytest.mark.parametrize(
    ("moment", "months", "later"),
    [
        ((2025, 1, 15), 0, (2025, 1, 15)),
        ((2025, 1, 15), 1, (2025, 2, 15)),
        ((2025, 1, 31), 1, (2025, 2, 28)),
        ((2024, 1, 31), 1, (2024, 2, 29)),
        ((2000, 1, 31), 1, (2000, 2, 29)),
        ((1900, 1, 31), 1, (1900, 2, 28)),
        ((2025, 1, 31), 3, (2025, 4, 30)),
        ((2025, 10, 31), 3, (2026, 1, 31)),
        ((2025, 9, 30), 3, (2025, 12, 30)),
        ((2025, 11, 30), 3, (2026, 2, 28)),
        ((2023, 11, 30), 3, (2024, 2, 29)),
        ((2025, 12, 1), 3, (2026, 3, 1)),
        ((2025, 12, 31), 12, (2026, 12, 31)),
        ((2024, 2, 29), 12, (2025, 2, 28)),
        ((2024, 2, 29), 48, (2028, 2, 29)),
        ((9999, 9, 30), 3, (9999, 12, 30)),
    ],
)
def test_months_later_keeps_the_day_or_takes_the_last_of_the_month(moment, months, later):
    assert months_later(datetime(*moment, 23, 59, 58, tzinfo=UTC), months) == datetime(*later, 23, 59, 58, tzinfo=UTC)


@pytest.mark.parametrize("moment", [(9999, 10, 1), (9999, 12, 31)])
def test_there_are_no_months_past_the_year_9999(moment):
    with pytest.raises(ValueError, match="there is no year 10000"):
        months_later(datetime(*moment, tzinfo=UTC), 3)


@given(moments, some.integers(0, 36))
def test_months_later_is_that_many_months_on(moment, months):
    count = moment.year * 12 + moment.month - 1 + months
    if count // 12 > 9999:
        with pytest.raises(ValueError):
            months_later(moment, months)
        return
    later = months_later(moment, months)
    assert (later.year, later.month) == (count // 12, count % 12 + 1)
    assert later.time() == moment.time()
    assert later.day == moment.day or (later.day < moment.day and (later + timedelta(days=1)).day == 1)


START = datetime(2025, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("end", "is_allowed"),
    [
        (START - timedelta(seconds=1), False),
        (START, True),
        (START + timedelta(seconds=1), True),
        (datetime(2025, 4, 30, 12, tzinfo=UTC), True),
        (datetime(2025, 4, 30, 12, 0, 1, tzinfo=UTC), False),
        (datetime(2025, 5, 1, 12, tzinfo=UTC), False),
        (datetime(9999, 12, 31, tzinfo=UTC), False),
    ],
)
def test_an_interval_is_allowed_from_its_very_start_to_three_calendar_months_later(end, is_allowed):
    assert Interval(START, end).is_allowed is is_allowed


def test_an_interval_that_the_calendar_cuts_short_is_allowed():
    assert Interval(datetime(9999, 11, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)).is_allowed
    assert not Interval(datetime(9999, 11, 1, tzinfo=UTC), datetime(9999, 10, 31, tzinfo=UTC)).is_allowed


@given(moments, some.integers(-(10**7), 10**7))
def test_what_is_allowed_is_exactly_not_reversed_and_not_too_long(start, length):
    try:
        end, longest = start + timedelta(seconds=length), months_later(start, LONGEST_MONTHS)
    except (OverflowError, ValueError):
        return
    assert Interval(start, end).is_allowed is (start <= end <= longest)
