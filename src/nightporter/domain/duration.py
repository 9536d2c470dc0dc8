"""Lengths of time as ISO 8601 writes them: ``PT10M``, ``P1D``, ``PT1H30M``; whole seconds, no months and no years."""

import re

LONGEST = 366 * 24 * 3600
"""The longest length of time that can be given, in seconds, where nothing else is said."""

_UNITS = (("week", 7 * 24 * 3600), ("day", 24 * 3600), ("hour", 3600), ("minute", 60), ("second", 1))
_DURATION = re.compile(
    r"P(?=[\dT])(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?", re.ASCII
)


def read_duration(text: str, longest: int = LONGEST) -> int:
    """The seconds of a duration; raises ValueError for anything else, and for more than ``longest`` seconds."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("expected a duration in weeks, days, hours, minutes and seconds, like PT10M or P1DT12H")
    seconds = sum(int(number or 0) * unit for number, (_, unit) in zip(match.groups(), _UNITS, strict=True))
    if seconds > longest:
        raise ValueError(f"expected a duration of at most {told_duration(longest)}")
    return seconds


def print_duration(seconds: int) -> str:
    """The shortest duration in days, hours, minutes and seconds; ``PT0S`` for none."""
    days, hours, minutes, rest = _parts(seconds)
    date = f"{days}D" if days else ""
    time = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if number)
    return f"P{date}{'T' + time if time else ''}" if date or time else "PT0S"


def told_duration(seconds: int) -> str:
    """The same for people: ``1 hour 30 minutes``."""
    told = zip(_parts(seconds), ("day", "hour", "minute", "second"), strict=True)
    return " ".join(f"{number} {unit}{'' if number == 1 else 's'}" for number, unit in told if number) or "0 seconds"


def _parts(seconds: int) -> tuple[int, int, int, int]:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return days, hours, minutes, rest
