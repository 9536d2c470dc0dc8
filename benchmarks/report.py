"""How figures are told: ``NAME: ratio R (target T)``, and the same in benchmarks/latest.json."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

LATEST = Path(__file__).with_name("latest.json")


@dataclass(frozen=True)
class Figure:
    """One answer. ``at_least`` tells whether the target is a floor or a ceiling."""

    name: str
    value: float
    target: float
    at_least: bool
    unit: str
    detail: str

    @property
    def met(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target

    def told(self) -> str:
        kind = "ratio" if self.unit == "ratio" else "value"
        unit = "" if self.unit == "ratio" else f" {self.unit}"
        sign = "≥" if self.at_least else "≤"
        missed = "" if self.met else "  MISSED"
        return f"{self.name}: {kind} {self.value:.3g}{unit} (target {sign} {self.target:g}){missed}  {self.detail}"


def write(figures: list[Figure]) -> None:
    """Write what was measured."""
    rows = [
        {key: value for key, value in {**asdict(figure), "met": figure.met}.items() if key != "at_least"}
        for figure in figures
    ]
    LATEST.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")
