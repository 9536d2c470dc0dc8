"""The header ``Idempotency-Key`` (beyond the contract: "Never twice")."""

import asyncio
import json
from typing import Any

import pytest

from nightporter.settings import Settings
from nightporter.storage.places import Place
from tests.contract.hotel import (
    AGENT,
    CLIENT_TOKEN,
    CUTTER,
    FISCAL,
    GUEST,
    HOTEL,
    KIOSK,
    NOBODY,
    OPEN_BILL,
    PDF,
    PLAIN_PRINTER,
    PRINTER,
    SISTER_HOTEL,
    SISTER_PRINTER,
    STAY,
    STRUCTURED_FISCAL,
    TERMINAL,
    active,
    load,
    print_page,
    printed,
    property_file,
    refused,
    token,
    token_parameters,
)
from tests.harness import PREFIX, Clock, RunningDesk, running_desk, sql

DAY = 24 * 3600
SENT: dict[str, dict[str, Any]] = {
    "commands/addPrinter": {"PrinterId": PRINTER, "CopyCount": 1, "Data": PDF},
    "commands/addKeyCutter": {"KeyCutterId": CUTTER, "ReservationId": STAY, "KeyCount": 1},
    "commands/addPaymentTerminal": {
        "TerminalId": TERMINAL,
        "CustomerId": GUEST,
        "Type": "Payment",
        "Amount": {"Currency": "EUR", "Value": 230},
    },
    "resourceAccessTokens/add": {"ResourceAccessTokenParameters": [token_parameters(), token_parameters(Value="2")]},
}
OTHER: dict[str, dict[str, Any]] = {
    "commands/addPrinter": {"CopyCount": 2},
    "commands/addKeyCutter": {"KeyCount": 2},
    "commands/addPaymentTerminal": {"Amount": {"Currency": "EUR", "Value": 230.01}},
    "resourceAccessTokens/add": {"ResourceAccessTokenParameters": [token_parameters()]},
}
keyed = pytest.mark.parametrize("operation", SENT)


async def send(desk: RunningDesk, operation: str, key: str = "key", **fields: Any) -> Any:
    return await desk.call(operation, **SENT[operation] | fields, headers={"Idempotency-Key": key})


def counts(desk: RunningDesk) -> tuple[int, int, int]:
    """How many commands, resource access tokens and events there are."""
    return tuple(  # type: ignore[return-value]
        sql(desk.database, f"SELECT count(*) FROM {table}")[0][0]
        for table in ("commands", "resource_access_tokens", "events")
    )


@keyed
async def test_the_same_key_and_body_get_the_first_result(kiosk: RunningDesk, operation: str) -> None:
    first = await send(kiosk, operation)
    assert first.status_code == 200, first.text
    before = counts(kiosk)
    for _ in range(3):
        kiosk.clock.move(1000)
        again = await send(kiosk, operation)
        assert (again.status_code, again.json()) == (200, first.json())
        assert again.headers["request-id"] != first.headers["request-id"]
    assert counts(kiosk) == before


@keyed
async def test_the_common_fields_do_not_count(kiosk: RunningDesk, operation: str) -> None:
    """The body is compared without them, and as it was decoded: order, spaces and unknown properties say nothing."""
    first = await send(kiosk, operation)
    again = await send(kiosk, operation, Client="Tests 2.0", LanguageCode="de-DE", CultureCode="de-DE", Unknown=1)
    assert again.json() == first.json()
    body = json.dumps(dict(reversed(kiosk.body(**SENT[operation]).items())), indent=3)
    again = await kiosk.send(operation, body.encode(), {"Idempotency-Key": "key"})
    assert again.json() == first.json()


@keyed
async def test_another_body(kiosk: RunningDesk, operation: str) -> None:
    first = await send(kiosk, operation)
    before = counts(kiosk)
    refused(await send(kiosk, operation, **OTHER[operation]), 400, "Invalid Idempotency-Key")
    assert counts(kiosk) == before
    assert (await send(kiosk, operation)).json() == first.json(), "the key still stands for its first result"


async def test_a_reference_more_is_another_body(kiosk: RunningDesk) -> None:
    operation = "commands/addPaymentTerminal"
    first = await send(kiosk, operation, BillId=None)
    assert (await send(kiosk, operation)).json() == first.json(), "null counts as absent"
    refused(await send(kiosk, operation, BillId=OPEN_BILL), 400, "Invalid Idempotency-Key")


async def test_the_same_amount_written_otherwise_is_the_same_body(kiosk: RunningDesk) -> None:
    body = kiosk.body(
        TerminalId=TERMINAL, CustomerId=GUEST, Type="Payment", Amount={"Currency": "EUR", "Value": "AMOUNT"}
    )
    replies = [
        await kiosk.send(
            "commands/addPaymentTerminal",
            json.dumps(body).replace('"AMOUNT"', written).encode(),
            {"Idempotency-Key": "k"},
        )
        for written in ("230", "230.00", "2.3e2", "231")
    ]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 400]
    assert len({reply.json()["CommandId"] for reply in replies[:3]}) == 1


@keyed
async def test_another_access_token(kiosk: RunningDesk, agent: RunningDesk, operation: str) -> None:
    """Keys are scoped to the access token."""
    first, second = await send(kiosk, operation), await send(agent, operation)
    assert first.status_code == second.status_code == 200
    assert first.json() != second.json()
    other = await send(kiosk.as_(AGENT, CLIENT_TOKEN), operation, **OTHER[operation])
    refused(other, 400, "Invalid Idempotency-Key")


async def test_another_operation(kiosk: RunningDesk) -> None:
    """Keys are scoped to the operation: one key may serve all four."""
    results = [(await send(kiosk, operation)).status_code for operation in SENT]
    assert results == [200] * 4
    assert [(await send(kiosk, operation)).status_code for operation in SENT] == [200] * 4


async def test_another_key(kiosk: RunningDesk) -> None:
    """Keys are compared letter by letter."""
    ids = {
        (await send(kiosk, "commands/addPrinter", key)).json()["CommandId"]
        for key in ("a", "A", "a b", "a  b", '"a"', "aa")
    }
    assert len(ids) == 6


@keyed
async def test_without_a_key_each_call_counts(kiosk: RunningDesk, operation: str) -> None:
    """D94."""
    first = await kiosk.call(operation, **SENT[operation])
    assert (await kiosk.call(operation, **SENT[operation])).json() != first.json()


async def test_a_refusal_is_not_stored(kiosk: RunningDesk) -> None:
    """What was refused may be mended and sent again with its key."""
    stay = next(one for one in property_file()["Reservations"] if one["Id"] == STAY)
    operation = "commands/addKeyCutter"
    refused(await send(kiosk, operation, ReservationId=NOBODY), 400, "Invalid ReservationId")
    await load(kiosk, Reservations=[{**stay, "AssignedResourceId": None}])
    refused(await send(kiosk, operation), 403)
    await load(kiosk, Reservations=[stay])
    assert (await send(kiosk, operation)).status_code == 200


@keyed
async def test_a_refused_body_takes_no_key(kiosk: RunningDesk, operation: str) -> None:
    refused(await send(kiosk, operation, Client=""), 400, "Invalid Client")
    assert (await send(kiosk, operation)).status_code == 200


async def test_a_retry_after_the_facts_have_changed(kiosk: RunningDesk) -> None:
    """The key is looked at before the references: the reservation has ended, the device is gone, the retry succeeds."""
    operation = "commands/addKeyCutter"
    first = await send(kiosk, operation)
    hotel = property_file()
    stay = next(one for one in hotel["Reservations"] if one["Id"] == STAY)
    cutter = next(one for one in hotel["Devices"] if one["Id"] == CUTTER)
    await load(kiosk, Reservations=[{**stay, "State": "Processed"}], Devices=[{**cutter, "IsActive": False}])
    assert (await send(kiosk, operation)).json() == first.json()
    refused(await send(kiosk, operation, "another"), 400, "Invalid KeyCutterId")


async def test_a_retry_after_24_hours_is_judged_anew(kiosk: RunningDesk) -> None:
    """The facts have changed and the key has ended: what is refused today is told."""
    operation = "commands/addKeyCutter"
    first = await send(kiosk, operation)
    stay = next(one for one in property_file()["Reservations"] if one["Id"] == STAY)
    await load(kiosk, Reservations=[{**stay, "State": "Processed"}])
    kiosk.clock.move(DAY - 1)
    assert (await send(kiosk, operation)).json() == first.json()
    kiosk.clock.move(1)
    refused(await send(kiosk, operation), 403)


async def test_a_used_key_among_new_ones(kiosk: RunningDesk) -> None:
    """Sent at the same moment: each gets its own result, the used one its first, and one that is refused takes nobody along."""
    operation = "commands/addPrinter"
    first = await send(kiosk, operation, "used")
    before = counts(kiosk)
    keys = ["a", "used", "b", "c", "used", "d"]
    *responses, other = await asyncio.gather(
        *(send(kiosk, operation, key) for key in keys), send(kiosk, operation, "used", CopyCount=5)
    )
    refused(other, 400, "Invalid Idempotency-Key")
    assert {response.status_code for response in responses} == {200}
    told = [response.json()["CommandId"] for response in responses]
    assert told[1] == told[4] == first.json()["CommandId"]
    assert len(set(told)) == 5
    assert counts(kiosk) == (before[0] + 4, before[1], before[2] + 4)


async def test_fields_come_before_the_key(kiosk: RunningDesk) -> None:
    """The key is looked at after decoding, also for amounts, text and documents that only the operation can judge."""
    for operation, bad, message in (
        ("commands/addPrinter", {"Data": "no base64"}, "Invalid Data"),
        ("commands/addKeyCutter", {"KeyCount": 0}, "Invalid KeyCount"),
        ("commands/addPaymentTerminal", {"Amount": {"Currency": "EUR", "Value": 0}}, "Invalid Value"),
    ):
        refused(await send(kiosk, operation, "k" * 256, **bad), 400, message)


@pytest.mark.parametrize(("after", "is_first"), [(DAY - 1, True), (DAY, False), (DAY + 1, False), (400 * DAY, False)])
@keyed
async def test_a_key_stands_for_24_hours(kiosk: RunningDesk, operation: str, after: int, is_first: bool) -> None:
    first = await send(kiosk, operation)
    kiosk.clock.move(after)
    again = await send(kiosk, operation)
    assert again.status_code == 200
    assert (again.json() == first.json()) == is_first
    if not is_first:
        assert (await send(kiosk, operation)).json() == again.json(), "it stands for the new result now"


async def test_after_24_hours_the_body_may_be_another(kiosk: RunningDesk) -> None:
    await send(kiosk, "commands/addPrinter")
    kiosk.clock.move(DAY)
    assert (await send(kiosk, "commands/addPrinter", **OTHER["commands/addPrinter"])).status_code == 200
    refused(await send(kiosk, "commands/addPrinter"), 400, "Invalid Idempotency-Key")


@pytest.mark.parametrize("key", ["~", "!", "k" * 255, "a=b; c", '"quoted"', "550e8400-e29b-41d4-a716-446655440000"])
async def test_keys_that_are_fine(kiosk: RunningDesk, key: str) -> None:
    """1 to 255 printable ASCII characters."""
    response = await send(kiosk, "commands/addPrinter", key)
    assert response.status_code == 200
    assert (await send(kiosk, "commands/addPrinter", key)).json() == response.json()


@pytest.mark.parametrize("key", [b"", b"k" * 256, "é".encode("latin-1"), "é".encode(), b"a\tb", b"a\x80"])
@keyed
async def test_malformed_keys(kiosk: RunningDesk, operation: str, key: bytes) -> None:
    before = counts(kiosk)
    headers = [(b"Content-Type", b"application/json"), (b"Idempotency-Key", key)]
    body = json.dumps(kiosk.body(**SENT[operation])).encode()
    response = await kiosk.http.post(PREFIX + operation, content=body, headers=headers)
    refused(response, 400, "Invalid Idempotency-Key")
    assert counts(kiosk) == before


async def test_two_keys_are_no_key(kiosk: RunningDesk) -> None:
    """Sent twice it is ambiguous, even with the same value."""
    headers = [("Content-Type", "application/json"), ("Idempotency-Key", "a"), ("idempotency-key", "a")]
    body = json.dumps(kiosk.body(**SENT["commands/addPrinter"])).encode()
    response = await kiosk.http.post(PREFIX + "commands/addPrinter", content=body, headers=headers)
    refused(response, 400, "Invalid Idempotency-Key")


@keyed
async def test_fifty_twins_at_once(kiosk: RunningDesk, agent: RunningDesk, operation: str) -> None:
    """One change, and fifty times the same answer."""
    before = counts(kiosk)
    responses = await asyncio.gather(*(send(kiosk, operation) for _ in range(50)))
    assert {response.status_code for response in responses} == {200}
    assert len({response.text for response in responses}) == 1
    made = 2 if operation == "resourceAccessTokens/add" else 0
    added = 0 if made else 1
    assert counts(kiosk) == (before[0] + added, before[1] + made, before[2] + added)
    if added:
        assert responses[0].json()["CommandId"] in await active(agent)


async def test_twins_with_different_bodies(kiosk: RunningDesk) -> None:
    """Whoever comes first has the key; those with its body get its result, those with the other are refused."""
    operation = "commands/addPrinter"
    bodies = [{"CopyCount": 1 + number % 2} for number in range(20)]
    responses = await asyncio.gather(*(send(kiosk, operation, **body) for body in bodies))
    won = [r for r in responses if r.status_code == 200]
    lost = [r for r in responses if r.status_code != 200]
    assert len({response.text for response in won}) == 1
    assert (len(won), len(lost)) == (10, 10)
    for response in lost:
        refused(response, 400, "Invalid Idempotency-Key")


async def test_twins_of_which_the_first_is_refused(kiosk: RunningDesk) -> None:
    """A refusal leaves the key free for whoever waits behind it: all are judged for themselves."""
    responses = await asyncio.gather(*(send(kiosk, "commands/addPrinter", PrinterId=NOBODY) for _ in range(10)))
    for response in responses:
        refused(response, 400, "Invalid PrinterId")
    mixed = await asyncio.gather(
        *(send(kiosk, "commands/addPrinter", PrinterId=NOBODY if number == 0 else PRINTER) for number in range(10))
    )
    refused(mixed[0], 400, mixed[0].json()["Message"])
    assert len({response.text for response in mixed[1:]}) == 1
    assert mixed[1].status_code == 200


NOT_ADDING: list[tuple[str, dict[str, Any]]] = [
    ("commands/update", {"CommandId": STRUCTURED_FISCAL, "State": "Received"}),
    ("commands/getAllActive", {}),
    ("commands/getAllByIds", {"CommandIds": [NOBODY]}),
    ("fiscalMachineCommands/getAll", {"DeviceIds": [FISCAL], "States": ["Pending"], "Limitation": {"Count": 1}}),
    ("resourceAccessTokens/getAll", {"ServiceOrderIds": [STAY], "Limitation": {"Count": 1}}),
    ("resourceAccessTokens/update", {}),
    ("devices/getAll", {}),
]


@pytest.mark.parametrize(("operation", "fields"), NOT_ADDING)
@pytest.mark.parametrize("key", ["key", "k" * 300])
async def test_a_key_where_none_counts(agent: RunningDesk, operation: str, fields: dict[str, Any], key: str) -> None:
    """Ignored, also a malformed one; nothing is remembered."""
    for _ in range(2):
        response = await agent.call(operation, **fields, headers={"Idempotency-Key": key})
        assert response.status_code == 200, response.text


async def test_a_key_on_deleting(kiosk: RunningDesk) -> None:
    """Ignored there too: the same key deletes one token and then another."""
    response = await send(kiosk, "resourceAccessTokens/add")
    for one in response.json()["ResourceAccessTokens"]:
        deleted = await kiosk.call("resourceAccessTokens/delete", Ids=[one["Id"]], headers={"Idempotency-Key": "key"})
        assert deleted.status_code == 200
        assert not (await token(kiosk, one["Id"]))["IsActive"]


async def test_the_reply_with_tokens_is_rebuilt(kiosk: RunningDesk) -> None:
    """From the rows as they are now, in the order of the request: a changed PIN is told changed, a deleted token deleted."""
    operation = "resourceAccessTokens/add"
    first = (await send(kiosk, operation)).json()["ResourceAccessTokens"]
    change = {"ResourceAccessTokenId": first[0]["Id"], "Value": {"Value": "new"}}
    await kiosk.call("resourceAccessTokens/update", ResourceAccessTokenUpdates=[change])
    await kiosk.call("resourceAccessTokens/delete", Ids=[first[1]["Id"]])
    again = (await send(kiosk, operation)).json()["ResourceAccessTokens"]
    assert again == [{**first[0], "Value": "new"}, {**first[1], "IsActive": False}]


async def test_no_pin_is_kept_with_a_key(kiosk: RunningDesk) -> None:
    """A keyed hash and the ids, never the body nor the reply."""
    pin = "PIN-4711"
    wanted = [token_parameters(Value=pin)]
    await send(kiosk, "resourceAccessTokens/add", ResourceAccessTokenParameters=wanted)
    kept = sql(kiosk.database, "SELECT * FROM idempotency_keys")
    assert len(kept) == 1
    assert pin not in str(kept)


async def test_a_portfolio_token_and_its_enterprises(chain: RunningDesk) -> None:
    """The enterprise is part of the body."""
    first = await send(chain, "commands/addPrinter", EnterpriseId=HOTEL)
    assert (await send(chain, "commands/addPrinter", EnterpriseId=HOTEL.upper())).json() == first.json()
    other = await send(chain, "commands/addPrinter", EnterpriseId=SISTER_HOTEL, PrinterId=SISTER_PRINTER)
    refused(other, 400, "Invalid Idempotency-Key")


async def test_a_key_outlives_the_desk(home: Place, settings: Settings, clock: Clock) -> None:
    """Acknowledged, then the desk is closed and opened again: the retry still gets the first result."""
    results = []
    for _ in range(2):
        async with running_desk(home, printed(property_file()), settings, clock) as desk:
            kiosk = desk.as_(KIOSK, CLIENT_TOKEN)
            results.append([(await send(kiosk, operation)).json() for operation in SENT])
            await print_page(kiosk, PLAIN_PRINTER)
    assert results[0] == results[1]
