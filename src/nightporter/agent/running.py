"""The agent as a program: its lock, its signals, its configuration read again when it changes, and the service manager."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from nightporter.agent.agent import Agent
from nightporter.agent.configuration import Configuration, InvalidConfiguration
from nightporter.agent.journal import Journal
from nightporter.agent.metrics import Metrics
from nightporter.agent.spool import Spool
from nightporter.domain.sources import Sources
from nightporter.host.locks import FileLock
from nightporter.host.service_manager import EVERY, ServiceManager
from nightporter.settings import Supervision

LOOKING = 2.0
"""Seconds between two looks at the configuration file."""
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

    Raises InUse when another agent works with the same state, JournalLost, and OSError when the state cannot be written.
    """
    for folder in (configuration.state, locks):
        _make(folder)
    manager, stop = ServiceManager(supervision.notify_socket), asyncio.Event()
    with FileLock(configuration.state / "agent.lock"), _ended_by_signals(stop):
        journal, metrics = Journal(configuration.state, sources.now), Metrics()
        agent = Agent(configuration, journal, Spool(configuration.state / "spool"), sources, locks, metrics)
        besides = [
            asyncio.create_task(_read_again(agent, path, read, sources)),
            asyncio.create_task(_keep_counting(agent, metrics, sources)),
            asyncio.create_task(_keep_telling(agent, manager, supervision, sources)),
        ]
        on_start(agent)
        try:
            await agent.run(stop)
        finally:
            manager.tell("STOPPING=1", status="the agent stops")
            for task in besides:
                task.cancel()
            await asyncio.gather(*besides, return_exceptions=True)
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


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:  # an editor may be putting a new one there
        return None
    return status.st_mtime_ns, status.st_size


async def _keep_counting(agent: Agent, metrics: Metrics, sources: Sources) -> None:
    told = ""
    while True:
        if (path := agent.configuration.metrics) is not None:
            try:
                await metrics.write(path, agent.machines, is_connected=agent.is_connected)
            except OSError as error:
                if (why := str(error)) != told:
                    told = why
                    _log.warning("the metrics cannot be written", why=why)
        await sources.pause(COUNTING)


async def _keep_telling(agent: Agent, manager: ServiceManager, supervision: Supervision, sources: Sources) -> None:
    """Tell the service manager that the loop turns: that it does is what this very message shows."""
    every = EVERY if supervision.watchdog is None else supervision.watchdog / 3
    assignments = ["READY=1"]
    while manager:
        under_way = sum(machine.under_way is not None for machine in agent.machines)
        waiting = sum(machine.waiting for machine in agent.machines)
        connected = "connected" if agent.is_connected else "NOT connected to the platform"
        status = f"{connected}; {len(agent.machines)} machines, {under_way} commands under way, {waiting} waiting"
        manager.tell(*assignments, "WATCHDOG=1", status=status)
        assignments = []
        await sources.pause(every)


class _ended_by_signals:  # noqa: N801 - used like a function
    """Sets ``stop`` at SIGINT and SIGTERM, a second one ends the program as it would any other."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, lambda one, _: self._struck(loop, one))

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal gave before

    def _struck(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        signal.signal(number, signal.SIG_DFL)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._stop.set)
