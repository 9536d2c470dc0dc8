"""devices/getAll (contract 7.12)."""

from tests.contract.hotel import (
    CUTTER,
    FISCAL,
    HOTEL,
    INACTIVE,
    OF_HOTEL,
    PDF,
    PRINTER,
    SPARE_PRINTER,
    STAY,
    TERMINAL,
    load,
    refused,
)
from tests.contract.test_add_payment_terminal import SENT as PAYMENT
from tests.harness import RunningDesk


async def test_rule_1_all_active_devices_connected_or_not(
    kiosk: RunningDesk, agent: RunningDesk, spare: RunningDesk
) -> None:
    """7.12 rule 1. 3 rule 7. D41. D96."""
    told = (await kiosk.call("devices/getAll")).json()["Devices"]
    assert sorted(one["Id"] for one in told) == sorted(set(OF_HOTEL) - set(INACTIVE))
    assert {one["Type"] for one in told} == {
        "Printer",
        "PaymentTerminal",
        "KeyCutter",
        "FiscalMachine",
        "PassportScanner",
    }
    assert {"Id": PRINTER, "Type": "Printer", "Name": "Printer", "Identifier": "P1"} in told
    assert {"Id": SPARE_PRINTER, "Type": "Printer", "Name": "Spare printer", "Identifier": None} in told
    for caller in (agent, spare):
        assert (await caller.call("devices/getAll")).json()["Devices"] == told


async def test_rule_2_no_filter_no_paging_no_cursor(kiosk: RunningDesk) -> None:
    """7.12 rule 2. What is not in the table of fields is ignored like any unknown field (D5)."""
    told = (await kiosk.call("devices/getAll")).json()
    assert set(told) == {"Devices"}
    asked = await kiosk.call("devices/getAll", Limitation={"Count": 1}, DeviceIds=[PRINTER], EnterpriseIds="x")
    assert asked.json() == told
    minimal = await kiosk.call("devices/getAll", headers={"Prefer": "return=minimal"})
    assert minimal.json() == told


async def test_rule_3_by_name_then_id(kiosk: RunningDesk) -> None:
    """7.12 rule 3. D29."""
    twins = [f"00000018-0000-4000-8000-00000000000{number}" for number in (3, 1, 2)]
    await load(
        kiosk,
        Devices=[{"Id": one, "EnterpriseId": HOTEL, "Type": "Printer", "Name": "Another printer"} for one in twins],
    )
    told = (await kiosk.call("devices/getAll")).json()["Devices"]
    assert [one["Id"] for one in told[:3]] == sorted(twins)
    assert told == sorted(told, key=lambda one: (one["Name"], one["Id"]))


async def test_rule_4_the_ids_feed_the_other_operations(agent: RunningDesk) -> None:
    """7.12 rule 4."""
    by_name = {one["Name"]: one["Id"] for one in (await agent.call("devices/getAll")).json()["Devices"]}
    sent = [
        await agent.call("commands/addPrinter", PrinterId=by_name["Printer"], CopyCount=1, Data=PDF),
        await agent.call("commands/addKeyCutter", KeyCutterId=by_name["Cutter"], ReservationId=STAY, KeyCount=1),
        await agent.call("commands/addPaymentTerminal", **PAYMENT | {"TerminalId": by_name["Terminal"]}),
        await agent.call(
            "fiscalMachineCommands/getAll",
            DeviceIds=[by_name["Fiscal machine"]],
            States=["Pending"],
            Limitation={"Count": 1},
        ),
    ]
    assert [response.status_code for response in sent] == [200] * 4
    assert [by_name[name] for name in ("Printer", "Cutter", "Terminal", "Fiscal machine")] == [
        PRINTER,
        CUTTER,
        TERMINAL,
        FISCAL,
    ]


async def test_no_portfolio_tokens(chain: RunningDesk) -> None:
    """2.4 row 8. D11."""
    refused(await chain.call("devices/getAll"), 401, "Invalid AccessToken")
