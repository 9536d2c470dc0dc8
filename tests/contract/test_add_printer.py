"""commands/addPrinter (contract 7.3)."""

import base64
import json

import pytest

from tests.contract.hotel import (
    CUTTER,
    FOREIGN_PRINTER,
    HOTEL,
    NOBODY,
    OLD_PRINTER,
    PDF,
    PLAIN_PRINTER,
    PRINTER,
    SISTER_HOTEL,
    SISTER_PRINTER,
    active,
    command,
    print_page,
    refused,
)
from tests.harness import RunningDesk

SENT = {"PrinterId": PRINTER, "CopyCount": 1, "Data": PDF}


async def test_rule_1_one_pending_command(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """7.3 rule 1. D42. D54. The kiosk is connected to nothing."""
    before = await active(agent)
    command_id = await print_page(kiosk)
    assert await active(agent) == [command_id, *before]
    found = await command(kiosk, command_id)
    assert (found["State"], found["Device"]["Id"]) == ("Pending", PRINTER)
    assert found["Creator"] == {"FirstName": None, "LastName": "Kiosk", "ImageUrl": None}
    assert found["CreatedUtc"] == "2026-03-01T12:00:00Z"


async def test_rule_2_the_data(kiosk: RunningDesk) -> None:
    """7.3 rule 2. D58. Names come from the device, empty where it has none."""
    configured = await command(kiosk, await print_page(kiosk, CopyCount=100))
    assert configured["Data"] == {
        "CopyCount": 100,
        "FileType": "application/pdf",
        "FileData": PDF,
        "PrinterName": "HP",
        "PrinterDriverName": "HP Driver",
        "PrinterPortName": "LPT1",
    }
    plain = await command(kiosk, await print_page(kiosk, PLAIN_PRINTER))
    names = ("PrinterName", "PrinterDriverName", "PrinterPortName")
    assert [plain["Data"][name] for name in names] == ["", "", ""]
    assert plain["Device"]["Identifier"] is None


@pytest.mark.parametrize("printer", [NOBODY, FOREIGN_PRINTER, SISTER_PRINTER, OLD_PRINTER, CUTTER])
async def test_rule_3_the_device_must_be_an_active_printer_of_the_enterprise(kiosk: RunningDesk, printer: str) -> None:
    """7.3 rule 3. 7.3 error: Invalid PrinterId. D40. D96."""
    refused(await kiosk.call("commands/addPrinter", **SENT | {"PrinterId": printer}), 400, "Invalid PrinterId")


async def test_rule_4_it_returns_at_once(kiosk: RunningDesk) -> None:
    """7.3 rule 4. Nobody executes here, and the reply comes all the same; the outcome is learnt later."""
    command_id = await print_page(kiosk)
    assert (await command(kiosk, command_id))["State"] == "Pending"


async def test_rule_5_twice_makes_two(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """7.3 rule 5. D94."""
    first, second = await print_page(kiosk), await print_page(kiosk)
    assert first != second
    assert {first, second} <= set(await active(agent))


async def test_rule_6_one_event(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """7.3 rule 6."""
    async with agent.socket() as socket:
        first, second = await print_page(kiosk), await print_page(kiosk)
        events = [json.loads(await socket.recv())["Events"] for _ in range(2)]
        assert events == [[{"Type": "DeviceCommand", "Id": one, "State": "Pending"}] for one in (first, second)]


@pytest.mark.parametrize("printer", [None, "", 5, PRINTER.replace("-", ""), "{" + PRINTER + "}", [PRINTER]])
async def test_error_invalid_printer_id(kiosk: RunningDesk, printer: object) -> None:
    """7.3 error: Invalid PrinterId."""
    refused(await kiosk.call("commands/addPrinter", **SENT | {"PrinterId": printer}), 400, "Invalid PrinterId")


@pytest.mark.parametrize("count", [None, 1.5, "1", True, False, 0, -1, 101, 2**31, 10**30, 1e300, [], {}, {"Value": 1}])
async def test_error_invalid_copy_count(kiosk: RunningDesk, count: object) -> None:
    """7.3 error: Invalid CopyCount. D37. D55."""
    refused(await kiosk.call("commands/addPrinter", **SENT | {"CopyCount": count}), 400, "Invalid CopyCount")


@pytest.mark.parametrize("count", [b"1e9999999", b"-1e9999999", b"1" * 5000, b"1e-1"])
async def test_error_a_huge_copy_count_is_answered_at_once(kiosk: RunningDesk, count: bytes) -> None:
    """7.3 error: Invalid CopyCount."""
    body = json.dumps(kiosk.body(**SENT | {"CopyCount": 77})).encode().replace(b"77", count)
    refused(await kiosk.send("commands/addPrinter", body), 400, "Invalid CopyCount")


@pytest.mark.parametrize("count", [b"1.0", b"1e0", b"1E+0", b"10e-1", b"100.000"])
async def test_integral_numbers_however_written(kiosk: RunningDesk, count: bytes) -> None:
    """D37. V10. They come out as integers."""
    body = json.dumps(kiosk.body(**SENT | {"CopyCount": 77})).encode().replace(b"77", count)
    response = await kiosk.send("commands/addPrinter", body)
    assert response.status_code == 200, response.text
    found = await kiosk.call("commands/getAllByIds", CommandIds=[response.json()["CommandId"]])
    assert f'"CopyCount":{int(float(count))},' in found.text


@pytest.mark.parametrize(
    "data",
    [
        None,
        "",
        "JVBERi0xLjcKJSVFT0Y",
        "JVBERi0xLjcKJSVFT0YK=",
        "JVBERi0x LjcKJSVFT0YK",
        "JVBERi0x\nLjcKJSVFT0YK",
        "JVBERi0_LjcKJSVFT0Y-",
        "====",
        "é" * 4,
        "\0",
        5,
        [],
        {"Value": PDF},
        "data:application/pdf;base64," + PDF,
    ],
)
async def test_error_invalid_data(kiosk: RunningDesk, data: object) -> None:
    """7.3 error: Invalid Data. D57."""
    refused(await kiosk.call("commands/addPrinter", **SENT | {"Data": data}), 400, "Invalid Data")


async def test_error_each_field_is_required(kiosk: RunningDesk) -> None:
    """7.3 error: Invalid PrinterId / Invalid CopyCount / Invalid Data."""
    for name in SENT:
        rest = {key: value for key, value in SENT.items() if key != name}
        refused(await kiosk.call("commands/addPrinter", **rest), 400, f"Invalid {name}")


async def test_data_is_any_base64(kiosk: RunningDesk) -> None:
    """D57. No check for a PDF; the text comes back as it was sent."""
    for content in (b"\0", b"\xff" * 3, bytes(range(256)) * 300):
        data = base64.b64encode(content).decode()
        assert (await command(kiosk, await print_page(kiosk, Data=data)))["Data"]["FileData"] == data


@pytest.mark.parametrize("enterprise", [None, NOBODY, "x", 5])
async def test_error_invalid_enterprise_id(chain: RunningDesk, enterprise: object) -> None:
    """7.3 error: Invalid EnterpriseId. 2.4 row 3. 2.4 row 4. D12."""
    response = await chain.call("commands/addPrinter", **SENT, EnterpriseId=enterprise)
    refused(response, 400, "Invalid EnterpriseId")


async def test_a_portfolio_token_says_which_enterprise(chain: RunningDesk) -> None:
    """2.4 row 2. The printer must be of that enterprise."""
    command_id = await print_page(chain, SISTER_PRINTER, EnterpriseId=SISTER_HOTEL)
    assert len(command_id) == 36
    response = await chain.call("commands/addPrinter", **SENT | {"EnterpriseId": SISTER_HOTEL})
    refused(response, 400, "Invalid PrinterId")
    await print_page(chain, EnterpriseId=HOTEL)
