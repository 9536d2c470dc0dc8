"""What is tried again, when and how often; the server is the one that is not ours, and misbehaves as told."""

import asyncio
import json
import socket
import traceback
from datetime import UTC, datetime

import pytest

from nightporter.client import (
    Blocked,
    Client,
    NotRecognised,
    Patience,
    Refused,
    TooManyRequests,
    Unavailable,
    Uncertain,
    Unreachable,
    Unreadable,
)
from nightporter.domain.command import CommandState
from tests.client.conftest import Waits
from tests.client.peer import ACCESS_TOKEN, CLIENT_TOKEN, DROP, LOSE, PRINTER, Peer, command, command_id, listening

LIMITED = (429, {"Retry-After": "7"}, {"Message": "Too many", "RequestId": "r-429", "Details": None})
DOCUMENT = json.dumps(
    {"paths": {"/api/connector/v1/commands/addPrinter": {"post": {"parameters": [{"name": "Idempotency-Key"}]}}}}
).encode()


async def test_retry_after_is_waited_for(client: Client, peer: Peer, waits: Waits) -> None:
    peer.script += [LIMITED, LIMITED]
    assert [device.name for device in await client.get_devices()] == ["Printer", "Not ours"]
    assert waits.waited == [7.0, 7.0]


async def test_an_adder_waits_too_and_keeps_its_key(client: Client, peer: Peer, waits: Waits) -> None:
    peer.script += [LIMITED, (503, {"Retry-After": "3"}, b"busy")]
    await client.add_printer(PRINTER["Id"], b"%PDF-1.7", 2)
    assert waits.waited == [7.0, 3.0]
    assert [one.headers["idempotency-key"] for one in peer.asked] == ["key-1"] * 3
    assert len(peer.commands) == 1


async def test_a_moment_to_come_back_is_read_by_the_servers_own_clock(client: Client, peer: Peer, waits: Waits) -> None:
    told = {"Date": "Sun, 01 Mar 2026 12:00:00 GMT", "Retry-After": "Sun, 01 Mar 2026 12:00:20 GMT"}
    peer.script.append((503, told, b""))
    await client.get_devices()
    assert waits.waited == [20.0]


async def test_the_servers_clock_is_known_from_its_latest_answer(client: Client, peer: Peer) -> None:
    assert client.server_time is None
    peer.script.append((200, {"Date": "Sun, 01 Mar 2026 12:00:00 GMT"}, {"Devices": []}))
    await client.get_devices()
    assert client.server_time == datetime(2026, 3, 1, 12, tzinfo=UTC)
    await client.get_devices()
    assert client.server_time is None, "it told none"


@pytest.mark.parametrize("told", ["soon", "-1", "9" * 5000, "Sun, 01 Mar 2026 12:00:20 GMT", ""])
async def test_nonsense_is_waited_for_as_if_it_were_absent(client: Client, peer: Peer, waits: Waits, told: str) -> None:
    peer.script.append((429, {"Retry-After": told}, b""))
    await client.get_devices()
    assert waits.waited == [0.375]


async def test_a_wait_that_is_too_long_is_raised_at_once(client: Client, peer: Peer, waits: Waits) -> None:
    peer.script.append((429, {"Retry-After": "61"}, b""))
    with pytest.raises(TooManyRequests) as raised:
        await client.get_devices()
    assert raised.value.retry_after == 61
    assert waits.waited == []


async def test_tries_are_bounded(client: Client, peer: Peer, waits: Waits) -> None:
    peer.script += [LIMITED] * 9
    with pytest.raises(TooManyRequests) as raised:
        await client.get_devices()
    assert (raised.value.message, raised.value.request_id) == ("Too many", "r-429")
    assert len(peer.asked) == 5
    assert len(waits.waited) == 4


async def test_delays_double(client: Client, peer: Peer, waits: Waits) -> None:
    peer.script += [DROP] * 4
    await client.get_devices()
    assert waits.waited == [0.375, 0.75, 1.5, 3.0]


async def test_a_read_whose_answer_was_lost_is_asked_again(client: Client, peer: Peer) -> None:
    peer.commands.append(command(1))
    peer.script.append(LOSE)
    await client.update(command_id(1), CommandState.RECEIVED)
    assert peer.operations() == ["commands/update"] * 2


async def test_an_adder_whose_answer_was_lost_is_not_repeated_where_keys_are_unknown(
    client: Client, peer: Peer
) -> None:
    peer.script.append(LOSE)
    with pytest.raises(Uncertain):
        await client.add_printer(PRINTER["Id"], b"%PDF-1.7")
    assert len(peer.commands) == 1, "added once, and nobody asked again"
    assert peer.operations() == ["commands/addPrinter", "/openapi.json"]


async def test_it_is_repeated_with_its_key_where_the_document_names_the_header(client: Client, peer: Peer) -> None:
    peer.document = DOCUMENT
    peer.script.append(DROP)
    await client.add_printer(PRINTER["Id"], b"%PDF-1.7")
    adders = [one for one in peer.asked if one.operation == "commands/addPrinter"]
    assert [one.headers["idempotency-key"] for one in adders] == ["key-1", "key-1"]
    peer.script.append(DROP)
    await client.add_printer(PRINTER["Id"], b"%PDF-1.7")
    assert peer.operations().count("/openapi.json") == 1, "asked once"


async def test_it_stays_uncertain_when_the_server_does_not_come_back(client: Client, peer: Peer) -> None:
    peer.script += [LOSE, DROP, DROP, DROP, DROP]
    with pytest.raises(Uncertain):
        await client.add_printer(PRINTER["Id"], b"%PDF-1.7")
    assert peer.operations().count("commands/addPrinter") == 1


async def test_an_adder_may_try_again_when_nothing_was_sent(waits: Waits) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        async with Client(address, CLIENT_TOKEN, ACCESS_TOKEN, means=waits.means()) as client:
            with pytest.raises(Unreachable) as raised:
                await client.add_printer(PRINTER["Id"], b"%PDF-1.7")
    assert not isinstance(raised.value, Uncertain)
    assert address in str(raised.value)
    assert len(waits.waited) == 4


async def test_a_gateway_without_its_server_is_asked_again_for_reading_only(
    client: Client, peer: Peer, waits: Waits
) -> None:
    peer.script.append((502, {}, b"<html>"))
    await client.get_devices()
    peer.script.append((502, {}, b"<html>"))
    with pytest.raises(Unavailable) as raised:
        await client.add_printer(PRINTER["Id"], b"%PDF-1.7")
    assert raised.value.message == "The server answered with status 502"
    assert peer.commands == []


@pytest.mark.parametrize(("status", "kind"), [(400, Refused), (401, NotRecognised), (403, Blocked), (409, Refused)])
async def test_a_refusal_is_final(client: Client, peer: Peer, waits: Waits, status: int, kind: type[Refused]) -> None:
    peer.script.append((status, {}, {"Message": "Invalid PrinterId", "RequestId": "r-7", "Details": None}))
    with pytest.raises(Refused) as raised:
        await client.get_devices()
    assert type(raised.value) is kind
    assert (raised.value.status, raised.value.message, raised.value.request_id) == (status, "Invalid PrinterId", "r-7")
    assert waits.waited == []


@pytest.mark.parametrize("body", [b"<html>hello</html>", b'{"Devices":[{}]}', b"[]", b"\xff\xfe", b"[" * 5000])
async def test_an_answer_of_something_else_is_unreadable(client: Client, peer: Peer, body: bytes) -> None:
    peer.script.append((200, {}, body))
    with pytest.raises(Unreadable):
        await client.get_devices()


async def test_a_success_may_have_no_body(client: Client, peer: Peer) -> None:
    peer.script.append((204, {}, b""))
    await client.update(command_id(1), CommandState.RECEIVED)


async def test_silence_has_an_end(waits: Waits) -> None:
    connections = []

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.read()

    async with listening(say_nothing) as address:
        patience = Patience(silence=0.05, tries=2)
        async with Client(address, CLIENT_TOKEN, ACCESS_TOKEN, patience=patience, means=waits.means()) as client:
            with pytest.raises(Unreachable):
                await client.get_devices()
    assert len(connections) == 2


async def test_no_token_in_what_is_raised_or_shown(client: Client, peer: Peer) -> None:
    peer.script += [DROP] * 9
    with pytest.raises(Unreachable) as raised:
        await client.add_printer(PRINTER["Id"], b"%PDF-1.7")
    text = "".join(traceback.format_exception(raised.value)) + repr(client)
    assert ACCESS_TOKEN not in text
    assert CLIENT_TOKEN not in text


@pytest.mark.parametrize("token", ["", "a b", "a;b", "a\nb", 'a"b', "ä", "a\tb"])
def test_a_token_that_is_none_is_told_before_it_is_sent_and_without_it(token: str) -> None:
    with pytest.raises(ValueError, match="access_token") as raised:
        Client("http://127.0.0.1:8080", CLIENT_TOKEN, token)
    assert not token or token not in str(raised.value)


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:8080", "ftp://hotel", "http://", "http://user:word@hotel", "http://hotel?x=1"]
)
def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Client(address, CLIENT_TOKEN, ACCESS_TOKEN)
