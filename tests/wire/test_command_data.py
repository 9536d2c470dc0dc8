import json
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from nightporter.domain.account import AccountType
from nightporter.domain.command_data import KeyCutterData, PaymentTerminalData, PrinterData
from nightporter.domain.device import DeviceType
from nightporter.wire.bills import (
    AssociatedAccountData,
    BillCompanyData,
    BillCustomerData,
    NewerBill,
    OlderBill,
)
from nightporter.wire.command_data import (
    DATA_OF,
    FiscalMachineCommandData,
    FlatFiscalData,
    KeyCutterCommandData,
    PaymentTerminalCommandData,
    PrinterCommandData,
    kept,
    with_file,
    without_file,
)
from nightporter.wire.shapes import encode

ID, OTHER_ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6", "4d0201db-36f5-428b-8d11-4f0a65e960cc"


def test_every_device_type_has_its_data():
    assert set(DATA_OF) == set(DeviceType)
    assert len(set(DATA_OF.values())) == len(DeviceType)


def test_printer_data_is_kept_without_its_file_and_gets_it_back():
    snapshot = kept(PrinterData(3, "application/pdf", "p\u2028", "", '"'))
    whole = json.loads(with_file(snapshot.encode(), b"QUJD"))
    assert whole == {
        "CopyCount": 3,
        "FileType": "application/pdf",
        "FileData": "QUJD",
        "PrinterName": "p\u2028",
        "PrinterDriverName": "",
        "PrinterPortName": '"',
    }
    read = msgspec.json.decode(with_file(snapshot.encode(), b"QUJD"), type=PrinterCommandData)
    assert without_file(read).decode() == snapshot
    assert "FileData" not in snapshot


def test_key_cutter_data_as_kept():
    data = KeyCutterData(
        "KC", None, "{}", 2, ("L1", "L2"), datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 5, 10, tzinfo=UTC),
        "José", "Müller", "Jose", "Muller", None, "j@example.com", ID, "17",
    )  # fmt: skip
    assert json.loads(kept(data)) == {
        "KeyCutterId": "KC",
        "ApiUrl": None,
        "KeyCutterData": "{}",
        "KeyCount": 2,
        "LockIds": ["L1", "L2"],
        "StartUtc": "2026-03-01T00:00:00Z",
        "EndUtc": "2026-03-05T10:00:00Z",
        "FirstName": "José",
        "LastName": "Müller",
        "NormalizedFirstName": "Jose",
        "NormalizedLastName": "Muller",
        "Telephone": None,
        "Email": "j@example.com",
        "ReservationId": ID,
        "ReservationNumber": "17",
    }
    assert msgspec.json.decode(kept(data), type=KeyCutterCommandData).lock_ids == ["L1", "L2"]


AMOUNT = {
    "Currency": "EUR",
    "NetValue": 230.5,
    "GrossValue": 230.5,
    "TaxValues": [],
    "Breakdown": {"Items": [{"TaxRateCode": None, "NetValue": 230.5, "TaxValue": 0}]},
    "Value": 230.5,
    "Net": 230.5,
    "Tax": 0,
    "TaxRate": 0,
}


@pytest.mark.parametrize("kind", AccountType)
def test_payment_data_as_kept(kind):
    data = PaymentTerminalData("T", "{}", ID, kind, "José", OTHER_ID, "p", None, "EUR", Decimal("230.5"))
    customer = kind is AccountType.CUSTOMER
    assert json.loads(kept(data)) == {
        "PaymentTerminalId": "T",
        "AccountId": ID,
        "BillId": OTHER_ID,
        "PaymentId": "p",
        "PreauthorizationId": None,
        "Amount": AMOUNT,
        "Fee": None,
        "PaymentTerminalData": "{}",
        "AccountData": {
            "Discriminator": kind.value,
            "Customer": {"FullName": "José"} if customer else None,
            "Company": None if customer else {"Name": "José"},
        },
        "CustomerId": ID,
        "FullName": "José" if customer else None,
    }
    read = msgspec.json.decode(kept(data), type=PaymentTerminalCommandData)
    assert read.amount.value == Decimal("230.5")


def bill(**fields):
    return msgspec.convert(
        {
            "Id": ID,
            "EnterpriseId": ID,
            "AccountId": ID,
            "AccountType": "Customer",
            "State": "Closed",
            "CreatedUtc": "2025-01-01T00:00:00Z",
            "UpdatedUtc": "2025-01-02T00:00:00Z",
            **fields,
        },
        OlderBill,
    )


def test_an_older_bill_has_the_defaults_of_the_contract():
    printed = json.loads(encode(bill()))
    assert printed["Type"] == "Receipt"
    assert printed["CorrectionState"] == "Bill"
    for items in ("Revenue", "Payments", "OrderItems", "PaymentItems"):
        assert printed[items] == []


CUSTOMER = {"Id": ID, "LastName": "Müller", "TitlePrefix": "Miss", "Address": {"Line1": "1 Street"}}
COMPANY = {"Id": ID, "Name": "Ltd", "DUNS": "150483782", "LegalIdentifiers": {"a": "b"}}
GONE = {
    "OwnerData", "AssociatedAccountData", "CustomerId", "CompanyId", "Revenue", "Payments", "OrderItems", "PaymentItems",
    "AssigneeData", "CompanyDetails",
}  # fmt: skip


def test_the_newer_bill_has_what_the_older_has_but_for_the_documented_difference():
    older = bill(Number="29", Notes="n", DueUtc="2025-02-01T00:00:00Z", EnterpriseData={"Iban": "x"})
    newer = json.loads(encode(NewerBill.of(older)))
    before = json.loads(encode(older))
    assert set(before) - set(newer) == GONE
    assert set(newer) - set(before) == {"Owner", "AssociatedAccountsData"}
    shared = set(before) & set(newer)
    assert {name: newer[name] for name in shared} == {name: before[name] for name in shared}
    assert newer["Owner"] is None
    assert newer["AssociatedAccountsData"] is None


def test_the_owner_goes_from_coproduct_a_to_b():
    of_customer = NewerBill.of(bill(OwnerData={"Discriminator": "BillCustomerData", "Value": CUSTOMER}))
    assert of_customer.owner == AssociatedAccountData(
        "BillCustomerData", msgspec.convert(CUSTOMER, BillCustomerData), None
    )
    of_company = NewerBill.of(bill(OwnerData={"Discriminator": "BillCompanyData", "Value": COMPANY}))
    assert of_company.owner == AssociatedAccountData("BillCompanyData", None, msgspec.convert(COMPANY, BillCompanyData))
    assert json.loads(encode(of_company))["Owner"]["BillCompanyData"]["DUNS"] == "150483782"


def test_associated_accounts_keep_their_form():
    associated = [{"Discriminator": "BillCompanyData", "BillCompanyData": COMPANY}]
    newer = NewerBill.of(bill(AssociatedAccountData=associated))
    assert newer.associated_accounts_data == [
        AssociatedAccountData("BillCompanyData", None, msgspec.convert(COMPANY, BillCompanyData))
    ]


ITALIAN = {
    "IsRefund": True, "RebatedReceiptNumber": "1", "RebatedReceiptSequence": "2", "PrinterSerialNumber": "s",
    "RebatedReceiptDateTimeUtc": "2025-01-01T00:00:00Z",
}  # fmt: skip


def fiscal(**fields):
    data = {
        "FiscalMachineId": None, "ApiUrl": None, "FiscalMachineData": None, "Bill": msgspec.to_builtins(bill()),
        "TaxIdentifier": None, "BillFiscalMachineData": None, "PayloadData": None, **fields,
    }  # fmt: skip
    return msgspec.convert(data, FiscalMachineCommandData)


STRUCTURED = {"Discriminator": "ItalianFiscalMachineData", "Value": ITALIAN}
PAYLOAD = {"Discriminator": "ItalianFiscalMachine", "Value": "QUJD"}


@pytest.mark.parametrize("payload", [None, PAYLOAD])
def test_flat_structured_data_wins_over_a_payload(payload):
    flat = FlatFiscalData.of(fiscal(BillFiscalMachineData=STRUCTURED, PayloadData=payload))
    assert json.loads(encode(flat)) == {
        "Discriminator": "ItalianFiscalMachineData",
        "ItalianFiscalMachineData": ITALIAN,
        "ItalianFiscalMachinePayload": None,
    }


def test_a_flat_payload():
    assert json.loads(encode(FlatFiscalData.of(fiscal(PayloadData=PAYLOAD)))) == {
        "Discriminator": "ItalianFiscalMachinePayload",
        "ItalianFiscalMachineData": None,
        "ItalianFiscalMachinePayload": {"Payload": "QUJD"},
    }


def test_no_flat_data_without_any():
    assert FlatFiscalData.of(fiscal()) is None
