"""``nightporter agent run``."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nightporter.cli.agent_options import DEFAULT_CONFIG, ConfigOption, configuration, read
from nightporter.cli.asking import FAILED, USAGE, plain
from nightporter.cli.running import fail
from nightporter.settings import supervision

if TYPE_CHECKING:
    from nightporter.agent.agent import Agent

LOCKS = Path("nightporter-agent")
"""The name under which all agents of a computer lock their machines."""


def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Carry out commands at the machines of the configuration, until Ctrl-C.

    It only makes connections outwards: to the platform and to the machines. What it begins is in its journal first, so
    that it can be stopped, or fall over, at any moment and go on where it was; nothing is ever done twice. When the
    configuration changes it is read again, without losing work.
    """
    import asyncio

    from nightporter.agent.configuration import InvalidConfiguration
    from nightporter.agent.journal import JournalLost
    from nightporter.agent.running import run as run_agent
    from nightporter.host.clock import machine_sources
    from nightporter.host.collector import spare_the_collector
    from nightporter.host.locks import InUse
    from nightporter.host.logs import configure

    told, supervised, sources = configuration(config), supervision(), machine_sources()
    configure(told.log_level, sources.now)

    def started(agent: "Agent") -> None:
        spare_the_collector()
        machines = ", ".join(machine.name for machine in told.machines) or "no machine yet"
        typer.echo(plain(f"The agent for {told.platform.address} drives: {machines}. Ctrl-C stops it."))

    try:
        asyncio.run(run_agent(config, told, lambda: read(config), sources, LOCKS, supervised, started))
    except InvalidConfiguration as error:
        raise fail(plain(str(error)), USAGE) from None
    except InUse:
        raise fail(
            f"another agent works with the state in {told.state}: stop it, or give this one a state of its own", FAILED
        ) from None
    except JournalLost as error:
        raise fail(plain(str(error)), FAILED) from None
    except OSError as error:
        what = error.filename or f"the state in {told.state}"
        raise fail(
            plain(
                f"{what} cannot be used: {error.strerror or error}; whoever runs the agent must be allowed to write there, or "
                "give another folder as state"
            ),
            FAILED,
        ) from None
