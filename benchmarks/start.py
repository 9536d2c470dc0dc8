"""How long until the first answer, and how much memory does an idle desk hold? (DESIGN, "Fast")"""

import shutil
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks.machine import ROOT, folder
from benchmarks.report import Figure
from benchmarks.servers import free_port

TURNS = 5


def first_answer(database: Path) -> tuple[float, float]:
    """Seconds from the start of ``nightporter serve`` to its first answer, and its resident memory in MB then."""
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("nightporter")),
        "serve",
        "--port",
        str(port),
        "--database",
        str(database),
    ]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).read()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.002)
        took = time.perf_counter() - began
        status = Path(f"/proc/{process.pid}/status").read_text()
        return took, int(status.split("VmRSS:")[1].split()[0]) / 1024
    finally:
        process.terminate()
        process.wait(20)


def measure() -> list[Figure]:
    place = folder()
    new = [first_answer(place / f"{turn}.db")[0] for turn in range(TURNS)]
    again = [first_answer(place / "0.db") for _ in range(TURNS)]
    shutil.rmtree(place)
    return [
        Figure("first answer, new database", statistics.median(new), 2.0, False, "s", f"worst {max(new):.2f} s"),
        Figure("first answer", statistics.median(t for t, _ in again), 1.0, False, "s", f"of {TURNS}"),
        Figure("idle memory", statistics.median(m for _, m in again), 90.0, False, "MB", "resident"),
    ]
