"""One command at one machine: each step is on the disk before it has an effect, and none is ever repeated in doubt.

The rules are those of docs/decisions/0011: what is done is only reported; what was prepared may run; what was sent is
resolved by asking the machine; what cannot be known ends as Error, with what a person must check.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import structlog

from nightporter.agent.driver import (
    Attempt,
    Away,
    Document,
    Done,
    Driver,
    Happened,
    Notes,
    NotHappened,
    Outcome,
    Refused,
    Resolution,
    Task,
    Unknown,
    merged,
)
from nightporter.agent.journal import Ending, Entry, Journal, JournalLost, Stage, Step
from nightporter.agent.pausing import pause_unless
from nightporter.agent.telling import Telling
from nightporter.domain.command import CommandState
from nightporter.domain.duration import told_duration
from nightporter.domain.sources import Sources

T = TypeVar("T")

FIRST_DELAY, LONGEST_DELAY = 0.5, 10.0
"""Seconds between two tries to reach a machine; the delay doubles from the one to the other."""
REPEATS = 3
"""How often a step is executed at most, each time because the machine said that the one before had no effect."""

_log = structlog.get_logger()


class Withdrawn(Exception):
    """The platform did not agree that the command is begun, or goes on; the message is what it said."""


class Left(Exception):
    """The machine is away, and is to be left: the journal has how far the command came, and whoever follows goes on."""


class Carrying:
    """Carries the command of ``entry`` out; made anew after a crash, it goes on where the journal stands."""

    def __init__(
        self,
        task: Task,
        document: Callable[[], Awaitable[Document | None]],
        entry: Entry,
        driver: Driver,
        journal: Journal,
        telling: Telling,
        sources: Sources,
        leaving: asyncio.Event,
        gives_up_after: float,
        too_old_after: float | None,
    ) -> None:
        self._task = task
        self._document = document
        self._driver = driver
        self._journal = journal
        self._telling = telling
        self._sources = sources
        self._leaving = leaving
        self._gives_up_after = gives_up_after
        self._too_old_after = too_old_after
        self._records = dict(entry.steps)
        self._status: str | None = entry.status
        self._is_begun = False
        self.is_away: bool | None = None
        """Whether the machine could not be reached when it was tried last; None before that."""
        self.attempt = Attempt(self._nothing_to_write, self._tell)

    async def run(self) -> Ending:
        """Carry all steps out; returns how the command ended, which is not in the journal yet.

        Raises Withdrawn when the platform called it off before anything was sent, and Left when it is to end while the
        machine is away.
        """
        steps, notes = self._driver.steps(self._task), "There was nothing to do."
        for step in range(1, steps + 1):
            outcome = await self._carry_out(step)
            if not isinstance(outcome, Done):
                return _broken_off(step, steps, outcome)
            self._records[step] = Step(step, Stage.DONE, {}, {}, outcome.result)
            notes = outcome.notes
        return Ending(
            Stage.DONE, CommandState.PROCESSED, _sayable(notes),
            merged({number: one.result for number, one in self._records.items()}),
        )  # fmt: skip

    async def _carry_out(self, step: int) -> Outcome:
        record = self._records.get(step)
        if record is not None and record.stage is Stage.DONE:
            return Done("It was carried out before the agent was started again.", record.result)
        executions = 0
        while True:
            if record is not None and record.stage is Stage.SENT:
                resolved = await self._resolve(step, record)
                if not isinstance(resolved, NotHappened):
                    return await self._finished(step, resolved)
            if executions == REPEATS:
                return Refused(
                    f"The machine was asked {REPEATS} times, and says that nothing came of it. Look at the machine, and "
                    "ask again when it works."
                )
            executions += 1
            executed = await self._patiently(lambda: self._prepare_and_execute(step))
            if not isinstance(executed, Step):
                return await self._finished(step, executed)
            record = executed

    async def _prepare_and_execute(self, step: int) -> Outcome | Step:
        """The outcome, or the step as it was sent where nobody knows what became of it. Raises Away when nothing was sent."""
        if (late := self._late()) is not None:
            return late
        await self._have_document()
        try:
            baseline = await self._driver.prepare(self._task, step)
        except Away:
            raise
        except Exception as error:
            return self._failed(step, error)
        # It is there: what it was waited for is over, and not only when the step is.
        self.is_away = False
        self._note(None)
        if isinstance(baseline, Refused):
            return baseline
        if (fault := unwritable(baseline)) is not None:
            return self._failed(step, fault)
        await self._prepared(step, baseline)
        # The platform may have been away for long.
        if (late := self._late()) is not None:
            return late
        sent: list[Notes] = []

        async def write(reference: Notes) -> None:
            await self._journal.sent(self._task.command_id, step, reference)
            _log.debug("a step is sent", command=self._task.command_id, step=step)
            sent.append(reference)

        self._renew(write)
        if self.attempt.cancelled.is_set():
            return Refused("It was called off before it began.", is_cancelled=True)
        try:
            return await self._driver.execute(self._task, step, baseline, self.attempt)
        except Away as away:
            if not sent:
                raise
            _log.warning("the machine broke off", command=self._task.command_id, step=step, why=str(away))
        except JournalLost:
            raise
        except Exception as error:
            refused = self._failed(step, error)
            if not sent:
                return refused
        return Step(step, Stage.SENT, baseline, sent[-1], None)

    def _failed(self, step: int, error: Exception) -> Refused:
        _log.error("a driver failed", command=self._task.command_id, step=step, exc_info=error)
        return Refused("Nothing was done: the agent's driver for this machine has a fault, which its log tells.")

    async def _resolve(self, step: int, record: Step) -> Resolution:
        async def write(reference: Notes) -> None:
            await self._journal.sent(self._task.command_id, step, reference)

        async def act() -> Resolution:
            self._renew(write)
            with suppress(Away):  # how large it is may help to find it, and it can be done without
                await self._have_document()
            try:
                return await self._driver.resolve(self._task, step, record.baseline, record.reference, self.attempt)
            except (Away, JournalLost):
                raise
            except Exception as error:
                self._failed(step, error)
                return Unknown(self._driver.doubt(self._task, step, record.reference))

        resolved = await self._patiently(act, when_tired=lambda why: Unknown(
            f"{why} {self._driver.doubt(self._task, step, record.reference)}"
        ))  # fmt: skip
        _log.info("a step was resolved", command=self._task.command_id, step=step, found=type(resolved).__name__)
        return resolved

    async def _finished(self, step: int, outcome: Outcome | Resolution) -> Outcome:
        if isinstance(outcome, Happened):
            outcome = Done(outcome.notes, outcome.result)
        assert not isinstance(outcome, NotHappened)
        if isinstance(outcome, Done):
            if (fault := unwritable(outcome.result)) is not None:
                self._failed(step, fault)
                outcome = Done(outcome.notes)
            await self._journal.done(self._task.command_id, step, outcome.result)
            _log.debug("a step is done", command=self._task.command_id, step=step)
        return outcome

    async def _have_document(self) -> None:
        self._task = replace(self._task, document=await self._document())

    async def _prepared(self, step: int, baseline: Notes) -> None:
        # While the disk writes, the platform can be asked; neither alone is enough to go on.
        beginning = asyncio.ensure_future(self._begin())
        try:
            await self._journal.prepared(self._task.command_id, step, baseline)
            _log.debug("a step is prepared", command=self._task.command_id, step=step)
            await beginning
        finally:
            beginning.cancel()

    async def _begin(self) -> None:
        if self._is_begun:
            return
        if (said := await self._telling.begin()) is not None:
            raise Withdrawn(said)
        self._is_begun = True

    async def _patiently(
        self, act: Callable[[], Awaitable[T]], when_tired: "Callable[[str], T] | None" = None
    ) -> "T | Refused":
        """Do ``act`` until the machine is there; after that time Refused, or what ``when_tired`` makes of the reason."""
        away_since, delay = None, FIRST_DELAY
        while True:
            try:
                answer = await act()
            except Away as away:
                self.is_away, why = True, str(away)
                # Before it broke off it was there, perhaps for long: a job may have been followed until now.
                away_since = self._sources.elapsed() if away_since is None else away_since
            else:
                self.is_away = False
                return answer
            if self._sources.elapsed() - away_since + delay > self._gives_up_after:
                told = f"{why} It was tried for {told_duration(int(self._gives_up_after))}."
                return (
                    when_tired(told) if when_tired else Refused(f"{told} Nothing was done; ask again when it is there.")
                )
            self._note(why)
            if self.attempt.cancelled.is_set() and when_tired is None:
                return Refused("It was called off while the machine was away; nothing was done.", is_cancelled=True)
            await pause_unless(self._sources, delay, self._leaving)
            if self._leaving.is_set():
                raise Left
            delay = min(delay * 2, LONGEST_DELAY)

    def _note(self, status: str | None) -> None:
        status = status and _sayable(status)
        if status == self._status:
            return
        self._status = status
        self._journal.note(self._task.command_id, status)
        self._telling.progress(None, status)

    def _tell(self, percent: float | None, status: str | None) -> None:
        status = status and _sayable(status)
        if status != self._status:
            self._status = status
            self._journal.note(self._task.command_id, status)
        self._telling.progress(percent, status)

    def _renew(self, write: Callable[[Notes], Awaitable[None]]) -> None:
        cancelled = self.attempt.cancelled
        self.attempt = Attempt(write, self._tell)
        self.attempt.cancelled = cancelled

    @staticmethod
    async def _nothing_to_write(reference: Notes) -> None:
        raise AssertionError("nothing is sent before a step has begun")

    def _late(self) -> Refused | None:
        """Why it is not begun any more, when it is too old; what is done in part is finished at any age."""
        age = (self._sources.now() - self._task.created).total_seconds()
        is_done_in_part = any(record.stage is Stage.DONE for record in self._records.values())
        if self._too_old_after is None or age <= self._too_old_after or is_done_in_part:
            return None
        return Refused(
            f"It had waited for {told_duration(int(age))} when its turn came, and was not begun: after "
            f"{told_duration(int(self._too_old_after))} nobody may expect it any more. Ask again if it is still wanted."
        )


def unwritable(notes: Notes | None) -> Exception | None:
    """What stands against writing ``notes`` down."""
    try:
        json.dumps(notes, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        return error
    return None


def _sayable(notes: str) -> str:
    """``notes`` without halves of characters, which a driver may have from its machine and which can be neither kept nor sent."""
    return notes.encode("utf-8", "replace").decode()


def _broken_off(step: int, steps: int, outcome: Refused | Unknown) -> Ending:
    told = _sayable(outcome.notes)
    if step > 1:
        told = f"{step - 1} of {steps} {'was' if step == 2 else 'were'} carried out. Number {step}: {told}"
    if left := steps - step:
        told += " The one after it was not begun." if left == 1 else f" The {left} after it were not begun."
    if isinstance(outcome, Unknown):
        return Ending(Stage.UNKNOWN, CommandState.ERROR, told)
    is_cancelled = outcome.is_cancelled and step == 1
    return Ending(Stage.REFUSED, CommandState.CANCELLED if is_cancelled else CommandState.ERROR, told)
