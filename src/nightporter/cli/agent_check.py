"""``nightporter agent check``."""

from typing import TYPE_CHECKING, Any

import typer

from nightporter.cli.agent_options import DEFAULT_CONFIG, ConfigOption, configuration
from nightporter.cli.asking import FAILED, JsonOption, say, say_json

if TYPE_CHECKING:
    from nightporter.agent.checking import Finding


def check(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Ask the platform and every machine how they are, without any effect, and say what is wrong.

    Ends with 1 when something cannot work; what works, but not as well as it could, is told and ends with 0. It may be
    used while the agent runs; a machine that speaks to one caller at a time may then say that it is busy.
    """
    import asyncio

    from nightporter.agent.checking import examine
    from nightporter.host.clock import machine_sources

    async def tell_all() -> bool:
        is_well = True
        async for finding in examine(told, machine_sources()):
            is_well = is_well and not finding.problems
            _tell(finding, as_json=as_json)
        return is_well

    told = configuration(config)
    if not asyncio.run(tell_all()):
        raise typer.Exit(FAILED)


def _tell(finding: "Finding", *, as_json: bool) -> None:
    if as_json:
        say_json(_summary(finding))
        return
    how = "PROBLEM" if finding.problems else "ok, but" if finding.remarks else "ok     "
    say(f"{how}  {finding.name}: {finding.identity}")
    for told in (*finding.problems, *finding.remarks):
        say(f"         {told}")


def _summary(finding: "Finding") -> dict[str, Any]:
    return {
        "Name": finding.name,
        "Identity": finding.identity,
        "Problems": finding.problems,
        "Remarks": finding.remarks,
    }
