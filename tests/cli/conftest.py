import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness import RunningDesk

PROGRAM = Path(sys.executable).with_name("nightporter")
DEADLINE = 30.0
PDF = b"%PDF-1.7\n% a bill\n%%EOF\n"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without anything of ours, with a terminal of a known width."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTPORTER_")}
    return {**kept, "COLUMNS": "100", **more}


async def run(*arguments: str, encoding: str = "utf-8", cwd: Path | None = None, **environment: str) -> Ran:
    """Run the program as a user would, and wait for its end."""
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(**environment),
        cwd=cwd,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), DEADLINE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(encoding), err.decode(encoding))


Program = Callable[..., Awaitable[Ran]]


@pytest.fixture
def program(desk: RunningDesk) -> Program:
    """The program, told by its environment where the desk of the test is."""

    async def run_here(*arguments: str, **environment: str) -> Ran:
        return await run(*arguments, **{"NIGHTPORTER_ADDRESS": desk.address, **environment})

    return run_here


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "bill.pdf"
    path.write_bytes(PDF)
    return path
