"""What a run comes to: the table, and whether it holds."""

from collections import Counter
from dataclasses import dataclass, field

from torture.witness import FINDINGS, Finding

SHOWN = 5
"""Findings of each kind that are told in full."""


@dataclass(frozen=True)
class Outcome:
    """A run. ``void`` tells why it proves nothing; empty when it counts."""

    database: str
    seconds: float
    seed: int
    command: str
    operations: Counter[str]
    refused: Counter[str]
    faults: dict[str, int]
    least_in_flight: dict[str, int]
    observed: dict[str, int]
    logs: str
    findings: list[Finding] = field(default_factory=list)
    void: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Findings of each kind."""
        counted = Counter(one.kind for one in self.findings)
        return {kind: counted[kind] for kind in FINDINGS}

    @property
    def holds(self) -> bool:
        """Whether the run counts and nothing was found."""
        return not self.findings and not self.void

    def told(self) -> str:
        """The table, in Markdown, then what was found."""
        parts = {
            "acknowledged": dict(sorted(self.operations.items())),
            "observed": self.observed,
            "faults": {
                f"{name} (at least {self.least_in_flight.get(name, 0)} requests in flight)": count
                for name, count in self.faults.items()
            },
            "found": self.counts,
        }
        lines = ["| what | how often |", "| :-- | --: |"]
        for part, counts in parts.items():
            lines.append(f"| **{part}** | |")
            lines += [f"| {name} | {count:,} |" for name, count in counts.items()]
        lines += ["", f"{self.database}, {self.seconds:.0f} s, seed {self.seed}. Again: `{self.command}`"]
        if self.refused:
            lines += ["Refused: " + ", ".join(f"{name} × {count}" for name, count in sorted(self.refused.items()))]
        for kind in FINDINGS:
            found = [one.told for one in self.findings if one.kind == kind]
            lines += [f"{kind.upper()}: {one}" for one in found[:SHOWN]]
            if len(found) > SHOWN:
                lines.append(f"{kind.upper()}: and {len(found) - SHOWN} more")
        if not self.holds:
            lines.append(f"What the nodes logged is in {self.logs}")
        lines += [f"VOID: {one}" for one in self.void]
        return "\n".join(lines)
