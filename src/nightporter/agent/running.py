"""The agent as a program: its lock, its signals, its configuration read again when it changes, and the service manager."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from nightporter.agent.agent import Agent
from nightporter.agent.configuration import LOCK, Configuration, InvalidConfiguration
from nightporter.agent.driver import Surroundings
from nightporter.agent.journal import Journal, JournalLost
from nightporter.agent.metrics import Metrics
from nightporter.agent.spool import Spool
from nightporter.client import Client
from nightporter.domain.sources import Sources
from nightporter.host.locks import FileLock, InUse
from nightporter.host.service_manager import EVERY, ServiceManager
from nightporter.settings import Supervision

LOOKING = 2.0
"""Seconds between two looks at the configuration file."""
LOOKS = 5
"""How often a lock that is held is tried again at the start, a tenth of a second apart."""
COUNTING = 10.0
"""Seconds between two writings of the metrics."""

_log = structlog.get_logger()


async def run(
    path: Path,
    configuration: Configuration,
    read: Callable[[], Configuration],
    sources: Sources,
    locks: Path,
    supervision: Supervision,
    on_start: Callable[[Agent], None],
) -> None:
    """Run the agent until SIGINT or SIGTERM; ``read`` reads the configuration at ``path`` anew.

    ``locks`` is the name under which all agents of this computer lock their machines.

    Raises InvalidConfiguration, InUse when another agent works with the same state, JournalLost, and OSError when the
    state cannot be written.
    """
    await _try(path, configuration, sources)
    configuration.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    manager, stop = ServiceManager(supervision.notify_socket), asyncio.Event()
    with await hold(configuration.state / LOCK, sources), ended_by_signals(stop):
        journal, metrics = Journal(configuration.state, sources.now), Metrics()
        agent = Agent(configuration, journal, Spool(configuration.state / "spool"), sources, locks, metrics)
        besides = [
            asyncio.create_task(_read_again(agent, path, read, sources)),
            asyncio.create_task(_keep_counting(agent, journal, metrics, sources)),
            asyncio.create_task(_keep_telling(agent, journal, manager, supervision, sources)),
            asyncio.create_task(_tell_the_end(agent, manager, stop)),
        ]
        on_start(agent)
        try:
            await agent.run(stop)
        finally:
            for task in besides:
                task.cancel()
            await asyncio.gather(*besides, return_exceptions=True)
            with suppress(OSError, JournalLost):  # told already, or told by whoever ends
                await _count(agent, journal, metrics, sources, is_connected=False)
            await journal.close()


async def _read_again(agent: Agent, path: Path, read: Callable[[], Configuration], sources: Sources) -> None:
    seen = _stamp(path)
    while True:
        await sources.pause(LOOKING)
        if (now := _stamp(path)) == seen or now is None:
            continue
        seen = now
        try:
            configuration = read()
            await _try(path, configuration, sources)
        except InvalidConfiguration as error:
            _log.error(
                "the configuration was changed and cannot be used; the agent goes on with the one before",
                why=str(error),
            )
            continue
        if configuration.state != agent.configuration.state:
            _log.error(
                "the state stays where it is until the agent is started again", state=str(agent.configuration.state)
            )
        await agent.apply(configuration)
        _log.info("the configuration was read again", machines=len(configuration.machines))


async def _try(path: Path, configuration: Configuration, sources: Sources) -> None:
    """Find out what only shows when it is used, without connecting. Raises InvalidConfiguration."""
    platform = configuration.platform
    try:
        client = Client(
            platform.address, platform.client_token, platform.access_token, socket_address=platform.socket_address
        )
    except ValueError as error:
        raise InvalidConfiguration(f"{path}: [platform] {error}") from None
    await client.close()
    for machine in configuration.machines:
        try:
            driver = machine.kind.make(
                machine.options, Surroundings(sources, configuration.time_zone, machine.name, configuration.folder)
            )
        except ValueError as error:
            raise InvalidConfiguration(f"{path}: [machines.{machine.name!r}]: {error}") from None
        except Exception as error:
            _log.error("a driver failed", machine=machine.name, exc_info=error)
            raise InvalidConfiguration(
                f"{path}: [machines.{machine.name!r}]: the driver {machine.kind.name!r} has a fault ({type(error).__name__})"
            ) from error
        await driver.close()


async def hold(path: Path, sources: Sources) -> FileLock:
    """The lock at ``path``, which somebody may just be looking at; raises InUse when another agent has it, and OSError."""
    for _ in range(LOOKS):
        with suppress(InUse):
            return FileLock(path)
        await sources.pause(0.1)
    return FileLock(path)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:  # an editor may be putting a new one there
        return None
    return status.st_mtime_ns, status.st_size


async def _keep_counting(agent: Agent, journal: Journal, metrics: Metrics, sources: Sources) -> None:
    told = ""
    while True:
        try:
            await _count(agent, journal, metrics, sources, is_connected=agent.is_connected)
        except (OSError, JournalLost) as error:
            if (why := str(error)) != told:
                told = why
                _log.warning("the metrics cannot be written", why=why)
        await sources.pause(COUNTING)


async def _count(agent: Agent, journal: Journal, metrics: Metrics, sources: Sources, *, is_connected: bool) -> None:
    if (path := agent.configuration.metrics) is None:
        return
    unreported = await journal.unreported()
    await metrics.write(path, agent.machines, is_connected=is_connected, unreported=unreported, now=sources.now())


async def _keep_telling(
    agent: Agent, journal: Journal, manager: ServiceManager, supervision: Supervision, sources: Sources
) -> None:
    """Tell the service manager that the loop turns, which this very message shows, and that the journal can be read.

    It is ready before it is connected: a platform that is away is waited for, and no reason to start anew.
    """
    every = EVERY if supervision.watchdog is None else supervision.watchdog / 3
    assignments = ["READY=1"]
    while manager:
        try:
            unreported = await journal.unreported()
        except JournalLost as error:
            manager.tell(status=str(error))
        else:
            manager.tell(*assignments, "WATCHDOG=1", status=_status(agent, unreported))
            assignments = []
        await sources.pause(every)


def _status(agent: Agent, unreported: int) -> str:
    connected = "Connected" if agent.is_connected else "NOT connected to the platform"
    away = ", ".join(machine.configuration.name for machine in agent.machines if machine.is_away)
    under_way, waiting = _work(agent)
    return (
        f"{connected}; machines: {len(agent.machines)}{f' (away: {away})' if away else ''}; "
        f"commands: {under_way} under way, {waiting} waiting, {unreported} not reported"
    )


def _work(agent: Agent) -> tuple[int, int]:
    """How many commands are under way, and how many wait."""
    return (
        sum(machine.under_way is not None for machine in agent.machines),
        sum(machine.waiting for machine in agent.machines),
    )


async def _tell_the_end(agent: Agent, manager: ServiceManager, stop: asyncio.Event) -> None:
    await stop.wait()
    under_way, waiting = _work(agent)
    manager.tell("STOPPING=1", status=f"Finishing {under_way} commands; {waiting} that wait stay for the next start")
    _log.info("the agent stops", under_way=under_way, waiting=waiting)


class ended_by_signals:  # noqa: N801 - used like a function
    """Sets ``stop`` at SIGINT or SIGTERM; a second one, of either kind, ends the program as it would any other."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, lambda _, __: self._struck(loop))

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal gave before

    def _struck(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in self._before:
            signal.signal(number, signal.SIG_DFL)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._stop.set)
