"""Release 0.1.0, taken from the history, and this one on the same file, one after the other (docs/upgrading.md)."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from nightporter.storage.opening import REVISIONS
from tests.cli.program import PROGRAM, Started, free_port, run, started
from tests.end_to_end.served import body, printing
from tests.harness import PREFIX, sql
from tests.house.repository import ROOT

pytestmark = pytest.mark.long
COMMIT = "502f73eb44"
TOKENS = ["72d4b117-1f84-44a3-1f84-8b2c0635ac60"]


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that runs the code of 0.1.0 with what is installed here."""
    folder = tmp_path_factory.mktemp("first")
    packed = subprocess.run(["git", "archive", COMMIT, "src"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x"], cwd=folder, input=packed, check=True)
    program = folder / "nightporter"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(folder / 'src')!r})\n"
        "from nightporter import __version__\nassert __version__ == '0.1.0', __version__\n"
        "from nightporter.cli import main\nmain()\n",
        "utf-8",
    )
    program.chmod(0o755)
    return program


@asynccontextmanager
async def demo(program: Path, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The demo in ``folder``, served by a release."""
    port = free_port()
    async with started("demo", "--data", folder, "--port", str(port), program=program) as one:
        await _listening(one, port)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}{PREFIX}", timeout=30, verify=False) as http:
            yield http
        one.process.terminate()
        await one.ended()


async def _listening(one: Started, port: int) -> None:
    while True:
        assert one.process.returncode is None, one.err[-20:]
        try:
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            return
        except ConnectionRefusedError:
            await asyncio.sleep(0)


async def added(http: httpx.AsyncClient, key: str) -> str:
    reply = await http.post("commands/addPrinter", json=printing(), headers={"Idempotency-Key": key})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["CommandId"])


async def done(http: httpx.AsyncClient, command: str) -> None:
    for state in ("Received", "Processing", "Processed"):
        told = await http.post("commands/update", json=body(CommandId=command, State=state, Notes=state))
        assert told.status_code == 200, told.text


async def seen(http: httpx.AsyncClient, *commands: str) -> dict[str, dict[str, Any]]:
    reply = await http.post("commands/getAllByIds", json=body(CommandIds=list(commands)))
    assert reply.status_code == 200, reply.text
    return {one["Id"]: one for one in reply.json()["Commands"]}


async def tokens(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    wanted = body(ResourceAccessTokenIds=TOKENS, Limitation={"Count": 10})
    reply = await http.post("resourceAccessTokens/getAll", json=wanted)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["ResourceAccessTokens"]
    assert len(found) == len(TOKENS)
    return found


def events(folder: Path) -> list[int]:
    return [row[0] for row in sql(folder / "demo.db", "SELECT number FROM events ORDER BY number")]


async def test_what_the_first_release_has_made_is_served_by_this_one(first: Path, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    async with demo(first, folder) as http:
        waiting, finished = await added(http, "one"), await added(http, "two")
        await done(http, finished)
        before = await seen(http, waiting, finished)
        granted = await tokens(http)
    upgraded = await run("upgrade", "--database", str(folder / "demo.db"))
    assert upgraded.code == 0, upgraded.err
    assert f"from migration 0001 to {REVISIONS[-1]}" in upgraded.out
    async with demo(PROGRAM, folder) as http:
        assert await seen(http, waiting, finished) == before
        assert await added(http, "one") == waiting, "its key holds"
        assert await tokens(http) == granted
        await done(http, waiting)
        await added(http, "three")
    assert events(folder) == list(range(1, len(events(folder)) + 1))


async def test_the_first_release_works_on_the_tables_of_this_one_and_is_understood(first: Path, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    async with demo(PROGRAM, folder) as http:
        mine, half = await added(http, "one"), await added(http, "half")
        await http.post("commands/update", json=body(CommandId=half, State="Received"))
    # It would refuse what it does not know; that is what releases from 0.2.0 on tell each other (works_since).
    sql(folder / "demo.db", "UPDATE alembic_version SET version_num = '0001'")
    async with demo(first, folder) as http:
        assert await added(http, "one") == mine
        theirs = await added(http, "two")
        await done(http, mine)
        before = await seen(http, mine, half, theirs)
    sql(folder / "demo.db", "UPDATE alembic_version SET version_num = ?", REVISIONS[-1])
    async with demo(PROGRAM, folder) as http:
        assert await seen(http, mine, half, theirs) == before
        assert before[mine]["State"] == "Processed"
        await done(http, theirs)
        assert await added(http, "two") == theirs
    assert events(folder) == list(range(1, len(events(folder)) + 1))
