from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.cli.program import Ran, run
from tests.harness import RunningDesk

PDF = b"%PDF-1.7\n% a bill\n%%EOF\n"
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
