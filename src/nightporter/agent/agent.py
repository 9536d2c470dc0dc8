"""The agent: takes commands in, hands each to its machine, and tells the platform; the queue is the truth, events are hints."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from nightporter import __version__
from nightporter.agent.configuration import Configuration, MachineConfiguration, Platform
from nightporter.agent.driver import Away, Document, Surroundings
from nightporter.agent.driving import drive
from nightporter.agent.journal import Ending, Entry, Journal, Stage
from nightporter.agent.machine import Machine, Work, report
from nightporter.agent.metrics import Metrics
from nightporter.agent.spool import Spool
from nightporter.agent.telling import Telling
from nightporter.client import Client, ClientError, Connection, Data, Patience
from nightporter.domain.command import TERMINAL, CommandState
from nightporter.domain.sources import Sources
from nightporter.wire.commands import Command, DeviceCommandEvent

REMEMBERED = timedelta(days=30)
"""How long the journal keeps commands that are through: so long nothing is done again that arrives once more."""
AGAIN = 10.0
"""Seconds until a platform that refused to be listened to is tried again."""
SWEEP = 120.0
"""Seconds after which the queue is read though no event told of anything: a socket may be closed to this computer alone.

Reading it brings the documents of all that waits along, so that it is not done more often.
"""
FETCHING = 600.0
"""Seconds that a document is waited for from one client; the platform may be another by then."""
RETIRING = 3600.0
"""Seconds that the client of a platform that was changed goes on with what it was asked."""
FINISHING = 20.0
"""Seconds that a command under way gets to its end when the agent is stopped; afterwards the journal has it."""

_log = structlog.get_logger()


class Agent:
    """Carries out the commands of one platform at the machines of ``configuration``, by the ``journal``.

    ``locks`` is the name under which all agents of this computer lock their machines: none is driven by two of them.
    """

    def __init__(
        self,
        configuration: Configuration,
        journal: Journal,
        spool: Spool,
        sources: Sources,
        locks: Path,
        metrics: Metrics,
    ) -> None:
        self._configuration = configuration
        self._journal = journal
        self._spool = spool
        self._sources = sources
        self._locks = locks
        self._metrics = metrics
        self._client = _client(configuration.platform)
        self._machines: dict[str, Machine] = {}
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._group = asyncio.TaskGroup()
        self._intake: asyncio.Task[None] | None = None
        self._look: asyncio.Task[None] | None = None
        self._asides: set[asyncio.Task[None]] = set()
        self._reporting: set[str] = set()
        self._strangers: set[str] = set()
        self._is_stopping = False
        self.is_connected = False
        self._told: str | None = None
        journal.executor = configuration.name

    @property
    def configuration(self) -> Configuration:
        """What it was told last."""
        return self._configuration

    @property
    def machines(self) -> list[Machine]:
        """The machines that are driven."""
        return list(self._machines.values())

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; then finish what is under way, within FINISHING seconds. Raises JournalLost."""
        try:
            async with self._group:
                try:
                    for machine in self._configuration.machines:
                        self._start(machine)
                    self._spool.clear()
                    self._aside(self._forget())
                    self._listen_anew()
                    await stop.wait()
                finally:
                    self._is_stopping = True
                await self._finish()
        except ExceptionGroup as group:
            # The first fault is the one; what it took with it says nothing more.
            raise group.exceptions[0] from None
        finally:
            await self._client.close()
            # What goes on after the next start is fetched again; no document waits for it here.
            self._spool.clear()

    async def apply(self, configuration: Configuration) -> None:
        """Go on with another configuration: what is under way is finished as it was begun, nothing that waits is lost."""
        if self._is_stopping:
            return
        before, self._configuration = self._configuration, configuration
        self._journal.executor = configuration.name
        wanted = {machine.device_id: machine for machine in configuration.machines}
        for device_id, machine in self._machines.items():
            told = wanted.pop(device_id, None)
            # One that is leaving already is followed by what is wanted when it has left.
            if not machine.left.is_set() and not self._is_as_told(machine, told):
                machine.leave()
                self._aside(self._replace(machine))
        for added in wanted.values():
            self._start(added)
        if configuration.platform != before.platform:
            self._aside(self._retire(self._client))
            self._client = _client(configuration.platform)
            self._listen_anew()
        elif wanted:
            # What waits for a device that was not ours before has been passed over.
            self._listen_anew()

    async def _retire(self, client: Client) -> None:
        """Close a client that nobody takes any more, when what is on its way through it must have arrived."""
        try:
            await self._sources.pause(RETIRING)
        finally:
            await client.close()

    def _is_as_told(self, machine: Machine, told: MachineConfiguration | None) -> bool:
        return told == machine.configuration and self._surroundings(told.name) == machine.surroundings

    def _listen_anew(self) -> None:
        self._strangers.clear()
        if self._intake is not None:
            self._intake.cancel()
        self._intake = self._aside(self._take_in())

    def _aside(self, act: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have ``act`` done beside the machines, until it is through or the agent is stopped."""
        try:
            task = self._group.create_task(act)
        except RuntimeError:  # the agent ends just now
            act.close()
            raise
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)
        return task

    def _surroundings(self, name: str) -> Surroundings:
        return Surroundings(self._sources, self._configuration.time_zone, name, self._configuration.folder)

    def _start(self, configuration: MachineConfiguration) -> Machine:
        machine = Machine(configuration, self._surroundings(configuration.name), self._journal, self._ended)
        self._machines[configuration.device_id] = machine
        driven = drive(machine, self._locks, self._sources, partial(self._drives, machine))
        self._runs[configuration.device_id] = self._group.create_task(driven)
        return machine

    def _drives(self, machine: Machine) -> None:
        if machine.was_passed_over:
            self._listen_anew()

    async def _replace(self, machine: Machine) -> None:
        device_id = machine.configuration.device_id
        await asyncio.wait({self._runs[device_id]})
        if self._is_stopping:
            return
        del self._machines[device_id], self._runs[device_id]
        works = machine.take_back()
        told = next((one for one in self._configuration.machines if one.device_id == device_id), None)
        if told is None:
            _log.info("the machine is no longer driven", machine=machine.configuration.name, waiting=len(works))
            for work in works:
                self._spool.remove(work.entry.command_id)
            return
        follower = self._start(told)
        for work in works:
            follower.put(work)

    async def _finish(self) -> None:
        for task in self._asides:
            task.cancel()
        for machine in self._machines.values():
            machine.leave()
        if self._runs:
            _, running = await asyncio.wait(self._runs.values(), timeout=FINISHING)
            for run in running:
                run.cancel()

    def _is_held(self, command_id: str) -> bool:
        return any(machine.holds(command_id) for machine in self._machines.values())

    async def _recover(self) -> None:
        """Go on with what the journal holds and nobody has: what ended is only reported, the rest goes to its machine."""
        for entry in await self._journal.open_entries():
            if self._is_held(entry.command_id):
                continue
            if entry.ending is not None:
                self._report_again(entry, entry.ending)
            elif (machine := self._machines.get(entry.device_id)) is not None and not machine.is_driven:
                machine.was_passed_over = True
            elif machine is not None:
                command = await self._client.fetch(entry.command_id, spool=self._spool.open)
                await self._go_on(entry, command)
            else:
                _log.warning("a command is under way at a machine that is not configured", command=entry.command_id)

    async def _go_on(self, entry: Entry, command: Command[Data] | None) -> None:
        # It may have come to its end while it was fetched; what was read of it before counts no more.
        now = await self._journal.entry(entry.command_id)
        machine = self._machines.get(entry.device_id)
        if self._is_held(entry.command_id):
            return
        if machine is None or now is None or now.ending is not None or now.stage is Stage.REPORTED:
            self._spool.remove(entry.command_id)
        elif command is None:
            await self._gone(now)
        elif self._machine(entry.device_id, command) is not None:
            self._put(machine, command, now)

    async def _gone(self, entry: Entry) -> None:
        """The platform does not know the command any more, or does not show it."""
        if any(step.stage in (Stage.SENT, Stage.DONE) for step in entry.steps.values()):
            _log.error(
                "what became of a command is not known, and the platform shows it no more",
                command=entry.command_id,
            )
            if self._sources.now() - entry.received < REMEMBERED:
                # It may be shown again: the tokens may have been another property's.
                return
        await self._journal.reported(entry.command_id, "The platform does not show this command any more.")

    async def _take_in(self) -> None:
        while True:
            try:
                await self._recover()
                work = self._client.work(self._saw, spool=self._spool.open, on_event=self._heard)
                async with aclosing(work) as commands:
                    async for command in commands:
                        await self._take(command)
            except ClientError as error:
                self.is_connected = False
                _log.error("the platform does not let the agent listen", why=str(error))
                await self._sources.pause(AGAIN)

    async def _take(self, command: Command[Data]) -> None:
        command_id, device_id = command.id.lower(), command.device.id.lower()
        machine = self._machine(device_id, command)
        if machine is None:
            return
        if self._is_held(command_id):
            return
        if not machine.is_driven:
            # Whoever drives it takes its commands.
            machine.was_passed_over = True
            self._spool.remove(command_id)
            return
        entry = await self._journal.receive(command_id, device_id, machine.configuration.name, command.created_utc)
        _log.debug("a command was taken", command=command_id, machine=machine.configuration.name)
        if entry.ending is not None:
            # It was carried out already, and offered again: what became of it is all that is told.
            self._spool.remove(command_id)
            self._report_again(entry, entry.ending)
            return
        machine = self._machine(device_id, command)  # another configuration may have come meanwhile
        if machine is None:
            return
        work = self._put(machine, command, entry)
        if command.state is CommandState.PENDING:
            work.telling.received()

    def _machine(self, device_id: str, command: Command[Data]) -> Machine | None:
        """The machine that carries this command out; None, and told once, when there is none."""
        machine = self._machines.get(device_id)
        if machine is not None and machine.configuration.kind.device_type is command.device.type:
            return machine
        self._spool.remove(command.id.lower())
        if device_id not in self._strangers:
            self._strangers.add(device_id)
            if machine is None:
                _log.warning(
                    "commands of a device that no machine is configured for are left alone",
                    device=device_id, type=command.device.type,
                )  # fmt: skip
            else:
                _log.error(
                    "a machine is configured with a driver of another kind, and its commands are left alone",
                    machine=machine.configuration.name, device=device_id, type=command.device.type,
                    driver=machine.configuration.kind.name,
                )  # fmt: skip
        return None

    def _put(self, machine: Machine, command: Command[Data], entry: Entry) -> Work:
        telling = self._telling(entry, is_begun=command.state is CommandState.PROCESSING)
        work = Work(command, entry, telling, partial(self._document, entry.command_id))
        if (fault := self._spool.fault(entry.command_id)) is not None:
            _log.warning(
                "a document cannot be kept", machine=machine.configuration.name, command=entry.command_id, why=fault
            )
        machine.put(work)
        return work

    async def _document(self, command_id: str) -> Document | None:
        """The document of a command, fetched again if the disk did not take it. Raises Away when it does not now."""
        while self._spool.fault(command_id) is not None:
            try:
                async with asyncio.timeout(FETCHING):
                    await self._client.fetch(command_id, spool=self._spool.open)
                break
            except TimeoutError:
                continue
            except ClientError as error:
                raise Away(f"The document cannot be fetched: {error}.") from None
        if (fault := self._spool.fault(command_id)) is not None:
            raise Away(f"The document cannot be kept on the agent's computer ({fault}). Make room on its disk.")
        path = self._spool.document(command_id)
        return Document(path) if path is not None else None

    def _telling(self, entry: Entry, *, is_begun: bool) -> Telling:
        # One that has ended may have waited for something before; the journal has forgotten for what.
        return Telling(
            lambda: self._client, entry.command_id, entry.executor, self._sources,
            is_begun=is_begun, has_status=is_begun or entry.status is not None,
        )  # fmt: skip

    def _report_again(self, entry: Entry, ending: Ending) -> None:
        if entry.command_id not in self._reporting:
            self._reporting.add(entry.command_id)
            self._aside(self._report(entry, ending))

    async def _report(self, entry: Entry, ending: Ending) -> None:
        try:
            await report(self._journal, self._telling(entry, is_begun=True), entry.command_id, ending)
        finally:
            self._reporting.discard(entry.command_id)

    def _ended(self, work: Work, ending: Ending | None) -> None:
        self._spool.remove(work.entry.command_id)
        self._metrics.ended(work.entry, ending, self._sources.now())

    def _heard(self, event: DeviceCommandEvent) -> None:
        if event.state in TERMINAL:
            for machine in self._machines.values():
                machine.call_off(event.id)

    def _saw(self, connection: Connection) -> None:
        told = "" if connection.is_open else connection.reason or "the connection was lost"
        if told != self._told:
            self._told = told
            platform = self._configuration.platform.address
            if connection.is_open:
                _log.info("connected", platform=platform)
            else:
                _log.warning("not connected", platform=platform, why=told)
        self.is_connected = connection.is_open
        if connection.is_open and not self._is_stopping:
            if self._look is not None:
                self._look.cancel()
            self._look = self._aside(self._look_after_those_under_way())

    async def _look_after_those_under_way(self) -> None:
        """What was called off while nobody listened is called off now."""
        ours = {command_id for machine in self._machines.values() for command_id in machine.command_ids}
        with suppress(ClientError):
            for command_id, state in (await self._client.states(ours)).items():
                self._heard(DeviceCommandEvent(command_id, state))

    async def _forget(self) -> None:
        while True:
            await self._journal.forget(REMEMBERED)
            await self._sources.pause(timedelta(hours=6).total_seconds())


def _client(platform: Platform) -> Client:
    return Client(
        platform.address,
        platform.client_token,
        platform.access_token,
        f"Nightporter agent {__version__}",
        platform.socket_address,
        patience=Patience(sweep=SWEEP),
    )
