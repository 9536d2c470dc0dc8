"""How long from an add at one node to its event on a socket of another? (issue "Many nodes": p99 of 1,000 adds a second)"""

import asyncio
import json
import time
from dataclasses import dataclass

import uvloop

from benchmarks.adding import API, COMMON, KEY
from benchmarks.callers import Callers, listening
from benchmarks.filled import make
from benchmarks.load import CALLERS, wrk
from benchmarks.postgres import database, server
from benchmarks.report import Figure
from benchmarks.servers import desk

RATE, SECONDS = 1000, 8
ROUNDS = 3
PATIENCE = 30.0
"""Seconds for the last events to arrive."""


@dataclass(frozen=True)
class Run:
    """Milliseconds to the event, from when its add was due to be sent, and from when its answer came; adds a second."""

    from_due: list[float]
    from_answer: list[float]
    rate: float


async def run(here: str, there: str) -> Run:
    """What is sent late, because the node or this machine is busy, counts from when it was due."""
    body = json.dumps({**COMMON, **KEY}).encode()
    arrived: dict[str, int] = {}
    all_arrived = asyncio.Event()
    due: dict[str, int] = {}
    answered: dict[str, int] = {}
    callers = Callers(here)
    at_once = asyncio.Semaphore(CALLERS)

    def heard(command: str, _state: str) -> None:
        arrived[command] = time.monotonic_ns()
        if len(arrived) == RATE * SECONDS:
            all_arrived.set()

    async def add(at: int) -> None:
        async with at_once:
            command = json.loads(await callers.call(API + "addKeyCutter", body))["CommandId"]
        due[command], answered[command] = at, time.monotonic_ns()

    async with listening(there, heard):
        began = time.monotonic_ns()
        async with asyncio.TaskGroup() as adding:
            for number in range(RATE * SECONDS):
                at = began + number * 1_000_000_000 // RATE
                if (early := at - time.monotonic_ns()) > 0:
                    await asyncio.sleep(early / 1e9)
                adding.create_task(add(at))
        took = (time.monotonic_ns() - began) / 1e9
        async with asyncio.timeout(PATIENCE):
            await all_arrived.wait()
    callers.close()
    since = [sorted((arrived[command] - at) / 1e6 for command, at in times.items()) for times in (due, answered)]
    return Run(since[0], since[1], len(due) / took)


def p99(times: list[float]) -> float:
    return times[len(times) * 99 // 100]


def measure() -> list[Figure]:
    with server() as url, database(url) as place:
        make(place)
        with desk(place) as (here, _), desk(place) as (there, _):
            wrk(here + API + "addKeyCutter", json.dumps({**COMMON, **KEY}), 1)
            runs = sorted((uvloop.run(run(here, there)) for _ in range(ROUNDS)), key=lambda one: p99(one.from_due))
    middle = runs[ROUNDS // 2]
    detail = (
        f"p50 {middle.from_due[len(middle.from_due) // 2]:.1f} ms, from the answer p99 {p99(middle.from_answer):.1f} ms, "
        f"worst of {ROUNDS} runs {p99(runs[-1].from_due):.1f} ms, {middle.rate:.0f} adds/s of {RATE}"
    )
    return [Figure("add at one node to event at another, p99", p99(middle.from_due), 25.0, False, "ms", detail)]
