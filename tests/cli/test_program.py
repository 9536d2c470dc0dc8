"""The program as a whole: help, version, what it prints where, how quickly it starts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nightporter import __version__
from nightporter.domain.sources import Sources
from nightporter.storage.lock import DatabaseLock
from nightporter.storage.opening import create
from nightporter.web.openapi import printed
from tests.cli.program import DEADLINE, PROGRAM, clean_environment, run, started
from tests.harness import Clock

CLIENT_COMMANDS = [("print",), ("cut-key",), ("pay",), ("watch",), ("commands", "show")]


async def test_version() -> None:
    ran = await run("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"nightporter {__version__}\n", "")


@pytest.mark.parametrize("command", [(), ("demo",), ("upgrade",), ("openapi",), *CLIENT_COMMANDS])
async def test_help_on_a_pipe_that_speaks_ascii_only(command: tuple[str, ...]) -> None:
    ran = await run(*command, "--help", encoding="ascii", PYTHONIOENCODING="ascii", NO_COLOR="1", TERM="dumb")
    assert ran.code == 0
    assert "Usage: nightporter" in ran.out
    assert "\x1b" not in ran.out


@pytest.mark.parametrize("command", CLIENT_COMMANDS)
async def test_help_tells_exit_codes_and_where_tokens_may_come_from(command: tuple[str, ...]) -> None:
    ran = await run(*command, "--help")
    told = " ".join(ran.out.replace("│", " ").split())
    assert "3 the server could not be reached" in told
    for name in ("NIGHTPORTER_ADDRESS", "NIGHTPORTER_CLIENT_TOKEN", "NIGHTPORTER_ACCESS_TOKEN"):
        assert name in told
    assert "E0D439EE" not in told, "no token in a help text"


def test_client_commands_load_nothing_of_the_server() -> None:
    code = (
        "import sys, runpy, atexit\n"
        "atexit.register(lambda: print(*sorted(sys.modules)))\n"
        "sys.argv = ['nightporter', 'print', '--address', 'http://127.0.0.1:9', sys.argv[1]]\n"
        "from nightporter.cli import main\n"
        "main()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "/dev/null"], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert "not a PDF" in ran.stderr
    loaded = set(ran.stdout.split())
    assert "nightporter.client.client" in loaded
    for heavy in ("sqlalchemy", "starlette", "uvicorn", "alembic", "structlog", "nightporter.operations"):
        assert heavy not in loaded


def test_help_loads_neither_the_client_nor_the_server() -> None:
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))\n"
        "sys.argv = ['nightporter', 'print', '--help']\n"
        "from nightporter.cli import main\n"
        "main()\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE, check=False)
    loaded = set(ran.stderr.split())
    assert "nightporter.cli.print" in loaded
    for heavy in ("httpx", "aiohttp", "websockets", "msgspec", "sqlalchemy", "starlette", "uvicorn", "asyncio"):
        assert heavy not in loaded


def test_a_desk_without_an_upstream_loads_no_client_of_http() -> None:
    code = "import sys, nightporter.cli.serve, nightporter.web.app; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert "starlette" in ran.stdout.split()
    assert not {"aiohttp", "httpx"} & set(ran.stdout.split())


async def test_openapi() -> None:
    ran = await run("openapi")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.strip().encode() == printed()
    assert json.loads(ran.out)["info"]["version"] == __version__


def test_a_reader_that_leaves_early_gets_no_traceback() -> None:
    process = subprocess.Popen(
        [PROGRAM, "openapi"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()
    )
    assert process.stdout is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert b"Traceback" not in process.stderr.read()
    process.wait(DEADLINE)


# where the desk is


@pytest.mark.parametrize(
    "command",
    [
        ("serve", "--database"),
        ("doctor", "--database"),
        ("upgrade", "--database"),
        ("enterprises", "add", "Hotel Post", "--currency", "EUR", "--database"),
        ("export", "--database"),
        ("backup", "file", "--database"),
        ("restore", "/dev/null", "--database"),
        ("copy", "--to"),
    ],
)
async def test_an_address_of_another_database_is_refused_and_tells_no_password(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = await run(*command, "postgress://night:SECRET@127.0.0.1/chain")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "nightporter: the database is an address that begins with postgress://, expected the path of a SQLite file, "
        "or a PostgreSQL database: postgresql://USER@HOST/NAME\n"
    )
    assert os.listdir(tmp_path) == [], "nothing was made"


@pytest.mark.parametrize("command", [("serve",), ("enterprises", "list"), ("upgrade",)])
async def test_a_lock_that_may_not_be_written_is_told_in_one_sentence(
    command: tuple[str, ...], tmp_path: Path, sources: Sources
) -> None:
    database = tmp_path / "desk.db"
    create(database, sources, demo=False)
    lock = tmp_path / "desk.db.lock"
    lock.mkdir()
    ran = await run(*command, "--database", str(database))
    assert ran.code in (1, 2)
    assert ran.err.startswith(
        f"nightporter: {lock} cannot be written: Is a directory. Whoever runs this needs the right"
    )
    assert ran.err.count("\n") == 1


async def test_a_variable_that_is_no_setting_is_told_at_the_start_with_the_one_that_is_meant(tmp_path: Path) -> None:
    serve = ("serve", "--database", tmp_path / "desk.db", "--port", "0")
    wrong = {"NIGHTPORTER_KEY": "hidden", "NIGHTPORTER_WHATEVER": "hidden"}
    async with started(*serve, NIGHTPORTER_ADDRESS="of watch", **wrong) as serving:
        await serving.says("Nightporter: http://127.0.0.1:")
    assert [line for line in serving.err if line.startswith("nightporter:")] == [
        "nightporter: the environment has NIGHTPORTER_KEY, which is no setting; is NIGHTPORTER_KEYS meant?",
        "nightporter: the environment has NIGHTPORTER_WHATEVER, which is no setting; it does nothing; take it away",
    ]
    assert "hidden" not in "".join([*serving.out, *serving.err])


# upgrade


@pytest.fixture
def sources(clock: Clock) -> Sources:
    return clock.sources()


async def test_upgrading_what_is_up_to_date(tmp_path: Path, sources: Sources) -> None:
    database = tmp_path / "desk.db"
    create(database, sources, demo=False)
    before = database.read_bytes()
    people = await run("upgrade", "--database", str(database))
    assert (people.code, people.err) == (0, "")
    assert "is up to date" in people.out
    scripts = json.loads((await run("upgrade", "--json", NIGHTPORTER_DATABASE=str(database))).out)
    assert scripts["Before"] == scripts["After"]
    assert database.read_bytes() == before


async def test_upgrading_what_is_not_there(tmp_path: Path) -> None:
    ran = await run("upgrade", "--database", str(tmp_path / "no" / "desk.db"))
    assert ran.code == 1
    assert "does not exist" in ran.err
    assert os.listdir(tmp_path) == [], "nothing was made"


async def test_upgrading_what_a_server_holds(tmp_path: Path, sources: Sources) -> None:
    database = tmp_path / "desk.db"
    create(database, sources, demo=False)
    with DatabaseLock(database):
        ran = await run("upgrade", "--database", str(database))
    assert ran.code == 1
    assert "in use" in ran.err


async def test_upgrading_something_else(tmp_path: Path) -> None:
    other = tmp_path / "letter.db"
    other.write_text("Dear guest, " * 1000)
    ran = await run("upgrade", "--database", str(other))
    assert ran.code == 1
    assert "cannot be read as a SQLite database" in ran.err
    assert "Traceback" not in ran.err
