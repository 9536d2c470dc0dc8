"""Time intervals in filters (contract 2.11)."""

import calendar
from datetime import MAXYEAR, datetime

from nightporter.domain.value import value

LONGEST_MONTHS = 3


def months_later(moment: datetime, months: int) -> datetime:
    """``moment`` some calendar months later, on the last day of a shorter month where that day does not exist.

    Raises ValueError past the year 9999.
    """
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    if year > MAXYEAR:
        raise ValueError(f"there is no year {year}")
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


@value
class Interval:
    """``start`` ≤ t < ``end``; if both are equal, exactly that instant (D34)."""

    start: datetime
    end: datetime

    @property
    def is_allowed(self) -> bool:
        """Not reversed, and not longer than three calendar months (D35)."""
        if self.end < self.start:
            return False
        try:
            return self.end <= months_later(self.start, LONGEST_MONTHS)
        except ValueError:
            return True
