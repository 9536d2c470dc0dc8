"""Torture in its one-minute form, and the checker itself under torture: five defects, each of which it must find."""

from pathlib import Path

import pytest

from torture.desks import CUT, KILL
from torture.run import Plan, torture
from torture.witness import DOUBLED, HALF, ILLEGAL, LOST


@pytest.mark.long
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_a_minute_of_torture_loses_nothing(tmp_path: Path, database: str):
    outcome = await torture(Plan(database, 60, seed=1, folder=tmp_path))
    assert outcome.holds, outcome.told()


@pytest.mark.long
@pytest.mark.parametrize(
    ("defect", "kind", "words"),
    [
        ("answer before commit", LOST, "acknowledged under the key"),
        ("an event dropped", LOST, "did not hear"),
        ("a key ignored", DOUBLED, "made 2 commands"),
        ("half a batch", HALF, "are there"),
        ("an illegal state", ILLEGAL, "went from Processed to"),
    ],
)
async def test_a_server_with_a_defect_is_found_out(tmp_path: Path, defect: str, kind: str, words: str):
    runner = ("tests.torture.defective_runner", defect)
    outcome = await torture(Plan("sqlite", 10, 1, faults=(KILL, CUT), runner=runner, hearing=5, folder=tmp_path))
    assert outcome.void == []
    assert any(one.kind == kind and words in one.told for one in outcome.findings), outcome.told()
