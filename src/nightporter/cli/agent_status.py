"""``nightporter agent status``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightporter.cli.agent_options import DEFAULT_CONFIG, ConfigOption, configuration
from nightporter.cli.asking import FAILED, JsonOption, plain, say, say_json
from nightporter.cli.running import fail

if TYPE_CHECKING:
    from nightporter.agent.journal import Entry


def status(
    config: ConfigOption = DEFAULT_CONFIG,
    last: Annotated[int, typer.Option(help="How many of the commands that are through to show.", min=0)] = 10,
    as_json: JsonOption = False,
) -> None:
    """Show what is under way, what waits, and what was through last, as the agent's journal on this computer tells it."""
    import sqlite3

    from nightporter.agent.status import status as status_of

    folder = configuration(config, has_tokens=False).state
    try:
        told = status_of(folder, last)
    except (OSError, sqlite3.Error) as error:
        raise fail(plain(f"the journal in {folder} cannot be read: {error}"), FAILED) from None
    if as_json:
        say_json({
            "Running": told.is_running,
            "Open": [_summary(entry) for entry in told.open],
            "Recent": [_summary(entry) for entry in told.recent],
        })  # fmt: skip
        return
    say("The agent runs." if told.is_running else "The agent does not run.")
    say(f"{len(told.open)} under way or waiting" + (":" if told.open else "."))
    for entry in told.open:
        say(f"  {_line(entry)}")
    if told.recent:
        say("Through last:")
    for entry in told.recent:
        say(f"  {_line(entry)}")


def _summary(entry: "Entry") -> dict[str, Any]:
    ending = entry.ending
    return {
        "CommandId": entry.command_id,
        "Machine": entry.machine,
        "Stage": entry.stage,
        "Steps": {str(number): step.stage for number, step in sorted(entry.steps.items())},
        "CreatedUtc": entry.created,
        "Status": entry.status,
        "State": ending and ending.state,
        "Notes": ending and ending.notes,
        "PlatformSaid": entry.said,
    }


def _line(entry: "Entry") -> str:
    at = max(entry.steps.values(), key=lambda step: step.number, default=None)
    stage = entry.stage if at is None or entry.ending is not None else f"{at.stage} (step {at.number})"
    told = f"{entry.command_id} {entry.machine}: {stage}"
    if entry.status:
        told += f". {entry.status}"
    if entry.ending is not None:
        told += f", {entry.ending.state}. {entry.ending.notes}"
    if entry.said:
        told += f" (the platform said: {entry.said})"
    return told
