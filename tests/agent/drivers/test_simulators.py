"""A simulator must not share the mistakes of the driver that is tried on it."""

import ast
from pathlib import Path

import pytest

from tests.house.repository import SOURCE

DRIVERS = SOURCE / "agent" / "drivers"


def reached(path: Path) -> set[Path]:
    """The modules of drivers that a module imports, and those that these import."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                for name in (node.module, *(f"{node.module}.{one.name}" for one in node.names)):
                    module = SOURCE.parent.joinpath(*name.split(".")).with_suffix(".py")
                    if DRIVERS in module.parents and module.exists() and module not in found:
                        found.add(module)
                        waiting.append(module)
    return found


@pytest.mark.parametrize("path", sorted(DRIVERS.glob("*/simulator.py")), ids=lambda path: path.parent.name)
def test_a_simulator_never_imports_a_driver(path: Path) -> None:
    names = {module.name for module in reached(path)}
    assert "messages.py" in names
    assert "driver.py" not in names
    assert "link.py" not in names
