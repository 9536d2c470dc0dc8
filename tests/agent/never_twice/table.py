"""The table of what came of each strike, as the run itself found it."""

from pathlib import Path

from tests.agent.never_twice.machines import Struck
from tests.agent.never_twice.strikes import Outcome, Point

FOLDER = Path(__file__).parents[3] / "build" / "never-twice"


def write(struck: Struck, rows: list[tuple[Point, Outcome]]) -> None:
    """Put the table of one driver into a file of its own; ``make never-twice`` gathers them in docs/drivers/."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = ["| strike | what | the command ended as | effects |", "| :-- | :-- | :-- | :-- |"]
    for point, outcome in rows:
        what = {"kill": "kill -9 of the agent", "cut": "link cut"}[point.what]
        effects = ", ".join(f"{kind}: {count}" for kind, count in sorted(outcome.effects.items())) or "none"
        told = outcome.state if outcome.has_struck else f"{outcome.state} (came too late to strike)"
        lines.append(f"| {point.name} | {what} | {told} | {effects} |")
    (FOLDER / f"{struck.driver}.md").write_text("\n".join(lines) + "\n")
