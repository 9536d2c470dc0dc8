"""What is shipped: the built wheel alone, in an empty environment in another folder."""

import asyncio
import subprocess
import sys
import venv
from pathlib import Path

import httpx
import pytest

from tests.cli.program import clean_environment, free_port, started
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN

ROOT = Path(__file__).resolve().parent.parent.parent


def pip(python: Path, *arguments: str | Path) -> None:
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
async def test_the_wheel_runs_the_demo_in_an_empty_environment(tmp_path: Path) -> None:
    await asyncio.to_thread(pip, Path(sys.executable), "wheel", "--no-deps", "--wheel-dir", tmp_path / "dist", ROOT)
    (wheel,) = (tmp_path / "dist").glob("nightporter-*.whl")
    environment = tmp_path / "environment"
    await asyncio.to_thread(venv.create, environment, with_pip=True)
    python = environment / "bin" / "python"
    await asyncio.to_thread(pip, python, "install", "--constraint", ROOT / "constraints.txt", wheel)
    assert not list((environment / "lib").rglob("pytest")), "the wheel brings no tools of development along"

    port = free_port()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    arguments = ("demo", "--port", str(port), "--data", elsewhere / "hotel")
    program = environment / "bin" / "nightporter"
    async with started(*arguments, program=program, folder=elsewhere) as demo:
        await demo.says("Nightporter demo")
        tokens = {"ClientToken": CLIENT_TOKEN, "AccessToken": ACCESS_TOKEN, "Client": "Tests 1.0"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            devices = await http.post("/api/connector/v1/devices/getAll", json=tokens)
            assert len(devices.json()["Devices"]) > 4
            for page in ("/", "/openapi.json", "/health", "/ready", "/metrics"):
                assert (await http.get(page)).status_code == 200, page
    assert "PYTHONPATH" not in clean_environment()
