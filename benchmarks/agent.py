"""How long from an event to the machine, and what do 200 machines cost? (issue "The agent")

A served desk and an agent are processes of their own; the machines are the simulators, in this process.
"""

import asyncio
import json
import shutil
import time
from pathlib import Path

from benchmarks.adding import API, COMMON, PAGE
from benchmarks.agent_process import agent, load, memory
from benchmarks.callers import Callers, listening
from benchmarks.fleet import devices, running
from benchmarks.machine import Stolen, folder
from benchmarks.report import Figure
from benchmarks.servers import desk
from nightporter.agent.drivers.printer.operations import Operation
from nightporter.agent.drivers.printer.simulator import PrinterSimulator
from nightporter.host.collector import spare_the_collector

COMMANDS, EVERY = 200, 0.1
"""How many commands are timed, and seconds from one to the next; each has ended before the next is added."""
ROUNDS = 5
WARMING = 10
HEAD = 4096
"""Bytes of a request that tell its operation."""
EACH = 40
"""Machines of each kind."""
SETTLING = 2.0
"""Seconds until an agent that has nothing to do is measured."""
PATIENCE = 60.0
ENDS = ("Processed", "Cancelled", "Error")


class TimedPrinter(PrinterSimulator):
    """Notes when the first byte of each request arrives, by its operation: each comes over a connection of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[int, int] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        feed, held, began = reader.feed_data, bytearray(), 0

        def noted(data: bytes) -> None:
            nonlocal began
            began = began or time.monotonic_ns()
            held.extend(data[: HEAD - len(held)])
            _, found, body = bytes(held).partition(b"\r\n\r\n")
            if found and len(body) >= 4:
                self.first.setdefault(int.from_bytes(body[2:4], "big"), began)
            feed(data)

        reader.feed_data = noted  # type: ignore[method-assign, assignment]
        await super().serve(reader, writer)


class Watch:
    """When each event of a command arrived at a socket of this process."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, str], int] = {}
        self._news = asyncio.Event()

    def heard(self, command: str, state: str) -> None:
        self._at.setdefault((command.lower(), state), time.monotonic_ns())
        self._news.set()

    async def of(self, command: str, *states: str) -> tuple[str, int]:
        """The first of these states that was heard of, and when."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for state in states:
                    if (at := self._at.get((command.lower(), state))) is not None:
                        return state, at
                self._news.clear()
                await self._news.wait()


async def _timed(address: str, place: Path) -> list[dict[str, int]]:
    """For each command, in nanoseconds of one clock, when it was asked for, answered, heard of, and came to the printer."""
    runs = []
    watch, callers = Watch(), Callers(address)
    body = json.dumps({**COMMON, **PAGE}).encode()
    async with TimedPrinter() as printer, listening(address, watch.heard):
        machine = (
            f'[machines.Printer]\ndevice = "{PAGE["PrinterId"]}"\ndriver = "ipp"\nuri = "{printer.uri}"\npoll = 0.02\n'
        )
        with agent(place, address, machine):
            for number in range(WARMING + COMMANDS):
                printer.first.clear()
                began = time.monotonic_ns()
                command = json.loads(await callers.call(API + "addPrinter", body))["CommandId"]
                answered = time.monotonic_ns()
                state, _ = await watch.of(command, *ENDS)
                assert state == "Processed", state
                _, heard = await watch.of(command, "Pending")
                _, taken = await watch.of(command, "Processing")
                if number >= WARMING:
                    marks = {"asked": began, "answered": answered, "heard": heard, "Processing": taken}
                    runs.append(marks | {Operation(code).name: at for code, at in printer.first.items()})
                await asyncio.sleep(max(0.0, EVERY - (time.monotonic_ns() - began) / 1e9))
    callers.close()
    return runs


def _between(runs: list[dict[str, int]], first: str, last: str) -> list[float]:
    return sorted((run[last] - run[first]) / 1e6 for run in runs)


def event_to_machine() -> Figure:
    """What counts is the first byte of Send-Document, the request with the effect; the others come before it."""
    place = folder()
    spare_the_collector()  # this process is the machine and the clock: its pauses are not the agent's
    with desk(place / "desk.db") as (address, _):
        rounds, stolen = [], []
        for number in range(ROUNDS):
            with Stolen() as taken:
                rounds.append(asyncio.run(_timed(address, place / str(number))))
            stolen.append(taken.percent)
    shutil.rmtree(place)

    def p99(runs: list[dict[str, int]], first: str = "heard") -> float:
        return _between(runs, first, "SEND_DOCUMENT")[len(runs) * 99 // 100]

    by_round = ", ".join(f"{p99(one):.1f} ({percent:.1f} %)" for one, percent in zip(rounds, stolen, strict=True))
    rounds.sort(key=p99)
    runs = rounds[ROUNDS // 2]
    times = _between(runs, "heard", "SEND_DOCUMENT")
    marks = ("GET_PRINTER_ATTRIBUTES", "Processing", "CREATE_JOB")
    middles = ", ".join(f"{mark} {_between(runs, 'heard', mark)[len(runs) // 2]:.1f}" for mark in marks)
    detail = (
        f"p50 {times[len(times) // 2]:.1f} ms, worst {times[-1]:.1f} ms of {len(times)}; p99 of each round, and how much of the "
        f"time that this machine needed its host gave to others: {by_round}; p99 from the add's answer "
        f"{p99(runs, 'answered'):.1f} ms, from asking for it {p99(runs, 'asked'):.1f} ms; on the way, p50 from the event: "
        f"{middles} ms"
    )
    return Figure("event to first byte at the machine, p99", p99(runs), 20.0, False, "ms", detail)


async def _filled(address: str, place: Path) -> tuple[tuple[float, float], tuple[float, float], list[str]]:
    """What an agent without machines holds, then one with many that have each done a command, and how those ended."""
    watch, callers = Watch(), Callers(address)
    with agent(place / "idle", address, "") as process:
        await asyncio.sleep(SETTLING)
        idle = memory(process)
    async with running(EACH) as machines, listening(address, watch.heard):
        with agent(place / "agent", address, "".join(one.configuration for one in machines)) as process:
            commands = [await one.ask(callers, place / "desk.db") for one in machines]
            ends = [(await watch.of(command, *ENDS))[0] for command in commands]
            await asyncio.sleep(SETTLING)
            filled = memory(process)
    callers.close()
    return idle, filled, ends


def memory_of_many() -> Figure:
    """Resident when all have done one command and the agent is idle."""
    place = folder()
    load(place / "desk.db", {device: kind.type for device, kind in devices(EACH).items()})
    with desk(place / "desk.db") as (address, _):
        idle, filled, ends = asyncio.run(_filled(address, place))
    shutil.rmtree(place)
    assert set(ends) == {"Processed"}, ends
    detail = f"peak {filled[1]:.0f} MB, an agent without machines {idle[0]:.0f} MB, {EACH} machines of each kind"
    return Figure(f"{len(ends)} machines in one agent, resident", filled[0], 150.0, False, "MB", detail)


def measure() -> list[Figure]:
    return [event_to_machine(), memory_of_many()]
