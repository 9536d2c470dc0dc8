"""The file of metrics that a real agent writes: what it tells, that it tells what the documentation says, and who may read it."""

import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nightporter.agent.drivers.key_cutter.simulator import LockSystem
from tests.end_to_end.agents import ENCODER, Setup, cut, cutter, ended, until
from tests.end_to_end.served import PATIENCE, served
from tests.house.repository import ROOT

Told = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(path: Path) -> Told:
    families = text_string_to_metric_families(path.read_text("utf-8"))
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


async def written_anew(path: Path) -> Told:
    """What is told after the file was written once more."""
    before = stamp(path)
    await until(lambda: stamp(path) != before)
    return read(path)


def stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def documented() -> dict[str, tuple[str, set[str]]]:
    told = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    rows = re.findall(r"^\| `(nightporter_agent_\w+)` \| (\w+) \| ([^|]*) \|", told, re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


@pytest.fixture
def secretive() -> Iterator[None]:
    """New files are for their owner alone, as in the service."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("secretive")
async def test_it_tells_what_became_of_commands_and_what_the_documentation_says(database: Path, tmp_path: Path):
    setup, path = Setup(tmp_path / "agent"), tmp_path / "agent" / "agent.prom"
    async with served(database) as desk, LockSystem([ENCODER]) as locks:
        setup.write(desk.address, cutter(locks), metrics="agent.prom")
        async with setup.agent() as agent:
            await agent.says('"event":"connected"')
            assert (await ended(desk, await cut(desk)))["State"] == "Processed"
            locks.fail("made and dropped after ack")
            assert (await ended(desk, await cut(desk)))["State"] == "Error"
            agent.send(signal.SIGTERM)
            assert await agent.ended() == 0
    told = read(path)
    encoder = ("machine", "Encoder")

    def value(name: str, *labels: tuple[str, str]) -> float:
        return told[f"nightporter_agent_{name}", frozenset(labels)]

    assert value("commands_total", encoder, ("outcome", "done")) == 1
    assert value("commands_total", encoder, ("outcome", "unknown")) == 1
    assert value("command_seconds_count", encoder) == 2
    assert 0 < value("command_seconds_sum", encoder) < PATIENCE
    for name in ("waiting", "under_way", "away"):
        assert value(name, encoder) == 0
    assert (value("unreported"), value("connected")) == (0, 0), "it has stopped"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644, "the collector is another user"
    text = path.read_text("utf-8")
    kinds = dict(re.findall(r"^# TYPE (nightporter_\w+) (\w+)$", text, re.MULTILINE))
    found = {}
    for name, kind in kinds.items():
        if not name.endswith("_created"):  # when a counter began, which the library tells beside each
            first = next(one for one in told if one[0].startswith(name))
            found[name] = (kind, {label for label, _ in first[1]} - {"le"})
    assert found == documented()


async def test_a_machine_that_is_away_is_told_and_a_platform_that_never_was_there(tmp_path: Path, database: Path):
    setup, path = Setup(tmp_path / "agent"), tmp_path / "agent" / "agent.prom"
    async with served(database) as desk:
        async with LockSystem([ENCODER]) as gone:
            setup.write(desk.address, cutter(gone), metrics="agent.prom")
        async with setup.agent():
            first = await written_anew(path)
            await cut(desk)
            told = await written_anew(path)
    assert first["nightporter_agent_away", frozenset({("machine", "Encoder")})] == 0
    assert told["nightporter_agent_away", frozenset({("machine", "Encoder")})] == 1
    assert told["nightporter_agent_under_way", frozenset({("machine", "Encoder")})] == 1
    assert (first["nightporter_agent_connected", frozenset()], told["nightporter_agent_connected", frozenset()]) == (
        0,
        1,
    )


async def test_a_file_that_cannot_be_written_is_told_once_and_the_agent_goes_on(tmp_path: Path, database: Path):
    setup = Setup(tmp_path / "agent")
    async with served(database) as desk, LockSystem([ENCODER]) as locks:
        setup.write(desk.address, cutter(locks), metrics="nowhere/agent.prom")
        async with setup.agent() as agent:
            await agent.says("the metrics cannot be written", "No such file or directory")
            await cut(desk)
            await until(lambda: locks.effects)
            (tmp_path / "agent" / "nowhere").mkdir()
            await written_anew(tmp_path / "agent" / "nowhere" / "agent.prom")
    assert len([line for line in agent.err if "the metrics cannot be written" in line]) == 1
