"""Update values (contract 2.12)."""

from typing import Any

import pytest

from tests.contract.hotel import add_token, refused, token
from tests.harness import RunningDesk

PATH = "resourceAccessTokens/update"
NEW: dict[str, tuple[object, object]] = {
    "ValidityStartUtc": ({"Value": "2026-03-02T00:00:00Z"}, "2026-03-02T00:00:00Z"),
    "ValidityEndUtc": ({"Value": "2026-03-03T00:00:00Z"}, "2026-03-03T00:00:00Z"),
    "Value": ({"Value": "42"}, "42"),
    "Permissions": ({"Bed": {"Value": True}}, {"Bed": True, "Room": True, "Floor": False, "Building": False}),
}


async def change(desk: RunningDesk, token_id: str, **aspects: Any) -> Any:
    return await desk.call(PATH, ResourceAccessTokenUpdates=[{"ResourceAccessTokenId": token_id, **aspects}])


@pytest.mark.parametrize("name", NEW)
async def test_absent_or_null_keeps(kiosk: RunningDesk, name: str) -> None:
    """2.12 row 1."""
    before = await add_token(kiosk)
    await change(kiosk, before["Id"])
    await change(kiosk, before["Id"], **{name: None})
    assert await token(kiosk, before["Id"]) == before


@pytest.mark.parametrize("name", NEW)
async def test_a_value_sets(kiosk: RunningDesk, name: str) -> None:
    """2.12 row 2."""
    before = await add_token(kiosk)
    sent, told = NEW[name]
    await change(kiosk, before["Id"], **{name: sent})
    assert await token(kiosk, before["Id"]) == {**before, name: told}


@pytest.mark.parametrize("name", ["ValidityStartUtc", "ValidityEndUtc", "Value", "Bed", "Room", "Floor", "Building"])
async def test_a_null_value_clears_nothing_that_is_required(kiosk: RunningDesk, name: str) -> None:
    """2.12 row 3. D71. The message names what was to be updated, not the wrapper's Value (D16)."""
    before = await add_token(kiosk)
    aspects = {name: {"Value": None}} if name in NEW else {"Permissions": {name: {"Value": None}}}
    refused(await change(kiosk, before["Id"], **aspects), 400, f"Invalid {name}")
    assert await token(kiosk, before["Id"]) == before


@pytest.mark.parametrize("wrapped", [{"value": "42"}, {"Value": "42", "Extra": 1}, {"Value": ["42"]}, "42", ["42"]])
async def test_the_wrapper_as_it_is_spelled(kiosk: RunningDesk, wrapped: object) -> None:
    """D5. D6. Unknown properties are ignored, other spellings are unknown."""
    token_id = (await add_token(kiosk))["Id"]
    response = await change(kiosk, token_id, Value=wrapped)
    if wrapped == {"Value": "42", "Extra": 1}:
        assert response.json()["ResourceAccessTokens"][0]["Value"] == "42"
    else:
        refused(response, 400, "Invalid Value")
