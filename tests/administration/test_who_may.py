"""Administration tokens: who is recognised, what each may see, and that a revocation holds at once."""

import pytest

from tests.contract.hotel import AGENT_INTEGRATION, FOREIGN_HOTEL, HOTEL, NOBODY, SISTER_HOTEL, STRANGER_INTEGRATION
from tests.harness import ADMINISTRATION_PREFIX, RunningDesk, everything

PAGE = {"Limitation": {"Count": 1000}}


async def made(desk: RunningDesk, *enterprise_ids: str) -> tuple[str, str]:
    """The id and the text of a new administration token, for some enterprises or for the whole desk."""
    fields = {"EnterpriseIds": list(enterprise_ids)} if enterprise_ids else {}
    body = (await desk.administer("administrationTokens/add", Name="Night manager", **fields)).json()
    return body["AdministrationTokenId"], body["AdministrationToken"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  x", "Basic YTpi", "Bearer unknown", "Bearer \xff"])
async def test_who_is_not_known_is_refused(front_desk: RunningDesk, header: str | None):
    headers = {"Content-Type": "application/json"} | (
        {} if header is None else {"Authorization": header.encode("latin-1")}
    )
    reply = await front_desk.http.post(ADMINISTRATION_PREFIX + "enterprises/getAll", content=b"{}", headers=headers)
    assert reply.status_code == 401
    assert reply.json()["Message"] == "Invalid Authorization"
    assert reply.headers["request-id"]


async def test_the_tokens_of_clients_open_nothing_here(front_desk: RunningDesk):
    for token in (front_desk.access_token, front_desk.client_token):
        assert (await front_desk.administer("enterprises/getAll", token=token, **PAGE)).status_code == 401


async def test_a_new_token_is_told_once_and_listed_without_its_secret(front_desk: RunningDesk):
    token_id, token = await made(front_desk)
    listed = await front_desk.administer("administrationTokens/getAll", token=token, **PAGE)
    (entry,) = listed.json()["AdministrationTokens"]
    assert (entry["Id"], entry["Name"], entry["EnterpriseIds"]) == (token_id, "Night manager", None)
    assert token not in listed.text
    assert token not in repr(everything(front_desk.database))


async def test_a_revoked_token_is_refused_from_its_next_request_on(front_desk: RunningDesk):
    token_id, token = await made(front_desk)
    assert (await front_desk.administer("enterprises/getAll", token=token, **PAGE)).status_code == 200
    await front_desk.administer("administrationTokens/revoke", AdministrationTokenIds=[token_id])
    assert (await front_desk.administer("enterprises/getAll", token=token, **PAGE)).status_code == 401
    (entry,) = (await front_desk.administer("administrationTokens/getAll", **PAGE)).json()["AdministrationTokens"]
    assert entry["RevokedUtc"] == "2026-03-01T12:00:00Z"


async def test_an_administrator_of_one_hotel_sees_and_changes_nothing_of_another(front_desk: RunningDesk):
    _, token = await made(front_desk, HOTEL)
    hotels = (await front_desk.administer("enterprises/getAll", token=token, **PAGE)).json()["Enterprises"]
    assert [one["Id"] for one in hotels] == [HOTEL]
    for path, part in (("devices", "Devices"), ("reservations", "Reservations"), ("integrations", "Integrations")):
        found = (await front_desk.administer(f"{path}/getAll", token=token, **PAGE)).json()[part]
        assert found
        assert {one["EnterpriseId"] for one in found} == {HOTEL}
        asked = await front_desk.administer(f"{path}/getAll", token=token, EnterpriseIds=[FOREIGN_HOTEL], **PAGE)
        assert asked.json()[part] == []
    device = {"Id": NOBODY, "EnterpriseId": SISTER_HOTEL, "Type": "Printer", "Name": "Mine now"}
    refused = await front_desk.administer("devices/set", token=token, Devices=[device])
    assert (refused.status_code, refused.json()["Message"]) == (400, "Invalid EnterpriseId")


@pytest.mark.parametrize("action", ["enable", "disable"])
async def test_a_foreign_integration_looks_like_none(front_desk: RunningDesk, action: str):
    _, token = await made(front_desk, HOTEL)
    foreign = await front_desk.administer(f"integrations/{action}", token=token, IntegrationId=STRANGER_INTEGRATION)
    none = await front_desk.administer(f"integrations/{action}", token=token, IntegrationId=NOBODY)
    assert foreign.json()["Message"] == none.json()["Message"] == "Invalid IntegrationId"
    assert foreign.status_code == none.status_code == 400


@pytest.mark.parametrize(
    "path", ["clients/add", "administrationTokens/add", "administrationTokens/getAll", "portfolios/getAll"]
)
async def test_what_concerns_the_whole_desk_is_for_those_who_run_all_of_it(front_desk: RunningDesk, path: str):
    _, token = await made(front_desk, HOTEL)
    reply = await front_desk.administer(path, token=token, Name="x", **PAGE)
    assert reply.status_code == 401
    assert "whole desk" in reply.json()["Message"]


async def test_requests_are_limited_for_each_administration_token(front_desk: RunningDesk):
    _, token = await made(front_desk)
    front_desk.desk.limit._limit = 3
    statuses = [(await front_desk.administer("enterprises/getAll", token=token, **PAGE)).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert (await front_desk.administer("integrations/enable", IntegrationId=AGENT_INTEGRATION)).status_code == 200
