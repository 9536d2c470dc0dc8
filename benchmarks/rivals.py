"""What the lives of commands are compared with: the jobs of procrastinate (MIT), and the replies of Prism (Apache-2.0).

procrastinate speaks to PostgreSQL through psycopg (LGPL-3.0). All of them are installed for the benchmarks alone.
"""

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import procrastinate
import psycopg

from benchmarks.load import CALLERS
from benchmarks.machine import ROOT, folder
from benchmarks.servers import free_port, wait_for
from nightporter.storage.dialects.postgres import READERS

PRISM = ROOT / "build" / "prism" / "node_modules" / ".bin" / "prism"
PATIENCE = 120.0
"""Seconds for all jobs to be finished."""
_LEFT = "SELECT count(*) FROM procrastinate_jobs WHERE status <> 'succeeded'"


@contextmanager
def prism() -> Iterator[str]:
    """The address of a Prism that mocks our own OpenAPI document."""
    if not PRISM.exists():
        raise SystemExit(f"{PRISM} is missing: run make bench, which installs it")
    place, port = folder(), free_port()
    document = place / "openapi.json"
    with document.open("wb") as file:
        subprocess.run([Path(sys.executable).with_name("nightporter"), "openapi"], check=True, stdout=file, cwd=ROOT)
    process = subprocess.Popen(
        [str(PRISM), "mock", "-h", "127.0.0.1", "-p", str(port), "-v", "silent", str(document)],
        stdout=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(place)


def app_of(url: str) -> tuple[procrastinate.App, procrastinate.tasks.Task[[], Any, Any]]:
    """An application on the database at ``url`` with as many connections as a desk reads with, and its one task."""
    connector = procrastinate.PsycopgConnector(conninfo=url, min_size=READERS, max_size=READERS)
    app = procrastinate.App(connector=connector)

    @app.task(name="nothing")
    async def nothing() -> None:
        pass

    return app, nothing


@contextmanager
def jobs_worker(url: str) -> Iterator[None]:
    """procrastinate's own worker on the database at ``url``, which becomes one of its own."""

    async def prepare() -> None:
        app, _ = app_of(url)
        async with app.open_async():
            await app.schema_manager.apply_schema_async()

    asyncio.run(prepare())
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.served_jobs", url], cwd=ROOT)
    try:
        asyncio.run(jobs_per_second(url, 1))  # until the worker works
        yield
    finally:
        process.terminate()
        process.wait(20)


async def jobs_per_second(url: str, count: int) -> float:
    """Jobs a second, from the first that is deferred to the last that is finished; as many callers defer as add commands."""
    app, nothing = app_of(url)
    numbers = iter(range(count))

    async def defer() -> None:
        for _ in numbers:
            await nothing.defer_async()

    async with app.open_async(), await psycopg.AsyncConnection.connect(url, autocommit=True) as looking:
        began = time.perf_counter()
        await asyncio.gather(*(defer() for _ in range(CALLERS)))
        async with asyncio.timeout(PATIENCE):
            while (await (await looking.execute(_LEFT)).fetchone()) != (0,):  # noqa: ASYNC110 - nobody tells of the last
                await asyncio.sleep(0.01)
        return count / (time.perf_counter() - began)
