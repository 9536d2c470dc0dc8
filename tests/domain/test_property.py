"""Devices, resources, reservations, bills, resource access tokens: the small rules of the property."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from nightporter.domain.account import AccountType, Company, Customer
from nightporter.domain.bill import BillState
from nightporter.domain.command_data import KeyCutterData, PaymentTerminalData, PaymentType, PrinterData
from nightporter.domain.device import Configuration, Device, DeviceType
from nightporter.domain.errors import Blocked
from nightporter.domain.reservation import Reservation, ReservationState
from nightporter.domain.resource import Resource
from nightporter.domain.resource_access_token import (
    ActivityState,
    Permissions,
    ResourceAccessToken,
    ResourceAccessTokenChange,
    ResourceAccessTokenType,
)

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)
DEVICE = Device("device", "hotel", DeviceType.PRINTER, "Printer", None, True, Configuration())
STAY = Reservation("stay", "hotel", "17", ReservationState.STARTED, START, END, "guest", "room")
GUEST = Customer("guest", "hotel", "José", "Müller", "+420 1", "jose@example.com")
COMPANY = Company("company", "hotel", "Ænima Ltd")


@pytest.mark.parametrize(
    ("configured", "identifier", "told"),
    [("FM-001", "x", "FM-001"), (None, "x", "x"), ("", "x", "x"), ("FM-001", None, "FM-001"), (None, None, None)],
)
def test_the_machine_identifier_is_the_configured_one_else_the_identifier(configured, identifier, told):
    device = replace(DEVICE, identifier=identifier, configuration=Configuration(machine_identifier=configured))
    assert device.machine_identifier == told


@pytest.mark.parametrize(("locks", "opened"), [(("L1", "L2"), ("L1", "L2")), ((), ("101",))])
def test_a_key_opens_the_configured_locks_else_the_resource_by_its_name(locks, opened):
    assert Resource("room", "hotel", "101", locks).keys_open == opened


@pytest.mark.parametrize("state", ReservationState)
def test_which_stays_can_have_a_key(state):
    stay = replace(STAY, state=state)
    if state in (ReservationState.CANCELED, ReservationState.PROCESSED):
        with pytest.raises(Blocked) as refused:
            stay.check_key()
        ended = {ReservationState.CANCELED: "canceled", ReservationState.PROCESSED: "checked out"}[state]
        assert refused.value.message == f"The reservation is {ended}; no key can be cut for it."
    else:
        stay.check_key()


def test_a_stay_without_a_resource_has_no_key():
    with pytest.raises(Blocked, match=r"^The reservation has no resource assigned; assign one before"):
        replace(STAY, resource_id=None).check_key()


def test_the_words_of_the_wire():
    assert [kind.value for kind in DeviceType] == [
        "Printer", "PaymentTerminal", "KeyCutter", "FiscalMachine", "PassportScanner",
    ]  # fmt: skip
    assert [state.value for state in ReservationState] == [
        "Inquired", "Confirmed", "Started", "Processed", "Canceled", "Optional", "Requested",
    ]  # fmt: skip
    assert [state.value for state in BillState] == ["Open", "Closed"]
    assert [kind.value for kind in ResourceAccessTokenType] == ["PinCode", "RfidTag"]
    assert [state.value for state in ActivityState] == ["Active", "Deleted"]
    assert [kind.value for kind in PaymentType] == ["Payment", "Preauthorization"]


def test_printer_data_names_the_configured_printer():
    known = Configuration(printer_name="p", printer_driver_name="d", printer_port_name="o")
    assert PrinterData.to_print(replace(DEVICE, configuration=known), 3) == PrinterData(
        copy_count=3,
        file_type="application/pdf",
        printer_name="p",
        printer_driver_name="d",
        printer_port_name="o",
    )


def test_printer_names_that_are_not_set_are_empty():
    assert PrinterData.to_print(DEVICE, 1) == PrinterData(1, "application/pdf", "", "", "")


CUTTER = replace(
    DEVICE, configuration=Configuration(machine_identifier="KC", api_url="http://locks", custom_data='{"a":1}')
)
ROOM = Resource("room", "hotel", "101", ("L1",))
KEY = KeyCutterData(
    key_cutter_id="KC",
    api_url="http://locks",
    key_cutter_data='{"a":1}',
    key_count=2,
    lock_ids=("L1",),
    start_utc=START,
    end_utc=END,
    first_name="José",
    last_name="Müller",
    normalized_first_name="Jose",
    normalized_last_name="Muller",
    telephone="+420 1",
    email="jose@example.com",
    reservation_id="stay",
    reservation_number="17",
)


def test_a_key_is_told_with_its_stay_and_its_guest():
    assert KeyCutterData.to_cut(CUTTER, 2, STAY, ROOM, GUEST) == KEY


def test_a_key_for_a_company_bears_its_name():
    assert KeyCutterData.to_cut(CUTTER, 2, STAY, ROOM, COMPANY) == replace(
        KEY,
        first_name=None,
        last_name="Ænima Ltd",
        normalized_first_name=None,
        normalized_last_name="AEnima Ltd",
        telephone=None,
        email=None,
    )


def test_a_key_for_nobody_bears_an_empty_name():
    assert KeyCutterData.to_cut(CUTTER, 2, STAY, ROOM, None) == replace(
        KEY,
        first_name=None,
        last_name="",
        normalized_first_name=None,
        normalized_last_name="",
        telephone=None,
        email=None,
    )


TERMINAL = replace(DEVICE, identifier="T-1", configuration=Configuration(custom_data="{}"))
CHARGE = PaymentTerminalData(
    payment_terminal_id="T-1",
    payment_terminal_data="{}",
    account_id="guest",
    account_type=AccountType.CUSTOMER,
    account_name="José Müller",
    bill_id="bill",
    payment_id="transaction",
    preauthorization_id=None,
    currency="EUR",
    value=Decimal("230"),
)


def charged(account, kind, terminal=TERMINAL):
    return PaymentTerminalData.to_charge(terminal, account, kind, "transaction", "EUR", Decimal("230"), "bill")


def test_a_payment_of_a_customer():
    assert charged(GUEST, PaymentType.PAYMENT) == CHARGE


def test_a_preauthorization_has_its_own_id():
    assert charged(GUEST, PaymentType.PREAUTHORIZATION) == replace(
        CHARGE, payment_id=None, preauthorization_id="transaction"
    )


def test_a_payment_of_a_company():
    assert charged(COMPANY, PaymentType.PAYMENT) == replace(
        CHARGE, account_id="company", account_type=AccountType.COMPANY, account_name="Ænima Ltd"
    )


def test_a_terminal_without_an_identifier_is_named_by_its_id():
    nameless = replace(TERMINAL, identifier=None)
    assert charged(GUEST, PaymentType.PAYMENT, nameless) == replace(CHARGE, payment_terminal_id="device")


TOKEN = ResourceAccessToken(
    "token", "hotel", "stay", None, None, ResourceAccessTokenType.PIN_CODE, "1#", None, START, END,
    Permissions(False, True, False, False), START, START, True,
)  # fmt: skip


def change(start=None, end=None):
    return ResourceAccessTokenChange("token", start, end, None, None, None, None, None)


@pytest.mark.parametrize(
    ("start", "end", "is_valid"),
    [
        (None, None, True),
        (END, None, False),
        (datetime(2026, 3, 4, 23, 59, 59, tzinfo=UTC), None, True),
        (None, START, False),
        (None, datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC), True),
        (END, START, False),
        (END, datetime(2026, 3, 6, tzinfo=UTC), True),
        (START, END, True),
        (START, START, False),
    ],
)
def test_a_validity_ends_after_it_starts_once_the_change_is_merged(start, end, is_valid):
    assert change(start, end).is_valid_for(TOKEN) is is_valid
