"""Rules of the house that no other tool holds, each one tried on code that breaks it."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.house.repository import ROOT, SOURCE, kept, modules

LONGEST = 400
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
BANNED: dict[str, Any] = PYPROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]


def _ruff(code: str, name: str) -> list[int]:
    """The lines on which ruff finds a banned source of time or ids."""
    check = [sys.executable, "-m", "ruff", "check", "--output-format", "concise", "--select", "TID251"]
    done = subprocess.run(
        [*check, "--stdin-filename", name, "-"],
        input=code,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return [int(line) for line in re.findall(r":(\d+):\d+: TID251", done.stdout)]


def test_the_rule_against_other_clocks_and_ids_bites() -> None:
    modules_ = sorted({name.rsplit(".", 1)[0].removesuffix(".datetime").removesuffix(".date") for name in BANNED})
    imports = "".join(f"import {name}\n" for name in modules_ if "." not in name) + "import sqlalchemy\n"
    code = imports + "".join(f"print({name}())\n" for name in BANNED)
    first = imports.count("\n") + 1
    found = _ruff(code, "src/nightporter/domain/new.py")
    assert found == list(range(first, first + len(BANNED)))
    assert _ruff("from time import monotonic\nprint(monotonic())\n", "src/nightporter/push/new.py")
    assert "TID" in PYPROJECT["tool"]["ruff"]["lint"]["select"]
    for wanted in (
        "time.time",
        "time.monotonic",
        "datetime.datetime.now",
        "uuid.uuid4",
        "uuid_utils.uuid7",
        "sqlalchemy.func.now",
    ):
        assert wanted in BANNED


def test_only_the_composition_root_is_exempt() -> None:
    exempt = {str(path.relative_to(ROOT)) for path in SOURCE.rglob("*.py") if "TID251" in path.read_text("utf-8")}
    assert exempt == {"src/nightporter/host/clock.py"}
    ignores = PYPROJECT["tool"]["ruff"]["lint"]["per-file-ignores"]
    assert [pattern for pattern, rules in ignores.items() if "TID251" in rules and pattern.startswith("src")] == []


def _makes(tree: ast.AST, name: str) -> Iterator[int]:
    """The lines on which something of this name is called, or taken under another name to be called later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if (isinstance(called, ast.Name) and called.id == name) or (
                isinstance(called, ast.Attribute) and called.attr == name
            ):
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and any(one.name == name and one.asname for one in node.names):
            yield node.lineno


def test_only_an_actor_issues_a_scope() -> None:
    makers = {path for path, tree in modules() if [*_makes(tree, "Scope")]}
    assert makers == {"src/nightporter/access/actor.py"}


@pytest.mark.parametrize(
    "code",
    [
        "Scope((), frozenset(), '')",
        "actor.Scope((), frozenset(), '')",
        "from nightporter.access.actor import Scope as S",
    ],
)
def test_the_rule_about_scopes_bites(code: str) -> None:
    assert [*_makes(ast.parse(code), "Scope")] == [1]


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        path
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
    }
    assert readers == {"src/nightporter/settings.py"}


def test_no_file_becomes_the_place_for_everything() -> None:
    long = {
        path.name: count
        for path in SOURCE.rglob("*.py")
        if (count := len(path.read_text("utf-8").splitlines())) > LONGEST
    }
    assert long == {}


# In two halves, so that this file passes its own test.
ADDRESSES = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "npmjs" + ".org",
    "debian" + ".org",
    "index" + "-url",
    "find" + "-links",
    "simple" + "/",
]
PLACES = re.compile(r"(?<![\w.~/-])/(?:" + "root|home/|Users/|work/|workspace" + r")")


def test_the_repository_names_no_package_index_and_no_developers_machine() -> None:
    found: list[str] = []
    for path in kept():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        name = str(path.relative_to(ROOT))
        found += [f"{name}: {address}" for address in ADDRESSES if address in text]
        found += [f"{name}: {match[0]}" for match in PLACES.finditer(text)]
    assert found == []


def test_places_on_a_machine_are_recognised() -> None:
    for line in ("cd /" + "work/main", "data: /" + "root/.cache", "'/" + "home/me'"):
        assert PLACES.search(line)
    for line in ("https://example.com/" + "home/", "docs/" + "work/plan"):
        assert not PLACES.search(line)


def test_every_silenced_rule_has_a_reason() -> None:
    bare: list[str] = []
    for path in SOURCE.rglob("*.py"):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if re.search(r"# (?:noqa: [A-Z0-9, ]+|type: ignore\[[\w, -]+\])$", line.rstrip()):
                bare.append(f"{path.relative_to(ROOT)}:{number}")
    assert bare == []
