"""One machine and what waits for it: one command at a time, in order of creation."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog

from nightporter.agent.carrying import Carrying, Left, Withdrawn
from nightporter.agent.configuration import MachineConfiguration
from nightporter.agent.driver import Document, Driver, Surroundings, Task
from nightporter.agent.journal import Ending, Entry, Journal, JournalLost, Stage
from nightporter.agent.telling import Telling
from nightporter.client import Data
from nightporter.domain.command import CommandState
from nightporter.domain.sources import Sources
from nightporter.domain.value import value
from nightporter.wire.commands import Command

_log = structlog.get_logger()


@value
class Work:
    """A command that waits for its machine, with what the journal held of it when it was taken."""

    command: Command[Data]
    entry: Entry
    telling: Telling
    document: Callable[[], Awaitable[Document | None]]
    """Gives its document; raises Away while this computer cannot keep it."""


class CannotBeMade(Exception):
    """The driver of a machine cannot be made now; the message says why."""


class Machine:
    """The machine that ``configuration`` describes. ``on_end`` is told of each command that is through, and how it ended."""

    def __init__(
        self,
        configuration: MachineConfiguration,
        surroundings: Surroundings,
        journal: Journal,
        on_end: Callable[[Work, Ending | None], None],
    ) -> None:
        self.configuration = configuration
        self.surroundings = surroundings
        self._journal = journal
        self._on_end = on_end
        self._sources: Sources = surroundings.sources
        self._waiting: list[tuple[datetime, str]] = []
        self._works: dict[str, Work] = {}
        self._called_off: set[str] = set()
        self._has_news = asyncio.Event()
        self._carrying: Carrying | None = None
        self.under_way: str | None = None
        """The id of the command that is being carried out."""
        self.left = asyncio.Event()
        """Set when it is to take no more work."""
        self.is_driven = self.was_passed_over = False
        """Whether this agent is the one that drives it; and whether commands were passed over because it is not."""
        self._was_away = False

    @property
    def is_away(self) -> bool:
        """Whether the machine could not be reached when a command last tried it."""
        now = self._carrying.is_away if self._carrying is not None else None
        return self._was_away if now is None else now

    @property
    def waiting(self) -> int:
        """How many commands wait."""
        return len(self._waiting)

    @property
    def command_ids(self) -> set[str]:
        """The commands that wait or are under way."""
        return set(self._works)

    def holds(self, command_id: str) -> bool:
        """Whether this command waits or is under way."""
        return command_id in self._works

    def put(self, work: Work) -> None:
        """Add a command to those that wait."""
        command_id = work.entry.command_id
        self._works[command_id] = work
        heapq.heappush(self._waiting, (work.entry.created, command_id))
        self._has_news.set()

    def take_back(self) -> list[Work]:
        """All that waits, taken out of the queue: another Machine goes on with it."""
        waiting, self._waiting = self._waiting, []
        return [self._works.pop(command_id) for _, command_id in sorted(waiting)]

    def call_off(self, command_id: str) -> None:
        """The platform called a command off: it is not begun, or stopped at the machine where that can be done."""
        if command_id in self._works:
            self._called_off.add(command_id)
            if command_id == self.under_way and self._carrying is not None:
                self._carrying.attempt.cancelled.set()

    def leave(self) -> None:
        """Let :meth:`run` end when nothing is under way any more; what waits stays."""
        self.left.set()
        self._has_news.set()

    def make_driver(self) -> Driver:
        """Make what speaks to the machine. Raises CannotBeMade: what it needs may be gone since the configuration was read."""
        try:
            return self.configuration.kind.make(self.configuration.options, self.surroundings)
        except Exception as error:
            why = str(error) if isinstance(error, (ValueError, OSError)) else type(error).__name__
            raise CannotBeMade(f"its driver cannot be made: {why}") from error

    async def run(self, driver: Driver) -> None:
        """Carry out what waits, until :meth:`leave`. When this is cancelled, what is under way stays in the journal."""
        try:
            while not self.left.is_set():
                if not self._waiting:
                    self._has_news.clear()
                    await self._has_news.wait()
                    continue
                _, command_id = heapq.heappop(self._waiting)
                work = self._works[command_id]
                self.under_way = command_id
                try:
                    ending = await self._carry_out(work, driver)
                except Left:
                    await self._put_back(work)
                    return
                finally:
                    self._was_away = self.is_away
                    self.under_way = self._carrying = None
                    work.telling.close()
                del self._works[command_id]
                self._called_off.discard(command_id)
                self._on_end(work, ending)
        finally:
            with suppress(Exception):
                await driver.close()

    async def _put_back(self, work: Work) -> None:
        """Let what could not be begun, or asked about, wait again: for whoever follows, by what the journal has of it now."""
        entry = await self._journal.entry(work.entry.command_id)
        assert entry is not None
        self.put(replace(work, entry=entry))

    async def _carry_out(self, work: Work, driver: Driver) -> Ending | None:
        command_id = work.entry.command_id
        is_new = not any(step.stage is not Stage.PREPARED for step in work.entry.steps.values())
        if is_new and command_id in self._called_off:
            await self._journal.reported(command_id, "It was called off before it began.")
            return None
        try:
            ending = await self._carry(work, driver)
        except Withdrawn as withdrawn:
            await self._withdrawn(command_id, str(withdrawn))
            return None
        except (JournalLost, Left):
            raise
        except Exception as error:
            ending = await self._fault(command_id, error)
        await self._journal.ended(command_id, ending)
        await report(self._journal, work.telling, command_id, ending)
        return ending

    async def _carry(self, work: Work, driver: Driver) -> Ending:
        task = Task(work.entry.command_id, work.entry.created, work.command.data)
        self._carrying = Carrying(
            task, work.document, work.entry, driver, self._journal, work.telling,
            self._sources, self.left, self.configuration.gives_up_after, self.configuration.too_old_after,
        )  # fmt: skip
        if work.entry.command_id in self._called_off:
            self._carrying.attempt.cancelled.set()
        return await self._carrying.run()

    async def _withdrawn(self, command_id: str, why: str) -> None:
        entry = await self._journal.entry(command_id)
        done = [number for number, step in entry.steps.items() if step.stage is Stage.DONE] if entry else []
        log = _log.warning if done else _log.info
        log("the platform took a command back", command=command_id, steps_done=len(done), why=why)
        await self._journal.reported(command_id, why)

    async def _fault(self, command_id: str, error: Exception) -> Ending:
        """How a command ends that its driver cannot even begin with, or go on with: by what the journal holds of it."""
        _log.error("a driver failed", command=command_id, exc_info=error)
        entry = await self._journal.entry(command_id)
        stages = {step.stage for step in entry.steps.values()} if entry else set()
        fault = "The agent's driver for this machine has a fault, which its log tells."
        if stages & {Stage.SENT, Stage.DONE}:
            told = f"{fault} The command may have been carried out, wholly or in part: look at the machine."
            return Ending(Stage.UNKNOWN, CommandState.ERROR, told)
        return Ending(Stage.REFUSED, CommandState.ERROR, f"{fault} Nothing was done.")


async def report(journal: Journal, telling: Telling, command_id: str, ending: Ending) -> None:
    """Tell the platform how a command ended, and write down that it knows."""
    said = await telling.end(ending)
    if said is not None and not (ending.state is CommandState.CANCELLED or ending.stage is Stage.REFUSED):
        # For a person: what was done or may have been done is not what the platform believes.
        _log.warning("the platform did not take how a command ended", command=command_id, ended=ending.state, why=said)
    await journal.reported(command_id, said)
