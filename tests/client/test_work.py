"""Commands as an executor gets them, and one command as whoever added it follows it."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from nightporter.client import Client, Patience, Refused
from nightporter.domain.command import CommandState
from nightporter.wire.command_data import PrinterCommandData
from tests.client.conftest import SWEEP, Waits
from tests.client.peer import ACCESS_TOKEN, CLIENT_TOKEN, DROP, ELSEWHERE, PRINTER, Peer, command, command_id
from tests.client.test_listening import DEADLINE, following


async def given(stream: Any) -> int:
    return int((await following(stream)).id[-12:], 16)


async def test_what_waits_is_given_oldest_first_with_its_data(client: Client, peer: Peer) -> None:
    peer.commands += [command(1), command(2, "Processed"), command(3, "Received")]
    async with aclosing(client.work()) as work:
        first = await following(work)
        assert isinstance(first.data, PrinterCommandData)
        assert (first.id, first.device.name, first.data.copy_count) == (command_id(1), "Printer", 1)
        assert await given(work) == 3


async def test_once_however_often_its_event_arrives(client: Client, peer: Peer) -> None:
    peer.commands.append(command(1))
    async with aclosing(client.work()) as work:
        assert await given(work) == 1
        peer.commands.append(command(2))
        for _ in range(3):
            await peer.push_state(2, "Pending")
        assert await given(work) == 2
        await peer.push_state(2, "Received")
        await peer.drop()
        peer.commands.append(command(3))
        assert await given(work) == 3, "neither again by its events nor by the queue after the reconnect"


async def test_an_event_is_only_a_hint(client: Client, peer: Peer) -> None:
    peer.commands += [command(1), command(2, "Cancelled")]
    async with aclosing(client.work()) as work:
        assert await given(work) == 1
        await peer.push_state(2, "Pending")
        await peer.push_state(77, "Pending")
        peer.commands.append(command(3))
        await peer.push_state(3, "Pending")
        assert await given(work) == 3, "2 has been cancelled meanwhile, and 77 cannot be seen"


async def test_what_it_added_for_another_executor_is_not_its_work(client: Client, peer: Peer) -> None:
    peer.commands += [command(1), command(2, device=ELSEWHERE)]
    async with aclosing(client.work()) as work:
        assert await given(work) == 1
        await peer.push_state(2, "Pending")
        peer.commands.append(command(3))
        await peer.push_state(3, "Pending")
        assert await given(work) == 3


async def test_a_device_that_is_connected_later_is_served(client: Client, peer: Peer) -> None:
    peer.commands += [command(1), command(2, device=ELSEWHERE)]
    async with aclosing(client.work()) as work:
        assert await given(work) == 1
        peer.connected.add(ELSEWHERE["Id"])
        await peer.push_state(2, "Pending")
        assert await given(work) == 2


async def test_the_queue_is_read_from_time_to_time(client: Client, peer: Peer, waits: Waits) -> None:
    peer.commands.append(command(1))
    async with aclosing(client.work()) as work:
        assert await given(work) == 1
        peer.commands.append(command(2))
        waits.sweep.set()
        assert await given(work) == 2, "no event told of it"
        idle = asyncio.ensure_future(given(work))
        for _ in range(5):
            await client.get_devices()
        peer.commands.append(command(3))
        await peer.push_state(3, "Pending")
        assert await idle == 3
    assert peer.operations().count("commands/getAllActive") == 2, "once at the start, and once when it was time"


def deaf(peer: Peer, waits: Waits, sweep: float, reached: asyncio.Event | None = None) -> Client:
    """A client whose socket is turned away, until it is ``reached``; then it is tried again."""
    peer.upgrades_refused.append((403, "what is a WebSocket?"))
    until_reached = reached or asyncio.Event()

    async def sleep(seconds: float) -> None:
        await (until_reached.wait() if seconds > SWEEP else waits.sleep(seconds))

    patience = Patience(sweep=sweep, deaf=SWEEP, first_delay=SWEEP * 1000, longest_delay=SWEEP * 1000)
    means = replace(waits.means(), sleep=sleep)
    return Client(
        peer.address, CLIENT_TOKEN, ACCESS_TOKEN, "Tests", peer.socket_address, patience=patience, means=means
    )


async def swept(waits: Waits) -> None:
    """End the wait for a sweep, once there is one."""
    await until_sweeping(waits)
    waits.is_sweeping = False
    waits.sweep.set()


async def until_sweeping(waits: Waits) -> None:
    async with asyncio.timeout(DEADLINE):
        while not waits.is_sweeping:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)


async def test_without_a_socket_one_that_cannot_be_read_is_not_fetched_each_time(peer: Peer, waits: Waits) -> None:
    strange = command(2)
    strange["Device"] = {**PRINTER, "Type": "CoffeeMachine"}
    peer.commands += [command(1), strange]
    async with deaf(peer, waits, sweep=100 * SWEEP) as client, aclosing(client.work()) as work:
        first = asyncio.ensure_future(given(work))
        await swept(waits)
        assert await first == 1
        idle = asyncio.ensure_future(given(work))
        for _ in range(3):
            await swept(waits)
        await until_sweeping(waits)
        peer.commands.append(command(3))
        await swept(waits)
        assert await idle == 3
    asked = [one.fields["CommandIds"] for one in peer.asked if one.operation == "commands/getAllByIds"]
    assert asked.count([command_id(2)]) == 1


async def test_while_the_socket_is_closed_the_queue_is_read_more_often(peer: Peer, waits: Waits) -> None:
    peer.commands.append(command(1))
    reached = asyncio.Event()
    async with deaf(peer, waits, sweep=5 * SWEEP, reached=reached) as client, aclosing(client.work()) as work:
        first = asyncio.ensure_future(given(work))
        await swept(waits)
        assert await first == 1, "no socket was open"
        peer.commands += [command(number) for number in range(11, 16)]
        more = asyncio.ensure_future(given(work))
        await swept(waits)
        assert [await more, *[await given(work) for _ in range(4)]] == [11, 12, 13, 14, 15]
        idle = asyncio.ensure_future(given(work))
        await swept(waits)
        await until_sweeping(waits)
        asked = [one.fields["Limitation"]["Count"] for one in peer.asked if one.operation == "commands/getAllActive"]
        assert asked == [10, 1, 2, 4, 1], "from the newest on until one is known: the documents come along each time"
        reached.set()
        peer.commands.append(command(2))
        assert await idle == 2, "it is open now, and told of what waits"
        peer.commands.append(command(3))
        third = asyncio.ensure_future(given(work))
        for _ in range(4):
            await swept(waits)
            await client.get_devices()
            assert not third.done(), "an open socket is trusted for longer"
        await swept(waits)
        assert await third == 3
    assert peer.operations().count("commands/getAllActive") == 5 + 2


async def test_one_that_cannot_be_read_does_not_stop_the_others(
    client: Client, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    strange = command(1)
    strange["Device"] = {**PRINTER, "Type": "CoffeeMachine"}
    peer.commands += [strange, command(2)]
    async with aclosing(client.work()) as work:
        assert await given(work) == 2
    assert command_id(1) in caplog.text


async def test_a_server_that_is_away_for_long_is_waited_for(client: Client, peer: Peer, waits: Waits) -> None:
    peer.commands.append(command(1))
    peer.script += [DROP] * 23
    async with aclosing(client.work()) as work:
        assert await given(work) == 1
    assert len(waits.waited) >= 23


async def test_what_became_of_a_command_gets_through(client: Client, peer: Peer) -> None:
    peer.commands.append(command(1))
    peer.script += [DROP] * 12 + [(503, {}, b""), (500, {}, b""), (429, {"Retry-After": "100"}, b"")]
    await client.report(command_id(1), CommandState.PROCESSED)
    assert peer.commands[0]["State"] == "Processed"


async def test_a_report_that_is_refused_is_raised(client: Client, peer: Peer) -> None:
    peer.script.append((400, {}, {"Message": "Invalid State", "RequestId": "r", "Details": None}))
    with pytest.raises(Refused):
        await client.report(command_id(1), CommandState.RECEIVED)
    assert len(peer.asked) == 1


async def test_following_a_command_to_its_end(client: Client, peer: Peer) -> None:
    peer.commands += [command(1), command(2)]
    async with aclosing(client.follow(command_id(2).upper())) as states:
        assert await following(states) == "Pending"
        for number, state in ((2, "Received"), (1, "Error"), (2, "Processing"), (2, "Processing"), (2, "Processed")):
            await peer.push_state(number, state)
        assert [state async for state in states] == ["Received", "Processing", "Processed"]


async def test_following_over_a_broken_connection(client: Client, peer: Peer) -> None:
    peer.commands.append(command(1))
    async with aclosing(client.follow(command_id(1))) as states:
        assert await following(states) == "Pending"
        await peer.drop()
        peer.commands[0]["State"] = "Error"
        assert await following(states) == "Error", "its event was never sent"


async def test_following_looks_for_itself_when_nothing_is_told(client: Client, peer: Peer, waits: Waits) -> None:
    peer.commands.append(command(1))
    async with aclosing(client.follow(command_id(1))) as states:
        assert await following(states) == "Pending"
        peer.commands[0]["State"] = "Cancelled"
        waits.sweep.set()
        assert await following(states) == "Cancelled"


async def test_following_what_cannot_be_seen(client: Client) -> None:
    async with aclosing(client.follow(command_id(9))) as states:
        with pytest.raises(LookupError):
            await asyncio.wait_for(anext(states), DEADLINE)
