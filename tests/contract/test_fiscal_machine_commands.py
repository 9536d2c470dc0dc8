"""fiscalMachineCommands/getAll (contract 7.7)."""

from typing import Any

import pytest

from tests.contract.hotel import (
    BARE_FISCAL,
    FISCAL,
    FOREIGN_FISCAL,
    FOREIGN_FISCAL_COMMAND,
    FOREIGN_HOTEL,
    GUEST,
    HOTEL,
    NOBODY,
    PAYLOAD_FISCAL,
    PRINTED,
    PRINTER,
    PROFILE,
    SCAN,
    SECOND_FISCAL,
    SISTER_FISCAL,
    SISTER_FISCAL_COMMAND,
    SISTER_HOTEL,
    STRUCTURED_DATA,
    STRUCTURED_FISCAL,
    bill,
    move,
    refused,
)
from tests.harness import RunningDesk

PATH = "fiscalMachineCommands/getAll"
STATES = ["Pending", "Received", "Processing", "Processed", "Cancelled", "Error"]
PAGE = {"Count": 100}
BY_DEVICE: dict[str, Any] = {"DeviceIds": [FISCAL, SECOND_FISCAL], "States": STATES}


async def get(desk: RunningDesk, **fields: Any) -> list[dict[str, Any]]:
    response = await desk.call(PATH, **{"Limitation": PAGE} | fields)
    assert response.status_code == 200, response.text
    return list(response.json()["Commands"])


async def ids(desk: RunningDesk, **fields: Any) -> list[str]:
    return [one["Id"] for one in await get(desk, **fields)]


async def test_rule_1_set_a(agent: RunningDesk) -> None:
    """7.7 rule 1. Null counts as absent."""
    asked = {"CommandIds": [STRUCTURED_FISCAL], "DeviceIds": None, "States": None, "UpdatedUtc": None}
    assert await ids(agent, **asked) == [STRUCTURED_FISCAL]


async def test_rule_1_set_b(agent: RunningDesk) -> None:
    """7.7 rule 1. D68. V22. The interval may be left out."""
    assert await ids(agent, **BY_DEVICE, CommandIds=None) == [PAYLOAD_FISCAL, STRUCTURED_FISCAL, BARE_FISCAL]


UPDATED = {"StartUtc": "2026-02-01T00:00:00Z", "EndUtc": "2026-03-01T00:00:00Z"}


@pytest.mark.parametrize(
    "mixed",
    [
        {},
        {"CommandIds": None},
        {"CommandIds": [STRUCTURED_FISCAL], "DeviceIds": [FISCAL]},
        {"CommandIds": [STRUCTURED_FISCAL], "States": ["Pending"]},
        {"CommandIds": [STRUCTURED_FISCAL], "UpdatedUtc": UPDATED},
        {"CommandIds": [STRUCTURED_FISCAL], **BY_DEVICE},
        {"DeviceIds": [FISCAL]},
        {"States": ["Pending"]},
        {"UpdatedUtc": UPDATED},
        {"UpdatedUtc": UPDATED, "States": ["Pending"]},
        {"UpdatedUtc": UPDATED, "DeviceIds": [FISCAL]},
        {"EnterpriseIds": [HOTEL]},
    ],
)
async def test_rule_1_both_sets_or_neither(agent: RunningDesk, mixed: dict[str, Any]) -> None:
    """7.7 rule 1. 7.7 error: both sets, or neither. D17. D67. The sentence names the fields."""
    response = await agent.call(PATH, **mixed, Limitation=PAGE)
    refused(response, 400)
    assert "CommandIds" in response.json()["Message"]
    assert "DeviceIds" in response.json()["Message"]
    assert "States" in response.json()["Message"]


async def test_rule_2_only_fiscal_machines_that_are_connected(
    agent: RunningDesk, kiosk: RunningDesk, chain: RunningDesk
) -> None:
    """7.7 rule 2. D39. D43. Everything else is left out silently."""
    everything = [STRUCTURED_FISCAL, PRINTED, SCAN, FOREIGN_FISCAL_COMMAND, SISTER_FISCAL_COMMAND, NOBODY]
    assert await ids(agent, CommandIds=everything) == [STRUCTURED_FISCAL]
    assert await ids(kiosk, CommandIds=everything) == []
    assert await ids(kiosk, DeviceIds=[FISCAL], States=STATES) == [], "named or not, a machine must be connected"
    devices = [FISCAL, PRINTER, FOREIGN_FISCAL, SISTER_FISCAL, NOBODY]
    assert await ids(agent, DeviceIds=devices, States=STATES) == [STRUCTURED_FISCAL, BARE_FISCAL]
    assert await ids(chain, DeviceIds=devices, States=STATES) == [
        STRUCTURED_FISCAL,
        BARE_FISCAL,
        SISTER_FISCAL_COMMAND,
    ]


async def test_rule_2_the_enterprises_asked_for(chain: RunningDesk) -> None:
    """7.7 rule 2. 2.4 row 5. 2.4 row 6. V21."""
    asked = {"DeviceIds": [FISCAL, SISTER_FISCAL], "States": ["Pending"]}
    assert await ids(chain, **asked) == [STRUCTURED_FISCAL, SISTER_FISCAL_COMMAND]
    assert await ids(chain, **asked, EnterpriseIds=None) == [STRUCTURED_FISCAL, SISTER_FISCAL_COMMAND]
    assert await ids(chain, **asked, EnterpriseIds=[SISTER_HOTEL]) == [SISTER_FISCAL_COMMAND]
    assert await ids(chain, **asked, EnterpriseIds=[HOTEL, HOTEL]) == [STRUCTURED_FISCAL]


@pytest.mark.parametrize("state", STATES)
async def test_rule_3_all_six_states(agent: RunningDesk, state: str) -> None:
    """7.7 rule 3."""
    await move(agent, STRUCTURED_FISCAL, state)
    found = await get(agent, DeviceIds=[FISCAL], States=[state])
    assert STRUCTURED_FISCAL in [one["Id"] for one in found]
    assert {one["State"] for one in found} == {state}


async def test_rule_4_and_between_criteria_or_within_one(agent: RunningDesk) -> None:
    """7.7 rule 4."""
    both = [FISCAL, SECOND_FISCAL]
    assert await ids(agent, DeviceIds=both, States=["Pending"]) == [STRUCTURED_FISCAL]
    assert await ids(agent, DeviceIds=both, States=["Pending", "Processing"]) == [PAYLOAD_FISCAL, STRUCTURED_FISCAL]
    assert await ids(agent, DeviceIds=[SECOND_FISCAL], States=["Pending"]) == []
    late = {"StartUtc": "2026-02-02T00:00:00Z", "EndUtc": "2026-02-03T00:00:00Z"}
    assert await ids(agent, **BY_DEVICE, UpdatedUtc=late) == [PAYLOAD_FISCAL]
    assert await ids(agent, DeviceIds=both, States=["Pending"], UpdatedUtc=late) == []
    assert await ids(agent, DeviceIds=both * 2, States=["Pending"] * 2) == [STRUCTURED_FISCAL]


async def test_rule_5_the_time_of_the_last_update(agent: RunningDesk) -> None:
    """7.7 rule 5. Creation counts; the time itself is not told."""
    created = {"StartUtc": "2026-02-01T11:00:00Z", "EndUtc": "2026-02-01T11:00:00Z"}
    assert await ids(agent, **BY_DEVICE, UpdatedUtc=created) == [STRUCTURED_FISCAL]
    await move(agent, STRUCTURED_FISCAL, "Received")
    assert await ids(agent, **BY_DEVICE, UpdatedUtc=created) == []
    now = {"StartUtc": "2026-03-01T12:00:00Z", "EndUtc": "2026-03-01T12:00:01Z"}
    assert await ids(agent, **BY_DEVICE, UpdatedUtc=now) == [STRUCTURED_FISCAL]
    assert all("UpdatedUtc" not in one for one in await get(agent, **BY_DEVICE))


async def test_rule_6_the_flat_shape(agent: RunningDesk) -> None:
    """7.7 rule 6. Contract 8.4, 8.9, 8.11: profile, newer bill with the owner as coproduct B, one property a case."""
    payload, structured, bare = await get(agent, **BY_DEVICE)
    flat_bill = structured.pop("Bill")
    assert structured == {
        "Id": STRUCTURED_FISCAL,
        "State": "Pending",
        "CreatedUtc": "2026-02-01T11:00:00Z",
        "Creator": {"Discriminator": "Enterprise", "EnterpriseProfile": {"ProfileId": PROFILE}},
        "FiscalMachineId": "FM-001",
        "ApiUrl": "https://fiscal.example/api",
        "FiscalMachineData": '{"printerPort": "COM1"}',
        "TaxIdentifier": "12345678901",
        "Device": {"Id": FISCAL, "Type": "FiscalMachine", "Name": "Fiscal machine", "Identifier": None},
        "CommandData": {
            "Discriminator": "ItalianFiscalMachineData",
            "ItalianFiscalMachineData": STRUCTURED_DATA,
            "ItalianFiscalMachinePayload": None,
        },
    }
    kept = bill()
    assert flat_bill["Owner"]["Discriminator"] == "BillCustomerData"
    assert flat_bill["Owner"]["BillCompanyData"] is None
    assert (flat_bill["Owner"]["BillCustomerData"]["Id"], flat_bill["AccountType"]) == (GUEST, "Customer")
    assert flat_bill.items() >= {k: v for k, v in kept.items() if k not in {"OwnerData", "OrderItems"}}.items()
    older = {"OwnerData", "AssociatedAccountData", "CustomerId", "CompanyId", "Revenue", "Payments"}
    older |= {"OrderItems", "PaymentItems", "AssigneeData", "CompanyDetails"}
    assert not older & set(flat_bill)
    assert payload["CommandData"] == {
        "Discriminator": "ItalianFiscalMachinePayload",
        "ItalianFiscalMachineData": None,
        "ItalianFiscalMachinePayload": {"Payload": "PGZ2cF9kb2MvPg=="},
    }
    assert bare["CommandData"] is None


async def test_required_texts_without_a_value_are_empty(agent: RunningDesk) -> None:
    """D66."""
    (bare,) = await get(agent, CommandIds=[BARE_FISCAL])
    assert (bare["FiscalMachineId"], bare["ApiUrl"], bare["FiscalMachineData"]) == ("", "", "")
    assert bare["TaxIdentifier"] is None
    assert bare["Creator"] == {"Discriminator": "Personal", "EnterpriseProfile": None}


async def test_rule_7_newest_first(agent: RunningDesk) -> None:
    """7.7 rule 7."""
    response = await agent.call(PATH, CommandIds=[BARE_FISCAL, PAYLOAD_FISCAL, STRUCTURED_FISCAL], Limitation=PAGE)
    created = [one["CreatedUtc"] for one in response.json()["Commands"]]
    assert created == ["2026-02-01T12:00:00Z", "2026-02-01T11:00:00Z", "2026-02-01T10:00:00Z"]
    assert response.json()["Cursor"] == BARE_FISCAL


async def test_rule_8_a_good_body_is_not_invalid_json(agent: RunningDesk) -> None:
    """7.7 rule 8."""
    response = await agent.call(PATH, CommandIds=[NOBODY], Limitation=PAGE)
    assert response.json() == {"Commands": [], "Cursor": None}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CommandIds", []),
        ("CommandIds", [PRINTED] * 1001),
        ("CommandIds", ["x"]),
        ("CommandIds", [None]),
        ("CommandIds", PRINTED),
        ("DeviceIds", []),
        ("DeviceIds", [FISCAL] * 101),
        ("DeviceIds", ["x"]),
        ("DeviceIds", [None]),
        ("DeviceIds", 5),
        ("States", []),
        ("States", ["Done"]),
        ("States", ["Pending", None]),
        ("States", ["Pending"] * 1001),
        ("States", "Pending"),
        ("EnterpriseIds", []),
        ("EnterpriseIds", ["x"]),
        ("EnterpriseIds", [HOTEL] * 1001),
        ("EnterpriseIds", HOTEL),
    ],
)
async def test_error_a_bad_list(agent: RunningDesk, name: str, value: object) -> None:
    """7.7 error: Invalid CommandIds / Invalid DeviceIds / Invalid States. 7.7 error: Invalid EnterpriseIds. D38."""
    others = {} if name == "CommandIds" else BY_DEVICE
    refused(await agent.call(PATH, **others | {name: value}, Limitation=PAGE), 400, f"Invalid {name}")


async def test_the_longest_lists(agent: RunningDesk) -> None:
    """D38. 100 devices, 1000 commands."""
    assert await ids(agent, DeviceIds=[FISCAL] * 100, States=["Pending"]) == [STRUCTURED_FISCAL]
    assert await ids(agent, CommandIds=[STRUCTURED_FISCAL] * 1000) == [STRUCTURED_FISCAL]


@pytest.mark.parametrize(
    "updated",
    [
        {"StartUtc": "2026-02-02T00:00:01Z", "EndUtc": "2026-02-02T00:00:00Z"},
        {"StartUtc": "2026-01-01T00:00:00Z", "EndUtc": "2026-04-01T00:00:01Z"},
        "2026-02-02",
        [],
    ],
)
async def test_error_invalid_updated_utc(agent: RunningDesk, updated: object) -> None:
    """7.7 error: Invalid UpdatedUtc."""
    refused(await agent.call(PATH, **BY_DEVICE, UpdatedUtc=updated, Limitation=PAGE), 400, "Invalid UpdatedUtc")


@pytest.mark.parametrize(
    ("limitation", "message"),
    [
        (None, "Invalid Limitation"),
        (5, "Invalid Limitation"),
        ([], "Invalid Limitation"),
        ({}, "Invalid Count"),
        ({"Cursor": PRINTED}, "Invalid Count"),
        ({"Count": None}, "Invalid Count"),
        ({"Count": 0}, "Invalid Count"),
        ({"Count": 1001}, "Invalid Count"),
        ({"Count": 1, "Cursor": "x"}, "Invalid Cursor"),
        ({"Count": 1, "Cursor": NOBODY}, "Invalid Cursor"),
        ({"Count": 1, "Cursor": FOREIGN_FISCAL_COMMAND}, "Invalid Cursor"),
    ],
)
async def test_error_limitation_missing_or_bad(agent: RunningDesk, limitation: object, message: str) -> None:
    """7.7 error: Invalid Limitation / Invalid Count / Invalid Cursor."""
    refused(await agent.call(PATH, **BY_DEVICE, Limitation=limitation), 400, message)
    refused(await agent.call(PATH, CommandIds=[PRINTED], Limitation=limitation), 400, message)


async def test_error_no_limitation(agent: RunningDesk) -> None:
    """7.7 error: Invalid Limitation."""
    refused(await agent.call(PATH, **BY_DEVICE), 400, "Invalid Limitation")


async def test_an_enterprise_out_of_scope_is_left_out(agent: RunningDesk, chain: RunningDesk) -> None:
    """2.4 row 7, overridden (D14): an id in EnterpriseIds outside the scope is left out silently, as every foreign id."""
    for caller, foreign in ((agent, [SISTER_HOTEL, FOREIGN_HOTEL, NOBODY]), (chain, [FOREIGN_HOTEL, NOBODY])):
        assert await ids(caller, CommandIds=[STRUCTURED_FISCAL], EnterpriseIds=[HOTEL, *foreign]) == [STRUCTURED_FISCAL]
        response = await caller.call(
            PATH,
            CommandIds=[STRUCTURED_FISCAL, FOREIGN_FISCAL_COMMAND],
            EnterpriseIds=foreign[-2:],
            Limitation=PAGE,
        )
        assert response.json() == {"Commands": [], "Cursor": None}


async def test_the_operation_is_restricted(partner: RunningDesk) -> None:
    """D10. 2.3 rule 5."""
    refused(await partner.call(PATH), 401)
