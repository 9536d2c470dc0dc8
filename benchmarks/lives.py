"""How many whole lives of commands a second, beside the jobs of a job queue and the replies of a mock? (issue "Many nodes")

A life: add, its event on a socket, getAllByIds, update to Received, Processing and Processed. procrastinate defers, fetches
and finishes as many jobs; Prism, which keeps nothing and pushes nothing, gets the same five requests.
"""

import asyncio
import json
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack

import uvloop

from benchmarks.adding import API, COMMON, KEY
from benchmarks.callers import Callers, listening
from benchmarks.load import CALLERS
from benchmarks.machine import folder
from benchmarks.postgres import database, server
from benchmarks.report import Figure
from benchmarks.rivals import jobs_per_second, jobs_worker, prism
from benchmarks.servers import desk

LIVES = 3000
REPLIED = 300
"""Lives of which Prism gets the requests, because it takes so long for them."""
ROUNDS = 3
STATES = ("Received", "Processing", "Processed")


class Lives:
    """Lives at the server at ``address``, by as many callers as wrk has connections."""

    def __init__(self, address: str, count: int) -> None:
        self._callers = Callers(address)
        self._numbers = iter(range(count))
        self._added: dict[str, asyncio.Future[None]] = {}

    def heard(self, command: str, state: str) -> None:
        if state == "Pending" and not (event := self._event(command)).done():
            event.set_result(None)

    def _event(self, command: str) -> asyncio.Future[None]:
        return self._added.setdefault(command, asyncio.get_running_loop().create_future())

    async def _ask(self, operation: str, **fields: object) -> bytes:
        return await self._callers.call(API + operation, json.dumps({**COMMON, **fields}).encode())

    async def _live(self, *, pushed: bool) -> None:
        for _ in self._numbers:
            command = json.loads(await self._ask("addKeyCutter", **KEY))["CommandId"]
            if pushed:
                await self._event(command)
            assert b'"Commands":[{' in await self._ask("getAllByIds", CommandIds=[command])
            for state in STATES:
                await self._ask("update", CommandId=command, State=state)

    async def run(self, *, pushed: bool) -> None:
        await asyncio.gather(*(self._live(pushed=pushed) for _ in range(CALLERS)))
        self._callers.close()


async def pushed_per_second(address: str, count: int) -> float:
    """Lives a second at a desk."""
    lives = Lives(address, count)
    async with listening(address, lives.heard):
        began = time.perf_counter()
        await lives.run(pushed=True)
        return count / (time.perf_counter() - began)


async def replied_per_second(address: str, count: int) -> float:
    """Lives a second of which only the requests are answered."""
    began = time.perf_counter()
    await Lives(address, count).run(pushed=False)
    return count / (time.perf_counter() - began)


def measure() -> list[Figure]:
    place = folder()
    with ExitStack() as opened:
        url = opened.enter_context(server())
        jobs = opened.enter_context(database(url)).url
        opened.enter_context(jobs_worker(jobs))
        mock = opened.enter_context(prism())
        here, _ = opened.enter_context(desk(place / "desk.db"))
        there, _ = opened.enter_context(desk(opened.enter_context(database(url))))
        for address in (here, there):
            uvloop.run(pushed_per_second(address, CALLERS))
        rounds = [
            (
                uvloop.run(pushed_per_second(here, LIVES)),
                uvloop.run(pushed_per_second(there, LIVES)),
                uvloop.run(jobs_per_second(jobs, LIVES)),
                uvloop.run(replied_per_second(mock, REPLIED)),
            )
            for _ in range(ROUNDS)
        ]
    shutil.rmtree(place)
    return [
        compared(rounds, ours, theirs)
        for theirs in (("procrastinate", 2, 3.0), ("Prism", 3, 10.0))
        for ours in (("SQLite", 0), ("PostgreSQL", 1))
    ]


def compared(rounds: Sequence[tuple[float, ...]], ours: tuple[str, int], theirs: tuple[str, int, float]) -> Figure:
    name, other, target = theirs
    middle = sorted(rounds, key=lambda one: one[ours[1]] / one[other])[len(rounds) // 2]
    detail = f"{middle[ours[1]]:.0f} lives/s, {name} {middle[other]:.0f}/s"
    return Figure(f"lives on {ours[0]} / {name}", middle[ours[1]] / middle[other], target, True, "ratio", detail)
