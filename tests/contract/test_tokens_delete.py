"""resourceAccessTokens/delete (contract 7.11)."""

import pytest

from tests.contract.hotel import FOREIGN_TOKEN, NOBODY, SISTER_TOKEN, add_token, refused, token
from tests.harness import RunningDesk

PATH = "resourceAccessTokens/delete"


async def test_rule_1_deletion_is_soft(kiosk: RunningDesk) -> None:
    """7.11 rule 1. D78."""
    before = await add_token(kiosk)
    kiosk.clock.move(60)
    response = await kiosk.call(PATH, Ids=[before["Id"]])
    assert (response.status_code, response.json()) == (200, {})
    after = {**before, "IsActive": False, "UpdatedUtc": "2026-03-01T12:01:00Z"}
    assert await token(kiosk, before["Id"]) == after
    page = await kiosk.call(
        "resourceAccessTokens/getAll",
        ResourceAccessTokenIds=[before["Id"]],
        ActivityStates=["Deleted"],
        Limitation={"Count": 1},
    )
    assert page.json()["ResourceAccessTokens"] == [after]


@pytest.mark.parametrize("bad", [NOBODY, FOREIGN_TOKEN, SISTER_TOKEN])
async def test_rule_2_all_or_nothing(kiosk: RunningDesk, bad: str) -> None:
    """7.11 rule 2. D76. D79. 7.11 error: Invalid Ids."""
    before = await add_token(kiosk)
    refused(await kiosk.call(PATH, Ids=[before["Id"], bad]), 400, "Invalid Ids")
    assert await token(kiosk, before["Id"]) == before


async def test_rule_3_deleted_already(kiosk: RunningDesk) -> None:
    """7.11 rule 3. D79. It is accepted and keeps its time, also next to one that is deleted now."""
    first, second = [(await add_token(kiosk))["Id"] for _ in range(2)]
    await kiosk.call(PATH, Ids=[first])
    kiosk.clock.move(60)
    assert (await kiosk.call(PATH, Ids=[first])).json() == {}
    assert (await token(kiosk, first))["UpdatedUtc"] == "2026-03-01T12:00:00Z"
    assert (await kiosk.call(PATH, Ids=[first, second])).json() == {}
    assert (await token(kiosk, first))["UpdatedUtc"] == "2026-03-01T12:00:00Z"
    assert (await token(kiosk, second))["UpdatedUtc"] == "2026-03-01T12:01:00Z"


async def test_rule_3_duplicates_count_once(kiosk: RunningDesk) -> None:
    """7.11 rule 3. D38."""
    token_id = (await add_token(kiosk))["Id"]
    assert (await kiosk.call(PATH, Ids=[token_id, token_id.upper()] * 500)).json() == {}
    assert not (await token(kiosk, token_id))["IsActive"]


@pytest.mark.parametrize("ids", [None, [], [NOBODY] * 1001, ["x"], [None], NOBODY, 5, {}])
async def test_error_invalid_ids(kiosk: RunningDesk, ids: object) -> None:
    """7.11 error: Invalid Ids. V37."""
    refused(await kiosk.call(PATH, Ids=ids), 400, "Invalid Ids")
    refused(await kiosk.call(PATH), 400, "Invalid Ids")


async def test_return_minimal(kiosk: RunningDesk) -> None:
    """2.6 rule 2."""
    token_id = (await add_token(kiosk))["Id"]
    for _ in range(2):
        response = await kiosk.call(PATH, Ids=[token_id], headers={"Prefer": "return=minimal"})
        assert response.status_code == 204


async def test_no_portfolio_tokens(chain: RunningDesk) -> None:
    """2.4 row 8. D85."""
    refused(await chain.call(PATH, Ids=[SISTER_TOKEN]), 401, "Invalid AccessToken")
