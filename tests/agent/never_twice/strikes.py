"""One command under one strike, from its adding to its end, and what came of it."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tests.agent.never_twice.door import Door, Strike
from tests.agent.never_twice.machines import Struck
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, RunningDesk

DEADLINE = 40.0
_NUMBERS = itertools.count(1)


class Nursery:
    """The process that agents are forked from."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.agent.never_twice.nursery"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def agent(self, folder: Path, strike: tuple[int, str] | None = None, *, defect: bool = False) -> "Running":
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "config": str(folder / "agent.toml"), "log": str(folder / "log"), "writes": str(folder / "writes"),
            "strike": strike, "defect": defect,
        }  # fmt: skip
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Running(int(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


@contextmanager
def nursery() -> Iterator[Nursery]:
    one = Nursery()
    try:
        yield one
    finally:
        one.close()


class Running:
    """One agent; ``dead`` is set when it has ended."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.dead = asyncio.Event()
        try:
            self._file = os.pidfd_open(pid)
        except ProcessLookupError:
            self.dead.set()
            return
        asyncio.get_running_loop().add_reader(self._file, self._ended)

    def _ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._file)
        os.close(self._file)
        self.dead.set()

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        await self.dead.wait()


@dataclass(frozen=True)
class Point:
    """Where it strikes: at a write of the journal or at a message, by number, and what is done."""

    where: str
    """"journal" or "link"."""
    number: int
    when: str
    what: str
    name: str


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    state: str
    notes: str
    effects: Counter[str]
    has_struck: bool
    was_killed: bool


@dataclass
class Case:
    """One command at one machine. ``passed`` and ``writes`` tell afterwards what there was to strike at."""

    struck: Struck
    desk: RunningDesk
    nursery: Nursery
    folder: Path
    defect: bool = False

    def at(self, desk: RunningDesk) -> "Case":
        """The same at another desk."""
        return replace(self, desk=desk)

    async def run(self, point: Point | None) -> Outcome:
        folder = self.folder / f"{self.struck.driver}-{next(_NUMBERS)}"
        folder.mkdir()
        strike = Strike(point.number, point.when, point.what) if point and point.where == "link" else None
        times = 3 if point and point.what == "thrice" else 1
        async with (
            self.struck.make() as machine,
            Door("127.0.0.1", machine.port, strike) as door,
            Door("127.0.0.1", int(self.desk.address.rpartition(":")[2]), times=times) as platform,
        ):
            self._configure(folder, door.address, platform.address)
            meanwhile = asyncio.create_task(self.struck.meanwhile(machine))
            command_id = await self.struck.add(self.desk)
            first = self.nursery.agent(
                folder, (point.number, point.when) if point and point.where == "journal" else None, defect=self.defect
            )
            door.on_kill, door.on_platform = first.kill, platform.outage
            running, was_killed = first, False
            try:
                async with asyncio.timeout(DEADLINE):
                    if await self._ends_first(command_id, first):
                        was_killed = True
                        door.strike = None
                        running = self.nursery.agent(folder, defect=self.defect)
                    state, notes = await self._end(command_id)
                    await self._reported(folder)
                    await self.struck.settle(machine)
            except TimeoutError:
                raise AssertionError(
                    f"{point}: no end within {DEADLINE:g} s; the agent's log:\n{(folder / 'log').read_text()}"
                ) from None
            finally:
                meanwhile.cancel()
                await running.kill()
                await first.kill()
            self.passed, self.writes = list(door.passed), (folder / "writes").read_text().split()
            has_struck = door.has_struck if strike else was_killed or times > 1
            return Outcome(state, notes, self.struck.effects(machine), has_struck, was_killed)

    def _configure(self, folder: Path, address: str, platform: str) -> None:
        (folder / "agent.toml").write_text(
            f'[platform]\naddress = "http://{platform}"\nclient_token = "{CLIENT_TOKEN}"\naccess_token = "{ACCESS_TOKEN}"\n'
            f'[machines.Struck]\ndevice = "{self.struck.device}"\ndriver = "{self.struck.driver}"\n'
            f'gives_up_after = "PT10S"\n{self.struck.options.format(address=address)}\n'
        )

    async def _ends_first(self, command_id: str, agent: Running) -> bool:
        """Whether the agent dies before the command has ended and been written off."""
        dead = asyncio.create_task(agent.dead.wait())
        ended = asyncio.create_task(self._end(command_id))
        try:
            await asyncio.wait({dead, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not dead.done():
                # The last write comes after the end.
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(dead), 0.15)
            return dead.done()
        finally:
            for task in (dead, ended):
                task.cancel()
            await asyncio.gather(dead, ended, return_exceptions=True)

    async def _end(self, command_id: str) -> tuple[str, str]:
        while True:
            reply = await self.desk.call("commands/getAllByIds", CommandIds=[command_id], Extent={"Execution": True})
            command = reply.json()["Commands"][0]
            if command["State"] in ("Processed", "Error", "Cancelled"):
                return command["State"], command["Execution"]["Notes"] or ""
            await asyncio.sleep(0.01)

    async def _reported(self, folder: Path) -> None:
        while "REPORTED" not in (folder / "writes").read_text():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)


def points(writes: list[str], passed: list[tuple[str, bytes]], struck: Struck, most: int) -> list[Point]:
    """Where can be struck at, after an undisturbed run: around every write, and around each of the first ``most`` messages."""
    found = [Point("platform", 0, "", "thrice", "every event is delivered three times")]
    found += [
        Point("journal", number, when, "kill", f"{name} is written")
        for number, name in enumerate(writes, 1)
        for when in ("before", "after")
    ]
    for number, (way, data) in enumerate(passed[:most], 1):
        name = f"message {number}, {'to' if way == '>' else 'from'} the machine: {struck.named(way, data) or 'bytes'}"
        found += [Point("link", number, when, what, name) for what in ("kill", "cut") for when in ("before", "after")]
        found.append(Point("link", number, "after", "platform", name))
    return found
