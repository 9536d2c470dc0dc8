"""The socket (contract 5), and resuming by cursor (beyond the contract: "Gap-free push")."""

import asyncio
import json
from typing import Any

import pytest
import websockets

from tests.contract.hotel import (
    AGENT,
    AGENT_INTEGRATION,
    CHAIN,
    CLIENT_TOKEN,
    CLOSED,
    CUTTER,
    DARK,
    FISCAL,
    FOREIGN_PRINTER,
    GONE,
    HOTEL,
    KIOSK,
    KIOSK_INTEGRATION,
    OF_HOTEL,
    PARTNER,
    PARTNER_CLIENT_TOKEN,
    PLAIN_PRINTER,
    PRINTER,
    SISTER_HOTEL,
    SISTER_PRINTER,
    SPARE,
    SPARE_INTEGRATION,
    SPARE_PRINTER,
    command,
    fiscal_command,
    integration,
    load,
    move,
    print_page,
    refused,
)
from tests.harness import RunningDesk, sql

PATIENCE = 20
PRELOADED = 5
"""How many commands of the hotel's property file an agent hears of when it resumes from the beginning."""


async def message(socket: Any) -> dict[str, Any]:
    """The next message, in the shape that the contract and the extension give it."""
    async with asyncio.timeout(PATIENCE):
        text = await socket.recv()
    assert isinstance(text, str), "a text frame"
    told = json.loads(text)
    assert set(told) == {"Events", "Cursor"}
    assert told["Cursor"].isdecimal()
    for event in told["Events"]:
        assert set(event) == {"Type", "Id", "State"}
        assert event["Type"] == "DeviceCommand"
    return dict(told)


async def event(socket: Any) -> tuple[str, str]:
    """The next event, which comes alone (D91): the command and its state."""
    (told,) = (await message(socket))["Events"]
    return told["Id"], told["State"]


async def closing(socket: Any) -> int:
    """The code with which the desk closes the socket; no message comes before."""
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    return int(closed.value.rcvd.code)


def connect(desk: RunningDesk, cookie: str | None, path: str = "/ws/connector") -> Any:
    headers = {} if cookie is None else {"Cookie": cookie}
    return websockets.connect(desk.address.replace("http", "ws") + path, additional_headers=headers)


async def upgrade_refused(connection: Any, status: int, message: str | None) -> None:
    """The upgrade request is answered with this refusal, with the error body and the header."""
    with pytest.raises(websockets.InvalidStatus) as refusal:
        async with connection:
            pass
    response = refusal.value.response
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    told = json.loads(response.body)
    assert set(told) == {"Message", "RequestId", "Details"}
    assert told["RequestId"] == response.headers["Request-Id"]
    if message is not None:
        assert told["Message"] == message


# Credentials


@pytest.mark.parametrize(
    "cookie",
    [
        f"ClientToken={CLIENT_TOKEN}; AccessToken={AGENT}",
        f"AccessToken={AGENT}; ClientToken={CLIENT_TOKEN}",
        f"AccessToken={AGENT};ClientToken={CLIENT_TOKEN}",
        f"theme=dark; AccessToken={AGENT}; ClientToken={CLIENT_TOKEN}; _ga=GA1.2.3",
        f'prefs={{"a":1}}; AccessToken={AGENT}; a[b]=c; ClientToken={CLIENT_TOKEN}; d e=f; =; x',
        f"caf\u00e9=au lait; AccessToken={AGENT}; ClientToken={CLIENT_TOKEN}",
    ],
)
async def test_cookies_in_any_order_among_others(agent: RunningDesk, cookie: str) -> None:
    """Contract 5, credentials."""
    async with connect(agent, cookie) as socket:
        command_id = await print_page(agent)
        assert await event(socket) == (command_id, "Pending")


@pytest.mark.parametrize(
    ("cookie", "told"),
    [
        (None, "Invalid ClientToken"),
        ("", "Invalid ClientToken"),
        (f"AccessToken={AGENT}", "Invalid ClientToken"),
        (f"ClientToken={CLIENT_TOKEN}", "Invalid AccessToken"),
        (f"ClientToken=; AccessToken={AGENT}", "Invalid ClientToken"),
        (f"ClientToken={CLIENT_TOKEN}; AccessToken=", "Invalid AccessToken"),
        (f"clienttoken={CLIENT_TOKEN}; accesstoken={AGENT}", "Invalid ClientToken"),
        (f"ClientToken={CLIENT_TOKEN}; AccessToken=unknown", "Invalid AccessToken"),
        (f"ClientToken=unknown; AccessToken={AGENT}", "Invalid ClientToken"),
        (f"ClientToken={PARTNER_CLIENT_TOKEN}; AccessToken={AGENT}", "Invalid AccessToken"),
        (f"ClientToken={CLIENT_TOKEN}; AccessToken={PARTNER}", "Invalid AccessToken"),
        (f"ClientToken={CLIENT_TOKEN}; AccessToken={GONE}", "Invalid AccessToken"),
        (f"ClientToken={CLIENT_TOKEN}; AccessToken={CLOSED}", "Invalid AccessToken"),
        (f"ClientToken={CLIENT_TOKEN}; AccessToken={DARK}", "Invalid AccessToken"),
        ("\xff\xfe=\xff; ClientToken=\xff; AccessToken=\xff", "Invalid ClientToken"),
    ],
)
async def test_401_at_the_upgrade(front_desk: RunningDesk, cookie: str | None, told: str) -> None:
    """D90."""
    await upgrade_refused(connect(front_desk, cookie), 401, told)


async def test_credentials_in_the_url_are_none(front_desk: RunningDesk) -> None:
    """V45. Cookies only; neither the query string nor a header nor a body."""
    query = f"?ClientToken={CLIENT_TOKEN}&AccessToken={AGENT}"
    await upgrade_refused(connect(front_desk, None, "/ws/connector" + query), 401, "Invalid ClientToken")


@pytest.mark.parametrize("path", ["/ws/connector/", "/ws/Connector", "/ws", "/", "/ws/connector/x", "/ws%2Fconnector"])
async def test_the_address_is_exact(front_desk: RunningDesk, path: str) -> None:
    cookie = f"ClientToken={CLIENT_TOKEN}; AccessToken={AGENT}"
    await upgrade_refused(connect(front_desk, cookie, path), 404, None)


async def test_the_address_without_an_upgrade(front_desk: RunningDesk) -> None:
    response = await front_desk.http.get("/ws/connector")
    refused(response, 404)


async def test_the_accepted_upgrade_carries_a_request_id(agent: RunningDesk) -> None:
    """D21."""
    async with agent.socket() as socket:
        assert len(socket.response.headers["Request-Id"]) == 36


# Events


async def test_rule_1_one_event_for_each_effective_change(agent: RunningDesk) -> None:
    """5 rule 1. D91. The state is the one that the change wrote; each event comes alone."""
    async with agent.socket() as socket:
        command_id = await print_page(agent)
        await move(agent, command_id, "Received", "Received", "Processing", "Processing", "Error", "Error")
        states = [await event(socket) for _ in range(5)]
        assert states == [(command_id, state) for state in ("Pending", "Received", "Processing", "Processing", "Error")]
        assert await event_of_a_marker(agent, socket)


async def event_of_a_marker(desk: RunningDesk, socket: Any, printer: str = PRINTER, **fields: Any) -> bool:
    """Nothing else is on its way: the next event is that of a command added now."""
    marker = await print_page(desk, printer, **fields)
    return await event(socket) == (marker, "Pending")


async def test_rule_2_what_is_told_can_be_read(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """5 rule 2. D88. Whoever hears of a command finds it by id in the state that was told."""
    async with agent.socket() as socket:
        adding = [asyncio.create_task(print_page(kiosk)) for _ in range(20)]
        for _ in adding:
            command_id, state = await event(socket)
            assert (await command(agent, command_id))["State"] == state
        await asyncio.gather(*adding)


async def test_rule_3_the_order_of_the_changes(agent: RunningDesk) -> None:
    """5 rule 3. D88. Of each command, whatever happens to others at the same time."""
    states = ("Received", "Processing", "Processed")

    async def live() -> str:
        command_id = await print_page(agent)
        await move(agent, command_id, *states)
        return command_id

    async with agent.socket() as socket:
        ids = await asyncio.gather(*(live() for _ in range(15)))
        heard: dict[str, list[str]] = {}
        cursors = []
        for _ in range(len(ids) * 4):
            told = await message(socket)
            cursors.append(int(told["Cursor"]))
            for one in told["Events"]:
                heard.setdefault(one["Id"], []).append(one["State"])
    assert heard == {command_id: ["Pending", *states] for command_id in ids}
    assert cursors == sorted(set(cursors)), "cursors only grow"


async def test_rule_4_no_history_without_a_cursor(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """5 rule 4. And no empty message to begin with."""
    await print_page(kiosk)
    async with agent.socket() as socket:
        assert await event_of_a_marker(kiosk, socket)


async def test_rule_5_every_connection_also_the_one_that_caused_it(agent: RunningDesk) -> None:
    """5 rule 5. D89. D92."""
    async with agent.socket() as first, agent.socket() as second, agent.socket("?cursor=") as third:
        assert (await message(third))["Events"] == []
        command_id = await print_page(agent)
        await move(agent, command_id, "Processed")
        for socket in (first, second, third):
            assert await event(socket) == (command_id, "Pending")
            assert await event(socket) == (command_id, "Processed")


async def test_rule_5_the_adder_and_the_executor_hear_it(
    kiosk: RunningDesk, agent: RunningDesk, spare: RunningDesk, stranger: RunningDesk
) -> None:
    """5 rule 5. 3 rule 6. D43. Those who are neither do not."""
    async with kiosk.socket() as of_kiosk, spare.socket() as of_spare, stranger.socket() as of_stranger:
        command_id = await print_page(kiosk)
        await move(agent, command_id, "Processed")
        assert [await event(of_kiosk) for _ in range(2)] == [(command_id, "Pending"), (command_id, "Processed")]
        assert await event_of_a_marker(agent, of_spare, SPARE_PRINTER)
        assert await event_of_a_marker(stranger, of_stranger, FOREIGN_PRINTER)
        assert await event_of_a_marker(kiosk, of_kiosk), "nor does the kiosk hear of what others added"


async def test_portfolio_sockets(chain: RunningDesk, kiosk: RunningDesk, stranger: RunningDesk) -> None:
    """D93. All enterprises in scope, and no other."""
    async with connect(chain, f"ClientToken={CLIENT_TOKEN}; AccessToken={CHAIN}") as socket:
        await print_page(stranger, FOREIGN_PRINTER)
        assert await event_of_a_marker(kiosk, socket)
        assert await event_of_a_marker(chain, socket, SISTER_PRINTER, EnterpriseId=SISTER_HOTEL)


async def test_rule_6_devices_connected_later(kiosk: RunningDesk, spare: RunningDesk) -> None:
    """5 rule 6. 3 rule 8. Both overridden: a newly connected device reaches an open socket at once."""
    async with spare.socket() as socket:
        await print_page(kiosk)
        connected = [SPARE_PRINTER, PRINTER]
        await load(
            spare,
            Integrations=[
                integration(SPARE_INTEGRATION, "Spare", SPARE, EnterpriseId=HOTEL, ConnectedDeviceIds=connected)
            ],
        )
        assert await event_of_a_marker(kiosk, socket)
        assert await event_of_a_marker(kiosk, socket, SPARE_PRINTER)


def disconnect(desk: RunningDesk, device_id: str) -> None:
    """A device is taken from every integration, as an administrator would; it holds when the next facts are set."""
    sql(desk.database, "DELETE FROM device_connections WHERE device_id = ?", device_id)


async def test_rule_6_devices_taken_away(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """5 rule 6. D87."""
    async with agent.socket() as socket:
        assert await event_of_a_marker(kiosk, socket)
        disconnect(agent, PRINTER)
        await load(agent, Devices=[{"Id": CUTTER, "EnterpriseId": HOTEL, "Type": "KeyCutter", "Name": "Cutter"}])
        await print_page(kiosk)
        assert await event_of_a_marker(kiosk, socket, PLAIN_PRINTER)


async def test_rule_7_no_data(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """5 rule 7."""
    async with agent.socket() as socket:
        await print_page(kiosk)
        (told,) = (await message(socket))["Events"]
        assert set(told) == {"Type", "Id", "State"}


LOSSES: list[tuple[str, dict[str, Any]]] = [
    (
        "the integration is disabled",
        {"Integrations": [integration(AGENT_INTEGRATION, "Agent", AGENT, EnterpriseId=HOTEL, IsEnabled=False)]},
    ),
    (
        "its token is replaced",
        {"Integrations": [integration(AGENT_INTEGRATION, "Agent", "new", EnterpriseId=HOTEL)]},
    ),
    (
        "its enterprise is disabled",
        {"Enterprises": [{"Id": HOTEL, "Name": "Hotel", "AcceptedCurrencies": [], "IsEnabled": False}]},
    ),
    (
        "its client has another token",
        {"Clients": [{"Id": "00000003-0000-4000-8000-000000000001", "Name": "Client", "ClientToken": "new"}]},
    ),
]


@pytest.mark.parametrize(("why", "facts"), LOSSES, ids=[why for why, _ in LOSSES])
async def test_rule_8_whoever_loses_its_rights_is_closed(
    agent: RunningDesk, partner: RunningDesk, why: str, facts: dict[str, Any]
) -> None:
    """5 rule 8. D90. Code 1008; others stay, and a new attempt is refused with 401."""
    async with agent.socket() as lost, agent.socket("?cursor=0") as also_lost, partner.socket() as stays:
        await load(agent, **facts)
        assert await closing(lost) == 1008
        for _ in range(PRELOADED):
            await message(also_lost)
        assert await closing(also_lost) == 1008
        if "Enterprises" not in facts:
            assert await event_of_a_marker(partner, stays), why
    await upgrade_refused(agent.socket(), 401, None)


async def test_what_a_client_says_is_ignored(agent: RunningDesk) -> None:
    """D88. Text, bytes and nonsense; control frames are answered."""
    async with agent.socket() as socket:
        for said in ("hello", '{"Events": []}', b"\x00\xff", "", "x" * 100_000):
            await socket.send(said)
        async with asyncio.timeout(PATIENCE):
            await (await socket.ping(b"there?"))
        assert await event_of_a_marker(agent, socket)
        await socket.close()
        assert socket.close_code == 1000


async def test_a_client_that_vanishes_disturbs_nobody(agent: RunningDesk, kiosk: RunningDesk) -> None:
    """D89."""
    async with agent.socket() as gone, agent.socket() as stays:
        gone.transport.abort()
        for _ in range(3):
            assert await event_of_a_marker(kiosk, stays)


# Resuming by cursor


async def test_the_first_message_is_where_to_resume(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """Gap-free push: empty, with a cursor; the next messages carry the following ones."""
    async with agent.socket("?cursor=") as socket:
        first = await message(socket)
        assert first["Events"] == []
        command_id = await print_page(kiosk)
        second = await message(socket)
        assert [one["Id"] for one in second["Events"]] == [command_id]
        assert int(second["Cursor"]) > int(first["Cursor"])


async def test_what_was_missed_comes_first_and_in_order(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """Gap-free push: then the live ones, without a gap and without repetition."""
    async with agent.socket("?cursor=") as socket:
        cursor = (await message(socket))["Cursor"]
        first = await print_page(kiosk)
        await message(socket)
    missed = [(first, "Pending")]
    for state in ("Received", "Processing"):
        await move(agent, first, state)
        missed.append((first, state))
    second = await print_page(kiosk)
    await print_page(kiosk, SPARE_PRINTER)
    missed.append((second, "Pending"))
    async with agent.socket(f"?cursor={cursor}") as socket:
        assert [await event(socket) for _ in missed] == missed
        third = await event(socket)
        assert third[1] == "Pending"
        assert await event_of_a_marker(kiosk, socket)
        assert await event_of_a_marker(agent, socket)


async def test_from_every_cursor_there_is(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """Gap-free push: resuming behind any message continues with the one after it."""
    told = []
    async with agent.socket("?cursor=") as socket:
        told.append(await message(socket))
        for _ in range(6):
            await print_page(kiosk)
            told.append(await message(socket))
    for place, before in enumerate(told[:-1]):
        async with agent.socket("?cursor=" + before["Cursor"]) as socket:
            assert [await message(socket) for _ in told[place + 1 :]] == told[place + 1 :]
    async with agent.socket("?cursor=" + told[-1]["Cursor"]) as socket:
        assert await event_of_a_marker(kiosk, socket), "nothing was missed, so nothing comes first"


async def test_from_the_beginning(agent: RunningDesk) -> None:
    """Gap-free push: cursor 0 is before every event."""
    async with agent.socket("?cursor=0") as socket:
        heard = [await event(socket) for _ in range(PRELOADED)]
    assert len(set(heard)) == PRELOADED


async def test_only_what_the_listener_may_hear(kiosk: RunningDesk, spare: RunningDesk, stranger: RunningDesk) -> None:
    """Gap-free push. D43. The past is told by the same rule as the present."""
    await print_page(stranger, FOREIGN_PRINTER)
    await print_page(kiosk)
    theirs = await print_page(kiosk, SPARE_PRINTER)
    own = await print_page(spare)
    async with spare.socket("?cursor=0") as socket:
        assert [await event(socket) for _ in range(2)] == [(theirs, "Pending"), (own, "Pending")]
        assert await event_of_a_marker(spare, socket)


async def test_more_than_is_read_at_a_time(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """Gap-free push: a long absence, longer than a page of events and than the queue of a listener."""
    async with agent.socket("?cursor=") as socket:
        cursor = (await message(socket))["Cursor"]
    ids = [f"00000039-0000-4000-8000-{place:012d}" for place in range(1200)]
    device = {"Id": FISCAL, "EnterpriseId": HOTEL, "Type": "FiscalMachine", "Name": "Fiscal machine"}
    await load(kiosk, Devices=[device], Commands=[fiscal_command(one, FISCAL) for one in ids])
    async with agent.socket(f"?cursor={cursor}") as socket:
        assert [(await event(socket))[0] for _ in ids] == ids
        assert await event_of_a_marker(kiosk, socket)


async def test_resuming_while_the_desk_is_busy(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """Gap-free push: what is committed between the past and the present is told once, in its place."""
    async with agent.socket("?cursor=") as witness:
        cursor = (await message(witness))["Cursor"]
        for _ in range(20):
            await print_page(kiosk)

        async def resume() -> list[dict[str, Any]]:
            async with agent.socket(f"?cursor={cursor}") as socket:
                return [await message(socket) for _ in range(80)]

        adding = [asyncio.create_task(print_page(kiosk)) for _ in range(60)]
        resumed = await asyncio.gather(*(resume() for _ in range(5)))
        await asyncio.gather(*adding)
        expected = [await message(witness) for _ in range(80)]
    assert all(told == expected for told in resumed)


@pytest.mark.parametrize(
    "cursor",
    ["x", "-1", "+1", "01", "1.0", "1e3", "%20", "0x10", "null", "9" * 18, "9" * 100, "%00", "%D9%A1", "1%0A", "None"],
)
async def test_a_malformed_or_future_cursor(agent: RunningDesk, cursor: str) -> None:
    """Gap-free push: 400 at the upgrade."""
    await upgrade_refused(agent.socket(f"?cursor={cursor}"), 400, "Invalid Cursor")


async def test_the_next_cursor_is_in_the_future(agent: RunningDesk) -> None:
    """Gap-free push: the last one is fine, one more is not."""
    async with agent.socket("?cursor=") as socket:
        last = int((await message(socket))["Cursor"])
    async with agent.socket(f"?cursor={last}"):
        pass
    await upgrade_refused(agent.socket(f"?cursor={last + 1}"), 400, "Invalid Cursor")


async def test_a_cursor_that_was_purged(agent: RunningDesk) -> None:
    """Gap-free push: where the events behind a cursor are gone, the client is told, for it would miss some."""
    for _ in range(3):
        await print_page(agent)
    sql(agent.database, "DELETE FROM events WHERE number <= 5")
    await upgrade_refused(agent.socket("?cursor=4"), 400, "Invalid Cursor")
    async with agent.socket("?cursor=5") as socket:
        assert (await message(socket))["Cursor"] == "6"


async def test_a_stranger_learns_nothing_of_cursors(front_desk: RunningDesk) -> None:
    """D15. Tokens first."""
    await upgrade_refused(connect(front_desk, None, "/ws/connector?cursor=x"), 401, "Invalid ClientToken")


async def test_other_queries_are_ignored(agent: RunningDesk) -> None:
    """D1. Only a cursor asks for a first message."""
    async with agent.socket("?Cursor=x&since=5") as socket:
        assert await event_of_a_marker(agent, socket)


async def test_the_kiosk_and_its_rights(kiosk: RunningDesk) -> None:
    """3 rule 2. Whoever is connected to nothing still hears of what it added, after a fresh connection to a device too."""
    async with kiosk.socket("?cursor=") as socket:
        cursor = (await message(socket))["Cursor"]
        own = await print_page(kiosk)
        assert await event(socket) == (own, "Pending")
        connected = integration(KIOSK_INTEGRATION, "Kiosk", KIOSK, EnterpriseId=HOTEL, ConnectedDeviceIds=OF_HOTEL)
        await load(kiosk, Integrations=[connected])
        assert await event_of_a_marker(kiosk, socket), "once, although it is adder and executor now"
        assert await event_of_a_marker(kiosk, socket)
    async with kiosk.socket(f"?cursor={cursor}") as socket:
        assert len({await event(socket) for _ in range(3)}) == 3
