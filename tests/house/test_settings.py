"""Every setting once, and the same everywhere: environment, file, flags, pages."""

import inspect
from pathlib import Path

import pytest

from nightporter.cli.serve import serve
from nightporter.settings import PREFIX, InvalidSetting, Settings, described, load
from tests.house.repository import ROOT

OTHER = {int: "7", float: "7.5", bool: "yes", str: "other"}
STRICT = {"log_level": "debug", "upstream": "https://api.example.com", "keys": "A" * 43 + "="}
"""Settings that do not take any text."""


def test_every_setting_comes_from_the_environment_under_its_name() -> None:
    for one in described():
        assert one.variable == PREFIX + one.name.upper() == f"NIGHTPORTER_{one.name.upper()}"
        value = STRICT.get(one.name, OTHER[one.type])
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
    known = [one.name for one in described() if not one.is_secret]
    assert list(inspect.signature(serve).parameters) == [*known, "settings"]
    assert [one.name for one in described() if one.is_secret] == ["keys"]


def test_every_flag_reaches_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    monkeypatch.setattr("nightporter.cli.serve.run", lambda settings, *_, **__: served.append(settings))
    other = {bool: True, int: 7, float: 7.5, str: "7"}
    wanted = {one.name: STRICT.get(one.name, other[one.type]) for one in described() if not one.is_secret}
    serve(**wanted)
    assert served == [Settings(**wanted)]


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:8081", "https://api.example.com", "HTTPS://API.example.com/", "http://[::1]:80", "http://10.0.0.1:65535",
        "",
    ],
)  # fmt: skip
def test_an_upstream_is_scheme_host_and_port(address: str) -> None:
    assert load({"upstream": address}, environment={}).upstream == address


@pytest.mark.parametrize(
    "address",
    [
        "api.example.com", "ftp://api.example.com", "http://", "http://x/api", "http://x?y", "http://x#y", "http://a:b@x",
        "http://x:0", "http://x:65536", "http://x:y", "http://[::z]", "http://[:::]", "http://x y", "http://é.example", "http://x\n",
    ],
)  # fmt: skip
def test_anything_more_or_less_is_no_upstream(address: str) -> None:
    with pytest.raises(InvalidSetting, match="scheme, host and port alone"):
        load({"upstream": address}, environment={})


def test_a_port_that_there_cannot_be_is_refused_and_not_taken_for_another() -> None:
    assert load({"port": 65535}, environment={}).port == 65535
    with pytest.raises(
        InvalidSetting, match=r"port \(--port\) is 65536, expected at most 65535, 0 for any that is free"
    ):
        load({"port": 65536}, environment={})


def test_what_is_too_little_is_refused_with_the_least() -> None:
    with pytest.raises(InvalidSetting, match=r"^workers \(--workers\) is 0, expected at least 1: processes that"):
        load({"workers": 0}, environment={})


def test_a_file_that_cannot_be_read_is_named_once(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    with pytest.raises(InvalidSetting) as refused:
        load(file=file, environment={})
    assert str(refused.value) == f"the settings file {file} cannot be read: No such file or directory"
