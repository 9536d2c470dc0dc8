"""Whoever reads a log finds in docs/running.md what to do about each line that wants a person, and no line that never comes."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.repository import ROOT, modules

PARTS = {"agent": "### The log of the agent", "desk": "## Logs"}
"""Under which headline the lines of each program are told."""
BOTH = {"host"}
OF_THE_AGENT = {"agent", "client"}


def _texts(node: ast.expr) -> Iterator[str]:
    """What the first argument may be, as it reads in the log: without what is told of the case."""
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    else:
        assert isinstance(node, ast.Constant), f"line {node.lineno}: an event is a text that can be looked up"
        yield str(node.value).removesuffix(": %s").replace("%s", "…")


def _logs(node: ast.expr, levels: set[str]) -> bool:
    return any(
        isinstance(part, ast.Attribute)
        and part.attr in levels
        and isinstance(part.value, ast.Name)
        and part.value.id == "_log"
        for part in ast.walk(node)
    )


def events(tree: ast.AST, levels: set[str]) -> Iterator[str]:
    """What a module logs at one of ``levels``, also by a name that it gave to the method first."""
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Call) and _logs(node.value, levels)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (
            (isinstance(node.func, ast.Name) and node.func.id in names)
            or (isinstance(node.func, ast.Attribute) and _logs(node.func, levels))
        ):
            yield from _texts(node.args[0])


def logged(program: str, *levels: str) -> set[str]:
    found: set[str] = set()
    for path, tree in modules():
        row = path.removeprefix("src/nightporter/").partition("/")[0]
        if row in BOTH or (row in OF_THE_AGENT) == (program == "agent"):
            found |= set(events(tree, set(levels)))
    return found


def told(program: str) -> set[str]:
    text = (ROOT / "docs" / "running.md").read_text("utf-8")
    part = text[text.index(f"\n{PARTS[program]}\n") :]
    table = part[part.index("| `event` | what to do |") :].partition("\n\n")[0]
    return {name for line in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", line.split(" | ")[0])}


@pytest.mark.parametrize("program", PARTS)
def test_every_warning_and_error_is_told_with_what_to_do(program: str) -> None:
    assert logged(program, "warning", "error") - told(program) == set()


@pytest.mark.parametrize("program", PARTS)
def test_every_event_that_is_told_is_logged(program: str) -> None:
    assert told(program) - logged(program, "info", "warning", "error") == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("_log.error('the disk is full', why=1)", ["the disk is full"]),
        ("_log.warning('command %s is late: %s', 1, 2)", ["command … is late"]),
        ("log = _log.warning if bad else _log.info\nlog('taken back')", ["taken back"]),
        ("_log.error('one' if here else 'two')", ["one", "two"]),
        ("_log.info('nothing to do')", []),
    ],
)
def test_the_rule_bites(code: str, found: list[str]) -> None:
    assert [*events(ast.parse(code), {"warning", "error"})] == found
