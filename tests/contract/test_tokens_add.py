"""resourceAccessTokens/add (contract 7.9)."""

from typing import Any

import pytest

from tests.contract.hotel import (
    COMPANION,
    CONFIRMED_STAY,
    FOREIGN_COMPANION,
    FOREIGN_ROOM,
    FOREIGN_STAY,
    HOTEL,
    NOBODY,
    OTHER_COMPANION,
    PLAIN_ROOM,
    ROOM,
    SISTER_ROOM,
    SISTER_STAY,
    STAY,
    add_token,
    refused,
    token_parameters,
)
from tests.harness import RunningDesk

PATH = "resourceAccessTokens/add"


async def send(desk: RunningDesk, *wanted: dict[str, Any]) -> Any:
    return await desk.call(PATH, ResourceAccessTokenParameters=list(wanted))


async def count(desk: RunningDesk) -> int:
    response = await desk.call(
        "resourceAccessTokens/getAll", ServiceOrderIds=[STAY, CONFIRMED_STAY], Limitation={"Count": 1000}
    )
    return len(response.json()["ResourceAccessTokens"])


@pytest.mark.parametrize(
    "bad",
    [
        {"ServiceOrderId": NOBODY},
        {"CompanionshipId": OTHER_COMPANION},
        {"ResourceId": NOBODY},
        {"ValidityEndUtc": "2026-03-01T14:00:00Z"},
        {"Value": ""},
        {"Type": "Key"},
    ],
)
async def test_rule_1_all_or_nothing(kiosk: RunningDesk, bad: dict[str, Any]) -> None:
    """7.9 rule 1. D76. Whichever place the bad one stands at."""
    good = token_parameters()
    for place in range(3):
        wanted = [good, good]
        wanted.insert(place, token_parameters(**bad))
        assert (await send(kiosk, *wanted)).status_code == 400
    assert await count(kiosk) == 0


async def test_rule_2_the_reply_in_the_order_of_the_request(kiosk: RunningDesk) -> None:
    """7.9 rule 2. D76."""
    values = ["c", "a", "b", "e", "d"]
    response = await send(kiosk, *(token_parameters(Value=value) for value in values))
    added = response.json()["ResourceAccessTokens"]
    assert [one["Value"] for one in added] == values
    assert len({one["Id"] for one in added}) == 5
    assert {(one["IsActive"], one["CreatedUtc"], one["UpdatedUtc"]) for one in added} == {
        (True, "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z")
    }


@pytest.mark.parametrize("name", ["Bed", "Room", "Floor", "Building"])
@pytest.mark.parametrize("wrapped", [True, False])
async def test_rule_4_each_permission_alone(kiosk: RunningDesk, name: str, wrapped: bool) -> None:
    """7.9 rule 4. D70. V27."""
    added = await add_token(kiosk, Permissions={name: {"Value": True} if wrapped else True})
    assert added["Permissions"] == {one: one == name for one in ("Bed", "Room", "Floor", "Building")}
    page = await kiosk.call(
        "resourceAccessTokens/getAll", ResourceAccessTokenIds=[added["Id"]], Limitation={"Count": 1}
    )
    assert page.json()["ResourceAccessTokens"] == [added]


async def test_rule_3_the_enterprise_of_the_reservation(kiosk: RunningDesk) -> None:
    """7.9 rule 3."""
    assert (await add_token(kiosk))["EnterpriseId"] == HOTEL


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, [False, False, False, False]),
        ({"Bed": {"Value": True}, "Building": {"Value": False}}, [True, False, False, False]),
        ({"Bed": True, "Room": False, "Floor": {"Value": True}}, [True, False, True, False]),
        ({"Bed": None, "Room": {"Value": True}}, [False, True, False, False]),
    ],
)
async def test_rule_4_permissions(kiosk: RunningDesk, sent: dict[str, Any], expected: list[bool]) -> None:
    """7.9 rule 4. D70. V27."""
    permissions = (await add_token(kiosk, Permissions=sent))["Permissions"]
    assert [permissions[name] for name in ("Bed", "Room", "Floor", "Building")] == expected


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"ServiceOrderId": NOBODY}, "Invalid ServiceOrderId"),
        ({"ServiceOrderId": FOREIGN_STAY}, "Invalid ServiceOrderId"),
        ({"ServiceOrderId": SISTER_STAY}, "Invalid ServiceOrderId"),
        ({"CompanionshipId": NOBODY}, "Invalid CompanionshipId"),
        ({"CompanionshipId": FOREIGN_COMPANION}, "Invalid CompanionshipId"),
        ({"CompanionshipId": OTHER_COMPANION}, "Invalid CompanionshipId"),
        ({"ServiceOrderId": CONFIRMED_STAY, "CompanionshipId": COMPANION}, "Invalid CompanionshipId"),
        ({"ResourceId": NOBODY}, "Invalid ResourceId"),
        ({"ResourceId": FOREIGN_ROOM}, "Invalid ResourceId"),
        ({"ResourceId": SISTER_ROOM}, "Invalid ResourceId"),
    ],
)
async def test_rule_5_what_a_token_refers_to(kiosk: RunningDesk, bad: dict[str, Any], message: str) -> None:
    """7.9 rule 5. D75. 7.9 error: Invalid ServiceOrderId / Invalid CompanionshipId / Invalid ResourceId."""
    refused(await send(kiosk, token_parameters(**bad)), 400, message)


async def test_rule_5_what_is_allowed(kiosk: RunningDesk) -> None:
    """7.9 rule 5. D75. The resource need not be the assigned one."""
    added = await add_token(kiosk, CompanionshipId=COMPANION, ResourceId=PLAIN_ROOM)
    assert (added["CompanionshipId"], added["ResourceId"]) == (COMPANION, PLAIN_ROOM)
    added = await add_token(kiosk, ServiceOrderId=CONFIRMED_STAY)
    assert (added["CompanionshipId"], added["ResourceId"], added["SerialNumber"]) == (None, None, None)


async def test_rule_6_duplicates_are_allowed(kiosk: RunningDesk) -> None:
    """7.9 rule 6. D72. D73. D77."""
    response = await send(kiosk, *[token_parameters()] * 3)
    assert len({one["Id"] for one in response.json()["ResourceAccessTokens"]}) == 3
    await add_token(kiosk)
    assert await count(kiosk) == 4


async def test_rule_7_no_cursor(kiosk: RunningDesk) -> None:
    """7.9 rule 7. V28."""
    response = await send(kiosk, token_parameters())
    assert set(response.json()) == {"ResourceAccessTokens"}


@pytest.mark.parametrize("wanted", [None, [], "x", {}, 5])
async def test_error_invalid_resource_access_token_parameters(kiosk: RunningDesk, wanted: object) -> None:
    """7.9 error: Invalid ResourceAccessTokenParameters."""
    response = await kiosk.call(PATH, ResourceAccessTokenParameters=wanted)
    refused(response, 400, "Invalid ResourceAccessTokenParameters")
    refused(await kiosk.call(PATH), 400, "Invalid ResourceAccessTokenParameters")


async def test_error_1001_items(kiosk: RunningDesk) -> None:
    """7.9 error: Invalid ResourceAccessTokenParameters. D38. 1000 are fine."""
    refused(await send(kiosk, *[token_parameters()] * 1001), 400, "Invalid ResourceAccessTokenParameters")
    assert len((await send(kiosk, *[token_parameters()] * 1000)).json()["ResourceAccessTokens"]) == 1000


@pytest.mark.parametrize("element", [None, 5, "x", []])
async def test_error_an_element_that_is_no_object(kiosk: RunningDesk, element: object) -> None:
    """7.9 error: Invalid ResourceAccessTokenParameters. D38."""
    response = await kiosk.call(PATH, ResourceAccessTokenParameters=[token_parameters(), element])
    refused(response, 400, "Invalid ResourceAccessTokenParameters")


BAD: list[tuple[str, list[object]]] = [
    ("ServiceOrderId", [None, "x", 5, {"Value": STAY}]),
    ("CompanionshipId", ["x", 5, {"Value": COMPANION}]),
    ("ResourceId", ["x", 5, {"Value": ROOM}]),
    ("Type", [None, "pinCode", "Key", "", 5]),
    ("Value", [None, "", "v" * 256, 1234, {"Value": "1234"}, "12\x0034"]),
    ("SerialNumber", ["s" * 256, 5, [], "04\x00A2"]),
    ("ValidityStartUtc", [None, "", "soon", 5, {"Value": "2026-03-01T14:00:00Z"}]),
    ("ValidityEndUtc", [None, "", "soon", 5, {"Value": "2026-03-01T14:00:00Z"}]),
    ("Permissions", [None, [], True, "Room"]),
]


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in BAD for value in values])
async def test_error_a_malformed_field(kiosk: RunningDesk, field: str, value: object) -> None:
    """7.9 error: Invalid field. D97. V30. A NUL has no place in text that is kept."""
    refused(await send(kiosk, {**token_parameters(), field: value}), 400, f"Invalid {field}")


@pytest.mark.parametrize(
    "field", ["ServiceOrderId", "Type", "Value", "ValidityStartUtc", "ValidityEndUtc", "Permissions"]
)
async def test_error_a_missing_field(kiosk: RunningDesk, field: str) -> None:
    """7.9 error: Invalid field."""
    wanted = token_parameters()
    del wanted[field]
    refused(await send(kiosk, wanted), 400, f"Invalid {field}")


@pytest.mark.parametrize("name", ["Bed", "Room", "Floor", "Building"])
@pytest.mark.parametrize("value", ["yes", 1, 0, [], {"Value": "yes"}, {"Value": 1}, {"Value": None}, {}])
async def test_error_a_bad_permission(kiosk: RunningDesk, name: str, value: object) -> None:
    """7.9 error: Invalid field. D16: the permission is named; D71."""
    refused(await send(kiosk, token_parameters(Permissions={name: value})), 400, f"Invalid {name}")


async def test_null_counts_as_absent(kiosk: RunningDesk) -> None:
    """Contract 0: the three optional fields may be null."""
    nulls = {"CompanionshipId": None, "ResourceId": None, "SerialNumber": None}
    response = await send(kiosk, {**token_parameters(), **nulls})
    assert response.status_code == 200, response.text


async def test_the_longest_texts(kiosk: RunningDesk) -> None:
    """D97. V30. Characters are counted, not bytes; any text will do (D86)."""
    added = await add_token(kiosk, Value="🗝" * 255, SerialNumber="é" * 255)
    assert (added["Value"], added["SerialNumber"]) == ("🗝" * 255, "é" * 255)
    assert (await add_token(kiosk, SerialNumber=""))["SerialNumber"] == ""


@pytest.mark.parametrize("end", ["2026-03-01T14:00:00Z", "2026-03-01T13:59:59Z", "2026-03-01T15:00:00+02:00"])
async def test_error_an_end_that_is_not_after_the_start(kiosk: RunningDesk, end: str) -> None:
    """7.9 error: Invalid ValidityEndUtc. D74."""
    refused(await send(kiosk, token_parameters(ValidityEndUtc=end)), 400, "Invalid ValidityEndUtc")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
        ("2090-01-01T00:00:00Z", "2091-01-02T00:00:00Z"),
        ("2026-03-01T14:00:00Z", "2026-03-01T14:00:01Z"),
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("0999-12-31T23:59:59Z", "1969-12-31T23:59:59Z"),
    ],
)
async def test_validity_at_any_time(kiosk: RunningDesk, start: str, end: str) -> None:
    """D74. Past, future and outside the reservation; told as it was sent, now and later."""
    added = await add_token(kiosk, ValidityStartUtc=start, ValidityEndUtc=end)
    assert (added["ValidityStartUtc"], added["ValidityEndUtc"]) == (start, end)
    page = await kiosk.call(
        "resourceAccessTokens/getAll", ResourceAccessTokenIds=[added["Id"]], Limitation={"Count": 1}
    )
    assert page.json()["ResourceAccessTokens"] == [added]


async def test_a_tag(kiosk: RunningDesk) -> None:
    """Contract 8.1."""
    assert (await add_token(kiosk, Type="RfidTag"))["Type"] == "RfidTag"


async def test_no_portfolio_tokens(chain: RunningDesk) -> None:
    """2.4 row 8. D85."""
    refused(await send(chain, token_parameters()), 401, "Invalid AccessToken")
