"""The documentation says what is so: generated parts are fresh, names and links lead somewhere, recipes work."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from docs import generate
from nightporter import __version__
from nightporter.cli.main import app
from nightporter.operations import CONNECTOR
from tests.cli.program import run
from tests.harness import RunningDesk, sql
from tests.house.repository import ROOT, SOURCE

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]
TEXTS = {str(page.relative_to(ROOT)): page.read_text("utf-8") for page in PAGES}


@pytest.mark.parametrize("name", TEXTS)
def test_generated_parts_are_fresh(name: str) -> None:
    assert TEXTS[name] == generate.renewed(TEXTS[name]), "run: make docs"


def test_every_generated_part_has_its_place() -> None:
    placed = [part for text in TEXTS.values() for part in re.findall(r"<!-- (\w+): made by `make docs` -->", text)]
    assert sorted(placed) == sorted(generate.PARTS)


def test_a_stale_part_is_seen() -> None:
    text = TEXTS["docs/running.md"]
    assert generate.renewed(text.replace("NIGHTPORTER_PORT", "NIGHTPORTER_PROT")) == text


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)", TEXTS[name]):
        if "://" not in link:
            assert (ROOT / name).parent.joinpath(link).exists(), link


@pytest.mark.parametrize("name", TEXTS)
def test_files_that_are_named_exist(name: str) -> None:
    places = (
        ROOT,
        ROOT / "examples",
        SOURCE,
        (ROOT / name).parent,
        SOURCE / "web",
        SOURCE / "operations" / "commands",
        SOURCE / "operations",
    )
    for path in re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|md|toml|json)|(?:[\w.-]+/)+)`", TEXTS[name]):
        assert any(place.joinpath(path).exists() for place in places), path


@pytest.mark.parametrize("name", TEXTS)
def test_targets_of_make_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^ {4}|^|\$ )make ([a-z-]+)", TEXTS[name], re.MULTILINE)) <= targets


LEAVES = dict(generate._leaves("nightporter", typer.main.get_command(app)))


@pytest.mark.parametrize("path", LEAVES)
def test_help_tells_the_exit_codes(path: str) -> None:
    shown = CliRunner().invoke(app, [*path.split()[1:], "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert shown.exit_code == 0
    assert "Exit codes: 0 done;" in shown.output
    assert "2 wrong usage" in shown.output


@pytest.mark.parametrize("name", TEXTS)
def test_commands_that_are_named_exist(name: str) -> None:
    for line in re.findall(r"(?:^ {4}(?:\.venv/bin/)?|`)(nightporter [a-z][^`#\n]*)", TEXTS[name], re.MULTILINE):
        words = line.split()
        path = next((f"{' '.join(words[:count])}" for count in (3, 2) if " ".join(words[:count]) in LEAVES), None)
        assert path, line
        known = {option for one in LEAVES[path].params for option in one.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_every_operation_is_covered() -> None:
    for operation in CONNECTOR:
        assert f"\n## {operation.path}\n" in TEXTS["docs/coverage.md"]


def test_decisions_are_numbered_pages_of_one_form() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text("utf-8")
        assert text.startswith(f"# {page.name[:4]} ")
        parts = ["Context", "Decision", "Consequences", "Alternatives"]
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == parts


def test_decisions_that_the_code_names_exist() -> None:
    for path in SOURCE.rglob("*.py"):
        for number in re.findall(r"docs/decisions/(\d{4})", path.read_text("utf-8")):
            assert [*(ROOT / "docs" / "decisions").glob(f"{number}-*.md")], f"{path}: {number}"


def test_the_changelog_begins_with_this_version_and_names_the_commit_of_every_release() -> None:
    entries = re.findall(r"^## (\S+) \((unreleased|\d{4}-\d\d-\d\d)\)\n\n(\S+)", TEXTS["CHANGELOG.md"], re.MULTILINE)
    assert entries[0][0] == __version__
    assert all(begins == "Commit:" for _, date, begins in entries if date != "unreleased")


async def test_metrics_that_are_named_exist(desk: RunningDesk) -> None:
    await desk.call("devices/getAll")
    async with desk.socket():
        measured = (await desk.http.get("/metrics")).text
    # Those of the agent are in the file of a real one: tests/end_to_end/test_agent_metrics.py.
    for name in re.findall(r"\bnightporter_(?!agent_)\w+", TEXTS["docs/running.md"] + TEXTS["docs/metrics.md"]):
        assert re.search(rf"^{name}(?:_bucket)?[ {{]", measured, re.MULTILINE), name


async def test_the_recipes_for_a_backup_work_on_a_running_desk(desk: RunningDesk, tmp_path: Path) -> None:
    added = await desk.call(
        "commands/addPrinter",
        PrinterId="d117866d-78de-4459-9077-42d7ea0120e3",
        CopyCount=1,
        Data="JVBERi0xLjcKJSVFT0YK",
    )
    recipes = re.findall(
        r"^    nightporter (backup .*)$", TEXTS["docs/running.md"] + TEXTS["docs/backup.md"], re.MULTILINE
    )
    assert len(recipes) == 2
    for number, recipe in enumerate(recipes):
        copy = tmp_path / f"{number}.db"
        made = await run(
            *shlex.split(
                recipe.replace("/var/lib/nightporter/desk.db", str(desk.database)).replace("/backup/desk.db", str(copy))
            )
        )
        assert made.code == 0, made.err
        assert sql(copy, "SELECT id FROM commands WHERE id = ?", added.json()["CommandId"])
