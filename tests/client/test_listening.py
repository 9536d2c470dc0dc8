"""The stream of events, at the server that is not ours and at ours, over connections that break."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, TypeVar

import pytest

from nightporter.client import Client, Connection, NotRecognised, Patience, Refused
from nightporter.domain.command import CommandState
from tests.client.conftest import SWEEP, Waits
from tests.client.peer import ACCESS_TOKEN, CLIENT_TOKEN, Peer, command, command_id, listening
from tests.harness import RunningDesk

T = TypeVar("T")
DEADLINE = 10.0
PDF = b"%PDF-1.7\n%%EOF\n"
PRINTER_ID = "d117866d-78de-4459-9077-42d7ea0120e3"


async def following(stream: Any) -> Any:
    """The next item; a test that would wait for ever fails instead."""
    return await asyncio.wait_for(anext(stream), DEADLINE)


async def heard(stream: Any) -> tuple[int, str]:
    event = await following(stream)
    return int(event.id[-12:], 16), event.state.value


async def test_it_tells_what_waits_and_then_what_comes(client: Client, peer: Peer) -> None:
    peer.commands += [command(1), command(2, "Received"), command(3, "Processing")]
    async with aclosing(client.listen()) as events:
        assert [await heard(events), await heard(events)] == [(1, "Pending"), (2, "Received")]
        await peer.push_state(3, "Processed")
        assert await heard(events) == (3, "Processed")
    path, cookie = peer.upgrades[0]
    assert path == "/ws/connector?cursor="
    assert cookie == f"ClientToken={CLIENT_TOKEN}; AccessToken={ACCESS_TOKEN}"


async def test_after_a_broken_connection_it_reads_the_queue_again(client: Client, peer: Peer, waits: Waits) -> None:
    told: list[Connection] = []
    async with aclosing(client.listen(told.append)) as events:
        peer.commands.append(command(1))
        assert await heard(events) == (1, "Pending")
        await peer.drop()
        peer.commands[0]["State"] = "Processed"
        peer.commands.append(command(2))
        assert await heard(events) == (2, "Pending"), "its event was never sent"
    assert [one.is_open for one in told] == [True, False, True]
    assert told[1].reason == "the connection broke"
    assert waits.waited == [told[1].delay] == [0.375]


async def test_delays_grow_while_connections_do_not_last(client: Client, peer: Peer, waits: Waits) -> None:
    peer.upgrades_refused += [(503, "not now")] * 8
    peer.commands.append(command(1))
    async with aclosing(client.listen()) as events:
        assert await heard(events) == (1, "Pending")
    assert waits.waited == [0.375, 0.75, 1.5, 3.0, 6.0, 12.0, 22.5, 22.5]


async def test_a_connection_that_lasted_makes_the_next_delay_short(client: Client, peer: Peer, waits: Waits) -> None:
    peer.upgrades_refused += [(503, "not now")] * 3
    peer.commands.append(command(1))
    async with aclosing(client.listen()) as events:
        await heard(events)
        waits.elapsed += 11
        await peer.drop()
        await heard(events)
        await peer.drop()
        await heard(events)
    assert waits.waited == [0.375, 0.75, 1.5, 0.375, 0.75]


async def test_tokens_that_are_refused_end_it(client: Client, peer: Peer) -> None:
    peer.upgrades_refused.append((401, "Invalid AccessToken"))
    with pytest.raises(NotRecognised) as raised:
        await following(client.listen())
    assert (raised.value.message, raised.value.request_id) == ("Invalid AccessToken", "r-1")


async def test_tokens_that_are_revoked_end_it_later_too(client: Client, peer: Peer) -> None:
    peer.commands.append(command(1))
    async with aclosing(client.listen()) as events:
        await heard(events)
        peer.upgrades_refused.append((401, "Invalid AccessToken"))
        for socket in tuple(peer.sockets):
            await socket.close(1008, "revoked")
        with pytest.raises(NotRecognised):
            await following(events)


async def test_a_first_connection_that_is_refused_ends_it(client: Client, peer: Peer) -> None:
    peer.upgrades_refused.append((404, "There is nothing here"))
    with pytest.raises(Refused) as raised:
        await following(client.listen())
    assert raised.value.status == 404


async def test_a_later_one_is_tried_again(client: Client, peer: Peer, waits: Waits) -> None:
    peer.commands.append(command(1))
    async with aclosing(client.listen()) as events:
        await heard(events)
        peer.upgrades_refused += [(404, "the gateway is being changed"), (403, "so it is")]
        await peer.drop()
        assert await heard(events) == (1, "Pending")
    assert len(waits.waited) == 3


async def test_a_server_that_refuses_the_parameter_is_asked_without(client: Client, peer: Peer) -> None:
    peer.upgrades_refused.append((400, "what is a cursor"))
    peer.commands.append(command(1))
    async with aclosing(client.listen()) as events:
        assert await heard(events) == (1, "Pending")
    assert peer.upgrades[-1][0] == "/ws/connector"


@pytest.mark.parametrize(
    "noise",
    [
        {"Type": "Reservation", "Id": command_id(9), "State": "Started", "StartUtc": "2026-03-01T12:00:00Z"},
        {"Type": "PriceUpdate", "Id": command_id(9)},
        {"Type": "DeviceCommand", "Id": command_id(9), "State": "Melted"},
        '{"Events":[]}',
        '{"Events":null}',
        "good morning",
        "[" * 3000,
    ],
)
async def test_what_it_does_not_know_is_passed_over(client: Client, peer: Peer, noise: Any) -> None:
    peer.commands.append(command(1))
    async with aclosing(client.listen()) as events:
        await heard(events)
        await peer.push(noise)
        await peer.push_state(2, "Pending")
        assert await heard(events) == (2, "Pending")
    assert len(peer.upgrades) == 1


async def test_many_events_in_one_message(client: Client, peer: Peer) -> None:
    peer.commands.append(command(1))
    async with aclosing(client.listen()) as events:
        await heard(events)
        await peer.push(*({"Type": "DeviceCommand", "Id": command_id(n), "State": "Pending"} for n in range(5)))
        assert [(await heard(events))[0] for _ in range(5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("number", [9, 10, 11, 35])
async def test_a_long_queue_is_read_in_pages_oldest_first(client: Client, peer: Peer, number: int) -> None:
    peer.commands += [command(n) for n in range(number)]
    async with aclosing(client.listen()) as events:
        assert [(await heard(events))[0] for _ in range(number)] == list(range(number))
    counts = [one.fields["Limitation"]["Count"] for one in peer.asked]
    assert counts == [10, 20, 40][: len(counts)]


@pytest.mark.parametrize("behaviour", [{"pages_the_queue": False}, {"refuses_limitation": True}])
async def test_a_server_whose_queue_has_no_pages(client: Client, peer: Peer, behaviour: dict[str, bool]) -> None:
    for name, value in behaviour.items():
        setattr(peer, name, value)
    peer.commands += [command(n) for n in range(25)]
    async with aclosing(client.listen()) as events:
        assert [(await heard(events))[0] for _ in range(25)] == list(range(25))


async def test_a_portfolio_token_hears_events_though_the_queue_is_closed_to_it(
    client: Client, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.script.append((401, {}, {"Message": "not with a portfolio", "RequestId": "r", "Details": None}))
    async with aclosing(client.listen()) as events:
        event = asyncio.ensure_future(anext(events))
        await asyncio.wait_for(peer.is_heard(1), DEADLINE)
        await peer.push_state(4, "Pending")
        assert (await asyncio.wait_for(event, DEADLINE)).id == command_id(4)
    assert "not with a portfolio" in caplog.text


async def test_the_handshake_is_never_logged(client: Client, peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    peer.commands.append(command(1))
    async with aclosing(client.listen()) as events:
        await heard(events)
    own = [record for record in caplog.records if record.name != "websockets.server"]
    assert not any(ACCESS_TOKEN in record.getMessage() for record in own)


# At ours


class Relay:
    """Stands between a client and a desk, writes down what is asked for and breaks connections when told."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.asked: list[str] = []
        self.broken = asyncio.Event()
        self.loses: str | None = None
        """The end of a path: the next answer from there is lost."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        ends = [
            asyncio.ensure_future(self._forward(reader, back)),
            asyncio.ensure_future(self._back(there, writer)),
            asyncio.ensure_future(self.broken.wait()),
        ]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for one in ends:
            one.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        writer.transport.abort()
        back.close()
        with suppress(ConnectionError):
            await back.wait_closed()

    async def _forward(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            if piece.startswith((b"POST ", b"GET ")):
                self.asked.append(piece.split(b" ", 2)[1].decode())
            back.write(piece)
            await back.drain()

    async def _back(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await there.read(65536):
            if self.loses and self.asked[-1].endswith(self.loses):
                self.loses = None
                return
            writer.write(piece)
            await writer.drain()

    def cut(self) -> None:
        self.broken.set()
        self.broken = asyncio.Event()

    def sockets(self) -> list[str]:
        return [path for path in self.asked if path.startswith("/ws/")]


@asynccontextmanager
async def relayed(desk: RunningDesk, waits: Waits) -> AsyncIterator[tuple[Client, Relay]]:
    relay = Relay(int(desk.address.rsplit(":", 1)[1]))
    async with (
        listening(relay.talk) as address,
        Client(
            address,
            desk.client_token,
            desk.access_token,
            patience=Patience(sweep=SWEEP, look=SWEEP),
            means=waits.means(),
        ) as client,
    ):
        yield client, relay


async def test_it_resumes_by_cursor_and_misses_nothing(desk: RunningDesk, waits: Waits) -> None:
    async with relayed(desk, waits) as (client, relay), aclosing(client.listen()) as events:
        waiting = (await desk.call("commands/getAllActive")).json()["Commands"]
        assert [(await following(events)).id for _ in waiting] == [one["Id"] for one in reversed(waiting)]
        first = await client.add_printer(PRINTER_ID, PDF)
        assert (await following(events)).id == first
        relay.cut()
        missed = [await client.add_printer(PRINTER_ID, PDF) for _ in range(3)]
        await client.update(missed[0], CommandState.PROCESSED)
        told = [(await following(events)) for _ in range(4)]
        assert [(one.id, one.state) for one in told] == [
            *((one, CommandState.PENDING) for one in missed),
            (missed[0], CommandState.PROCESSED),
        ], "each once, in order, the finished one too"
        assert relay.sockets()[0] == "/ws/connector?cursor="
        assert relay.sockets()[-1].removeprefix("/ws/connector?cursor=").isdigit()
        assert relay.asked.count("/api/connector/v1/commands/getAllActive") == 1, "no need to read the queue again"


async def test_a_cursor_that_is_refused_makes_it_read_the_queue(
    desk: RunningDesk, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with relayed(desk, waits) as (client, relay), aclosing(client.listen()) as events:
        for _ in (await desk.call("commands/getAllActive")).json()["Commands"]:
            await following(events)
        first = await client.add_printer(PRINTER_ID, PDF)
        assert (await following(events)).id == first
        # As after a restore from a backup: the desk has never numbered so far.
        with monkeypatch.context() as patched:
            patched.setattr("nightporter.client.socket.quote", lambda cursor: cursor and "999999999")
            relay.cut()
            second = await client.add_printer(PRINTER_ID, PDF)
            told: list[str] = []
            while second not in told:
                told.append((await following(events)).id)
        assert first in told, "the whole queue is told again"
        assert relay.sockets()[-2:] == ["/ws/connector?cursor=999999999", "/ws/connector?cursor="]


async def test_an_adder_repeats_itself_where_cursors_have_shown_that_keys_are_known(
    desk: RunningDesk, waits: Waits
) -> None:
    async with relayed(desk, waits) as (client, relay):
        async with aclosing(client.listen()) as events:
            await following(events)
            first = await client.add_printer(PRINTER_ID, PDF)
            while (await following(events)).id != first:
                pass
        relay.cut()
        relay.asked.clear()
        relay.loses = "addPrinter"
        before = await queue(desk)
        second = await client.add_printer(PRINTER_ID, PDF)
        assert await queue(desk) == [second, *before], "added once, though asked for twice"
        assert relay.asked.count("/api/connector/v1/commands/addPrinter") == 2
        assert "/openapi.json" not in relay.asked


async def test_an_adder_asks_what_the_server_knows_before_it_repeats_itself(desk: RunningDesk, waits: Waits) -> None:
    async with relayed(desk, waits) as (client, relay):
        relay.loses = "addPrinter"
        before = await queue(desk)
        second = await client.add_printer(PRINTER_ID, PDF)
        assert await queue(desk) == [second, *before], "added once, though asked for twice"
        assert relay.asked.count("/openapi.json") == 1


async def queue(desk: RunningDesk) -> list[str]:
    return [one["Id"] for one in (await desk.call("commands/getAllActive")).json()["Commands"]]
