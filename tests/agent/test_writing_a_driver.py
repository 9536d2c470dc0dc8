"""The page about writing a driver: its package is taken out of it, installed and driven, and the agent struck down at it."""

import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightporter.agent import kinds
from nightporter.agent.simulator import Simulator
from tests.agent.never_twice.machines import KEY_CUTTER, Struck
from tests.agent.never_twice.strikes import Case, nursery, points
from tests.agent.never_twice.test_never_twice import MOST, judge, outcomes
from tests.cli.program import clean_environment
from tests.end_to_end.agents import Setup, command, cut, ended, until
from tests.end_to_end.served import filled, served
from tests.harness import RunningDesk
from tests.house.repository import ROOT

PAGE = ROOT / "docs" / "drivers" / "writing-a-driver.md"
BOX = re.compile(r"^\*\*([\w.]+)\*\*[^\n]*\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = "cabinet.example:4100"
"""Where the page says that the cabinet is."""


def boxes() -> dict[str, str]:
    """The files of the page by name; what is continued is put together."""
    files: dict[str, str] = {}
    for name, text in BOX.findall(PAGE.read_text("utf-8")):
        files[name] = f"{files[name]}\n\n{text}" if name in files else text
    return files


def install(folder: Path, files: dict[str, str]) -> None:
    """Lay a package down as an installer does: its modules, and beside them what it says of itself."""
    project = tomllib.loads(files["pyproject.toml"])
    name, version = project["project"]["name"], project["project"]["version"]
    for module in project["tool"]["setuptools"]["py-modules"]:
        (folder / f"{module}.py").write_text(files[f"{module}.py"], "utf-8")
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    points = project["project"]["entry-points"]
    lines = [f"[{group}]\n" + "".join(f"{key} = {to}\n" for key, to in one.items()) for group, one in points.items()]
    (about / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The folder in which the package of the page is installed; no other process sees it unless it is told."""
    folder = tmp_path / "installed"
    folder.mkdir()
    install(folder, boxes())
    return folder


@pytest.fixture
def cabinet(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Simulator]]:
    """The simulator of the page."""
    monkeypatch.syspath_prepend(str(package))
    yield importlib.import_module("simulated_cabinet").SimulatedCabinet
    del sys.modules["simulated_cabinet"]


@pytest.fixture
async def database(empty_database: Path, tmp_path: Path, demo_hotel: bytes) -> Path:
    return await filled(empty_database, tmp_path, demo_hotel)


def configured(port: int) -> str:
    """The machine as the page configures it, with its cabinet on this computer."""
    assert PLACE in boxes()["agent.toml"]
    return boxes()["agent.toml"].replace(PLACE, f"127.0.0.1:{port}")


def test_the_page_is_a_whole_package() -> None:
    assert list(boxes()) == [
        "pyproject.toml",
        "key_cabinet.py",
        "simulated_cabinet.py",
        "test_key_cabinet.py",
        "agent.toml",
    ]
    assert PAGE.read_text("utf-8").count("```") == 2 * len(BOX.findall(PAGE.read_text("utf-8"))), "a box without a name"


def test_the_tests_of_the_page_pass(package: Path) -> None:
    (package / "test_key_cabinet.py").write_text(boxes()["test_key_cabinet.py"], "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "test_key_cabinet.py"],
        cwd=package, env=clean_environment(PYTHONPATH=str(package)), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "8 passed" in ran.stdout


async def test_an_agent_finds_the_driver_and_does_a_command_with_it(
    package: Path, cabinet: type[Simulator], database: Path, tmp_path: Path
) -> None:
    setup = Setup(tmp_path / "agent")
    async with served(database) as desk, cabinet() as machine:
        setup.write(desk.address, configured(machine.port))
        async with setup.agent(PYTHONPATH=str(package)):
            done = await ended(desk, await cut(desk))
    assert (done["State"], done["Execution"]["Notes"]) == ("Processed", "The key dropped from hook 7.")
    assert done["Execution"]["Result"] == {"Hook": 7}
    assert machine.effects == [{"Effect": "key given", "Hook": 7}]


@pytest.mark.parametrize("fault", ["silent", "deaf"])
async def test_an_agent_that_is_killed_when_the_order_was_sent_gives_one_key(
    fault: str, package: Path, cabinet: type[Simulator], database: Path, tmp_path: Path
) -> None:
    setup = Setup(tmp_path / "agent")
    async with served(database) as desk, cabinet() as machine:
        setup.write(desk.address, configured(machine.port))
        machine.fail(fault)
        command_id = await cut(desk)
        async with setup.agent(PYTHONPATH=str(package)) as agent:
            await until(lambda: machine.orders)  # type: ignore[attr-defined]  # the simulator of the page
            await agent.kill()
        assert (await command(desk, command_id))["State"] == "Processing"
        async with setup.agent(PYTHONPATH=str(package)):
            done = await ended(desk, command_id)
    assert done["State"] == "Processed"
    assert len(machine.effects) == 1


@pytest.mark.long
@pytest.mark.parametrize("defect", [False, True])
async def test_whatever_strikes_at_it_it_gives_one_key(
    defect: bool,
    package: Path,
    cabinet: type[Simulator],
    desks: list[RunningDesk],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    struck = Struck(
        "key-cabinet", KEY_CUTTER.device, 'address = "{address}"\nhooks = {{ "R-204" = 7 }}\npatience = 0.5',
        cabinet, KEY_CUTTER.add, lambda one: one["Effect"], {"key given": 2}, can_be_asked=True,
    )  # fmt: skip
    monkeypatch.setenv("PYTHONPATH", str(package))
    with nursery() as agents:
        case = Case(struck, desks[0], agents, tmp_path, defect=defect)
        undisturbed = await case.run(None)
        assert judge(struck, None, undisturbed) == ""
        found = points(case.writes, case.passed, struck, MOST)
        rows = await outcomes(desks, case, [one for one in found if one.what == "kill"] if defect else found)
    problems = [problem for point, outcome in rows if (problem := judge(struck, point, outcome))]
    if defect:
        assert any("done twice" in problem for problem in problems), "a journal written too late was not caught"
    else:
        assert not problems, "\n".join(problems)


def lay(folder: Path, package: str, code: str) -> None:
    """Another package with a driver, whose module is ``code``."""
    module = package.replace("-", "_")
    pyproject = f'[project]\nname = "{package}"\nversion = "1"\n[tool.setuptools]\npy-modules = ["{module}"]\n'
    pyproject += f'[project.entry-points."{kinds.GROUP}"]\nany = "{module}:KIND"\n'
    install(folder, {"pyproject.toml": pyproject, f"{module}.py": code})


def test_the_driver_of_a_package_stands_beside_ours(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(package))
    found = kinds.kinds()
    del sys.modules["key_cabinet"]
    assert set(found) == {"key-cabinet", *(kind.name for kind in kinds.OURS)}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import nowhere_at_all", "cannot be imported: No module named 'nowhere_at_all'"),
        ("KIND = 1 / 0", "cannot be imported: division by zero"),
        ("OTHER = 1", "cannot be imported: .* has no attribute 'KIND'"),
        ("KIND = 'ipp'", "is no nightporter.agent.driver.Kind"),
        ("from nightporter.agent.drivers.printer import KIND", "brings a driver 'ipp', and there is one of that name already"),
    ],
)  # fmt: skip
async def test_a_package_whose_driver_cannot_be_used_is_named(
    code: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, "hotel-gadgets", code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "hotel_gadgets", raising=False)
    with pytest.raises(kinds.BadDriver, match=told) as error:
        kinds.kinds()
    assert "hotel-gadgets" in str(error.value)


def test_two_packages_with_one_name_are_told(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(package, "other-cabinet", "from key_cabinet import KIND")
    monkeypatch.syspath_prepend(str(package))
    with pytest.raises(kinds.BadDriver, match="'key-cabinet', and there is one of that name already"):
        kinds.kinds()
    for module in ("key_cabinet", "other_cabinet"):
        sys.modules.pop(module, None)
