"""The servers that are compared: the desk as it is served, and a plain echo on the same uvicorn."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

from benchmarks.machine import ROOT
from nightporter.storage.places import Place, PostgresAddress


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def started(module: str, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server process of ``module``, told its port as its first argument; yields its address."""
    port = free_port()
    log = ROOT / "build" / "benchmarks" / f"{module}.{port}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(port), *arguments], stdout=output, stderr=output, cwd=ROOT
        )
        address = f"http://127.0.0.1:{port}"
        try:
            wait_for(address, process)
            yield address, process
        finally:
            process.terminate()
            process.wait(20)


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(address + "/health", timeout=2).read()
            return
        except urllib.error.HTTPError:
            return  # it answers, though it knows no such page
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the server at {address} did not start") from None
            time.sleep(0.005)


@contextlib.contextmanager
def desk(place: Place, workers: int = 1) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The desk with everything on; only the request limit is so high that it counts and never refuses.

    Several ``workers`` need a database that one has filled before.
    """
    database = place.url if isinstance(place, PostgresAddress) else str(place)
    with started("benchmarks.served_desk", database, str(workers)) as running:
        yield running


@contextlib.contextmanager
def echo() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with started("benchmarks.served_echo") as running:
        yield running
