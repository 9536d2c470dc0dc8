"""The faults, in an order that the dice choose: two lines of them, so that one strikes while another still lasts."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from torture.desks import CLOCK, CRASH, CUT, DEAF, DISK, KILL, STOP, Desk, PostgresDesk
from torture.listeners import Listener
from torture.witness import Witness

OFTEN = {KILL: 3, STOP: 1, CUT: 3, DISK: 2, CLOCK: 2, DEAF: 1, CRASH: 2}
"""How often each comes in a round."""
LASTING = {STOP: 10.0, CUT: 1.5, DISK: 2.0, DEAF: 12.0, CRASH: 0.5}
"""Seconds for which each lasts."""
LONGEST_STEP = 1200.0
"""Seconds by which a clock steps, forwards or backwards; payments expire after half of it."""
FARTHEST = 7200.0
PAUSE = 3.0
"""Seconds between two faults of a line: from a third of it to all of it."""


class Faults:
    """Strikes ``desk`` with faults out of ``kinds`` until it is told to end; what lasts then is repaired first."""

    def __init__(
        self, desk: Desk, witness: Witness, listeners: list[Listener], dice: random.Random, kinds: tuple[str, ...]
    ) -> None:
        self._desk = desk
        self._witness = witness
        self._listeners = listeners
        self._dice = dice
        self._ending = asyncio.Event()
        self._wrong = {node.name: 0.0 for node in desk.nodes}
        strikes: dict[str, Callable[[], Awaitable[None]]] = {
            KILL: self._kill, STOP: self._stop, CUT: self._cut, DISK: self._fill,
            CLOCK: self._step, DEAF: self._deafen, CRASH: self._crash,
        }  # fmt: skip
        of_nodes = {KILL, STOP, DISK, CRASH}
        self._lines = [
            {kind: strikes[kind] for kind in kinds if (kind in of_nodes) is is_of_nodes}
            for is_of_nodes in (True, False)
        ]

    def end(self) -> None:
        """Strike no more."""
        self._ending.set()

    async def strike(self) -> None:
        """Strike until :meth:`end`."""
        async with asyncio.TaskGroup() as group:
            for line in self._lines:
                if line:
                    group.create_task(self._follow(line))

    async def _follow(self, line: dict[str, Callable[[], Awaitable[None]]]) -> None:
        # Each once first, so that a short run has them all; then each as often as it should be.
        bag = list(line)
        while True:
            self._dice.shuffle(bag)
            for kind in bag:
                await self._last(PAUSE * (1 + 2 * self._dice.random()) / 3)
                if self._ending.is_set():
                    return
                await line[kind]()
            bag = [kind for kind in line for _ in range(OFTEN[kind])]

    async def _last(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        try:
            await asyncio.wait_for(self._ending.wait(), seconds)
        except TimeoutError:
            return

    async def _busy(self, fault: str) -> None:
        """Wait until a request is in flight, then count the fault, which must strike at once."""
        while not self._witness.in_flight:  # noqa: ASYNC110 - the next turn may be the one
            await asyncio.sleep(0)
        self._witness.struck(fault)

    async def _kill(self) -> None:
        node = self._dice.choice(self._desk.nodes)
        await self._busy(KILL)
        await node.kill()
        await node.start()

    async def _stop(self) -> None:
        node = self._dice.choice(self._desk.nodes)
        await self._busy(STOP)
        node.stop()
        try:
            await asyncio.sleep(LASTING[STOP])  # to its end: less would be another fault
        finally:
            node.go_on()

    async def _cut(self) -> None:
        doors = [door for node in self._desk.nodes for door in (node.calls, node.sockets)]
        for door in doors:
            door.cut(self._dice, self._may_cut)
        await self._last(LASTING[CUT])
        for door in doors:
            door.mend()

    def _may_cut(self) -> bool:
        if self._witness.in_flight:
            self._witness.struck(CUT)
        return self._witness.in_flight > 0

    async def _fill(self) -> None:
        await self._busy(DISK)
        await self._desk.fill_disk()
        try:
            await self._last(LASTING[DISK])
        finally:
            await self._desk.free_disk()

    async def _step(self) -> None:
        node = self._dice.choice(self._desk.nodes)
        step = self._dice.uniform(-LONGEST_STEP, LONGEST_STEP)
        wrong = max(-FARTHEST, min(FARTHEST, self._wrong[node.name] + step))
        self._wrong[node.name] = wrong
        if node.is_running:
            await self._busy(CLOCK)
        node.set_clock(wrong)  # one that is just being started has it from the start

    async def _deafen(self) -> None:
        listener = self._dice.choice(self._listeners)
        await self._busy(DEAF)
        listener.stop_reading()
        try:
            await self._last(LASTING[DEAF])
        finally:
            listener.read_on()

    async def _crash(self) -> None:
        assert isinstance(self._desk, PostgresDesk)
        await self._busy(CRASH)
        await self._desk.crash()
        await self._last(LASTING[CRASH])
        await self._desk.recover()
