"""Every setting once, and the same everywhere: environment, file, flags, pages."""

import inspect
from pathlib import Path

import pytest

from nightporter.cli.serve import serve
from nightporter.settings import PREFIX, Settings, described, load
from tests.house.repository import ROOT

OTHER = {int: "7", float: "7.5", bool: "yes", str: "other"}


def test_every_setting_comes_from_the_environment_under_its_name() -> None:
    for one in described():
        assert one.variable == PREFIX + one.name.upper() == f"NIGHTPORTER_{one.name.upper()}"
        value = "debug" if one.name == "log_level" else OTHER[one.type]
        loaded = load(environment={one.variable: value})
        assert getattr(loaded, one.name) != one.default
        assert type(getattr(loaded, one.name)) is one.type


def test_every_setting_comes_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    lines = [f"{one.name} = {'true' if one.type is bool else repr(one.default)}\n" for one in described()]
    file.write_text("".join(lines), "utf-8")
    expected = {one.name: True if one.type is bool else one.default for one in described()}
    assert load(file=file, environment={}) == Settings(**expected)


def test_every_setting_is_explained_in_the_pages() -> None:
    text = (ROOT / "docs" / "running.md").read_text("utf-8")
    for one in described():
        assert f"| `{one.name}` | `{one.variable}` |" in text
        assert one.about
        assert one.about[0].islower() or one.about.startswith("SQLite")
        assert not one.about.endswith(".")


def test_every_setting_is_a_flag_of_serve_and_the_other_way_round() -> None:
    known = [one.name for one in described()]
    assert list(inspect.signature(serve).parameters) == [*known, "settings"]


def test_every_flag_reaches_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    monkeypatch.setattr("nightporter.cli.serve.run", lambda settings, *_, **__: served.append(settings))
    other = {bool: True, int: 7, float: 7.5, str: "7"}
    wanted = {one.name: "debug" if one.name == "log_level" else other[one.type] for one in described()}
    serve(**wanted)
    assert served == [Settings(**wanted)]
