"""Data of commands without what it tells of guests: the shape holds, everything else is as it was to the letter."""

import json
from typing import Any

import msgspec
import pytest

from nightporter.domain.device import DeviceType
from nightporter.wire.bills import NewerBill
from nightporter.wire.command_data import DATA_OF, FlatFiscalData
from nightporter.wire.guest_data import without_guest

KEY = {
    "KeyCutterId": "7", "ApiUrl": "http://machine", "KeyCutterData": None, "KeyCount": 1, "LockIds": ["101"],
    "StartUtc": "2026-03-01T14:00:00Z", "EndUtc": "2026-03-03T10:00:00Z", "FirstName": "Łucja", "LastName": "Novák",
    "NormalizedFirstName": "Lucja", "NormalizedLastName": "Novak", "Telephone": "+420 1", "Email": "l@example.com",
    "ReservationId": "be35b39e-ad7e-460a-8de9-4c7581e016a2", "ReservationNumber": "42",
}  # fmt: skip
AMOUNT = (
    '{"Currency":"EUR","NetValue":5.10,"GrossValue":5.10,"TaxValues":[],"Breakdown":{"Items":[]},"Value":5.10,"Net":5.10,'
    '"Tax":0,"TaxRate":0}'
)
PAYMENT = (
    '{"PaymentTerminalId":"t","AccountId":"35d4b117-4e60-44a3-9580-c582117eff98","BillId":null,'
    '"PaymentId":"35d4b117-4e60-44a3-9580-c582117eff98","PreauthorizationId":null,"Amount":' + AMOUNT + ',"Fee":null,'
    '"PaymentTerminalData":null,"AccountData":%s,"CustomerId":"35d4b117-4e60-44a3-9580-c582117eff98","FullName":%s}'
)


def test_a_key_cutter_keeps_what_opens_the_door_alone():
    stripped = without_guest(DeviceType.KEY_CUTTER, json.dumps(KEY, ensure_ascii=False))
    gone = dict.fromkeys(["FirstName", "NormalizedFirstName", "NormalizedLastName", "Telephone", "Email"])
    assert json.loads(stripped) == {**KEY, **gone, "LastName": ""}


@pytest.mark.parametrize(
    ("account", "name", "left"),
    [
        ('{"Discriminator":"Customer","Customer":{"FullName":"Ana Novák"},"Company":null}', '"Ana Novák"',
         '{"Discriminator":"Customer","Customer":{"FullName":""},"Company":null}'),
        ('{"Discriminator":"Company","Customer":null,"Company":{"Name":"Novák Ltd"}}', "null",
         '{"Discriminator":"Company","Customer":null,"Company":{"Name":""}}'),
    ],
)  # fmt: skip
def test_a_payment_keeps_its_amount_to_the_letter(account: str, name: str, left: str):
    assert without_guest(DeviceType.PAYMENT_TERMINAL, PAYMENT % (account, name)) == PAYMENT % (left, "null")


def test_a_fiscal_bill_keeps_its_numbers_and_fits_both_shapes(demo_hotel: bytes):
    told = next(one["Data"] for one in json.loads(demo_hotel)["Commands"] if (one["Data"] or {}).get("Bill"))
    told["Bill"] |= {
        "OwnerData": {"Discriminator": "BillCustomerData", "Value": {"Id": told["Bill"]["Id"], "LastName": "Novák"}},
        "Notes": "Novák",
        "OrderItems": [{"Name": "Novák"}],
    }
    told |= {"TaxIdentifier": "Novák", "PayloadData": {"Discriminator": "ItalianFiscalMachine", "Value": "Novák"}}
    stripped = without_guest(DeviceType.FISCAL_MACHINE, json.dumps(told, ensure_ascii=False))
    assert "Novák" not in stripped
    data: Any = msgspec.json.decode(stripped, type=DATA_OF[DeviceType.FISCAL_MACHINE])
    assert NewerBill.of(data.bill).owner is None
    FlatFiscalData.of(data)
    left = json.loads(stripped)
    assert {name for name in told if left[name] != told[name]} == {"Bill", "TaxIdentifier", "PayloadData"}
    assert left["Bill"]["Number"] == told["Bill"]["Number"]


@pytest.mark.parametrize("kind", [DeviceType.PRINTER, DeviceType.PASSPORT_SCANNER])
def test_other_types_tell_of_no_guest(kind: DeviceType):
    assert (
        without_guest(kind, '{"CustomerId":null,"LastName":"as it was"}')
        == '{"CustomerId":null,"LastName":"as it was"}'
    )


def test_what_is_not_there_is_not_put_there():
    assert without_guest(DeviceType.KEY_CUTTER, '{"KeyCount":1}') == '{"KeyCount":1}'
