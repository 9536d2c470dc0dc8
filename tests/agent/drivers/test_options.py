"""What the pages say of the options is what the drivers take."""

import re
from typing import Any

import msgspec
import pytest
from msgspec.structs import FieldInfo, fields

from nightporter.agent.driver import Kind
from nightporter.agent.kinds import OURS
from tests.house.repository import ROOT

_ROW = re.compile(r"^\| `([\w.]+)` \| `?([^|`]+)`? \| [^|]", re.MULTILINE)


def told(kind: Kind) -> list[tuple[str, str]]:
    """The name and default of each option in the table of the driver's page."""
    page = (ROOT / "docs" / "drivers" / f"{kind.name}.md").read_text("utf-8")
    table = re.search(r"^\| option \| default \| meaning \|\n(.*?)\n\n", page, re.MULTILINE | re.DOTALL | re.IGNORECASE)
    assert table, "the page has no table of options"
    return _ROW.findall(table[1])


def taken(options: type[Any], before: str = "") -> list[tuple[str, str]]:
    """The same as the driver has it; of an option with options of its own, those."""
    found = []
    for field in fields(options):
        if isinstance(field.default, msgspec.Struct):
            found += taken(type(field.default), f"{field.encode_name}.")
        else:
            found.append((before + field.encode_name, default(field)))
    return found


def default(field: FieldInfo) -> str:
    if field.required:
        return "required"
    known = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if isinstance(known, bool):
        return str(known).lower()
    if isinstance(known, int | float):
        return f"{known:g}"
    return str(known) if known else "none"


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.name)
def test_the_page_of_a_driver_tells_every_option_with_its_default(kind: Kind) -> None:
    assert told(kind) == taken(kind.options)
