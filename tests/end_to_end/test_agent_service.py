"""The agent as a service: what its manager is told, how it stops, and with which exit code it ends."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nightporter.agent.agent import FINISHING
from nightporter.agent.drivers.key_cutter.simulator import LockSystem
from nightporter.agent.journal import Ending, Journal, Stage
from nightporter.domain.command import CommandState
from tests.cli.program import Started, free_port
from tests.end_to_end.agents import CUTTER, ENCODER, Setup, command, cut, cutter, ended, machine, until
from tests.end_to_end.manager import Manager
from tests.end_to_end.served import Served, served

WATCHDOG = {"WATCHDOG_USEC": "300000"}
BLOCKED = """
import threading

from nightporter.agent.driver import Kind, Options, Probe
from nightporter.domain.device import DeviceType


class Blocking:
    def __init__(self, options, surroundings):
        pass

    def steps(self, task):
        print("the loop stands", flush=True)
        threading.Event().wait()

    async def close(self):
        pass


KIND = Kind("blocking", DeviceType.KEY_CUTTER, Options, Blocking, lambda options: "here")
"""


@pytest.fixture
async def desk(database: Path) -> AsyncIterator[Served]:
    async with served(database) as one:
        yield one


@pytest.fixture
async def locks() -> AsyncIterator[LockSystem]:
    async with LockSystem([ENCODER]) as one:
        yield one


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path / "agent")


def supervised(manager: Manager) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.address, **WATCHDOG}


def complaints(agent: Started) -> list[str]:
    """What it logged and was not asked for; the demo has commands for machines that nobody drives here."""
    lines = [line for line in agent.err if '"level":"info"' not in line]
    return [line for line in lines if "no machine is configured for" not in line]


async def test_the_manager_hears_when_it_is_ready_how_it_is_and_when_it_stops(
    desk: Served, locks: LockSystem, setup: Setup, manager: Manager
):
    setup.write(desk.address, cutter(locks))
    async with setup.agent(**supervised(manager)) as agent:
        assert (await manager.hears("READY=1"))[:2] == ["READY=1", "WATCHDOG=1"]
        idle = "STATUS=Connected; machines: 1; commands: 0 under way, 0 waiting, 0 not reported"
        assert await manager.hears(idle) == ["WATCHDOG=1", idle]
        locks.fail("slow")
        command_id = await cut(desk)
        await manager.hears("STATUS=Connected; machines: 1; commands: 1 under way, 0 waiting, 0 not reported")
        locks.card_is_on.set()
        await manager.hears(idle)
        assert (await command(desk, command_id))["State"] == "Processed"
        agent.send(signal.SIGTERM)
        stopping = await manager.hears("STOPPING=1")
        assert stopping == ["STOPPING=1", "STATUS=Finishing 0 commands; 0 that wait stay for the next start"]
        assert await agent.ended() == 0
    assert complaints(agent) == []


async def test_a_machine_that_is_away_is_named(desk: Served, setup: Setup, manager: Manager):
    async with LockSystem([ENCODER]) as gone:
        setup.write(desk.address, cutter(gone))
    async with setup.agent(**supervised(manager)):
        await manager.hears("STATUS=Connected")
        await cut(desk)
        await manager.hears("STATUS=Connected; machines: 1 (away: Encoder); commands: 1 under way")


async def test_one_that_hangs_gives_no_sign_of_life(desk: Served, locks: LockSystem, setup: Setup, manager: Manager):
    setup.write(desk.address, cutter(locks))
    async with setup.agent(**supervised(manager)) as agent:
        await manager.hears("STATUS=Connected")
        agent.send(signal.SIGSTOP)
        await silence(manager)
        agent.send(signal.SIGCONT)
        await manager.hears("WATCHDOG=1")


async def silence(manager: Manager) -> None:
    """What was said before may still come; after it, nothing does for more than the time that the watchdog allows."""
    with pytest.raises(TimeoutError):
        await hears_often(manager)


async def hears_often(manager: Manager) -> None:
    for _ in range(5):
        await manager.hears("WATCHDOG=1", within=0.6)


async def test_a_loop_that_stands_still_gives_no_sign_of_life_and_ends_at_the_second_signal(
    desk: Served, setup: Setup, manager: Manager, tmp_path: Path
):
    package = tmp_path / "package"
    (package / "blocking-1.dist-info").mkdir(parents=True)
    (package / "blocking.py").write_text(BLOCKED)
    (package / "blocking-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: blocking\nVersion: 1\n")
    (package / "blocking-1.dist-info" / "entry_points.txt").write_text(
        "[nightporter.drivers]\nblocking = blocking:KIND\n"
    )
    setup.write(desk.address, machine("Encoder", CUTTER, "blocking"))
    async with setup.agent(**supervised(manager), PYTHONPATH=str(package)) as agent:
        await manager.hears("STATUS=Connected")
        await cut(desk)
        await agent.says("the loop stands")
        await silence(manager)
        agent.send(signal.SIGTERM)
        await silence(manager)
        assert agent.process.returncode is None
        agent.send(signal.SIGINT)
        assert await agent.ended() == -signal.SIGINT


async def test_without_the_platform_it_is_ready_and_alive_and_stops_when_it_is_told(
    locks: LockSystem, setup: Setup, manager: Manager
):
    setup.write(f"http://127.0.0.1:{free_port()}", cutter(locks))
    await leave_behind(setup)
    async with setup.agent(**supervised(manager)) as agent:
        assert "READY=1" in await manager.hears("STATUS=NOT connected to the platform; machines: 1; commands: 0")
        for _ in range(5):
            assert (await manager.hears("WATCHDOG=1"))[-1].endswith("1 not reported")
        agent.send(signal.SIGTERM)
        async with asyncio.timeout(FINISHING / 2):
            assert await agent.ended() == 0
    assert len(setup.status().open) == 2, "what an earlier run left is still there"
    assert locks.orders == []


async def leave_behind(setup: Setup) -> None:
    """Two commands of an earlier run: one is done and nobody was told, one had only been taken."""
    now = datetime.now(UTC)
    journal = Journal(setup.state, lambda: now)
    for number in (1, 2):
        await journal.receive(f"019a0000-0000-7000-8000-00000000000{number}", CUTTER, "Encoder", now)
    ending = Ending(Stage.DONE, CommandState.PROCESSED, "Key 1 was cut.")
    await journal.ended("019a0000-0000-7000-8000-000000000001", ending)
    await journal.close()


async def test_what_is_under_way_is_finished_before_it_ends(
    desk: Served, locks: LockSystem, setup: Setup, manager: Manager
):
    setup.write(desk.address, cutter(locks))
    locks.fail("slow")
    async with setup.agent(**supervised(manager)) as agent:
        await manager.hears("STATUS=Connected")
        first = await cut(desk)
        await manager.hears("STATUS=Connected; machines: 1; commands: 1 under way, 0")
        second = await cut(desk)
        await manager.hears("STATUS=Connected; machines: 1; commands: 1 under way, 1")
        agent.send(signal.SIGTERM)
        told = (await manager.hears("STOPPING=1"))[1]
        assert told == "STATUS=Finishing 1 commands; 1 that wait stay for the next start"
        locks.card_is_on.set()
        assert await agent.ended() == 0
    assert (await command(desk, first))["State"] == "Processed"
    assert (await command(desk, second))["State"] == "Received"
    assert len(locks.effects) == 1
    assert complaints(agent) == []


@pytest.mark.long
async def test_a_machine_that_hangs_is_left_to_the_journal(
    desk: Served, locks: LockSystem, setup: Setup, manager: Manager
):
    setup.write(desk.address, cutter(locks))
    locks.fail("slow")
    async with setup.agent(**supervised(manager)) as agent:
        await manager.hears("STATUS=Connected")
        command_id = await cut(desk)
        await until(lambda: locks.orders)
        agent.send(signal.SIGTERM)
        async with asyncio.timeout(FINISHING + 10):
            assert await agent.ended() == 0
    (left,) = setup.status().open
    assert (left.command_id, left.steps[1].stage) == (command_id, Stage.SENT)
    async with setup.agent():
        assert (await ended(desk, command_id))["State"] == "Error"
    assert len(locks.orders) == 1, "it was not ordered again"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"address": "locks:8090", "encoder": "\u00fc"}, "encoder, operator and the names under rooms"),
        ({"address": "locks:8090", "patience": "often"}, "patience must be a number, without quotes"),
        ({}, "address is missing"),
    ],
)
async def test_a_machine_that_cannot_be_driven_so_ends_it_with_2(
    setup: Setup, manager: Manager, options: dict[str, str], told: str
):
    setup.write("http://127.0.0.1:1", machine("Encoder", CUTTER, "industry-standard", **options))
    async with setup.agent(**supervised(manager)) as agent:
        assert await agent.ended() == 2
        await agent.says("agent.toml: [machines.'Encoder']", told)
    with pytest.raises(TimeoutError):
        await manager.hears("READY=1", within=0)


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "client-token is empty"), ("two words", "client_token must be printable ASCII"), (None, "cannot be read")],
)
async def test_tokens_that_cannot_be_used_end_it_with_2_and_are_not_told(setup: Setup, text: str | None, told: str):
    setup.write("http://127.0.0.1:1")
    token = setup.folder / "client-token"
    token.unlink() if text is None else token.write_text(text)
    async with setup.agent() as agent:
        assert await agent.ended() == 2
        await agent.says("[platform]", told)
    assert not text or not [line for line in agent.err if text in line]


async def test_tokens_come_as_credentials_and_the_state_where_the_manager_says(
    desk: Served, locks: LockSystem, setup: Setup, manager: Manager, tmp_path: Path
):
    setup.write(desk.address, cutter(locks))
    setup.path.write_text(setup.path.read_text().replace('state = "state"\n', ""))
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    for name in ("client-token", "access-token"):
        (setup.folder / name).rename(credentials / name)
    places = {"CREDENTIALS_DIRECTORY": str(credentials), "STATE_DIRECTORY": str(tmp_path / "var")}
    async with setup.agent(**supervised(manager), **places):
        await manager.hears("STATUS=Connected")
    assert (tmp_path / "var" / "journal.db").exists()


async def test_a_state_that_is_in_use_ends_it_with_1(desk: Served, setup: Setup, manager: Manager):
    setup.write(desk.address)
    async with setup.agent(**supervised(manager)):
        await manager.hears("READY=1")
        async with setup.agent() as second:
            assert await second.ended() == 1
            await second.says("another agent works with the state")


async def test_two_services_do_not_drive_one_machine(
    desk: Served, locks: LockSystem, setup: Setup, manager: Manager, tmp_path: Path
):
    setup.write(desk.address, cutter(locks))
    other = Setup(tmp_path / "other")
    other.write(desk.address, cutter(locks))
    async with setup.agent(**supervised(manager)):
        await manager.hears("STATUS=Connected")
        # A service has a temporary folder of its own (PrivateTmp), and a user too.
        async with other.agent(TMPDIR=str(tmp_path)) as second:
            await second.says("another agent on this computer drives it")
