"""commands/addPaymentTerminal (contract 7.5)."""

import json
from typing import Any

import pytest

from tests.contract.hotel import (
    CLOSED_BILL,
    COMPANY,
    FOREIGN_BILL,
    FOREIGN_COMPANY,
    FOREIGN_GUEST,
    FOREIGN_PAYMENT_REQUEST,
    FOREIGN_STAY,
    FOREIGN_TERMINAL,
    GUEST,
    NOBODY,
    OLD_TERMINAL,
    OPEN_BILL,
    PAYMENT_REQUEST,
    PLAIN_GUEST,
    PLAIN_TERMINAL,
    PRINTER,
    STAY,
    TERMINAL,
    active,
    command,
    move,
    refused,
)
from tests.harness import RunningDesk, sql

AMOUNT = {"Currency": "EUR", "Value": 230}
SENT: dict[str, Any] = {"TerminalId": TERMINAL, "CustomerId": GUEST, "Type": "Payment", "Amount": AMOUNT}


async def charge(desk: RunningDesk, **fields: Any) -> str:
    response = await desk.call("commands/addPaymentTerminal", **SENT | fields)
    assert response.status_code == 200, response.text
    return str(response.json()["CommandId"])


async def send_value(desk: RunningDesk, value: bytes, currency: str = "EUR") -> Any:
    """Send the amount as it is written, which json.dumps could not."""
    body = json.dumps(desk.body(**SENT | {"Amount": {"Currency": currency, "Value": "VALUE"}})).encode()
    return await desk.send("commands/addPaymentTerminal", body.replace(b'"VALUE"', value))


async def test_rule_1_one_pending_command(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """7.5 rule 1."""
    before = await active(agent)
    command_id = await charge(kiosk)
    assert await active(agent) == [command_id, *before]
    found = await command(agent, command_id)
    assert (found["State"], found["Device"]["Id"]) == ("Pending", TERMINAL)


@pytest.mark.parametrize("state", ["Processed", "Error", "Cancelled"])
async def test_rule_2_the_adder_learns_the_outcome(kiosk: RunningDesk, agent: RunningDesk, state: str) -> None:
    """7.5 rule 2. 3 rule 6. Through the socket and by id, although the kiosk is connected to nothing."""
    async with kiosk.socket() as socket:
        command_id = await charge(kiosk)
        await move(agent, command_id, state)
        told = [json.loads(await socket.recv())["Events"][0]["State"] for _ in range(2)]
        assert told == ["Pending", state]
    assert (await command(kiosk, command_id))["State"] == state


async def test_rule_3_the_data_of_a_customer(kiosk: RunningDesk) -> None:
    """7.5 rule 3. D60. D62. V13, V14: the amount is expanded, the deprecated fields are filled."""
    data = (await command(kiosk, await charge(kiosk, BillId=OPEN_BILL)))["Data"]
    payment_id = data.pop("PaymentId")
    assert isinstance(payment_id, str)
    assert data == {
        "PaymentTerminalId": "TERM-01",
        "AccountId": GUEST,
        "BillId": OPEN_BILL,
        "PreauthorizationId": None,
        "Amount": {
            "Currency": "EUR",
            "NetValue": 230,
            "GrossValue": 230,
            "TaxValues": [],
            "Breakdown": {"Items": [{"TaxRateCode": None, "NetValue": 230, "TaxValue": 0}]},
            "Value": 230,
            "Net": 230,
            "Tax": 0,
            "TaxRate": 0,
        },
        "Fee": None,
        "PaymentTerminalData": '{"Lane": 2}',
        "AccountData": {"Discriminator": "Customer", "Customer": {"FullName": "José Müller"}, "Company": None},
        "CustomerId": GUEST,
        "FullName": "José Müller",
    }


async def test_rule_3_the_data_of_a_company(kiosk: RunningDesk) -> None:
    """7.5 rule 3. D63."""
    data = (await command(kiosk, await charge(kiosk, CustomerId=COMPANY)))["Data"]
    assert data["AccountData"] == {"Discriminator": "Company", "Customer": None, "Company": {"Name": "Über Reisen"}}
    assert (data["AccountId"], data["CustomerId"], data["FullName"]) == (COMPANY, COMPANY, None)


async def test_rule_3_what_is_not_set(kiosk: RunningDesk) -> None:
    """7.5 rule 3. D60: without an identifier of its own the terminal is named by its id."""
    data = (await command(kiosk, await charge(kiosk, TerminalId=PLAIN_TERMINAL, CustomerId=PLAIN_GUEST)))["Data"]
    assert (data["PaymentTerminalId"], data["PaymentTerminalData"]) == (PLAIN_TERMINAL, None)
    assert (data["FullName"], data["BillId"]) == ("Plain", None)


async def test_rule_4_the_id_that_is_set_tells_the_kind(kiosk: RunningDesk) -> None:
    """7.5 rule 4. D61."""
    payment = (await command(kiosk, await charge(kiosk)))["Data"]
    reserved = (await command(kiosk, await charge(kiosk, Type="Preauthorization")))["Data"]
    assert payment["PaymentId"]
    assert payment["PreauthorizationId"] is None
    assert reserved["PreauthorizationId"]
    assert reserved["PaymentId"] is None
    assert payment["PaymentId"] != reserved["PreauthorizationId"]
    assert "Type" not in payment


async def test_rule_5_what_is_stored_and_not_told(kiosk: RunningDesk) -> None:
    """7.5 rule 5."""
    command_id = await charge(kiosk, PaymentRequestId=PAYMENT_REQUEST, ReservationId=STAY)
    response = await kiosk.call("commands/getAllByIds", CommandIds=[command_id])
    assert PAYMENT_REQUEST not in response.text
    assert STAY not in response.text
    stored = "SELECT payment_request_id, reservation_id FROM commands WHERE id = ?"
    assert sql(kiosk.database, stored, command_id) == [(PAYMENT_REQUEST, STAY)]


@pytest.mark.parametrize("deprecated", [{"Net": 1, "Tax": 2, "TaxRate": 0.19}, {"Net": None, "Tax": -5}])
async def test_rule_6_deprecated_taxes_are_ignored(kiosk: RunningDesk, deprecated: dict[str, Any]) -> None:
    """7.5 rule 6. D62."""
    data = (await command(kiosk, await charge(kiosk, Amount=AMOUNT | deprecated)))["Data"]
    assert (data["Amount"]["Net"], data["Amount"]["Tax"], data["Amount"]["TaxRate"]) == (230, 0, 0)


@pytest.mark.parametrize("deprecated", ["Net", "Tax", "TaxRate"])
async def test_rule_6_deprecated_taxes_are_numbers(kiosk: RunningDesk, deprecated: str) -> None:
    """7.5 rule 6. 2.10: a number is a JSON number."""
    response = await kiosk.call("commands/addPaymentTerminal", **SENT | {"Amount": AMOUNT | {deprecated: "1"}})
    refused(response, 400, f"Invalid {deprecated}")


async def test_rule_7_one_event_each_time(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """7.5 rule 7."""
    async with agent.socket() as socket:
        ids = [await charge(kiosk), await charge(kiosk)]
        assert ids[0] != ids[1]
        events = [json.loads(await socket.recv())["Events"] for _ in ids]
        assert events == [[{"Type": "DeviceCommand", "Id": one, "State": "Pending"}] for one in ids]


@pytest.mark.parametrize("terminal", [NOBODY, FOREIGN_TERMINAL, OLD_TERMINAL, PRINTER, None, "x", 5])
async def test_error_invalid_terminal_id(kiosk: RunningDesk, terminal: object) -> None:
    """7.5 error: Invalid TerminalId."""
    response = await kiosk.call("commands/addPaymentTerminal", **SENT | {"TerminalId": terminal})
    refused(response, 400, "Invalid TerminalId")


@pytest.mark.parametrize("account", [NOBODY, FOREIGN_GUEST, FOREIGN_COMPANY, STAY, None, "x", 5])
async def test_error_invalid_customer_id(kiosk: RunningDesk, account: object) -> None:
    """7.5 error: Invalid CustomerId."""
    response = await kiosk.call("commands/addPaymentTerminal", **SENT | {"CustomerId": account})
    refused(response, 400, "Invalid CustomerId")


@pytest.mark.parametrize("kind", ["Refund", "payment", "", None, 0, [], {}, "Payment "])
async def test_error_invalid_type(kiosk: RunningDesk, kind: object) -> None:
    """7.5 error: Invalid Type. D6. V12."""
    refused(await kiosk.call("commands/addPaymentTerminal", **SENT | {"Type": kind}), 400, "Invalid Type")


@pytest.mark.parametrize("amount", [None, 230, "230 EUR", [], True])
async def test_error_invalid_amount(kiosk: RunningDesk, amount: object) -> None:
    """7.5 error: Invalid Amount. V49."""
    refused(await kiosk.call("commands/addPaymentTerminal", **SENT | {"Amount": amount}), 400, "Invalid Amount")


@pytest.mark.parametrize("currency", ["eur", "EURO", "", "XXX", "€", None, 978, "EUR ", "XAU", "EU\0"])
async def test_error_invalid_currency(kiosk: RunningDesk, currency: object) -> None:
    """7.5 error: Invalid Currency."""
    sent = SENT | {"Amount": {"Currency": currency, "Value": 230}}
    refused(await kiosk.call("commands/addPaymentTerminal", **sent), 400, "Invalid Currency")


@pytest.mark.parametrize(
    "value",
    [
        b"0", b"-0.0", b"0e5", b"-1", b"230.001", b'"230"', b"null", b"true", b"[]", b"{}", b'{"Value": 230}',
        b"1e9999999", b"1e-9999999", b"-1e9999999", b"1e999999999999999999", b"9" * 16, b"9" * 100_000,
        b"0." + b"0" * 100_000 + b"1", b"1e13",
    ],
)  # fmt: skip
async def test_error_invalid_value(kiosk: RunningDesk, value: bytes) -> None:
    """7.5 error: Invalid Value. D62. Absurd numbers are answered at once."""
    refused(await send_value(kiosk, value), 400, "Invalid Value")


async def test_error_a_part_of_the_amount_is_missing(kiosk: RunningDesk) -> None:
    """7.5 error: Invalid Currency / Invalid Value. 7.5 error: Invalid Amount: fields missing."""
    for name in SENT:
        rest = {key: value for key, value in SENT.items() if key != name}
        refused(await kiosk.call("commands/addPaymentTerminal", **rest), 400, f"Invalid {name}")
    for name in AMOUNT:
        part = {key: value for key, value in AMOUNT.items() if key != name}
        refused(await kiosk.call("commands/addPaymentTerminal", **SENT | {"Amount": part}), 400, f"Invalid {name}")


@pytest.mark.parametrize(
    ("currency", "value", "told"),
    [
        ("EUR", b"230.00", "230"),
        ("EUR", b"2.3e2", "230"),
        ("EUR", b"0.01", "0.01"),
        ("EUR", b"19.90", "19.9"),
        ("EUR", b"0.1e1", "1"),
        ("EUR", b"123456789012.34", "123456789012.34"),
        ("EUR", b"1e3", "1000"),
        ("JPY", b"1.0", "1"),
        ("BHD", b"1.234", "1.234"),
    ],
)
async def test_amounts_in_their_shortest_form(kiosk: RunningDesk, currency: str, value: bytes, told: str) -> None:
    """D62. V60. Exactly, never through a binary fraction."""
    response = await send_value(kiosk, value, currency)
    assert response.status_code == 200, response.text
    found = await kiosk.call("commands/getAllByIds", CommandIds=[response.json()["CommandId"]])
    assert f'"GrossValue":{told},' in found.text
    assert f'"Value":{told},' in found.text


@pytest.mark.parametrize(("currency", "value"), [("JPY", b"0.5"), ("BHD", b"1.2345"), ("EUR", b"1.005")])
async def test_error_finer_than_the_currency(kiosk: RunningDesk, currency: str, value: bytes) -> None:
    """7.5 error: Invalid Value. D62."""
    refused(await send_value(kiosk, value, currency), 400, "Invalid Value")


async def test_error_a_currency_that_the_enterprise_does_not_accept(kiosk: RunningDesk) -> None:
    """7.5 error: 403. D18. Judged after all references."""
    sent = SENT | {"Amount": {"Currency": "USD", "Value": 230}}
    refused(await kiosk.call("commands/addPaymentTerminal", **sent), 403)
    refused(await kiosk.call("commands/addPaymentTerminal", **sent, BillId=NOBODY), 400, "Invalid BillId")


@pytest.mark.parametrize("bill", [NOBODY, FOREIGN_BILL, CLOSED_BILL, "x", 5])
async def test_error_invalid_bill_id(kiosk: RunningDesk, bill: object) -> None:
    """7.5 error: Invalid BillId. D64."""
    refused(await kiosk.call("commands/addPaymentTerminal", **SENT, BillId=bill), 400, "Invalid BillId")


@pytest.mark.parametrize("request_id", [NOBODY, FOREIGN_PAYMENT_REQUEST, "x", 5])
async def test_error_invalid_payment_request_id(kiosk: RunningDesk, request_id: object) -> None:
    """7.5 error: Invalid PaymentRequestId."""
    response = await kiosk.call("commands/addPaymentTerminal", **SENT, PaymentRequestId=request_id)
    refused(response, 400, "Invalid PaymentRequestId")


@pytest.mark.parametrize("stay", [NOBODY, FOREIGN_STAY, "x", 5])
async def test_error_invalid_reservation_id(kiosk: RunningDesk, stay: object) -> None:
    """7.5 error: Invalid ReservationId."""
    response = await kiosk.call("commands/addPaymentTerminal", **SENT, ReservationId=stay)
    refused(response, 400, "Invalid ReservationId")


async def test_null_counts_as_absent(kiosk: RunningDesk) -> None:
    """Contract 0: the three optional references may be null."""
    await charge(kiosk, BillId=None, PaymentRequestId=None, ReservationId=None)


async def test_the_operation_is_restricted(partner: RunningDesk) -> None:
    """D10. 2.3 rule 5: 401, and before any field is looked at."""
    response = await partner.call("commands/addPaymentTerminal")
    refused(response, 401)


async def test_no_portfolio_tokens(chain: RunningDesk) -> None:
    """2.4 row 8. D11."""
    refused(await chain.call("commands/addPaymentTerminal", **SENT), 401, "Invalid AccessToken")
