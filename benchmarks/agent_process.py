"""A real agent beside a served desk, and the desk's property with as many machines as are wanted."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from nightporter.cli.demo import ACCESS_TOKEN, CLIENT_TOKEN

NIGHTPORTER = str(Path(sys.executable).with_name("nightporter"))
CONFIGURATION: Mapping[str, dict[str, str]] = {
    "Printer": {"PrinterName": "Benchmark"},
    "KeyCutter": {"MachineIdentifier": "ENC-1"},
    "FiscalMachine": {"TaxIdentifier": "98765432109", "SerialNumber": "FP002-654321"},
    "PaymentTerminal": {"MachineIdentifier": "TERM-1"},
    "PassportScanner": {"MachineIdentifier": "SCAN-1"},
}
"""What the platform knows of a machine of each type."""


def load(database: Path, devices: Mapping[str, str]) -> None:
    """A new database with the demo's property, without its commands, and ``devices``: the type of each by its id."""
    hotel: dict[str, list[dict[str, Any]]] = json.loads(
        files("nightporter.operations.administration").joinpath("demo_property.json").read_bytes()
    )
    del hotel["Commands"]
    owner = hotel["Enterprises"][0]["Id"]
    for number, (device, kind) in enumerate(devices.items()):
        hotel["Devices"].append(
            {"Id": device, "EnterpriseId": owner, "Type": kind, "Name": f"{kind} {number}"}
            | {"Configuration": CONFIGURATION[kind]}
        )
    hotel["Integrations"][0]["ConnectedDeviceIds"] += devices
    file = database.with_suffix(".json")
    file.write_text(json.dumps(hotel), "utf-8")
    subprocess.run([NIGHTPORTER, "load", str(file), "--database", str(database)], check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def agent(folder: Path, desk: str, machines: str) -> Iterator[subprocess.Popen[bytes]]:
    """``nightporter agent run`` with ``machines``, the part of the configuration that names them; its log is in ``folder``."""
    folder.mkdir()
    (folder / "agent.toml").write_text(
        f'[platform]\naddress = "{desk}"\nclient_token = "{CLIENT_TOKEN}"\naccess_token = "{ACCESS_TOKEN}"\n{machines}'
    )
    with (folder / "agent.log").open("wb") as log:
        process = subprocess.Popen(
            [NIGHTPORTER, "agent", "run", "--config", str(folder / "agent.toml")],
            stdout=log,
            stderr=log,
            cwd=ROOT,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def memory(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """What a process has resident, and the most it ever had, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    resident, most = (int(status.split(name)[1].split()[0]) / 1024 for name in ("VmRSS:", "VmHWM:"))
    return resident, most
