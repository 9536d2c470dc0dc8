"""What the data of commands tells of guests, and the same data without it (docs/retention.md)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from nightporter.domain.device import DeviceType
from nightporter.wire.shapes import encode

_Gone = Mapping[str, Any]

GUEST: Mapping[DeviceType, _Gone] = {
    DeviceType.KEY_CUTTER: {
        "FirstName": None,
        "LastName": "",
        "NormalizedFirstName": None,
        "NormalizedLastName": None,
        "Telephone": None,
        "Email": None,
    },
    DeviceType.PAYMENT_TERMINAL: {
        "AccountData": {"Customer": {"FullName": ""}, "Company": {"Name": ""}},
        "FullName": None,
    },
    DeviceType.FISCAL_MACHINE: {
        "Bill": {
            "Name": None,
            "Notes": None,
            "PurchaseOrderNumber": None,
            "OwnerData": None,
            "AssociatedAccountData": None,
            "AssigneeData": None,
            "CompanyDetails": None,
            "OrderItems": [],
            "PaymentItems": [],
            "Revenue": [],
            "Payments": [],
        },
        "TaxIdentifier": None,
        "PayloadData": None,
    },
}
"""What stands in the place of what data of a type tells of guests: a mapping goes into an object, anything else replaces.

Ids stay: they tell nothing without the records that they name. So do amounts and times, and what a machine needs."""

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def without_guest(kind: DeviceType, data: str) -> str:
    """The ``data`` of a command for a device of type ``kind`` without what it tells of guests; all else as it was."""
    return _without(data.encode(), GUEST.get(kind, {})).decode()


def _without(text: bytes | msgspec.Raw, gone: _Gone) -> bytes:
    told = _decode(text)
    for name, instead in gone.items():
        if name not in told or bytes(told[name]) == b"null":
            continue
        deeper = isinstance(instead, Mapping)
        told[name] = msgspec.Raw(_without(told[name], instead) if deeper else encode(instead))
    return encode(told)
