"""Where the figures come from: the disk under the checkout, its sync latency, the tools that make the load."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "benchmarks"


def need(tool: str, package: str) -> str:
    """The path of ``tool``; installed from Debian's ``package`` when it is missing and that is possible."""
    found = shutil.which(tool)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-qq", package], check=True, stdout=subprocess.DEVNULL)
        found = shutil.which(tool)
    if found is None:
        raise SystemExit(f"{tool} is needed; install the package {package}")
    return found


def folder() -> Path:
    """An empty folder on the checkout's own disk."""
    WORK.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=WORK))


def file_system() -> str:
    """The kind of file system under the checkout."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    holding = [m for m in mounts if str(ROOT).startswith(m[1].rstrip("/") + "/") or m[1] == "/"]
    return max(holding, key=lambda m: len(m[1]))[2]


class Stolen:
    """How much of its processors' time a virtual machine did not get while this is open: the host gave it to others.

    Use it as a context manager; ``percent`` is there at its end, 0 where the kernel does not tell.
    """

    percent = 0.0

    def __enter__(self) -> Self:
        self._before = self._told()
        return self

    def __exit__(self, *_: object) -> None:
        stolen, whole = (now - before for now, before in zip(self._told(), self._before, strict=True))
        self.percent = 100 * stolen / max(whole, 1)

    def _told(self) -> tuple[int, int]:
        times = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        busy = sum(times) - times[3] - times[4]
        return times[7], busy


def sync_milliseconds() -> float:
    """The median time of a 4 KiB append and fdatasync, as a commit does it."""
    path = folder() / "sync"
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(200):
            began = time.perf_counter()
            file.write(b"\0" * 4096)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    shutil.rmtree(path.parent)
    return sorted(times)[100] * 1000
