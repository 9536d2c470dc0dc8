"""``nightporter agent`` as whoever sets up a front desk uses it, with a lock system and a printer made of software."""

import asyncio
import json
import re
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nightporter.agent.checking import Finding, examine
from nightporter.agent.configuration import load
from nightporter.agent.drivers.key_cutter.simulator import LockSystem
from tests.agent.bell import KINDS, Bell
from tests.agent.conftest import BELL, DEADLINE, today
from tests.cli.program import ROOT, Started, free_port, run, started
from tests.client.peer import PRINTER, Peer, running_peer
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, Clock, RunningDesk, copied

CUTTER = "7dafffff-a727-4917-a203-bd53995f21bf"
STAY = "be35b39e-ad7e-460a-8de9-4c7581e016a2"


@dataclass
class FrontDesk:
    """Where agents run as processes: a desk, a lock system, and the configuration between them."""

    desk: RunningDesk
    locks: LockSystem
    path: Path

    def write(self, more: str = "", *, token: str = ACCESS_TOKEN, device: str = CUTTER, port: int = 0) -> None:
        self.path.write_text(
            f'[platform]\naddress = "{self.desk.address}"\nclient_token = "{CLIENT_TOKEN}"\naccess_token = "{token}"\n'
            f'[machines."Key cutter"]\ndevice = "{device}"\ndriver = "industry-standard"\n'
            f'address = "127.0.0.1:{port or self.locks.port}"\n{more}'
        )

    async def cut(self) -> str:
        reply = await self.desk.call("commands/addKeyCutter", KeyCutterId=CUTTER, ReservationId=STAY, KeyCount=1)
        assert reply.status_code == 200, reply.text
        return str(reply.json()["CommandId"])

    async def state(self, command_id: str, *wanted: str) -> dict[str, Any]:
        """The command, when it is in one of these states."""
        async with asyncio.timeout(DEADLINE):
            while True:
                reply = await self.desk.call(
                    "commands/getAllByIds", CommandIds=[command_id], Extent={"Execution": True}
                )
                command: dict[str, Any] = reply.json()["Commands"][0]
                if command["State"] in wanted:
                    return command


@pytest.fixture
async def front(empty_database: Path, demo_hotel: bytes, tmp_path: Path) -> AsyncIterator[FrontDesk]:
    async with (
        today(copied(empty_database, tmp_path), demo_hotel) as desk,
        LockSystem(encoders=("Front desk",)) as locks,
    ):
        one = FrontDesk(desk, locks, tmp_path / "agent.toml")
        one.write()
        yield one


def agent(front: FrontDesk, *arguments: str) -> Any:
    return started("agent", *arguments, "--config", front.path)


async def connected(one: Started) -> None:
    await one.says("The agent for")
    await one.says('"event":"connected"')


async def test_check_says_that_all_is_well(front: FrontDesk) -> None:
    ran = await run("agent", "check", "--config", str(front.path))
    assert (ran.code, ran.err) == (0, ""), ran
    assert [line[:8] for line in ran.out.splitlines()] == ["ok      ", "ok      ", "ok      "]
    assert front.locks.effects == []


async def test_check_tells_every_problem(front: FrontDesk) -> None:
    front.write(device="d117866d-78de-4459-9077-42d7ea0120e3", port=free_port())
    ran = await run("agent", "check", "--config", str(front.path), "--json")
    assert ran.code == 1
    state, platform, machine = (json.loads(line) for line in ran.out.splitlines())
    assert state["Problems"] == platform["Problems"] == []
    assert machine["Problems"][0].startswith("The device Printer is a Printer, and the driver industry-standard is for")
    assert machine["Problems"][0].endswith("is for a KeyCutter: correct device or driver.")
    assert "cannot be reached" in machine["Problems"][1]
    assert machine["Problems"][1].endswith("see that its address and driver are right in the configuration.")


async def test_check_tells_of_a_device_that_nobody_knows_and_of_tokens_that_nobody_takes(front: FrontDesk) -> None:
    front.write(device="11111111-78de-4459-9077-42d7ea0120e3")
    ran = await run("agent", "check", "--config", str(front.path))
    assert ran.code == 1
    assert "The platform shows no device 11111111-78de-4459-9077-42d7ea0120e3" in ran.out
    front.write(token="C" * 32)
    ran = await run("agent", "check", "--config", str(front.path))
    assert ran.code == 1
    assert "401" in ran.out
    assert "Give the agent the two tokens of its integration." in " ".join(ran.out.split())
    assert "C" * 32 not in ran.out + ran.err


@dataclass
class Platform:
    """A platform of which ``agent check`` is told, without starting a process; its printer is a bell."""

    peer: Peer
    path: Path

    async def finding(self, more: str = "", date: str = "") -> Finding:
        """What is found of it, at noon, when its own clock shows ``date``."""
        return (await self.findings(more, date))[1]

    async def findings(self, more: str = "", date: str = "", address: str = "") -> list[Finding]:
        """The same of the state, of the platform, or of another ``address``, and of the machine."""
        devices = (200, {"Date": f"Sun, 01 Mar 2026 {date} GMT"} if date else {}, {"Devices": [PRINTER]})
        self.peer.script.append(devices)
        self.path.write_text(
            f'[platform]\naddress = "{address or self.peer.address}"\nsocket_address = "{self.peer.socket_address}"\n'
            f'client_token = "{CLIENT_TOKEN}"\naccess_token = "{ACCESS_TOKEN}"\n{BELL}{more}'
        )
        return [one async for one in examine(load(self.path, KINDS, "here", {}), Clock().sources())]


@pytest.fixture
async def platform(bell: Bell, tmp_path: Path) -> AsyncIterator[Platform]:
    async with running_peer() as peer:
        yield Platform(peer, tmp_path / "agent.toml")


async def test_check_connects_to_the_socket_as_the_agent_would(platform: Platform) -> None:
    found = await platform.finding()
    assert (found.problems, found.remarks) == ((), ())
    assert len(platform.peer.upgrades) == 1


async def test_check_says_that_commands_come_late_while_the_socket_cannot_be_reached(platform: Platform) -> None:
    platform.peer.upgrades_refused.append((502, "Bad gateway"))
    found = await platform.finding()
    assert found.problems == ()
    assert "Calls work, but the socket ws://" in found.remarks[0]
    assert "Bad gateway. Commands reach the machines up to 10 seconds late" in found.remarks[0]


async def test_check_says_so_of_a_socket_that_something_on_the_way_turns_away(platform: Platform) -> None:
    platform.peer.upgrades_refused.append((403, "Upgrades are not let through here"))
    found = await platform.finding()
    assert found.problems == ()
    assert "Upgrades are not let through here" in found.remarks[0]
    assert "Commands reach the machines up to 10 seconds late" in found.remarks[0]


async def test_check_says_that_no_commands_come_while_the_socket_does_not_take_the_tokens(platform: Platform) -> None:
    platform.peer.upgrades_refused.append((401, "Invalid AccessToken"))
    found = await platform.finding()
    assert "does not take the tokens: Invalid AccessToken" in found.problems[0]


async def test_check_asks_a_platform_that_is_silent_once_and_not_for_long(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightporter.agent.checking.PATIENCE", 0.2)
    platform.peer.script.append(answers := asyncio.Event())
    _, found, machine = await platform.findings()
    answers.set()
    assert found.problems == (
        f"{platform.peer.address} did not answer within 0.2 seconds. See that the address in [platform] is the platform's, "
        "and that this computer reaches it.",
    )
    assert machine.problems == ()
    assert platform.peer.operations() == ["devices/getAll"]


async def test_check_says_what_to_do_about_a_proxy_that_is_away(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    _, found, _ = await platform.findings(address="http://desk.invalid")
    assert "the proxy at 127.0.0.1" in found.problems[0]
    assert (
        "correct that in the environment (http_proxy, https_proxy), or add the platform to no_proxy"
        in found.problems[0]
    )


async def test_check_says_that_the_state_cannot_be_written(platform: Platform) -> None:
    found, _, _ = await platform.findings()
    assert (found.problems, platform.path.with_name("agent-state").exists()) == ((), False)
    platform.path.with_name("agent-state").write_text("a file in its place")
    found, _, _ = await platform.findings()
    assert (
        "cannot be written: Not a directory. Whoever runs the agent must be allowed to write there" in found.problems[0]
    )


@pytest.mark.parametrize("date", ["12:00:05", "11:59:54", "12:00:00"])
async def test_check_is_content_with_clocks_that_hardly_differ(platform: Platform, date: str) -> None:
    found = await platform.finding(date=date)
    assert (found.problems, found.remarks) == ((), ())


@pytest.mark.parametrize(("date", "told"), [("12:00:06", "6 seconds behind"), ("11:59:53", "6 seconds ahead of")])
async def test_check_tells_of_clocks_that_differ(platform: Platform, date: str, told: str) -> None:
    found = await platform.finding(date=date)
    assert found.problems == ()
    assert f"This computer's clock is {told} the platform's" in found.remarks[0]


@pytest.mark.parametrize(("date", "harm"), [("13:00:00", "begun though they are too old"), ("11:00:00", "not begun")])
async def test_clocks_that_differ_are_a_problem_where_commands_grow_too_old(
    platform: Platform, date: str, harm: str
) -> None:
    found = await platform.finding('too_old_after = "PT1H"\n', date)
    assert f"Commands are {harm}" in found.problems[0]
    assert "too_old_after: Front." in found.problems[0]


@pytest.mark.parametrize("command", ["run", "check", "status"])
async def test_a_configuration_that_is_missing_or_wrong_is_told(front: FrontDesk, command: str) -> None:
    ran = await run("agent", command, "--config", str(front.path.with_name("none.toml")))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith("none.toml cannot be read: No such file or directory\n")
    front.write("colour = 1")
    ran = await run("agent", command, "--config", str(front.path))
    assert (ran.code, ran.out) == (2, "")
    assert "colour is not known" in " ".join(ran.err.split())


@pytest.mark.parametrize("command", ["run", "check", "status"])
async def test_where_there_is_no_configuration_it_is_told_how_to_give_one(tmp_path: Path, command: str) -> None:
    async with started("agent", command, folder=tmp_path) as one:
        assert await one.ended() == 2
    assert one.err == [
        "nightporter: agent.toml cannot be read: No such file or directory; give another file with --config"
    ]


async def test_status_before_beside_and_after_an_agent(front: FrontDesk) -> None:
    ran = await run("agent", "status", "--config", str(front.path))
    assert (ran.code, ran.out) == (0, f"No agent has worked with the state in {front.path.parent / 'agent-state'}.\n")
    front.locks.asks_for_cards = True
    async with agent(front, "run") as one:
        await connected(one)
        command_id = await front.cut()
        await front.state(command_id, "Processing")
        ran = await run("agent", "status", "--config", str(front.path), "--json")
        beside = json.loads(ran.out)
        assert (beside["Running"], [entry["CommandId"] for entry in beside["Open"]]) == (True, [command_id])
        front.locks.card_is_on.set()
        await front.state(command_id, "Processed")
        one.send(signal.SIGTERM)
        assert await one.ended() == 0
    ran = await run("agent", "status", "--config", str(front.path))
    assert ran.out.startswith("The agent does not run.\n0 under way or waiting.\nThrough last:\n")
    assert re.search(rf"\d\d:\d\d Key cutter: Processed\. .+ \[{command_id}\]$", " ".join(ran.out.split()))


async def test_status_tells_in_plain_words_what_each_command_waits_for(front: FrontDesk) -> None:
    def lines(out: str) -> list[str]:
        return [" ".join(line.split()[2:]) for line in out.splitlines() if line.startswith("  ")]

    front.locks.asks_for_cards = True
    async with agent(front, "run") as one:
        await connected(one)
        first, second = await front.cut(), await front.cut()
        await front.state(second, "Received")
        async with asyncio.timeout(DEADLINE):
            while "encoder" not in (ran := await run("agent", "status", "--config", str(front.path))).out:
                pass
        assert lines(ran.out) == [
            f"Key cutter: is under way at the machine. The key: put a card on the encoder Front desk. [{first}]",
            f"Key cutter: has not begun [{second}]",
        ]


async def test_status_tells_what_an_agent_left_that_was_killed(front: FrontDesk) -> None:
    front.locks.asks_for_cards = True
    async with agent(front, "run") as one:
        await connected(one)
        command_id = await front.cut()
        await front.state(command_id, "Processing")
        async with asyncio.timeout(DEADLINE):
            while "encoder" not in (await run("agent", "status", "--config", str(front.path))).out:
                pass
        one.send(signal.SIGKILL)
        await one.ended()
    ran = await run("agent", "status", "--config", str(front.path))
    assert ran.out.startswith("The agent does not run.\n1 under way or waiting:\n")
    assert "Key cutter: was under way when the agent ended. The key: put a card" in " ".join(ran.out.split())


async def test_status_needs_no_tokens(front: FrontDesk) -> None:
    front.path.write_text(
        front.path.read_text().replace(f'client_token = "{CLIENT_TOKEN}"', 'client_token_file = "of another user"')
    )
    ran = await run("agent", "status", "--config", str(front.path))
    assert (ran.code, ran.out) == (0, f"No agent has worked with the state in {front.path.parent / 'agent-state'}.\n")
    assert (await run("agent", "check", "--config", str(front.path))).code == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_lets_it_finish_what_is_under_way(front: FrontDesk, number: signal.Signals) -> None:
    front.locks.asks_for_cards = True
    async with agent(front, "run") as one:
        await connected(one)
        command_id = await front.cut()
        await front.state(command_id, "Processing")
        one.send(number)
        await one.says("the agent stops")
        front.locks.card_is_on.set()
        assert await one.ended() == 0
    assert (await front.state(command_id, "Processed"))["State"] == "Processed"
    assert len(front.locks.effects) == 1


async def test_a_second_agent_on_the_same_state_is_refused(front: FrontDesk) -> None:
    async with agent(front, "run") as one:
        await connected(one)
        async with agent(front, "run") as second:
            assert await second.ended() == 1
        assert any("another agent works with the state" in line for line in second.err), second.err
        assert one.process.returncode is None


async def test_an_agent_without_its_journal_ends_and_begins_nothing(front: FrontDesk) -> None:
    (front.path.parent / "agent-state" / "journal.db").mkdir(parents=True)
    async with agent(front, "run") as one:
        assert await one.ended() == 1
    assert any("Nothing is begun without it" in line for line in one.err), one.err


async def test_the_example_that_is_shipped_can_be_used(front: FrontDesk) -> None:
    ran = await run("agent", "status", "--config", str(ROOT / "examples" / "agent.toml"))
    assert (ran.code, ran.err) == (0, "")
    with socket.socket() as probe:
        is_up = probe.connect_ex(("127.0.0.1", 8080)) == 0
    if not is_up:
        ran = await run("agent", "check", "--config", str(ROOT / "examples" / "agent.toml"), "--json")
        assert len([json.loads(line) for line in ran.out.splitlines()]) == 7
