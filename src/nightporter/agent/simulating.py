"""A simulated machine as a program: it listens, tells each effect, and has a person beside it, typed or made of software."""

import asyncio
from collections.abc import Callable
from typing import Any

from nightporter.agent.simulator import Simulator
from nightporter.agent.simulators import SimulatedMachine
from nightporter.domain.sources import Sources

AGAIN = 1.0
"""Seconds at least until the same is done again at a machine that still waits: what came of the first time takes a while."""
LOOKING = 0.05
"""Seconds between two looks whether it still waits."""


class _Told(list[dict[str, Any]]):
    """Effects, each told as it is added."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._tell = tell

    def append(self, effect: dict[str, Any]) -> None:
        super().append(effect)
        self._tell(effect)


class Simulation:
    """Runs one ``simulator``. ``tell`` is given each effect, ``note`` each sentence about what else there is to know.

    ``moment`` is for how many seconds a machine waits before somebody does what it asks for; with None nobody does by
    himself, and words are waited for.
    """

    def __init__(
        self,
        machine: SimulatedMachine,
        simulator: Simulator,
        sources: Sources,
        tell: Callable[[dict[str, Any]], None],
        note: Callable[[str], None],
        moment: float | None,
    ) -> None:
        self._machine = machine
        self._simulator = simulator
        self._sources = sources
        self._note = note
        self._moment = moment
        simulator.effects = _Told(tell)

    async def run(self, port: int, stop: asyncio.Event, on_start: Callable[[int], None]) -> None:
        """Listen on this computer until ``stop``; ``on_start`` is given the port. Raises OSError."""
        await self._simulator.start(port=port)
        attending = asyncio.create_task(self._attend())
        try:
            on_start(self._simulator.port)
            await stop.wait()
        finally:
            attending.cancel()
            await self._simulator.close()

    def hear(self, line: str) -> None:
        """Do what somebody typed, and note what came of it."""
        first, _, rest = line.strip().partition(" ")
        hand = self._machine.hand
        if first == "fail":
            try:
                self._simulator.fail(rest.strip())
            except ValueError as error:
                self._note(str(error))
            else:
                self._note(f"At the next chance: {self._machine.faults[rest.strip()]}.")
        elif hand is not None and not rest and first in hand.words:
            if hand.wanted(self._simulator).is_set():
                hand.act(self._simulator)
            else:
                self._note("Nobody waits for that now.")
        elif first:
            self._note(f"Known are: {self.words}.")

    @property
    def words(self) -> str:
        """What can be typed."""
        hand = self._machine.hand
        return ", ".join((*(hand.words if hand else ()), "fail NAME"))

    async def _attend(self) -> None:
        hand = self._machine.hand
        if hand is None:
            return
        wanted = hand.wanted(self._simulator)
        while True:
            await wanted.wait()
            self._note(hand.asks if self._moment is not None else f"{hand.asks} Type: {hand.words[0]}")
            due = None if self._moment is None else self._sources.elapsed() + self._moment
            times = wanted.times
            while wanted.is_set() and wanted.times == times:
                if due is not None and self._sources.elapsed() >= due:
                    hand.act(self._simulator)
                    due = self._sources.elapsed() + max(self._moment or 0.0, AGAIN)
                await self._sources.pause(LOOKING)
