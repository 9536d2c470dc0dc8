"""Where does the time of an add go? ``python -m benchmarks.profile [sqlite|postgres]`` prints a table of a served desk.

py-spy looks at the stacks of the server while wrk adds; the parts below say what a stack counts to.
"""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.adding import API, COMMON, KEY
from benchmarks.filled import make
from benchmarks.load import wrk
from benchmarks.machine import folder
from benchmarks.postgres import database, server
from benchmarks.servers import desk
from nightporter.storage.places import Place

RATE = 250
"""Looks a second."""
SECONDS = 10
SPARE = 3
"""Seconds that the load lasts beyond the looks, since py-spy takes a while to begin."""
LOOP, THREAD = "MainThread", "writer_0"

_LEAF: tuple[tuple[str, str], ...] = (
    ("uvicorn", r"/uvicorn/"),
    ("decode", r"^Dispatch\._run "),
    ("hash of the body", r"^body_hash "),
)
"""Parts that the innermost frame tells."""
_STACK: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("driver: statements of the writer", (r"/asyncpg/", r"\.work \(.*/storage/writer\.py")),
    ("driver: BEGIN and COMMIT", (r"/asyncpg/", r"/storage/writer\.py")),
    ("driver: reads", (r"/asyncpg/", r"/operations/|/gathering")),
    ("driver: recognising", (r"/asyncpg/", r"/web/recognition")),
    ("driver: between the nodes, and the pool", (r"/asyncpg/",)),
    ("writer: statements", (r"/storage/dialects/", r"/storage/writer\.py")),
    ("writer: batches, rows, events", (r"/storage/writer\.py", r"^Writer\._write_batches ")),
    ("reads", (r"/storage/dialects/",)),
    ("reads: rows to values", (r"/storage/",)),
    ("operation: values, snapshot, JSON", (r"/operations/",)),
    ("recognising", (r"/web/recognition",)),
    ("limit", (r"/web/(limits|shared_limit)",)),
    ("log line and metrics", (r"/web/(logs|metrics)",)),
    ("push", (r"/push/|/web/(socket|upstream)",)),
    ("dispatch", (r"/web/dispatch",)),
    ("the rest of web", (r"/nightporter/web/(?!server)",)),
)
"""Parts in the order in which they are tried: each pattern must be found in some frame."""
REST = "event loop: sockets, tasks, the drivers' C"


def part_of(stack: list[str]) -> str:
    """The part that a stack counts to, outermost frame first."""
    for part, pattern in _LEAF:
        if re.search(pattern, stack[-1]):
            return part
    for part, patterns in _STACK:
        if all(any(re.search(pattern, frame) for frame in stack) for pattern in patterns):
            return part
    return REST


def looked(path: Path) -> dict[str, Counter[str]]:
    """The looks that each part of each thread had, from py-spy's raw stacks."""
    threads: dict[str, Counter[str]] = {LOOP: Counter(), THREAD: Counter()}
    for thread, stack, looks in _stacks(path):
        if thread == LOOP:
            threads[LOOP][part_of(stack)] += looks
        elif thread == THREAD and not stack[-1].startswith("_worker "):
            threads[THREAD]["commit, in the writer's thread, without the wait for the disk"] += looks
    return threads


def _stacks(path: Path) -> Iterator[tuple[str, list[str], int]]:
    for line in path.read_text().splitlines():
        text, _, looks = line.rpartition(" ")
        thread, *stack = text.split(";")
        yield thread.partition(": ")[2], stack, int(looks)


def profile(place: Place, raw: Path) -> float:
    """Look at a desk on ``place`` under load; returns its adds a second."""
    body = json.dumps({**COMMON, **KEY})
    with desk(place) as (here, process):
        wrk(here + API + "addKeyCutter", body, 1, keyed=0)
        spy = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("py-spy")), "record", "--format", "raw", "--threads", "--full-filenames",
                "--rate", str(RATE), "--duration", str(SECONDS), "--pid", str(process.pid), "--output", str(raw),
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            rate = wrk(here + API + "addKeyCutter", body, SECONDS + SPARE, keyed=1)
            assert spy.wait(20) == 0, "py-spy could not look at the server: it needs the right to trace processes"
        finally:
            spy.kill()
    assert rate.not_ok == 0, f"{rate.not_ok} refused"
    return rate.per_second


def table(threads: dict[str, Counter[str]], per_second: float) -> str:
    """For docs/benchmarks.md."""
    looks = RATE * SECONDS
    rows = ["| part | share of the time | µs of a request |", "| :-- | --: | --: |"]
    idle = Counter({"idle": max(0, looks - threads[LOOP].total())})
    for parts in (threads[LOOP] + idle, threads[THREAD]):
        for part, count in parts.most_common():
            rows.append(f"| {part} | {count / looks:.1%} | {count / looks / per_second * 1e6:.0f} |")
    return "\n".join(rows)


def main(kind: str) -> None:
    where = folder()
    with ExitStack() as opened:
        place: Place = where / "desk.db"
        if kind == "postgres":
            place = opened.enter_context(database(opened.enter_context(server())))
        make(place)
        per_second = profile(place, where / "stacks")
    print(f"addKeyCutter on {kind}, {per_second:.0f}/s while py-spy looks {RATE} times a second\n")
    print(table(looked(where / "stacks"), per_second))
    shutil.rmtree(where)


if __name__ == "__main__":
    if (kind := sys.argv[1] if sys.argv[1:] else "sqlite") not in ("sqlite", "postgres"):
        raise SystemExit(f"{kind} is no kind of database: say sqlite or postgres")
    main(kind)
