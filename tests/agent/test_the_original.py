"""The agent and a server that is not ours: without cursors, Executor and Result."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nightporter.agent.agent import Agent
from nightporter.agent.status import status
from tests.agent.bell import Bell
from tests.agent.conftest import BELL, Property, until
from tests.client.peer import ACCESS_TOKEN, CLIENT_TOKEN, DROP, LOSE, Peer, command, command_id, running_peer
from tests.harness import Clock


def at(peer: Peer, folder: Path) -> Property:
    """A property whose platform is ``peer``."""
    desk: Any = SimpleNamespace(address=peer.address, clock=Clock())
    one = Property(desk, folder)
    one.path.write_text(
        f'[platform]\naddress = "{peer.address}"\nsocket_address = "{peer.socket_address}"\n'
        f'client_token = "{CLIENT_TOKEN}"\naccess_token = "{ACCESS_TOKEN}"\n{BELL}'
    )
    return one


def updates(peer: Peer) -> list[str]:
    return [one.fields["State"] for one in peer.asked if one.operation == "commands/update"]


async def through(agent: Agent, place: Property, count: int) -> None:
    await until(lambda: len(status(place.folder / "agent-state", 100).recent) == count)


async def test_what_waits_and_what_comes_is_carried_out_once(tmp_path: Path, bell: Bell) -> None:
    async with running_peer() as peer:
        peer.commands = [command(1), command(2)]
        place = at(peer, tmp_path)
        async with place.agent() as agent:
            await through(agent, place, 2)
            peer.commands.append(command(3))
            for _ in range(3):
                await peer.push_state(3, "Pending")
            await through(agent, place, 3)
    assert bell.began == [command_id(1), command_id(2), command_id(3)]
    assert {one["State"] for one in peer.commands} == {"Processed"}


async def test_an_event_that_never_came_is_made_up_for_after_the_next_connection(tmp_path: Path, bell: Bell) -> None:
    async with running_peer() as peer:
        place = at(peer, tmp_path)
        async with place.agent() as agent:
            await peer.is_heard(1)
            peer.commands.append(command(1))
            await peer.drop()
            await through(agent, place, 1)
    assert len(bell.rung) == 1


async def test_what_was_called_off_while_nobody_listened_is_called_off(tmp_path: Path, bell: Bell) -> None:
    async with running_peer() as peer:
        peer.commands = [command(1)]
        bell.script.append("hang")
        place = at(peer, tmp_path)
        async with place.agent() as agent:
            await bell.reached.wait()
            peer.find(command_id(1))["State"] = "Cancelled"
            await peer.drop()
            await through(agent, place, 1)
    assert bell.rung == []


@pytest.mark.parametrize("fault", [DROP, LOSE])
async def test_a_report_whose_answer_is_lost_is_told_again(tmp_path: Path, bell: Bell, fault: str) -> None:
    async with running_peer() as peer:
        peer.commands = [command(1)]
        bell.script.append("hang")
        place = at(peer, tmp_path)
        async with place.agent() as agent:
            await bell.reached.wait()
            peer.script.extend([fault] * 2)
            bell.go.set()
            await through(agent, place, 1)
    assert (len(bell.rung), peer.commands[0]["State"]) == (1, "Processed")


async def test_what_ended_before_the_agent_was_struck_down_is_not_done_again(tmp_path: Path, bell: Bell) -> None:
    async with running_peer() as peer:
        peer.commands = [command(1)]
        bell.script.append("hang after")
        place = at(peer, tmp_path)
        async with place.agent():
            await bell.reached.wait()
        peer.commands[0]["State"] = "Received"  # a server that offers it again, whatever it was told
        async with place.agent() as agent:
            await through(agent, place, 1)
    assert len(bell.rung) == 1
    assert updates(peer)[-1] == "Processed"
