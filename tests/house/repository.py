"""Where the repository is, and what is in it."""

import ast
import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "nightporter"


def _ignored() -> list[str]:
    lines = (ROOT / ".gitignore").read_text("utf-8").split()
    return [".git", *(line.rstrip("/") for line in lines)]


def kept() -> Iterator[Path]:
    """Every file that is, or may come, under version control; git itself is not asked, for it may be missing."""
    ignored = _ignored()
    for folder, folders, names in os.walk(ROOT):
        here = Path(folder)

        def keeps(name: str, here: Path = here) -> bool:
            path = str((here / name).relative_to(ROOT))
            return not any(fnmatch(name, pattern) or fnmatch(path, pattern) for pattern in ignored)

        folders[:] = filter(keeps, folders)
        yield from (here / name for name in filter(keeps, names))


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the source, by its path below src, with its syntax tree."""
    for path in sorted(SOURCE.rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))
