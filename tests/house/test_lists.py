"""Explicit lists hold what they ought to: nobody forgets a line, because a test does not."""

import importlib
import pkgutil
import re
import types
import typing
from pathlib import Path

import pytest

import nightporter
from nightporter.access.rights import Right
from nightporter.domain import errors
from nightporter.domain.command import MOVES, TERMINAL, CommandState
from nightporter.domain.device import DeviceType
from nightporter.domain.errors import Refusal
from nightporter.domain.reservation import ReservationState
from nightporter.operations import CONNECTOR
from nightporter.storage import writer
from nightporter.storage.opening import REVISIONS
from nightporter.web.openapi import document
from nightporter.web.refusals import STATUS, retry_after, status_of
from nightporter.wire.command_data import DATA_OF
from nightporter.wire.property_file import RecordedState
from tests.house.repository import SOURCE

FORWARDED = {errors.UpstreamFailed, errors.UpstreamSilent}
"""Refusals that only operations meet which the desk does not serve."""


def _refusals(kind: type[Refusal] = Refusal) -> list[type[Refusal]]:
    """All kinds in the source; tests may make kinds of their own."""
    mine = [one for one in kind.__subclasses__() if one.__module__.startswith("nightporter.")]
    return [*mine, *(deeper for one in mine for deeper in _refusals(one))]


def _all_modules() -> list[str]:
    return [found.name for found in pkgutil.walk_packages(nightporter.__path__, "nightporter.")]


def test_every_refusal_has_a_status_and_every_status_is_documented() -> None:
    for name in _all_modules():
        if "migrations" not in name:
            importlib.import_module(name)
    assert set(STATUS) == set(_refusals())
    for operation in document()["paths"].values():
        own = {str(status) for kind, status in STATUS.items() if kind not in FORWARDED}
        assert own <= set(operation["post"]["responses"])


def test_a_refusal_that_may_be_tried_again_says_when() -> None:
    assert retry_after(errors.TooManyRequests(7)) == 7
    assert retry_after(errors.Unavailable("Closed.")) == 5
    assert retry_after(errors.Invalid("Count")) is None
    assert status_of(errors.Invalid("Count")) == 400


def test_the_tree_of_refusals_is_drawn_whole() -> None:
    drawn = re.findall(r"[├└]── (\w+) ", errors.__doc__ or "")
    assert sorted(drawn) == sorted(kind.__name__ for kind in _refusals())


def test_every_operation_file_is_in_the_table() -> None:
    written = set()
    for path in (SOURCE / "operations").glob("*/*.py"):
        if path.parent.name != "administration" and re.search(
            r"^class Parameters\(", path.read_text("utf-8"), re.MULTILINE
        ):
            written.add(f"nightporter.operations.{path.parent.name}.{path.stem}")
    assert {operation.run.__module__ for operation in CONNECTOR} == written
    for operation in CONNECTOR:
        action = re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), operation.path.split("/")[1])
        package = re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), operation.path.split("/")[0])
        assert operation.run.__module__ == f"nightporter.operations.{package}.{action}"
        assert operation.parameters.__module__ == operation.run.__module__


def test_every_intent_is_carried_out() -> None:
    assert set(writer._CARRY_OUT) == set(typing.get_args(writer.Intent))


def test_every_kind_of_device_has_its_data() -> None:
    assert set(DATA_OF) == set(DeviceType)


def test_every_state_can_be_asked_for_and_no_end_is_left() -> None:
    assert set(MOVES) == set(CommandState)
    assert not any(TERMINAL & sources for sources in MOVES.values())


def test_rights_stand_in_their_order() -> None:
    assert list(Right) == sorted(Right)


def test_every_migration_is_known() -> None:
    folder = SOURCE / "storage" / "migrations" / "versions"
    names = sorted(path.name for path in folder.glob("[0-9]*.py"))
    assert [name.split("_")[0] for name in names] == list(REVISIONS)


@pytest.mark.parametrize("name", [name for name in _all_modules() if "migrations" not in name])
def test_exports_exist_and_are_sorted(name: str) -> None:
    module: types.ModuleType = importlib.import_module(name)
    exports = getattr(module, "__all__", [])
    assert list(exports) == sorted(exports, key=lambda export: (not export.isupper(), export))
    assert [export for export in exports if not hasattr(module, export)] == []
    if Path(module.__file__ or "").name != "__init__.py":
        assert not exports, "lists of exports belong to packages"


def test_a_reservation_may_be_written_down_in_every_state_and_by_the_older_word_for_one() -> None:
    assert {*RecordedState} == {*ReservationState, "Enquired"}
