"""resourceAccessTokens/update (contract 7.10)."""

import asyncio
from typing import Any

import pytest

from tests.contract.hotel import (
    COMPANION,
    CONFIRMED_STAY,
    FOREIGN_TOKEN,
    HOTEL,
    NOBODY,
    ROOM,
    SISTER_HOTEL,
    SISTER_TOKEN,
    add_token,
    refused,
    token,
)
from tests.harness import RunningDesk

PATH = "resourceAccessTokens/update"


async def send(desk: RunningDesk, *changes: dict[str, Any], **fields: Any) -> Any:
    return await desk.call(PATH, ResourceAccessTokenUpdates=list(changes), **fields)


def change(number: object, **aspects: object) -> dict[str, object]:
    return {"ResourceAccessTokenId": number, **aspects}


async def test_rule_1_the_four_aspects(kiosk: RunningDesk) -> None:
    """7.10 rule 1."""
    before = await add_token(kiosk, CompanionshipId=COMPANION, ResourceId=ROOM, SerialNumber="04")
    kiosk.clock.move(60)
    response = await send(
        kiosk,
        change(
            before["Id"],
            ValidityStartUtc={"Value": "2026-04-01T00:00:00Z"},
            ValidityEndUtc={"Value": "2026-04-02T00:00:00Z"},
            Value={"Value": "9999"},
            Permissions={"Bed": {"Value": True}, "Room": {"Value": False}},
        ),
    )
    after = {
        **before,
        "ValidityStartUtc": "2026-04-01T00:00:00Z",
        "ValidityEndUtc": "2026-04-02T00:00:00Z",
        "Value": "9999",
        "Permissions": {"Bed": True, "Room": False, "Floor": False, "Building": False},
        "UpdatedUtc": "2026-03-01T12:01:00Z",
    }
    assert response.json() == {"ResourceAccessTokens": [after]}
    assert await token(kiosk, before["Id"]) == after


async def test_rule_1_nothing_else(kiosk: RunningDesk) -> None:
    """7.10 rule 1. Other fields are ignored like any unknown one (D5)."""
    before = await add_token(kiosk)
    others = {
        "Type": {"Value": "RfidTag"},
        "SerialNumber": {"Value": "x"},
        "ServiceOrderId": CONFIRMED_STAY,
        "CompanionshipId": COMPANION,
        "ResourceId": ROOM,
        "IsActive": False,
    }
    assert (await send(kiosk, change(before["Id"], **others))).json()["ResourceAccessTokens"] == [before]


@pytest.mark.parametrize(
    "aspects",
    [
        {},
        {"ValidityStartUtc": None, "ValidityEndUtc": None, "Value": None, "Permissions": None},
        {"Permissions": {}},
        {"Permissions": {"Bed": None, "Room": None, "Floor": None, "Building": None}},
    ],
)
async def test_rule_2_absent_or_null_stays(kiosk: RunningDesk, aspects: dict[str, Any]) -> None:
    """7.10 rule 2."""
    before = await add_token(kiosk, Permissions={"Bed": True, "Building": True})
    response = await send(kiosk, change(before["Id"], **aspects))
    assert response.json()["ResourceAccessTokens"] == [before]


async def test_rule_2_each_aspect_by_itself(kiosk: RunningDesk) -> None:
    """7.10 rule 2. One permission leaves the others."""
    expected = await add_token(kiosk, Permissions={"Room": True, "Floor": True})
    for sent, told in (
        ({"ValidityStartUtc": {"Value": "2026-02-01"}}, {"ValidityStartUtc": "2026-02-01T00:00:00Z"}),
        ({"ValidityEndUtc": {"Value": "2026-05-01T00:00:00"}}, {"ValidityEndUtc": "2026-05-01T00:00:00Z"}),
        ({"Value": {"Value": "77"}}, {"Value": "77"}),
        (
            {"Permissions": {"Floor": False}},
            {"Permissions": {"Bed": False, "Room": True, "Floor": False, "Building": False}},
        ),
        (
            {"Permissions": {"Building": {"Value": True}}},
            {"Permissions": {"Bed": False, "Room": True, "Floor": False, "Building": True}},
        ),
    ):
        expected = {**expected, **told}
        response = await send(kiosk, change(expected["Id"], **sent))
        assert response.json()["ResourceAccessTokens"] == [expected]


@pytest.mark.parametrize("wrapped", [{"Value": None}, {}])
@pytest.mark.parametrize("name", ["ValidityStartUtc", "ValidityEndUtc", "Value"])
async def test_rule_3_nothing_can_be_cleared(kiosk: RunningDesk, name: str, wrapped: object) -> None:
    """7.10 rule 3. D71. 7.10 error: Invalid ValidityStartUtc / Invalid ValidityEndUtc / Invalid Value."""
    token_id = (await add_token(kiosk))["Id"]
    refused(await send(kiosk, change(token_id, **{name: wrapped})), 400, f"Invalid {name}")


@pytest.mark.parametrize("name", ["Bed", "Room", "Floor", "Building"])
async def test_rule_3_no_permission_can_be_cleared(kiosk: RunningDesk, name: str) -> None:
    """7.10 rule 3. D71. 7.10 error: Invalid Bed."""
    token_id = (await add_token(kiosk))["Id"]
    for value in ({"Value": None}, {}, {"Value": "yes"}, 1, "yes", []):
        refused(await send(kiosk, change(token_id, Permissions={name: value})), 400, f"Invalid {name}")


@pytest.mark.parametrize(
    "aspects",
    [
        {"ValidityStartUtc": {"Value": "2026-03-04T10:00:00Z"}},
        {"ValidityEndUtc": {"Value": "2026-03-01T14:00:00Z"}},
        {
            "ValidityStartUtc": {"Value": "2026-05-02T00:00:00Z"},
            "ValidityEndUtc": {"Value": "2026-05-01T00:00:00Z"},
        },
    ],
)
async def test_rule_4_the_end_stays_after_the_start(kiosk: RunningDesk, aspects: dict[str, Any]) -> None:
    """7.10 rule 4. D74. After merging with what is kept."""
    before = await add_token(kiosk)
    refused(await send(kiosk, change(before["Id"], **aspects)), 400, "Invalid ValidityEndUtc")
    assert await token(kiosk, before["Id"]) == before


async def test_rule_4_two_changes_that_fit_alone_but_not_together(kiosk: RunningDesk) -> None:
    """7.10 rule 4. Sent at the same moment: one is made, the other judged against it."""
    before = await add_token(kiosk)
    late = change(before["Id"], ValidityStartUtc={"Value": "2026-03-03T00:00:00Z"})
    early = change(before["Id"], ValidityEndUtc={"Value": "2026-03-02T00:00:00Z"})
    responses = await asyncio.gather(send(kiosk, late), send(kiosk, early))
    assert sorted(response.status_code for response in responses) == [200, 400]
    after = await token(kiosk, before["Id"])
    assert after["ValidityStartUtc"] < after["ValidityEndUtc"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (change(NOBODY), "Invalid ResourceAccessTokenId"),
        (change("first"), "Invalid ResourceAccessTokenId"),
        (change("second", Value={"Value": ""}), "Invalid Value"),
        (change("second", ValidityEndUtc={"Value": "2020-01-01"}), "Invalid ValidityEndUtc"),
    ],
)
async def test_rule_5_all_or_nothing(kiosk: RunningDesk, bad: dict[str, Any], message: str) -> None:
    """7.10 rule 5. D76. D80: the same id twice is ambiguous, in any letter case."""
    first, second = await add_token(kiosk), await add_token(kiosk)
    names = {"first": first["Id"].upper(), "second": second["Id"]}
    bad = {**bad, "ResourceAccessTokenId": names.get(bad["ResourceAccessTokenId"], bad["ResourceAccessTokenId"])}
    response = await send(kiosk, change(first["Id"], Value={"Value": "9"}), bad)
    refused(response, 400, message)
    assert await token(kiosk, first["Id"]) == first


async def test_rule_6_deleted_tokens_stay(kiosk: RunningDesk) -> None:
    """7.10 rule 6. D80. 7.10 error: Invalid ResourceAccessTokenId."""
    token_id = (await add_token(kiosk))["Id"]
    await kiosk.call("resourceAccessTokens/delete", Ids=[token_id])
    before = await token(kiosk, token_id)
    response = await send(kiosk, change(token_id, Value={"Value": "9"}))
    refused(response, 400, "Invalid ResourceAccessTokenId")
    assert await token(kiosk, token_id) == before


async def test_rule_7_the_time_moves_for_every_listed_token(kiosk: RunningDesk) -> None:
    """7.10 rule 7. D81. Even if nothing changed."""
    ids = [(await add_token(kiosk))["Id"] for _ in range(3)]
    kiosk.clock.move(30)
    response = await send(kiosk, change(ids[2]), change(ids[0], Value={"Value": "1234#"}))
    told = response.json()["ResourceAccessTokens"]
    assert [(one["Id"], one["UpdatedUtc"]) for one in told] == [
        (ids[2], "2026-03-01T12:00:30Z"),
        (ids[0], "2026-03-01T12:00:30Z"),
    ], "in the order of the request"
    assert (await token(kiosk, ids[1]))["UpdatedUtc"] == "2026-03-01T12:00:00Z"
    assert {one["CreatedUtc"] for one in told} == {"2026-03-01T12:00:00Z"}


@pytest.mark.parametrize("fields", [{}, {"ResourceAccessTokenUpdates": None}, {"ResourceAccessTokenUpdates": []}])
async def test_rule_8_nothing_to_do(kiosk: RunningDesk, fields: dict[str, Any]) -> None:
    """7.10 rule 8. V35. 2.6 rule 4: also under return=minimal."""
    response = await kiosk.call(PATH, **fields, headers={"Prefer": "return=minimal"})
    assert (response.status_code, response.json()) == (200, {"ResourceAccessTokens": []})


@pytest.mark.parametrize(
    "bad", [NOBODY, FOREIGN_TOKEN, SISTER_TOKEN, None, "x", 5, [], {}, {"Value": None}, {"Value": "x"}]
)
async def test_error_invalid_resource_access_token_id(kiosk: RunningDesk, bad: object) -> None:
    """7.10 error: Invalid ResourceAccessTokenId."""
    refused(await send(kiosk, change(bad)), 400, "Invalid ResourceAccessTokenId")
    refused(await send(kiosk, {"Value": {"Value": "9"}}), 400, "Invalid ResourceAccessTokenId")


async def test_an_id_as_an_update_value(kiosk: RunningDesk) -> None:
    """V34."""
    token_id = (await add_token(kiosk))["Id"]
    response = await send(kiosk, change({"Value": token_id.upper()}, Value={"Value": "9"}))
    assert [one["Value"] for one in response.json()["ResourceAccessTokens"]] == ["9"]


@pytest.mark.parametrize("updates", ["x", {}, 5, True, [None], [5], ["x"]])
async def test_error_invalid_resource_access_token_updates(kiosk: RunningDesk, updates: object) -> None:
    """7.10 error: Invalid ResourceAccessTokenUpdates. D38."""
    refused(await kiosk.call(PATH, ResourceAccessTokenUpdates=updates), 400, "Invalid ResourceAccessTokenUpdates")


async def test_error_1001_updates(kiosk: RunningDesk) -> None:
    """7.10 error: Invalid ResourceAccessTokenUpdates. D38."""
    refused(await send(kiosk, *[change(NOBODY)] * 1001), 400, "Invalid ResourceAccessTokenUpdates")
    refused(await send(kiosk, *[change(NOBODY)] * 1000), 400, "Invalid ResourceAccessTokenId")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ValidityStartUtc", "2026-03-01T14:00:00Z"),
        ("ValidityStartUtc", {"Value": "soon"}),
        ("ValidityStartUtc", {"Value": 5}),
        ("ValidityEndUtc", {"Value": "2026-02-30"}),
        ("ValidityEndUtc", 5),
        ("Value", "9"),
        ("Value", {"Value": ""}),
        ("Value", {"Value": "v" * 256}),
        ("Value", {"Value": 9}),
        ("Value", {"Value": "9\0"}),
        ("Permissions", True),
        ("Permissions", []),
    ],
)
async def test_error_a_bad_value(kiosk: RunningDesk, name: str, value: object) -> None:
    """7.10 error: Invalid ValidityStartUtc / Invalid ValidityEndUtc / Invalid Value."""
    token_id = (await add_token(kiosk))["Id"]
    refused(await send(kiosk, change(token_id, **{name: value})), 400, f"Invalid {name}")


@pytest.mark.parametrize("enterprise", [None, NOBODY, "x"])
async def test_error_invalid_enterprise_id(chain: RunningDesk, enterprise: object) -> None:
    """7.10 error: Invalid EnterpriseId. 2.4 row 3. 2.4 row 4."""
    refused(await send(chain, EnterpriseId=enterprise), 400, "Invalid EnterpriseId")


async def test_a_portfolio_token_says_which_enterprise(chain: RunningDesk) -> None:
    """V36. 2.4 row 2. A token of another enterprise of the same portfolio is unknown there."""
    wanted = change(SISTER_TOKEN, Value={"Value": "9"})
    refused(await send(chain, wanted, EnterpriseId=HOTEL), 400, "Invalid ResourceAccessTokenId")
    response = await send(chain, wanted, EnterpriseId=SISTER_HOTEL)
    assert [one["Value"] for one in response.json()["ResourceAccessTokens"]] == ["9"]
