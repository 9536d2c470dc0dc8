"""``nightporter agent check``."""

from typing import TYPE_CHECKING, Any

import typer

from nightporter.cli.agent_options import DEFAULT_CONFIG, ConfigOption, configuration
from nightporter.cli.asking import FAILED, JsonOption, say, say_json

if TYPE_CHECKING:
    from nightporter.agent.checking import Finding


def check(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Ask the platform and every machine how they are, without any effect, and say what is wrong.

    It may be used while the agent runs; a machine that speaks to one caller at a time may then say that it is busy.
    """
    import asyncio

    from nightporter.agent.checking import examine
    from nightporter.host.clock import machine_sources

    findings = asyncio.run(examine(configuration(config), machine_sources()))
    for finding in findings:
        if as_json:
            say_json(_summary(finding))
        else:
            say(f"{'ok     ' if not finding.problems else 'PROBLEM'}  {finding.name}: {finding.identity}")
            for problem in finding.problems:
                say(f"         {problem}")
    if any(finding.problems for finding in findings):
        raise typer.Exit(FAILED)


def _summary(finding: "Finding") -> dict[str, Any]:
    return {"Name": finding.name, "Identity": finding.identity, "Problems": list(finding.problems)}
