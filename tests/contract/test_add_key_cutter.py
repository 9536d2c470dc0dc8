"""commands/addKeyCutter (contract 7.4)."""

import json
from typing import Any

import pytest

from tests.contract.hotel import (
    CANCELED_STAY,
    CHECKED_OUT_STAY,
    COMPANY_STAY,
    CONFIRMED_STAY,
    CUTTER,
    FOREIGN_CUTTER,
    FOREIGN_STAY,
    HOTEL,
    LOST_ROOM_STAY,
    NOBODY,
    OLD_CUTTER,
    OWNERLESS_STAY,
    PLAIN_CUTTER,
    PLAIN_STAY,
    PRINTER,
    ROOMLESS_STAY,
    SISTER_CUTTER,
    SISTER_HOTEL,
    SISTER_STAY,
    STAY,
    active,
    command,
    load,
    property_file,
    refused,
)
from tests.harness import RunningDesk

SENT = {"KeyCutterId": CUTTER, "ReservationId": STAY, "KeyCount": 2}


async def cut(desk: RunningDesk, **fields: Any) -> str:
    response = await desk.call("commands/addKeyCutter", **SENT | fields)
    assert response.status_code == 200, response.text
    return str(response.json()["CommandId"])


async def test_rule_1_one_command_for_all_keys(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """7.4 rule 1."""
    before = await active(agent)
    command_id = await cut(kiosk, KeyCount=100)
    assert await active(agent) == [command_id, *before]
    found = await command(agent, command_id)
    assert (found["State"], found["Data"]["KeyCount"], found["Device"]["Id"]) == ("Pending", 100, CUTTER)


async def test_rule_2_the_data_is_a_snapshot(kiosk: RunningDesk) -> None:
    """7.4 rule 2. 7.4 rule 3. D59. D60. What changes later does not change the command."""
    command_id = await cut(kiosk)
    expected = {
        "KeyCutterId": "CUT-01",
        "ApiUrl": "https://locks.example",
        "KeyCutterData": '{"Building": 1}',
        "KeyCount": 2,
        "LockIds": ["L101", "LIFT"],
        "StartUtc": "2026-02-27T14:00:00Z",
        "EndUtc": "2026-03-04T10:00:00Z",
        "FirstName": "José",
        "LastName": "Müller",
        "NormalizedFirstName": "Jose",
        "NormalizedLastName": "Muller",
        "Telephone": "+49 30 1234",
        "Email": "jose@example.com",
        "ReservationId": STAY,
        "ReservationNumber": "R001",
    }
    assert (await command(kiosk, command_id))["Data"] == expected
    hotel = property_file()
    stay = {**hotel["Reservations"][0], "State": "Canceled", "Number": "other", "AccountId": None}
    device = {**next(one for one in hotel["Devices"] if one["Id"] == CUTTER), "Configuration": {}}
    await load(kiosk, Reservations=[stay], Devices=[device])
    assert (await command(kiosk, command_id))["Data"] == expected


async def test_rule_2_what_is_not_set(kiosk: RunningDesk) -> None:
    """7.4 rule 2. D59, D60: without lock ids the name of the room; without a machine identifier null."""
    data = (await command(kiosk, await cut(kiosk, KeyCutterId=PLAIN_CUTTER, ReservationId=PLAIN_STAY)))["Data"]
    assert data == {
        "KeyCutterId": None,
        "ApiUrl": None,
        "KeyCutterData": None,
        "KeyCount": 2,
        "LockIds": ["102"],
        "StartUtc": "2026-02-27T14:00:00Z",
        "EndUtc": "2026-03-04T10:00:00Z",
        "FirstName": None,
        "LastName": "Plain",
        "NormalizedFirstName": None,
        "NormalizedLastName": "Plain",
        "Telephone": None,
        "Email": None,
        "ReservationId": PLAIN_STAY,
        "ReservationNumber": None,
    }


async def test_rule_2_a_company_as_owner(kiosk: RunningDesk) -> None:
    """7.4 rule 2. D63."""
    data = (await command(kiosk, await cut(kiosk, ReservationId=COMPANY_STAY)))["Data"]
    assert (data["FirstName"], data["LastName"]) == (None, "Über Reisen")
    assert (data["NormalizedFirstName"], data["NormalizedLastName"]) == (None, "Uber Reisen")


async def test_rule_2_no_owner(kiosk: RunningDesk) -> None:
    """7.4 rule 2. LastName is required and never null."""
    data = (await command(kiosk, await cut(kiosk, ReservationId=OWNERLESS_STAY)))["Data"]
    assert (data["FirstName"], data["LastName"]) == (None, "")


async def test_rule_3_one_name_for_two_things(kiosk: RunningDesk) -> None:
    """7.4 rule 3. The request names the device, the data the machine; the machine's name does not work in a request."""
    assert (await command(kiosk, await cut(kiosk)))["Data"]["KeyCutterId"] == "CUT-01"
    refused(await kiosk.call("commands/addKeyCutter", **SENT | {"KeyCutterId": "CUT-01"}), 400, "Invalid KeyCutterId")


@pytest.mark.parametrize("cutter", [NOBODY, FOREIGN_CUTTER, SISTER_CUTTER, OLD_CUTTER, PRINTER])
async def test_rule_4_the_device_must_be_an_active_key_cutter_of_the_enterprise(
    kiosk: RunningDesk, cutter: str
) -> None:
    """7.4 rule 4. 7.4 error: Invalid KeyCutterId."""
    refused(await kiosk.call("commands/addKeyCutter", **SENT | {"KeyCutterId": cutter}), 400, "Invalid KeyCutterId")


@pytest.mark.parametrize("stay", [NOBODY, FOREIGN_STAY, SISTER_STAY])
async def test_rule_5_the_reservation_must_be_of_the_enterprise(kiosk: RunningDesk, stay: str) -> None:
    """7.4 rule 5. 7.4 error: Invalid ReservationId."""
    refused(await kiosk.call("commands/addKeyCutter", **SENT | {"ReservationId": stay}), 400, "Invalid ReservationId")


@pytest.mark.parametrize(
    ("stay", "told"),
    [
        (CANCELED_STAY, "The reservation is canceled; no key can be cut for it."),
        (CHECKED_OUT_STAY, "The reservation is checked out; no key can be cut for it."),
        (ROOMLESS_STAY, "The reservation has no resource assigned; assign one before cutting a key."),
        (LOST_ROOM_STAY, "The resource assigned to the reservation is not known at the desk; assign another one."),
    ],
)
async def test_rule_5_what_a_person_at_the_property_can_resolve(
    kiosk: RunningDesk, agent: RunningDesk, stay: str, told: str
) -> None:
    """7.4 rule 5. 7.4 error: 403. D18. D59."""
    before = await active(agent)
    refused(await kiosk.call("commands/addKeyCutter", **SENT | {"ReservationId": stay}), 403, told)
    assert await active(agent) == before


async def test_rule_5_a_guest_who_has_not_arrived_yet(kiosk: RunningDesk) -> None:
    """7.4 rule 5. D59 names the two states that stand against it; a confirmed stay is neither."""
    await cut(kiosk, ReservationId=CONFIRMED_STAY)


async def test_rule_6_one_event_each_time(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """7.4 rule 6."""
    async with agent.socket() as socket:
        ids = [await cut(kiosk), await cut(kiosk)]
        assert ids[0] != ids[1]
        events = [json.loads(await socket.recv())["Events"] for _ in ids]
        assert events == [[{"Type": "DeviceCommand", "Id": one, "State": "Pending"}] for one in ids]


@pytest.mark.parametrize("count", [None, 1.5, "1", True, False, 0, -1, 101, 10**30, [], {}])
async def test_error_invalid_key_count(kiosk: RunningDesk, count: object) -> None:
    """7.4 error: Invalid KeyCount. D37. D56."""
    refused(await kiosk.call("commands/addKeyCutter", **SENT | {"KeyCount": count}), 400, "Invalid KeyCount")


async def test_error_each_field_is_required(kiosk: RunningDesk) -> None:
    """7.4 error: Invalid KeyCutterId / Invalid ReservationId / Invalid KeyCount."""
    for name in SENT:
        rest = {key: value for key, value in SENT.items() if key != name}
        refused(await kiosk.call("commands/addKeyCutter", **rest), 400, f"Invalid {name}")
        refused(await kiosk.call("commands/addKeyCutter", **SENT | {name: None}), 400, f"Invalid {name}")


@pytest.mark.parametrize("enterprise", [None, NOBODY, "x"])
async def test_error_invalid_enterprise_id(chain: RunningDesk, enterprise: object) -> None:
    """7.4 error: Invalid EnterpriseId. 2.4 row 3. 2.4 row 4."""
    response = await chain.call("commands/addKeyCutter", **SENT, EnterpriseId=enterprise)
    refused(response, 400, "Invalid EnterpriseId")


async def test_a_portfolio_token_says_which_enterprise(chain: RunningDesk) -> None:
    """2.4 row 2. Cutter and reservation must both be of it."""
    await cut(chain, EnterpriseId=HOTEL)
    await cut(chain, EnterpriseId=SISTER_HOTEL, KeyCutterId=SISTER_CUTTER, ReservationId=SISTER_STAY)
    mixed = {"EnterpriseId": SISTER_HOTEL, "KeyCutterId": SISTER_CUTTER}
    refused(await chain.call("commands/addKeyCutter", **SENT | mixed), 400, "Invalid ReservationId")


async def test_references_before_rules_of_the_property(kiosk: RunningDesk) -> None:
    """D15. Steps 8 and 9: an unknown device is told before a canceled reservation."""
    sent = SENT | {"KeyCutterId": NOBODY, "ReservationId": CANCELED_STAY}
    refused(await kiosk.call("commands/addKeyCutter", **sent), 400, "Invalid KeyCutterId")
