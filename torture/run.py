"""One run: a desk, its people, the faults, and at the end the judgement."""

import asyncio
import random
import shutil
import tempfile
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from torture import hotel
from torture.adders import add_commands, keep_tokens
from torture.administrators import Administrator
from torture.asking import Asking
from torture.checker import expected, judge
from torture.desks import Desk, PostgresDesk, SqliteDesk
from torture.executors import carry_out
from torture.faults import Faults
from torture.listeners import Listener
from torture.nodes import SERVED
from torture.reading import Truth, read
from torture.report import Outcome
from torture.witness import UNEXPECTED, Hearing, Witness

ADDERS = {"kiosk 1": hotel.KIOSK, "kiosk 2": hotel.KIOSK, "till 1": hotel.TILL, "till 2": hotel.TILL}
EXECUTORS = ("desk 1", "desk 2", "desk 3", "desk 4")
LISTENERS = {
    "Agent 1": hotel.AGENT,
    "Agent 2": hotel.AGENT,
    "Printroom": hotel.PRINTROOM,
    "Kiosk": hotel.KIOSK,
    "Passer": hotel.PASSER,
}
SETTLING = 120.0
"""Seconds after the last fault in which everything that was begun has to come to its end."""


@dataclass(frozen=True)
class Plan:
    """What a run is to be. ``faults`` are those of the desk when they are not given."""

    database: str
    seconds: float
    seed: int
    nodes: int = 3
    faults: Sequence[str] | None = None
    runner: Sequence[str] = SERVED
    hearing: float = 30.0
    """Seconds after the end in which listeners have to hear the rest."""
    folder: Path | None = None
    """An empty folder for the database and the logs; without one a temporary folder is made, and removed when all is well."""

    @property
    def command(self) -> str:
        """What runs it again."""
        return f"make torture MINUTES={self.seconds / 60:g} DATABASE={self.database} SEED={self.seed}"


class _People:
    """Whoever takes part; each has dice of its own, so that the seed decides what each of them does."""

    def __init__(self, plan: Plan, desk: Desk, witness: Witness, stack: AsyncExitStack) -> None:
        self._plan = plan
        self.witness = witness
        self._stack = stack
        self.calls = [node.calls for node in desk.nodes]
        self._sockets = [node.sockets for node in desk.nodes]
        self.all_added = asyncio.Event()

    def dice(self, name: str) -> random.Random:
        """The dice of one of them."""
        return random.Random(f"{self._plan.seed} {name}")

    def asking(self, name: str) -> Asking:
        """Means to ask, until the end of the run."""
        made = Asking(self.witness, self.calls, self.dice(name))
        self._stack.push_async_callback(made.close)
        return made

    def listeners(self) -> list[Listener]:
        """Those who listen."""
        return [
            Listener(self.witness, Hearing(name, one, one != hotel.PASSER), self._sockets, self.dice(name))
            for name, one in LISTENERS.items()
        ]

    def adders(self) -> dict[str, Coroutine[None, None, None]]:
        """Those who add."""
        commands = {name: add_commands(self.asking(name), one, name) for name, one in ADDERS.items()}
        return commands | {f"tokens {one[-1]}": keep_tokens(self.asking(one), one) for one in hotel.TOKEN_STAYS}

    def executors(self) -> dict[str, Coroutine[None, None, None]]:
        """Those who carry out."""
        return {name: carry_out(self.asking(name), name, self.all_added) for name in EXECUTORS}


async def torture(plan: Plan) -> Outcome:
    """Run it. Raises RuntimeError when the desk cannot be started or read; its logs stay where the message says."""
    folder = plan.folder or Path(tempfile.mkdtemp(prefix="torture-"))
    witness = Witness({one: hotel.first_token(one) for one in hotel.INTEGRATIONS})

    def died(told: str) -> None:
        witness.find(UNEXPECTED, told)

    desk: Desk = (
        SqliteDesk(folder, died, plan.runner)
        if plan.database == "sqlite"
        else PostgresDesk(folder, died, plan.runner, plan.nodes)
    )
    kinds = tuple(plan.faults or desk.faults)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(desk.close)
        people = _People(plan, desk, witness, stack)
        administrator = Administrator(people.asking("administrator"), await desk.open(), people.calls)
        loaded = await administrator.ask("properties/load", **hotel.property_file())
        if loaded.status != 200:
            raise RuntimeError(f"the hotel was refused: {loaded.message}; the logs are in {folder}")
        listeners = people.listeners()
        faults = Faults(desk, witness, listeners, people.dice("faults"), kinds)
        async with _at_work({one.hearing.name: one.listen() for one in listeners}, witness):
            await _until(lambda: all(one.hearing.began is not None for one in listeners), plan.hearing)
            await _live(plan, people, administrator, faults)
            async with asyncio.timeout(SETTLING + plan.seconds):  # there is as much to read as the run was long
                known = {one for add in witness.adds.values() for one in add.ids}
                truth = await read(people.asking("reader"), administrator, known)
            await _until(lambda: all(_has_heard(one.hearing, witness, truth) for one in listeners), plan.hearing)
    outcome = _outcome(plan, kinds, witness, truth, folder)
    if outcome.holds and plan.folder is None:
        shutil.rmtree(folder)
    return outcome


async def _live(plan: Plan, people: _People, administrator: Administrator, faults: Faults) -> None:
    """Let all of them do their work under faults, then let them end it without."""
    witness = people.witness
    adders = people.adders() | {"administrator": administrator.administer()}
    async with _at_work(people.executors(), witness) as executing, _at_work(adders, witness) as adding:
        striking = asyncio.create_task(faults.strike())
        await asyncio.wait([striking], timeout=plan.seconds)
        faults.end()
        await striking
        witness.closing = True
        try:
            async with asyncio.timeout(SETTLING):
                await asyncio.gather(*adding)
                people.all_added.set()
                await asyncio.gather(*executing)
        except TimeoutError:
            witness.find(UNEXPECTED, f"{SETTLING:g} s after the last fault there was still work to be done")


@asynccontextmanager
async def _at_work(
    work: dict[str, Coroutine[None, None, None]], witness: Witness
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Tasks that are ended with the block; one that breaks is a finding."""

    async def guarded(name: str, one: Coroutine[None, None, None]) -> None:
        try:
            await one
        except Exception:
            witness.find(UNEXPECTED, f"{name} could not go on: {traceback.format_exc()}")

    tasks = [asyncio.create_task(guarded(name, one), name=name) for name, one in work.items()]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait for something; whether it came is judged later."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not is_so():  # noqa: ASYNC110 - a listener tells nobody that it has heard
                await asyncio.sleep(0.1)


def _has_heard(hearing: Hearing, witness: Witness, truth: Truth) -> bool:
    return not hearing.complete or len(hearing.heard) >= len(expected(hearing, witness.adds, truth))


def _outcome(plan: Plan, kinds: Sequence[str], witness: Witness, truth: Truth, folder: Path) -> Outcome:
    void = [f"no {kind}" for kind in kinds if not witness.faults[kind]]
    void += [f"{kind} while nothing was in flight" for kind in kinds if not witness.least_in_flight.get(kind, 1)]
    return Outcome(
        database=plan.database,
        seconds=plan.seconds,
        seed=plan.seed,
        command=plan.command,
        operations=witness.operations,
        refused=witness.refused,
        faults={kind: witness.faults[kind] for kind in kinds},
        least_in_flight=witness.least_in_flight,
        observed={
            "answers in doubt, asked again": witness.doubts,
            "sockets resumed by cursor": witness.resumed,
            "sockets dropped as too slow": witness.too_slow,
            "commands at the end": len(truth.commands),
            "events at the end": len(truth.events),
            "resource access tokens at the end": len(truth.tokens),
        },
        logs=str(folder),
        findings=judge(witness, truth),
        void=void,
    )
