"""``nightporter agent status``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightporter.cli.agent_options import DEFAULT_CONFIG, ConfigOption, configuration
from nightporter.cli.asking import FAILED, JsonOption, plain, say, say_json
from nightporter.cli.running import fail

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from nightporter.agent.journal import Entry

_DOING = {
    "RECEIVED": "has not begun",
    "PREPARED": "has not begun",
    "SENT": "is under way at the machine",
    "DONE": "goes on with what is next",
}
"""What a command that has not ended does, by the stage that it or its latest step has come to."""
_LEFT = "was under way when the agent ended"
"""The same of SENT when no agent runs."""


def status(
    config: ConfigOption = DEFAULT_CONFIG,
    last: Annotated[int, typer.Option(help="How many of the commands that are through to show.", min=0)] = 10,
    as_json: JsonOption = False,
) -> None:
    """Show what is under way, what waits, and what was through last, as the agent's journal on this computer tells it."""
    import sqlite3

    from nightporter.agent.status import status as status_of

    known = configuration(config, has_tokens=False)
    try:
        told = status_of(known.state, last)
    except (OSError, sqlite3.Error) as error:
        raise fail(plain(f"the journal in {known.state} cannot be read: {error}"), FAILED) from None
    if as_json:
        say_json({
            "Running": told.is_running,
            "Open": [_summary(entry) for entry in told.open],
            "Recent": [_summary(entry) for entry in told.recent],
        })  # fmt: skip
        return
    if not told.is_running and not told.has_journal:
        say(f"No agent has worked with the state in {known.state}.")
        return
    say("The agent runs." if told.is_running else "The agent does not run.")
    say(f"{len(told.open)} under way or waiting" + (":" if told.open else "."))
    for entry in told.open:
        say(f"  {_line(entry, known.time_zone, is_running=told.is_running)}")
    if told.recent:
        say("Through last:")
    for entry in told.recent:
        say(f"  {_line(entry, known.time_zone, is_running=told.is_running)}")


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


def _line(entry: "Entry", zone: "ZoneInfo", *, is_running: bool) -> str:
    at = max(entry.steps.values(), key=lambda step: step.number, default=None)
    if entry.ending is not None:
        untold = "" if entry.stage == "REPORTED" else ", and the platform has not been told yet"
        told = f"{entry.ending.state}{untold}. {entry.ending.notes}"
    elif entry.stage == "REPORTED":
        told = "not carried out" if at is None or at.stage == "PREPARED" else f"broken off at step {at.number}"
    else:
        stage = at.stage if at else entry.stage
        told = _LEFT if stage == "SENT" and not is_running else _DOING[stage]
        told += f" (step {at.number})" if at and at.number > 1 else ""
        told += f". {entry.status}" if entry.status else ""
    if entry.said:
        told += f" (the platform said: {entry.said})"
    return f"{entry.created.astimezone(zone):%Y-%m-%d %H:%M}  {entry.machine}: {told}  [{entry.command_id}]"
