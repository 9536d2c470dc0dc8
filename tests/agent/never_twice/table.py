"""The tables of what came of each strike, as the run itself found them."""

from pathlib import Path

from tests.agent.never_twice.machines import ALL, Struck
from tests.agent.never_twice.strikes import Outcome, Point

FOLDER = Path(__file__).parents[3] / "build" / "never-twice"
PAGE = Path(__file__).parents[3] / "docs" / "drivers" / "never-twice.md"
COLUMNS = {
    ("before", "kill"): "killed before",
    ("after", "kill"): "killed after",
    ("before", "cut"): "link cut before",
    ("after", "cut"): "link cut after",
    ("after", "platform"): "platform away after",
}
HEAD = """# Never twice

Made by the test run itself (`make never-twice`): a command for each driver, and again for each place where something can strike.
The agent is a process of its own, killed with SIGKILL before and after every write of its journal and every message between
it and the machine, and started again; the link is cut before and after every message; the platform is taken away after every
message; every event is delivered three times. The machines are the simulators, which count what a real machine would have done;
they are checked against independent programs as the page of each driver says.

A cell says how the command ended and how often the effect came: `Processed, 1` is what everybody wants. `Error, 1` and
`Error, 0` end with a note that says what to check, where the machine cannot be asked. No cell has an effect twice, and none
says Processed for something that was not done; a run that finds one fails. A journal that is written after the bytes leave is
caught by the same run.
"""


def write(struck: Struck, rows: list[tuple[Point, Outcome]]) -> None:
    """Put the table of one driver into a file of its own; :func:`gather` makes the page."""
    places: dict[tuple[str, int], dict[tuple[str, str], str]] = {}
    names: dict[tuple[str, int], str] = {}
    for point, outcome in rows:
        place = (point.where, point.number)
        names[place] = point.name
        places.setdefault(place, {})[point.when, point.what] = _told(struck, outcome)
    lines = [f"| | {' | '.join(COLUMNS.values())} |", f"| :-- |{' :-- |' * len(COLUMNS)}"]
    for place, cells in places.items():
        told = [
            cells.get(column, cells.get(("", "thrice"), "") if not number else "")
            for number, column in enumerate(COLUMNS)
        ]
        lines.append(f"| {names[place]} | {' | '.join(told)} |")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{struck.driver}.md").write_text("\n".join(lines) + "\n")


def _told(struck: Struck, outcome: Outcome) -> str:
    if not outcome.has_struck:
        return "over before"
    if not struck.wanted:
        return outcome.state
    counts = [outcome.effects[kind] for kind in struck.wanted]
    return f"{outcome.state}, {' and '.join(str(count) for count in counts)}"


def gather() -> None:
    """Write the page from the tables of the last run; raises FileNotFoundError when a driver has none."""
    parts = [HEAD]
    for struck in ALL:
        wanted = " and ".join(struck.wanted) or "nothing that counts: reading may be repeated"
        parts.append(f"## {struck.driver}\n\nCounted: {wanted}.\n\n{(FOLDER / f'{struck.driver}.md').read_text()}")
    PAGE.write_text("\n".join(parts))


if __name__ == "__main__":
    gather()
