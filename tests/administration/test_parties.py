"""Clients, integrations and their tokens: made, shown once, connected, disabled, revoked, with open sockets listening."""

import asyncio
import json

import pytest
import websockets

from tests.contract.hotel import (
    AGENT_INTEGRATION,
    CHAIN_PORTFOLIO,
    CLIENT,
    CLIENT_TOKEN,
    CUTTER,
    FOREIGN_PRINTER,
    HOTEL,
    KIOSK,
    KIOSK_INTEGRATION,
    NOBODY,
    PDF,
    PRINTER,
    SISTER_HOTEL,
)
from tests.harness import RunningDesk, everything

PAGE = {"Limitation": {"Count": 1000}}


async def newcomer(desk: RunningDesk, **fields: object) -> tuple[RunningDesk, str, str]:
    """A new client at the hotel with an integration and a token: the desk called by it, its integration, its token's id."""
    client = (await desk.administer("clients/add", Name="Night audit", Rights=["AddPaymentTerminalCommands"])).json()
    fields = {"EnterpriseId": HOTEL, **fields}
    integration = await desk.administer("integrations/add", ClientId=client["ClientId"], Name="Night audit", **fields)
    integration_id = integration.json()["IntegrationId"]
    token = (await desk.administer("accessTokens/add", IntegrationId=integration_id)).json()
    return desk.as_(token["AccessToken"], client["ClientToken"]), integration_id, token["AccessTokenId"]


async def test_a_client_made_here_calls_at_once_and_its_tokens_are_told_once(front_desk: RunningDesk):
    caller, integration_id, token_id = await newcomer(front_desk, DeviceIds=[PRINTER])
    assert (await caller.call("devices/getAll")).status_code == 200
    listed = await front_desk.administer("accessTokens/getAll", IntegrationIds=[integration_id], **PAGE)
    assert [one["Id"] for one in listed.json()["AccessTokens"]] == [token_id]
    for path in ("clients/getAll", "integrations/getAll", "auditRecords/getAll"):
        text = (await front_desk.administer(path, **PAGE)).text
        assert caller.access_token not in text
        assert caller.client_token not in text
    kept = repr(everything(front_desk.database)).encode()
    assert caller.access_token.encode() not in kept
    assert caller.client_token.encode() not in kept


async def test_rights_can_be_given_and_taken(front_desk: RunningDesk):
    caller, _, _ = await newcomer(front_desk)
    assert "permission" not in (await caller.call("commands/addPaymentTerminal")).text
    clients = (await front_desk.administer("clients/getAll", **PAGE)).json()["Clients"]
    (client,) = [one for one in clients if one["Name"] == "Night audit"]
    assert client["Rights"] == ["AddPaymentTerminalCommands"]
    await front_desk.administer("clients/update", ClientId=client["Id"], Rights=[])
    refused = await caller.call("commands/addPaymentTerminal")
    assert refused.status_code == 401
    assert "permission" in refused.text
    assert (await front_desk.administer("clients/update", ClientId=NOBODY, Name="x")).json()[
        "Message"
    ] == "Invalid ClientId"
    assert (await front_desk.administer("clients/add", Name="x", Rights=["Everything"])).status_code == 400


async def test_a_device_connected_later_reaches_the_open_socket(front_desk: RunningDesk):
    caller, integration_id, _ = await newcomer(front_desk)
    kiosk = front_desk.as_(KIOSK, CLIENT_TOKEN)
    async with caller.socket("?cursor=") as socket:
        assert json.loads(await asyncio.wait_for(socket.recv(), 10))["Events"] == []
        connecting = {"IntegrationId": integration_id, "DeviceIds": [PRINTER]}
        await front_desk.administer("integrations/connectDevices", **connecting)
        added = await kiosk.call("commands/addPrinter", PrinterId=PRINTER, Data=PDF, CopyCount=1)
        (event,) = json.loads(await asyncio.wait_for(socket.recv(), 10))["Events"]
        assert event["Id"] == added.json()["CommandId"]
        await front_desk.administer("integrations/disconnectDevices", **connecting)
        assert (await caller.call("commands/getAllActive")).json()["Commands"] == []


async def test_a_revoked_access_token_is_refused_and_its_socket_closed_with_1008(front_desk: RunningDesk):
    caller, _, token_id = await newcomer(front_desk)
    async with caller.socket() as socket:
        await front_desk.administer("accessTokens/revoke", AccessTokenIds=[token_id])
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 10)
        assert socket.close_code == 1008
    assert (await caller.call("devices/getAll")).status_code == 401


async def test_a_disabled_integration_is_refused_until_it_is_enabled(front_desk: RunningDesk):
    caller, integration_id, _ = await newcomer(front_desk)
    async with caller.socket() as socket:
        await front_desk.administer("integrations/disable", IntegrationId=integration_id)
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 10)
        assert socket.close_code == 1008
    assert (await caller.call("devices/getAll")).status_code == 401
    await front_desk.administer("integrations/enable", IntegrationId=integration_id)
    assert (await caller.call("devices/getAll")).status_code == 200


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ClientId": NOBODY, "EnterpriseId": HOTEL}, "Invalid ClientId"),
        ({"EnterpriseId": NOBODY}, "Invalid EnterpriseId"),
        ({"PortfolioId": NOBODY}, "Invalid PortfolioId"),
        (
            {"EnterpriseId": HOTEL, "PortfolioId": CHAIN_PORTFOLIO},
            "Either EnterpriseId or PortfolioId must be specified.",
        ),
        ({}, "Either EnterpriseId or PortfolioId must be specified."),
        ({"EnterpriseId": HOTEL, "Name": ""}, "Invalid Name"),
        ({"EnterpriseId": HOTEL, "Name": "a\0"}, "Invalid Name"),
        ({"EnterpriseId": HOTEL, "DeviceIds": [FOREIGN_PRINTER]}, "Invalid DeviceIds"),
    ],
)
async def test_an_integration_that_cannot_be_is_refused_and_nothing_kept(
    front_desk: RunningDesk, fields: dict, message: str
):
    before = (await front_desk.administer("integrations/getAll", **PAGE)).json()
    reply = await front_desk.administer("integrations/add", **{"ClientId": CLIENT, "Name": "New", **fields})
    assert reply.status_code == 400
    assert reply.json()["Message"].startswith(message)
    assert (await front_desk.administer("integrations/getAll", **PAGE)).json() == before


async def test_connecting_foreign_devices_is_refused_whole(front_desk: RunningDesk):
    reply = await front_desk.administer(
        "integrations/connectDevices", IntegrationId=KIOSK_INTEGRATION, DeviceIds=[CUTTER, FOREIGN_PRINTER]
    )
    assert reply.json()["Message"] == "Invalid DeviceIds"
    listed = (await front_desk.administer("integrations/getAll", **PAGE)).json()["Integrations"]
    assert next(one for one in listed if one["Id"] == KIOSK_INTEGRATION)["ConnectedDeviceIds"] == []


async def test_revoking_one_that_is_not_there_revokes_none(front_desk: RunningDesk):
    caller, _, token_id = await newcomer(front_desk)
    reply = await front_desk.administer("accessTokens/revoke", AccessTokenIds=[token_id, NOBODY])
    assert reply.json()["Message"] == "Invalid AccessTokenIds"
    assert (await caller.call("devices/getAll")).status_code == 200


async def test_every_act_is_on_record_with_who_did_what_and_when(front_desk: RunningDesk):
    _, integration_id, token_id = await newcomer(front_desk)
    await front_desk.administer("integrations/disable", IntegrationId=integration_id)
    await front_desk.administer("accessTokens/revoke", AccessTokenIds=[token_id])
    await front_desk.administer("accessTokens/revoke", AccessTokenIds=[token_id])  # changes nothing, and is no act
    records = (await front_desk.administer("auditRecords/getAll", Limitation={"Count": 5})).json()
    told = [(one["Operation"], one["Kind"], one["RecordId"]) for one in records["AuditRecords"]]
    assert told[:4] == [
        ("accessTokens/revoke", "access_tokens", token_id),
        ("integrations/disable", "integrations", integration_id),
        ("accessTokens/add", "access_tokens", token_id),
        ("integrations/add", "integrations", integration_id),
    ]
    disabling = records["AuditRecords"][1]
    assert disabling["Administrator"] == "command line"
    assert disabling["TimeUtc"] == "2026-03-01T12:00:00Z"
    assert disabling["EnterpriseId"] == HOTEL
    assert (disabling["Before"]["is_enabled"], disabling["After"]["is_enabled"]) == (True, False)


async def test_what_belongs_to_what_is_on_record_too(front_desk: RunningDesk):
    _, integration_id, _ = await newcomer(front_desk, DeviceIds=[PRINTER])
    portfolio = {"Id": NOBODY, "Name": "Both", "EnterpriseIds": [HOTEL, SISTER_HOTEL]}
    for _ in range(2):  # the second time nothing is new
        await front_desk.administer("portfolios/set", Portfolios=[portfolio])
    records = (await front_desk.administer("auditRecords/getAll", **PAGE)).json()["AuditRecords"]
    told = [(one["Kind"], one["RecordId"], one["EnterpriseId"], one["After"]) for one in records]
    assert told[:3] == [
        ("portfolio_members", NOBODY, SISTER_HOTEL, {"enterprise_id": SISTER_HOTEL}),
        ("portfolio_members", NOBODY, HOTEL, {"enterprise_id": HOTEL}),
        ("portfolios", NOBODY, None, {"name": "Both"}),
    ]
    assert ("device_connections", integration_id, None, {"device_id": PRINTER}) in told


async def test_the_record_comes_in_pages_newest_first(front_desk: RunningDesk):
    for _ in range(3):
        await front_desk.administer("integrations/disable", IntegrationId=AGENT_INTEGRATION)
        await front_desk.administer("integrations/enable", IntegrationId=AGENT_INTEGRATION)
    numbers, cursor = [], None
    while True:
        page = (await front_desk.administer("auditRecords/getAll", Limitation={"Count": 4, "Cursor": cursor})).json()
        if (cursor := page["Cursor"]) is None:
            break
        numbers += [one["Number"] for one in page["AuditRecords"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 6
    assert (
        await front_desk.administer("auditRecords/getAll", Limitation={"Count": 4, "Cursor": "x"})
    ).status_code == 400
