import pytest
from hypothesis import given
from hypothesis import strategies as some

from nightporter.domain.duration import LONGEST, print_duration, read_duration, told_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT10M", 600), ("P1D", 86400), ("PT1H30M", 5400), ("P1W", 604800), ("P1W2DT3H4M5S", 788645), ("PT0S", 0),
        ("P0D", 0), ("PT90S", 90), ("PT36H", 129600), ("P366D", LONGEST), ("PT31622400S", LONGEST), ("P52W2D", LONGEST),
    ],
)  # fmt: skip
def test_durations_are_read(text, seconds):
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "", "P", "PT", "P1DT", "PT1", "P1", "1D", "10M", "P1M", "P1Y", "PT1.5S", "PT1,5S", "-PT1S", "P-1D", "+P1D",
        "pt1s", "PT1s", " PT1S", "PT1S ", "PT1S\n", "PT1M1H", "P1D1W", "PT1H1H", "P1H", "PT1D", "PT١S", "P1W-1",
        "P00000-00-01", "PT9999999999S",
    ],
)  # fmt: skip
def test_anything_else_is_none(text):
    with pytest.raises(ValueError, match="expected a duration in weeks"):
        read_duration(text)


@pytest.mark.parametrize("text", ["P366DT1S", "P53W", "PT999999999S", "P999999999W"])
def test_none_is_longer_than_366_days(text):
    with pytest.raises(ValueError, match="at most 366 days"):
        read_duration(text)


def test_whoever_needs_a_longer_one_says_how_long():
    assert read_duration("P1096D", 1096 * 24 * 3600) == 1096 * 24 * 3600
    with pytest.raises(ValueError, match=r"^expected a duration of at most 1096 days$"):
        read_duration("P1096DT1S", 1096 * 24 * 3600)


@pytest.mark.parametrize(
    ("seconds", "printed", "told"),
    [
        (0, "PT0S", "0 seconds"),
        (1, "PT1S", "1 second"),
        (600, "PT10M", "10 minutes"),
        (5400, "PT1H30M", "1 hour 30 minutes"),
        (86400, "P1D", "1 day"),
        (604800, "P7D", "7 days"),
        (90061, "P1DT1H1M1S", "1 day 1 hour 1 minute 1 second"),
        (86402, "P1DT2S", "1 day 2 seconds"),
    ],
)
def test_durations_are_printed_short_and_told(seconds, printed, told):
    assert print_duration(seconds) == printed
    assert told_duration(seconds) == told


@given(some.integers(0, LONGEST))
def test_what_is_printed_reads_back(seconds):
    assert read_duration(print_duration(seconds)) == seconds
