"""One machine is driven by one agent of a computer: who has its lock makes its driver, and carries out what waits."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import structlog

from nightporter.agent.machine import CannotBeMade, Machine
from nightporter.agent.pausing import pause_unless
from nightporter.domain.sources import Sources
from nightporter.host.locks import ComputerLock, InUse

AGAIN = 10.0
"""Seconds until a machine that could not be driven is tried again."""

_log = structlog.get_logger()


async def drive(machine: Machine, locks: Path, sources: Sources, on_driven: Callable[[], None]) -> None:
    """Drive ``machine`` until it is left, or for as long as nobody else does; ``on_driven`` is told when it begins.

    ``locks`` is the name under which all agents of this computer lock their machines. Raises JournalLost.
    """
    told = ""
    while not machine.left.is_set():
        with ExitStack() as held:
            try:
                held.enter_context(ComputerLock(locks / machine.configuration.lock_name))
                driver = machine.make_driver()
            except (InUse, CannotBeMade, OSError) as error:
                why = "another agent on this computer drives it" if isinstance(error, InUse) else str(error)
                if why != told:
                    told = why
                    _log.error("the machine is not driven", machine=machine.configuration.name, why=why)
            else:
                machine.is_driven = True
                on_driven()
                await machine.run(driver)
        await pause_unless(sources, AGAIN, machine.left)
