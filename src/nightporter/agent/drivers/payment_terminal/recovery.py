"""What the last transaction of a terminal says about a charge whose answer got lost.

ZVT gives a transaction no name of the cash register's, so it is told by its place: the next one after the baseline. The rules are
strict, because another person may have used the terminal meanwhile; what does not meet them all is unclear.
"""

from datetime import datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from nightporter.agent.driver import Notes
from nightporter.agent.drivers.payment_terminal.charge import NUMBERS, Charge
from nightporter.agent.drivers.payment_terminal.messages import PAYMENT, RESERVATION, StatusInformation

_DRIFT = timedelta(minutes=5)
_LAST_RECEIPT, _LAST_TRACE = 9999, 999_999


class Verdict(Enum):
    """What became of a charge."""

    TAKEN = "taken"
    DECLINED = "declined"
    UNCHANGED = "unchanged"
    UNCLEAR = "unclear"


def record(status: StatusInformation | None) -> Notes | None:
    """What is written down of a transaction: numbers and times, nothing of the card."""
    if status is None:
        return None
    return {
        "Result": status.result,
        "Amount": status.amount,
        "Receipt": status.receipt,
        "Trace": status.trace,
        "Date": status.date,
        "Time": status.time,
    }


def reference(charge: Charge, started: datetime, before: StatusInformation | None) -> Notes:
    """By what a charge is found again: what is asked for, when (aware), and the last transaction before it."""
    return {
        "Function": charge.effect,
        "Amount": charge.minor,
        "Currency": charge.currency,
        "Started": started.replace(microsecond=0).isoformat(),
        "Before": record(before),
    }


def charge_in(written: Notes) -> Charge:
    """The charge that a reference is of."""
    command = PAYMENT if written["Function"] == "payment" else RESERVATION
    return Charge(command, written["Amount"], written["Currency"])


def verdict(written: Notes, last: StatusInformation | None, zone: ZoneInfo) -> Verdict:
    """What ``last``, the last transaction that the terminal tells now, says of the charge in the reference ``written``.

    A transaction is that charge when the terminal had told its numbers; else when it is the next one by its receipt or its trace,
    begun no earlier than the charge. ``zone`` is that of the terminal's clock, which may be some minutes slow; where the terminal
    told no transaction before the charge, its clock must not be slow, because nothing else tells an earlier sale apart.
    """
    before, told = written["Before"], written.get("Told")
    if last is None:
        return Verdict.UNCLEAR
    now = record(last)
    if now == before:
        # Without any of these a second sale of the same amount would look the same.
        is_unmistakable = any(one is not None for one in (last.receipt, last.trace, last.time))
        return Verdict.UNCHANGED if told is None and is_unmistakable else Verdict.UNCLEAR
    if last.amount != written["Amount"] or last.currency not in (None, NUMBERS[written["Currency"]]):
        return Verdict.UNCLEAR
    if told is not None:
        is_it = now == told and (last.receipt is not None or last.trace is not None)
    else:
        started = datetime.fromisoformat(written["Started"])
        is_it = _is_next(before, last) and _is_since(started if before is None else started - _DRIFT, last, zone)
    if not is_it or last.result is None:
        return Verdict.UNCLEAR
    return Verdict.TAKEN if last.result == 0 else Verdict.DECLINED


def moment(status: StatusInformation, zone: ZoneInfo, near: datetime) -> datetime | None:
    """When the transaction was, in the year that brings it closest to ``near`` (aware); None where it is not told."""
    if status.date is None or status.time is None:
        return None
    found = []
    for year in (near.year - 1, near.year, near.year + 1):
        try:
            found.append(datetime.strptime(f"{year}{status.date}{status.time}", "%Y%m%d%H%M%S").replace(tzinfo=zone))
        except ValueError:  # no such day in that year, or no time at all
            continue
    return min(found, key=lambda one: abs(one - near), default=None)


def _is_next(before: Notes | None, last: StatusInformation) -> bool:
    if before is None:
        return True
    if before["Receipt"] is not None and last.receipt is not None:
        return bool(last.receipt == before["Receipt"] % _LAST_RECEIPT + 1)
    if before["Trace"] is not None and last.trace is not None:
        return bool(last.trace == before["Trace"] % _LAST_TRACE + 1)
    # A transaction that failed may have no number; then only its time tells that it was another.
    return before["Receipt"] is None and before["Trace"] is None and (last.receipt or last.trace) is not None


def _is_since(earliest: datetime, last: StatusInformation, zone: ZoneInfo) -> bool:
    when = moment(last, zone, earliest)
    return when is not None and when >= earliest
