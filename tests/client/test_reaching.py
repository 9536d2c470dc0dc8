"""How a server is reached, by a proxy where there is one, and what is told when it is not; real connections."""

import asyncio
import socket
from base64 import b64encode
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from nightporter.client import Client, ClientError, Connection, Patience, Refused, Uncertain, Unreachable
from tests.client.conftest import Waits
from tests.client.peer import ACCESS_TOKEN, CLIENT_TOKEN, PRINTER, Peer, listening

ONCE = Patience(tries=1, silence=0.2)
AWAY = "http://desk.example"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def refusing() -> str:
    """An address where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


async def told(address: str) -> str:
    async with Client(address, CLIENT_TOKEN, ACCESS_TOKEN, patience=ONCE) as client:
        with pytest.raises(Unreachable) as raised:
            await client.get_devices()
    return str(raised.value)


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def babbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    await reader.readuntil(b"\r\n\r\n")


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    await reader.read()


async def test_an_address_where_nobody_listens_is_told() -> None:
    address = refusing()
    assert await told(address) == f"{address} cannot be reached: Connection refused"


async def test_a_name_that_nobody_has_is_told() -> None:
    assert (await told("http://desk.invalid")).startswith("http://desk.invalid cannot be reached: ")


@pytest.mark.parametrize(
    ("talk", "why"),
    [(hangs_up, "Server disconnected"), (babbles, "what answers there does not speak HTTP"), (says_nothing, "Timeout")],
)
async def test_what_did_not_answer_is_told(talk: object, why: str) -> None:
    async with listening(talk) as address:  # type: ignore[arg-type]  # as they are listed
        assert (await told(address)).startswith(f"{address} did not answer: {why}")


async def test_a_server_elsewhere_is_asked_through_the_proxy(
    peer: Peer, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", peer.address)
    async with Client(AWAY, CLIENT_TOKEN, ACCESS_TOKEN, means=waits.means()) as client:
        with pytest.raises(Refused, match="There is nothing here"):
            await client.get_devices()
    assert [one.operation for one in peer.asked] == [f"{AWAY}/api/connector/v1/devices/getAll"]


async def test_a_server_of_this_machine_is_asked_without_it(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", refusing())
    async with Client(peer.address, CLIENT_TOKEN, ACCESS_TOKEN) as client:
        assert len(await client.get_devices()) == 2


async def test_an_addition_that_never_left_is_not_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", refusing())
    async with Client(AWAY, CLIENT_TOKEN, ACCESS_TOKEN, patience=ONCE, takes_keys=False) as client:
        with pytest.raises(Unreachable, match="cannot be reached: the proxy at "):
            await client.add_printer(PRINTER["Id"], b"%PDF-1.7", 1)


async def test_one_whose_answer_was_lost_is() -> None:
    async with (
        listening(hangs_up) as address,
        Client(address, CLIENT_TOKEN, ACCESS_TOKEN, patience=ONCE, takes_keys=False) as client,
    ):
        with pytest.raises(Uncertain):
            await client.add_printer(PRINTER["Id"], b"%PDF-1.7", 1)


async def test_what_comes_unasked_is_nobodys_answer() -> None:
    devices, connections = b'{"Devices": []}', 0
    heard = asyncio.Event()

    async def gives_up_waiting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(devices), devices))
        await heard.wait()
        if connections == 1:
            writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            await reader.read()

    async with listening(gives_up_waiting) as address, Client(address, CLIENT_TOKEN, ACCESS_TOKEN) as client:
        assert await client.get_devices() == []
        heard.set()
        async with asyncio.timeout(5):
            while not any(one.should_close for one in pooled(client)):  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0)
        assert await client.get_devices() == []
    assert connections == 2


def pooled(client: Client) -> list[Any]:
    """The connections of a client that wait for a call."""
    session = client._calls._http
    assert session is not None
    assert session.connector is not None
    return [protocol for kept in session.connector._conns.values() for protocol, _ in kept]


@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://user:S3CR3T@127.0.0.1:1",
        "https://user:S3CR3T@127.0.0.1:1",
        "http://user:S3#CR3T@127.0.0.1:1",
        "http://user:S3CR3T@127.0.0.1:99999",
        "http://user:S3CR3T@[::1",
        "http://us%3Aer:S3CR3T@127.0.0.1:1",
        "user:S3CR3T\N{EURO SIGN}@127.0.0.1:1",
        "user:S3CR3T@a..b:1",
        "http://user:S3CR3T@127.0.0.1:1/path",
    ],
)
@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_a_proxy_of_another_kind_is_told_without_its_login(
    monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str
) -> None:
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(
        ValueError, match="The proxy that this computer is set to ask for http is not one of HTTP"
    ) as raised:
        Client(AWAY, CLIENT_TOKEN, ACCESS_TOKEN)
    assert "CR3T" not in str(raised.value)
    monkeypatch.setenv("no_proxy", "desk.example")
    Client(AWAY, CLIENT_TOKEN, ACCESS_TOKEN)


async def test_a_login_goes_to_the_proxy_and_not_into_what_is_told(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", peer.address.replace("http://", "user:S3:CR3T@"))
    async with Client(AWAY, CLIENT_TOKEN, ACCESS_TOKEN) as client:
        with pytest.raises(Refused):
            await client.get_devices()
    assert peer.asked[0].headers["proxy-authorization"] == f"basic {b64encode(b'user:S3:CR3T').decode()}".lower()
    monkeypatch.setenv("http_proxy", refusing().replace("http://", "user:S3CR3T@"))
    reasons: list[str] = []
    async with Client(AWAY, CLIENT_TOKEN, ACCESS_TOKEN, patience=Patience(tries=1, first_delay=0.01)) as client:
        with pytest.raises(Unreachable) as raised:
            await client.get_devices()
        stopped = asyncio.Event()

        def saw(connection: Connection) -> None:
            reasons.append(connection.reason)
            stopped.set()

        async with aclosing(client.listen(saw)) as events:
            listening = asyncio.ensure_future(anext(events))
            await asyncio.wait_for(stopped.wait(), 10)
            listening.cancel()
            await asyncio.wait({listening})
    assert "S3CR3T" not in f"{raised.value} {reasons}"


@pytest.mark.parametrize("name", ["hotel..example", f"{'x' * 64}.example"])
def test_a_name_that_there_cannot_be_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="is not an address"):
        Client(f"http://{name}", CLIENT_TOKEN, ACCESS_TOKEN)


async def test_a_client_that_is_closed_asks_nothing_more(peer: Peer) -> None:
    client = Client(peer.address, CLIENT_TOKEN, ACCESS_TOKEN)
    await client.close()
    with pytest.raises(ClientError, match="closed"):
        await client.get_devices()


@pytest.mark.parametrize("date", ["Sun, 01 Mar 99999999999 12:00:00 GMT", "Sun, 01 Mar 2026 12:00:00 +99999999999"])
async def test_a_date_without_sense_is_as_good_as_none(client: Client, peer: Peer, date: str) -> None:
    peer.script.append((200, {"Date": date}, {"Devices": []}))
    assert await client.get_devices() == []


async def test_a_proxy_without_a_scheme_is_one_of_http(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", peer.address.removeprefix("http://"))
    async with Client(AWAY, CLIENT_TOKEN, ACCESS_TOKEN) as client:
        with pytest.raises(Refused):
            await client.get_devices()
    assert len(peer.asked) == 1


async def test_what_netrc_has_for_the_server_is_not_sent(
    peer: Peer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine desk.example login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", peer.address)
    async with Client(AWAY, CLIENT_TOKEN, ACCESS_TOKEN) as client:
        with pytest.raises(Refused):
            await client.get_devices()
    assert "authorization" not in peer.asked[0].headers
