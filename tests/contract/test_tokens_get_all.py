"""resourceAccessTokens/getAll (contract 7.8)."""

from typing import Any

import pytest

from tests.contract.hotel import (
    COMPANION,
    CONFIRMED_STAY,
    FOREIGN_HOTEL,
    FOREIGN_STAY,
    FOREIGN_TOKEN,
    HOTEL,
    NOBODY,
    ROOM,
    SISTER_HOTEL,
    SISTER_STAY,
    SISTER_TOKEN,
    STAY,
    add_token,
    refused,
)
from tests.harness import RunningDesk

PATH = "resourceAccessTokens/getAll"
PAGE = {"Count": 100}


def interval(start: str, end: str) -> dict[str, str]:
    return {"StartUtc": start, "EndUtc": end}


async def ids(desk: RunningDesk, **fields: Any) -> list[str]:
    response = await desk.call(PATH, **{"Limitation": PAGE} | fields)
    assert response.status_code == 200, response.text
    return [one["Id"] for one in response.json()["ResourceAccessTokens"]]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"EnterpriseIds": [HOTEL]},
        {"ActivityStates": ["Active"]},
        {"EnterpriseIds": [HOTEL], "ActivityStates": []},
        {"ResourceAccessTokenIds": None, "ServiceOrderIds": None, "CollidingUtc": None, "UpdatedUtc": None},
    ],
)
async def test_rule_1_at_least_one_filter(kiosk: RunningDesk, fields: dict[str, Any]) -> None:
    """7.8 rule 1. 7.8 error: no usable filter. D17. The sentence names the four."""
    response = await kiosk.call(PATH, **fields, Limitation=PAGE)
    refused(response, 400)
    for name in ("ResourceAccessTokenIds", "ServiceOrderIds", "CollidingUtc", "UpdatedUtc"):
        assert name in response.json()["Message"]


async def test_rule_1_each_filter_suffices(kiosk: RunningDesk) -> None:
    """7.8 rule 1. V31."""
    token_id = (await add_token(kiosk))["Id"]
    for sufficient in (
        {"ResourceAccessTokenIds": [token_id]},
        {"ServiceOrderIds": [STAY]},
        {"CollidingUtc": interval("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")},
        {"UpdatedUtc": interval("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")},
    ):
        assert await ids(kiosk, **sufficient) == [token_id]


async def test_rule_2_and_between_filters_or_within_one(kiosk: RunningDesk) -> None:
    """7.8 rule 2. D83."""
    first = (await add_token(kiosk))["Id"]
    second = (await add_token(kiosk, ServiceOrderId=CONFIRMED_STAY))["Id"]
    assert await ids(kiosk, ResourceAccessTokenIds=[first, second]) == [second, first]
    assert await ids(kiosk, ServiceOrderIds=[STAY, CONFIRMED_STAY]) == [second, first]
    assert await ids(kiosk, ResourceAccessTokenIds=[first, second], ServiceOrderIds=[STAY]) == [first]
    assert await ids(kiosk, ResourceAccessTokenIds=[second], ServiceOrderIds=[STAY]) == []
    past = interval("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
    assert await ids(kiosk, ServiceOrderIds=[STAY], CollidingUtc=past) == []
    assert await ids(kiosk, ServiceOrderIds=[STAY], UpdatedUtc=past) == []


VALID = ("2026-03-10T12:00:00Z", "2026-03-10T14:00:00Z")


@pytest.mark.parametrize(
    ("start", "end", "collides"),
    [
        ("2026-03-10T11:00:00Z", "2026-03-10T12:00:00Z", False),
        ("2026-03-10T11:00:00Z", "2026-03-10T12:00:01Z", True),
        ("2026-03-10T12:30:00Z", "2026-03-10T13:00:00Z", True),
        ("2026-03-10T11:00:00Z", "2026-03-10T15:00:00Z", True),
        ("2026-03-10T13:59:59Z", "2026-03-10T15:00:00Z", True),
        ("2026-03-10T14:00:00Z", "2026-03-10T15:00:00Z", False),
        ("2026-03-10T11:59:59Z", "2026-03-10T11:59:59Z", False),
        ("2026-03-10T12:00:00Z", "2026-03-10T12:00:00Z", True),
        ("2026-03-10T13:59:59Z", "2026-03-10T13:59:59Z", True),
        ("2026-03-10T14:00:00Z", "2026-03-10T14:00:00Z", False),
    ],
)
async def test_rule_3_a_shared_instant(kiosk: RunningDesk, start: str, end: str, collides: bool) -> None:
    """7.8 rule 3. D84. Half-open on both sides."""
    token_id = (await add_token(kiosk, ValidityStartUtc=VALID[0], ValidityEndUtc=VALID[1]))["Id"]
    assert await ids(kiosk, CollidingUtc=interval(start, end)) == ([token_id] if collides else [])


async def test_rule_4_creation_update_and_deletion_count(kiosk: RunningDesk) -> None:
    """7.8 rule 4. D81."""
    token_id = (await add_token(kiosk))["Id"]
    instant = "2026-03-01T12:0{}:00Z"

    async def updated_at(minute: int) -> list[str]:
        return await ids(kiosk, UpdatedUtc=interval(instant.format(minute), instant.format(minute)))

    assert await updated_at(0) == [token_id]
    kiosk.clock.move(60)
    await kiosk.call("resourceAccessTokens/update", ResourceAccessTokenUpdates=[{"ResourceAccessTokenId": token_id}])
    assert (await updated_at(0), await updated_at(1)) == ([], [token_id])
    kiosk.clock.move(60)
    await kiosk.call("resourceAccessTokens/delete", Ids=[token_id])
    assert (await updated_at(1), await updated_at(2)) == ([], [token_id])


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (None, {"kept", "deleted"}),
        ([], {"kept", "deleted"}),
        (["Active", "Deleted"], {"kept", "deleted"}),
        (["Active"], {"kept"}),
        (["Deleted"], {"deleted"}),
        (["Deleted", "Deleted"], {"deleted"}),
    ],
)
async def test_rule_5_activity_states(kiosk: RunningDesk, states: object, expected: set[str]) -> None:
    """7.8 rule 5. D82. V32. Running out of validity changes nothing (D78)."""
    past = {"ValidityStartUtc": "2020-01-01T00:00:00Z", "ValidityEndUtc": "2020-01-02T00:00:00Z"}
    names = {(await add_token(kiosk, **past))["Id"]: "kept", (await add_token(kiosk))["Id"]: "deleted"}
    await kiosk.call("resourceAccessTokens/delete", Ids=[next(k for k, v in names.items() if v == "deleted")])
    found = await ids(kiosk, ServiceOrderIds=[STAY], ActivityStates=states)
    assert {names[one] for one in found} == expected


async def test_rule_6_unknown_and_foreign_ids_are_left_out(kiosk: RunningDesk, chain: RunningDesk) -> None:
    """7.8 rule 6. D39. D40."""
    token_id = (await add_token(kiosk))["Id"]
    everything = [token_id, token_id.upper(), NOBODY, FOREIGN_TOKEN, SISTER_TOKEN]
    assert await ids(kiosk, ResourceAccessTokenIds=everything) == [token_id]
    assert await ids(kiosk, ServiceOrderIds=[STAY, NOBODY, FOREIGN_STAY, SISTER_STAY]) == [token_id]
    assert await ids(chain, ResourceAccessTokenIds=everything) == [token_id, SISTER_TOKEN]


async def test_rule_7_newest_first(kiosk: RunningDesk) -> None:
    """7.8 rule 7. D29."""
    first = [(await add_token(kiosk))["Id"] for _ in range(3)]
    kiosk.clock.move(1)
    first.append((await add_token(kiosk))["Id"])
    assert await ids(kiosk, ServiceOrderIds=[STAY]) == first[::-1]


async def test_a_token_as_it_is_told(kiosk: RunningDesk) -> None:
    """Contract 8.13; V29."""
    token_id = (await add_token(kiosk, CompanionshipId=COMPANION, ResourceId=ROOM, SerialNumber="04:A2"))["Id"]
    response = await kiosk.call(PATH, ResourceAccessTokenIds=[token_id], Limitation=PAGE)
    assert response.json() == {
        "ResourceAccessTokens": [
            {
                "Id": token_id,
                "EnterpriseId": HOTEL,
                "ServiceOrderId": STAY,
                "CompanionshipId": COMPANION,
                "ResourceId": ROOM,
                "Type": "PinCode",
                "Value": "1234#",
                "SerialNumber": "04:A2",
                "ValidityStartUtc": "2026-03-01T14:00:00Z",
                "ValidityEndUtc": "2026-03-04T10:00:00Z",
                "Permissions": {"Bed": False, "Room": True, "Floor": False, "Building": False},
                "CreatedUtc": "2026-03-01T12:00:00Z",
                "UpdatedUtc": "2026-03-01T12:00:00Z",
                "IsActive": True,
            }
        ],
        "Cursor": token_id,
    }


async def test_the_enterprises_asked_for(chain: RunningDesk, kiosk: RunningDesk) -> None:
    """2.4 row 5. 2.4 row 6. 2.4 row 7, overridden: one out of scope is left out silently."""
    token_id = (await add_token(kiosk))["Id"]
    asked = {"ResourceAccessTokenIds": [token_id, SISTER_TOKEN, FOREIGN_TOKEN]}
    assert await ids(chain, **asked) == [token_id, SISTER_TOKEN]
    assert await ids(chain, **asked, EnterpriseIds=[SISTER_HOTEL]) == [SISTER_TOKEN]
    assert await ids(chain, **asked, EnterpriseIds=[SISTER_HOTEL, FOREIGN_HOTEL]) == [SISTER_TOKEN]
    assert await ids(chain, **asked, EnterpriseIds=[FOREIGN_HOTEL, NOBODY]) == []
    assert await ids(kiosk, **asked, EnterpriseIds=[SISTER_HOTEL]) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name in ("ResourceAccessTokenIds", "ServiceOrderIds", "EnterpriseIds")
        for value in ([], [STAY] * 1001, ["x"], [None], STAY, {}, 5)
    ]
    + [("ActivityStates", value) for value in (["Gone"], ["active"], [None], ["Active"] * 1001, "Active", 5)],
)
async def test_error_a_bad_list(kiosk: RunningDesk, name: str, value: object) -> None:
    """7.8 error: Invalid ResourceAccessTokenIds / Invalid ServiceOrderIds / Invalid EnterpriseIds.

    7.8 error: Invalid ActivityStates. D38.
    """
    fields = {"ServiceOrderIds": [STAY], name: value, "Limitation": PAGE}
    refused(await kiosk.call(PATH, **fields), 400, f"Invalid {name}")


@pytest.mark.parametrize("name", ["CollidingUtc", "UpdatedUtc"])
@pytest.mark.parametrize(
    "value",
    [
        interval("2026-02-02T00:00:01Z", "2026-02-02T00:00:00Z"),
        interval("2026-01-01T00:00:00Z", "2026-04-01T00:00:01Z"),
        "2026-02-02",
        [],
        5,
    ],
)
async def test_error_invalid_interval(kiosk: RunningDesk, name: str, value: object) -> None:
    """7.8 error: Invalid CollidingUtc / Invalid UpdatedUtc."""
    fields = {"ServiceOrderIds": [STAY], name: value, "Limitation": PAGE}
    refused(await kiosk.call(PATH, **fields), 400, f"Invalid {name}")


@pytest.mark.parametrize(
    ("limitation", "message"),
    [
        (None, "Invalid Limitation"),
        ([], "Invalid Limitation"),
        ({}, "Invalid Count"),
        ({"Count": 0}, "Invalid Count"),
        ({"Count": 1001}, "Invalid Count"),
        ({"Count": "10"}, "Invalid Count"),
        ({"Count": 1, "Cursor": "x"}, "Invalid Cursor"),
        ({"Count": 1, "Cursor": NOBODY}, "Invalid Cursor"),
        ({"Count": 1, "Cursor": FOREIGN_TOKEN}, "Invalid Cursor"),
        ({"Count": 1, "Cursor": SISTER_TOKEN}, "Invalid Cursor"),
    ],
)
async def test_error_limitation_missing_or_bad(kiosk: RunningDesk, limitation: object, message: str) -> None:
    """7.8 error: Invalid Limitation / Invalid Count / Invalid Cursor. V33."""
    refused(await kiosk.call(PATH, ServiceOrderIds=[STAY], Limitation=limitation), 400, message)


async def test_error_no_limitation(kiosk: RunningDesk) -> None:
    """7.8 error: Invalid Limitation."""
    refused(await kiosk.call(PATH, ServiceOrderIds=[STAY]), 400, "Invalid Limitation")
