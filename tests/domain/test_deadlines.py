from datetime import UTC, datetime, timedelta

import pytest

from nightporter.domain.command import CommandState
from nightporter.domain.deadlines import (
    Deadlines,
    after_stall,
    check_policy,
    expiry_note,
    is_overdue,
    is_stalled,
    read_defaults,
    stall_note,
)
from nightporter.domain.device import DeviceType, StalledPolicy

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PRINTER, TERMINAL, CUTTER = DeviceType.PRINTER, DeviceType.PAYMENT_TERMINAL, DeviceType.KEY_CUTTER


@pytest.mark.parametrize(
    ("text", "defaults"),
    [
        ("", {}),
        (" , ", {}),
        ("PaymentTerminal=PT10M", {TERMINAL: 600}),
        (" PaymentTerminal = PT10M , Printer=P1D,", {TERMINAL: 600, PRINTER: 86400}),
        ("Printer=PT0S", {PRINTER: 0}),
    ],
)
def test_defaults_are_read(text, defaults):
    assert read_defaults(text) == defaults


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("PT10M", "expected TYPE=DURATION with a type of Printer, PaymentTerminal, .*, got 'PT10M'"),
        ("printer=PT10M", "got 'printer=PT10M'"),
        ("Printer=10", "expected a duration .*, got 'Printer=10'"),
        ("Printer=P400D", "at most 366 days, got 'Printer=P400D'"),
        ("Printer=PT1M,Printer=PT2M", "expected Printer once"),
        ("Printer", "got 'Printer'"),
    ],
)
def test_what_is_wrong_with_defaults_is_told(text, told):
    with pytest.raises(ValueError, match=told):
        read_defaults(text)


@pytest.mark.parametrize(
    ("own", "default", "effective"),
    [(None, None, None), (None, 600, 600), (None, 0, None), (0, 600, None), (60, 600, 60), (60, None, 60)],
)
def test_a_device_overrules_the_default_of_its_type(own, default, effective):
    given = {} if default is None else {PRINTER: default}
    assert Deadlines(expires_after=given).expiry(PRINTER, own) == effective
    assert Deadlines(stalled_after=given).stall(PRINTER, own) == effective
    if own is None:
        assert Deadlines(given, given).expiry(CUTTER, None) is None
        assert Deadlines(stalled_after=given).expiry(PRINTER, None) is None
        assert Deadlines(expires_after=given).stall(PRINTER, None) is None


@pytest.mark.parametrize("state", CommandState)
def test_what_waits_is_overdue_from_that_second_on(state):
    waits = state in (CommandState.PENDING, CommandState.RECEIVED)
    assert is_overdue(state, NOON, NOON) is waits
    assert is_overdue(state, NOON, NOON + SECOND) is waits
    assert not is_overdue(state, NOON, NOON - SECOND)
    assert not is_overdue(state, None, NOON)


@pytest.mark.parametrize("state", CommandState)
def test_processing_is_stalled_from_that_second_on(state):
    expected = state is CommandState.PROCESSING
    assert is_stalled(state, NOON, 60, NOON + 60 * SECOND) is expected
    assert not is_stalled(state, NOON, 60, NOON + 59 * SECOND)
    assert not is_stalled(state, NOON, None, NOON + 1000 * SECOND)


@pytest.mark.parametrize("kind", DeviceType)
def test_only_what_may_be_done_twice_is_offered_again(kind):
    check_policy(kind, StalledPolicy.FLAG)
    check_policy(kind, StalledPolicy.ERROR)
    if kind in (DeviceType.PRINTER, DeviceType.PASSPORT_SCANNER):
        check_policy(kind, StalledPolicy.PENDING)
    else:
        with pytest.raises(ValueError, match=f"expected Flag or Error: what a {kind} did"):
            check_policy(kind, StalledPolicy.PENDING)


def test_the_notes_say_why():
    assert expiry_note(timedelta(minutes=10)) == "Not begun within 10 minutes (ExpiresAfter PT10M)."
    silence = "Begun, then nothing was heard of it for 1 hour (StalledAfter PT1H)."
    assert stall_note(3600, StalledPolicy.ERROR) == silence
    assert stall_note(3600, StalledPolicy.PENDING) == f"{silence} Offered again."


def test_only_pending_is_bounded_and_flag_stays_what_it_is() -> None:
    for policy in StalledPolicy:
        assert after_stall(policy, 4) is policy
    assert [after_stall(policy, 5) for policy in (StalledPolicy.FLAG, StalledPolicy.ERROR, StalledPolicy.PENDING)] == [
        StalledPolicy.FLAG, StalledPolicy.ERROR, StalledPolicy.ERROR,
    ]  # fmt: skip
