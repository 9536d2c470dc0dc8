from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nightporter.agent.drivers.payment_terminal.charge import Charge
from nightporter.agent.drivers.payment_terminal.messages import PAYMENT, StatusInformation
from nightporter.agent.drivers.payment_terminal.recovery import Verdict, moment, record, reference, verdict
from tests.agent.drivers.payment_terminal.desk import NOW, ZONE


def status(**changed: Any) -> StatusInformation:
    local = NOW.astimezone(ZONE)
    told: dict[str, Any] = {
        "result": 0, "amount": 1200, "currency": 978, "receipt": 8, "trace": 101, "time": f"{local:%H%M%S}",
        "date": f"{local:%m%d}", "terminal": None, "card_name": None, "card_ending": None, "attribute": None,
        "application": None,
    }  # fmt: skip
    return StatusInformation(**(told | changed))


BEFORE = status(amount=999, receipt=7, trace=100, time="080000")
BARE = status(receipt=None, trace=None, time=None, date=None)


@pytest.mark.parametrize(
    ("before", "last", "says"),
    [
        (BEFORE, status(), Verdict.TAKEN),
        (BEFORE, BEFORE, Verdict.UNCHANGED),
        (BARE, BARE, Verdict.UNCLEAR),  # two sales of the same amount would look like this
        (status(receipt=None, trace=None), status(receipt=None, trace=None), Verdict.UNCHANGED),
        (BEFORE, None, Verdict.UNCLEAR),
        (None, None, Verdict.UNCLEAR),
        (None, status(), Verdict.TAKEN),
        (None, status(time="005900"), Verdict.UNCLEAR),
        (BEFORE, status(amount=1201), Verdict.UNCLEAR),
        (BEFORE, status(amount=None), Verdict.UNCLEAR),
        (BEFORE, status(currency=756), Verdict.UNCLEAR),
        (BEFORE, status(currency=None), Verdict.TAKEN),
        (BEFORE, status(receipt=9), Verdict.UNCLEAR),
        (BEFORE, status(receipt=7), Verdict.UNCLEAR),
        (BEFORE, status(receipt=None), Verdict.TAKEN),
        (BEFORE, status(receipt=None, trace=102), Verdict.UNCLEAR),
        (BEFORE, status(receipt=None, trace=None), Verdict.UNCLEAR),
        (BEFORE, status(time="003000"), Verdict.UNCLEAR),
        (BEFORE, status(time="005600"), Verdict.TAKEN),
        (BEFORE, status(time=None), Verdict.UNCLEAR),
        (BEFORE, status(date="0230"), Verdict.UNCLEAR),
        (BEFORE, status(result=5), Verdict.DECLINED),
        (BEFORE, status(result=None), Verdict.UNCLEAR),
        (status(receipt=9999, time="080000"), status(receipt=1), Verdict.TAKEN),
        (status(receipt=None, trace=999_999, time="080000"), status(receipt=None, trace=1), Verdict.TAKEN),
        (status(receipt=None, trace=None, time="080000"), status(), Verdict.TAKEN),
        (status(receipt=None, trace=None, time="080000"), status(receipt=None, trace=None), Verdict.UNCLEAR),
    ],
)
def test_only_the_next_transaction_is_the_charge(
    before: StatusInformation | None, last: StatusInformation | None, says: Verdict
) -> None:
    written = reference(Charge(PAYMENT, 1200, "EUR"), NOW, before)
    assert verdict(written, last, ZONE) is says


@pytest.mark.parametrize(
    ("last", "says"),
    [
        (status(receipt=12), Verdict.TAKEN),
        (status(receipt=13), Verdict.UNCLEAR),
        (BEFORE, Verdict.UNCLEAR),
    ],
)
def test_where_the_terminal_told_its_numbers_only_those_count(last: StatusInformation, says: Verdict) -> None:
    written = reference(Charge(PAYMENT, 1200, "EUR"), NOW, BEFORE) | {"Told": record(status(receipt=12))}
    assert verdict(written, last, ZONE) is says


def test_a_date_without_a_year_is_the_nearest() -> None:
    turn = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    when = moment(status(date="0101", time="003500"), ZONE, turn)
    assert when is not None
    assert when - turn == timedelta(minutes=5)
