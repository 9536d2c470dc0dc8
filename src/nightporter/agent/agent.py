"""The agent: takes commands in, hands each to its machine, and tells the platform; the queue is the truth, events are hints."""

import asyncio
from contextlib import aclosing, suppress
from datetime import timedelta
from pathlib import Path

import structlog

from nightporter import __version__
from nightporter.agent.configuration import Configuration, MachineConfiguration, Platform
from nightporter.agent.driver import Surroundings
from nightporter.agent.journal import Ending, Entry, Journal, Stage
from nightporter.agent.machine import Machine, Work, report
from nightporter.agent.metrics import Metrics
from nightporter.agent.spool import Spool
from nightporter.agent.telling import Telling
from nightporter.client import Client, ClientError, Connection, Data, Refused
from nightporter.domain.command import TERMINAL, CommandState
from nightporter.domain.sources import Sources
from nightporter.host.locks import FileLock, InUse
from nightporter.wire.commands import Command, DeviceCommandEvent

REMEMBERED = timedelta(days=30)
"""How long the journal keeps commands that are through: so long nothing is done again that arrives once more."""
AGAIN = 10.0
"""Seconds until a platform that refused to be listened to is tried again."""
FINISHING = 20.0
"""Seconds that a command under way gets to its end when the agent is stopped; afterwards the journal has it."""

_log = structlog.get_logger()


class Agent:
    """Carries out the commands of one platform at the machines of ``configuration``, by the ``journal``.

    ``locks`` is a folder that all agents of this computer share: no machine is driven by two of them.
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
        self._left: list[Client] = []
        self._machines: dict[str, Machine] = {}
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._intake: asyncio.Task[None] | None = None
        self._group = asyncio.TaskGroup()
        self._strangers: set[str] = set()
        self.is_connected = False

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
                for machine in self._configuration.machines:
                    self._start(machine)
                forgetting = self._group.create_task(self._forget())
                await self._recover()
                self._intake = self._group.create_task(self._take_in())
                await stop.wait()
                self._intake.cancel()
                await self._finish()
                forgetting.cancel()
        except ExceptionGroup as group:
            # The first fault is the one; what it took with it says nothing more.
            raise group.exceptions[0] from None
        finally:
            for client in (*self._left, self._client):
                await client.close()

    async def apply(self, configuration: Configuration) -> None:
        """Go on with another configuration: what is under way is finished as it was begun, nothing that waits is lost."""
        before, self._configuration = self._configuration, configuration
        if configuration.platform != before.platform:
            # Kept until the end: a report may be on its way through it.
            self._left.append(self._client)
            self._client = _client(configuration.platform)
            self._listen_anew()
        wanted = {machine.device_id: machine for machine in configuration.machines}
        for device_id, machine in list(self._machines.items()):
            same = wanted.get(device_id) == machine.configuration
            if same and self._surroundings(machine.configuration.name) == machine.surroundings:
                del wanted[device_id]
            else:
                self._group.create_task(self._replace(machine, wanted.pop(device_id, None)))
        for added in wanted.values():
            self._start(added)
        # Of devices that were not ours before, nobody has told yet.
        if self._strangers:
            self._strangers.clear()
            self._listen_anew()

    def _listen_anew(self) -> None:
        if self._intake is not None:
            self._intake.cancel()
            self._intake = self._group.create_task(self._take_in())

    def _surroundings(self, name: str) -> Surroundings:
        return Surroundings(self._sources, self._configuration.time_zone, name)

    def _start(self, configuration: MachineConfiguration) -> Machine:
        machine = Machine(configuration, self._surroundings(configuration.name), self._journal, self._ended)
        self._machines[configuration.device_id] = machine
        self._runs[configuration.device_id] = self._group.create_task(self._drive(machine))
        return machine

    async def _drive(self, machine: Machine) -> None:
        configuration, told = machine.configuration, False
        while True:
            try:
                lock = FileLock(self._locks / configuration.lock_name)
                break
            except (InUse, OSError) as error:
                if not told:
                    why = "another agent on this computer drives it" if isinstance(error, InUse) else str(error)
                    _log.error("the machine is not driven", machine=configuration.name, why=why)
                told = True
                await self._sources.pause(AGAIN)
        with lock:
            await machine.run()

    async def _replace(self, machine: Machine, configuration: MachineConfiguration | None) -> None:
        device_id = machine.configuration.device_id
        machine.leave()
        await asyncio.wait({self._runs[device_id]})
        del self._machines[device_id], self._runs[device_id]
        works = machine.take_back()
        if configuration is None:
            _log.info("the machine is no longer driven", machine=machine.configuration.name, waiting=len(works))
            return
        follower = self._start(configuration)
        for work in works:
            follower.put(work)

    async def _finish(self) -> None:
        for machine in self._machines.values():
            machine.leave()
        if self._runs:
            _, running = await asyncio.wait(self._runs.values(), timeout=FINISHING)
            for run in running:
                run.cancel()

    async def _recover(self) -> None:
        """Go on with what an earlier run left: what ended is only reported, the rest goes to its machine again."""
        entries = await self._journal.open_entries()
        self._spool.keep_only([])
        for entry in entries:
            if entry.ending is not None:
                self._report_again(entry, entry.ending)
                continue
            machine = self._machines.get(entry.device_id)
            if machine is None:
                _log.warning("a command is under way at a machine that is not configured", command=entry.command_id)
                continue
            command = await self._client.fetch(entry.command_id, spool=self._spool.open)
            if command is None:
                await self._gone(entry)
            else:
                self._put(machine, command, entry)

    async def _gone(self, entry: Entry) -> None:
        """The platform does not know the command any more, or does not show it."""
        sent = [step.number for step in entry.steps.values() if step.stage is Stage.SENT]
        if sent:
            _log.error(
                "what became of a command is not known, and the platform shows it no more",
                command=entry.command_id,
            )
        await self._journal.reported(entry.command_id, "The platform does not show this command any more.")

    async def _take_in(self) -> None:
        while True:
            try:
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
        machine = self._machines.get(device_id)
        if machine is None or machine.configuration.kind.device_type is not command.device.type:
            self._pass_over(command, device_id)
            return
        if command_id in machine.command_ids:
            return
        entry = await self._journal.entry(command_id)
        if entry is None:
            await self._journal.receive(command_id, device_id, machine.configuration.name, command.created_utc)
            entry = await self._journal.entry(command_id)
            assert entry is not None
        if entry.ending is not None:
            # It was carried out already, and offered again: what became of it is all that is told.
            self._report_again(entry, entry.ending)
            return
        work = self._put(machine, command, entry)
        if command.state is CommandState.PENDING:
            work.telling.received()

    def _pass_over(self, command: Command[Data], device_id: str) -> None:
        self._spool.remove(command.id.lower())
        if device_id not in self._strangers:
            self._strangers.add(device_id)
            _log.warning(
                "commands of a device that no machine is configured for are left alone",
                device=device_id, type=command.device.type,
            )  # fmt: skip

    def _put(self, machine: Machine, command: Command[Data], entry: Entry) -> Work:
        work = Work(command, entry, self._telling(entry.command_id), self._spool.document(entry.command_id))
        machine.put(work)
        return work

    def _telling(self, command_id: str) -> Telling:
        return Telling(lambda: self._client, command_id, self._configuration.name, self._sources)

    def _report_again(self, entry: Entry, ending: Ending) -> None:
        self._group.create_task(report(self._journal, self._telling(entry.command_id), entry.command_id, ending))

    def _ended(self, work: Work, ending: Ending | None) -> None:
        self._spool.remove(work.entry.command_id)
        self._metrics.ended(work.entry, ending, self._sources.now())

    def _heard(self, event: DeviceCommandEvent) -> None:
        if event.state in TERMINAL:
            for machine in self._machines.values():
                machine.call_off(event.id)

    def _saw(self, connection: Connection) -> None:
        if connection.is_open != self.is_connected:
            self.is_connected = connection.is_open
            _log.info("connected" if connection.is_open else "not connected", why=connection.reason or None)
        if connection.is_open:
            self._group.create_task(self._look_after_those_under_way())

    async def _look_after_those_under_way(self) -> None:
        """What was called off while nobody listened is called off now."""
        ours = {command_id for machine in self._machines.values() for command_id in machine.command_ids}
        with suppress(Refused):
            for command_id in ours:
                command = await self._client.fetch(command_id)
                if command is not None and command.state in TERMINAL:
                    self._heard(DeviceCommandEvent(command_id, command.state))

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
    )
