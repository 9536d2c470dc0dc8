"""What ships for running it: units that systemd understands, and figures that agree with each other."""

import re
import subprocess
from pathlib import Path

import pytest

from nightporter.agent.agent import FINISHING
from nightporter.host.service_manager import PATIENCE
from nightporter.settings import Settings, described
from nightporter.web.server import FAREWELL, KEEP_ALIVE
from tests.cli.program import PROGRAM
from tests.debian import program
from tests.house.repository import ROOT

UNIT = (ROOT / "packaging" / "systemd" / "nightporter.service").read_text("utf-8")
AGENT_UNIT = (ROOT / "packaging" / "systemd" / "nightporter-agent.service").read_text("utf-8")
SITE = (ROOT / "packaging" / "nginx" / "nightporter.conf").read_text("utf-8")
SETTINGS = Settings()
INSTALLED = "/opt/nightporter/bin/nightporter"


def verified(unit: str, folder: Path) -> subprocess.CompletedProcess[str]:
    analyze = program("systemd-analyze", "systemd", "The unit is read by systemd itself")
    path = folder / "nightporter.service"
    path.write_text(unit)
    return subprocess.run([analyze, "verify", path], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("unit", [UNIT, AGENT_UNIT], ids=["the desk", "the agent"])
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path, unit: str):
    assert unit.count(INSTALLED) == 1
    done = verified(unit.replace(INSTALLED, str(PROGRAM)), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("WatchdogSec=60", "WatchdogSec=often"),
        ("ProtectProc=invisible", "ProtectProk=invisible"),
        (INSTALLED, "/nowhere"),
    ],
)
def test_it_would_find_one(tmp_path: Path, right: str, wrong: str):
    done = verified(
        UNIT.replace(INSTALLED, str(PROGRAM)).replace(right.replace(INSTALLED, str(PROGRAM)), wrong), tmp_path
    )
    assert done.stderr != ""


def test_the_unit_says_what_the_desk_relies_on():
    for line in (
        "Type=notify",
        "Restart=always",
        "RestartPreventExitStatus=2",
        "StateDirectory=nightporter",
        "LimitCORE=0",
    ):
        assert f"\n{line}\n" in UNIT
    known = {setting.variable for setting in described()}
    assert set(re.findall(r"NIGHTPORTER_[A-Z_]+", UNIT.replace("NIGHTPORTER_…", ""))) <= known
    assert int(value(UNIT, r"TimeoutStopSec=(\d+)")) > SETTINGS.stop_timeout + FAREWELL + 5


def test_the_unit_of_the_agent_says_what_the_agent_relies_on():
    for line in (
        "Type=notify",
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "StateDirectory=nightporter-agent",
        "RuntimeDirectory=nightporter-agent",
        "UMask=0077",
        "LimitCORE=0",
    ):
        assert f"\n{line}\n" in AGENT_UNIT
    assert int(value(AGENT_UNIT, r"TimeoutStopSec=(\d+)")) > FINISHING + PATIENCE + 10
    told = (ROOT / "docs" / "running.md").read_text("utf-8")
    for name in ("client-token", "access-token"):
        assert f"\nLoadCredential={name}:/etc/nightporter-agent/{name}\n" in AGENT_UNIT
        assert f'{name.replace("-", "_")}_file = "{name}"' in told


def test_both_units_drop_the_same_rights_but_for_what_serial_ports_need():
    rights = [re.findall(r"^(?:Protect|Private|Restrict|System|Lock|NoNew|Cap|Amb|Remove).*$", unit, re.MULTILINE)
              for unit in (UNIT, AGENT_UNIT)]  # fmt: skip
    differing = {*rights[0]} ^ {*rights[1]}
    assert differing == {f"{one}={said}" for one in ("PrivateDevices", "ProtectClock") for said in ("yes", "no")}


def value(text: str, pattern: str) -> str:
    (found,) = re.findall(rf"^ *{pattern}", text, re.MULTILINE)
    return str(found)


def test_the_site_leaves_it_to_the_desk_to_say_what_is_too_large_or_took_too_long():
    sizes = [int(size) * 1024 * 1024 for size in re.findall(r"client_max_body_size (\d+)m;", SITE)]
    assert SETTINGS.body_limit < sizes[0] < 1.1 * SETTINGS.body_limit
    assert SETTINGS.file_limit < sizes[1] < 1.1 * SETTINGS.file_limit
    silences = [float(silence) for silence in re.findall(r"proxy_read_timeout (\d+)s;", SITE)]
    assert silences[0] > max(SETTINGS.time_budget, SETTINGS.upstream_timeout + 10)
    assert silences[1] > 2 * SETTINGS.ping_interval, "the desk itself finds out first that a socket is dead"
    assert float(value(SITE, r"keepalive_timeout (\d+)s;")) < KEEP_ALIVE
