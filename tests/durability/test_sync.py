"""No reply leaves before its rows are on the disk: shown by the system calls of a server that really runs.

A killed process proves nothing about this, since what it wrote stays in the memory of the system.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.contract import hotel
from tests.durability.conftest import KEY_CUTTER, call
from tests.durability.process import Server, need_strace

CALLERS, EACH = 6, 8
_CALLS = "pwrite64,pwritev,write,writev,sendto,sendmsg,fsync,fdatasync,sync_file_range"


@dataclass
class Step:
    """A system call: when it began and ended, as places in the record, and the record of its beginning."""

    name: str
    text: str
    began: int
    ended: int
    worked: bool


_BEGUN = re.compile(r"^(\d+) +(\w+)\((.*)$", re.DOTALL)
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$", re.DOTALL)


def steps(record: str) -> Iterator[Step]:
    """The system calls of a record of ``strace -f``; one that another thread's interrupts stands on two lines."""
    open_: dict[str, Step] = {}
    for place, line in enumerate(record.splitlines()):
        if begun := _BEGUN.match(line):
            step = Step(begun[2], begun[3], place, place, not re.search(r"= -1 E\w+", line))
            if line.endswith("<unfinished ...>"):
                open_[begun[1]] = step
            else:
                yield step
        elif (resumed := _RESUMED.match(line)) and (step := open_.pop(resumed[1], None)):
            step.ended, step.worked = place, not re.search(r"= -1 E\w+", line)
            yield step


def unsafe_replies(record: str, ids: set[str], log: str) -> set[str]:
    """The commands whose reply began to leave before a sync that began after their rows were written had ended."""
    written: dict[str, int] = {}
    answered: dict[str, int] = {}
    syncs: list[Step] = []
    for step in sorted(steps(record), key=lambda one: one.ended):
        is_log = f"{log}>" in step.text.split(",", 1)[0].split(")", 1)[0]
        if step.name in ("fsync", "fdatasync"):
            if is_log and step.worked:
                syncs.append(step)
        elif is_log:
            for found in ids.intersection(re.findall(AN_ID, step.text)):
                written.setdefault(found, step.ended)
        elif found := re.search(r'CommandId\\":\\"([0-9a-f-]{36})', step.text):
            answered.setdefault(found[1], step.began)
    assert set(answered) == ids, "the record shows every reply"
    return {
        one
        for one in ids
        if one not in written or not any(written[one] < s.began and s.ended < answered[one] for s in syncs)
    }


AN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


async def add_many(server: Server) -> set[str]:
    async def caller(number: int) -> list[str]:
        async with httpx.AsyncClient(base_url=server.address, timeout=60) as http:
            made = []
            for count in range(EACH):
                if count % 2:
                    reply = await call(http, "commands/addKeyCutter", f"{number} {count}", **KEY_CUTTER)
                else:
                    fields = {"PrinterId": hotel.PRINTER, "CopyCount": 1, "Data": "QUJD" * 100}
                    reply = await call(http, "commands/addPrinter", **fields)
                assert reply.status_code == 200, reply.text
                made.append(reply.json()["CommandId"])
            return made

    return {one for made in await asyncio.gather(*(caller(number) for number in range(CALLERS))) for one in made}


async def traced(serve: Callable[..., Server], database: Path, record: Path, runner: tuple[str, ...] = ()) -> set[str]:
    before = [need_strace(), "-f", "-y", "-s", "5000", "-e", f"trace={_CALLS}", "-e", "signal=none", "-o", str(record)]
    server = serve(database, before=before, runner=runner)
    ids = await add_many(server)
    server.stop()
    assert len(ids) == CALLERS * EACH
    return ids


async def test_every_reply_leaves_after_a_sync_of_the_log_that_holds_its_rows(
    serve: Callable[..., Server], database: Path, tmp_path: Path
):
    record = tmp_path / "calls"
    ids = await traced(serve, database, record)
    assert unsafe_replies(record.read_text(), ids, f"{database}-wal") == set()


@pytest.mark.parametrize("level", ["OFF", "NORMAL"])
async def test_a_server_that_does_not_sync_is_found_out(
    serve: Callable[..., Server], database: Path, tmp_path: Path, level: str
):
    record = tmp_path / "calls"
    ids = await traced(serve, database, record, ("unsafe_runner.py", level))
    assert len(unsafe_replies(record.read_text(), ids, f"{database}-wal")) > len(ids) / 2


ID = "01920000-0000-7000-8000-000000000001"
WRITTEN = f'7 pwrite64(9</d.db-wal>, "x{ID}y", 4096, 0) = 4096'
SYNCED = "7 fdatasync(9</d.db-wal>) = 0"
BEGUN, ENDED = "7 fdatasync(9</d.db-wal> <unfinished ...>", "7 <... fdatasync resumed>) = 0"
ANSWERED = f'8 write(5<socket:[1]>, "HTTP/1.1 200 OK\\r\\n\\r\\n{{\\"CommandId\\":\\"{ID}\\"}}", 60) = 60'


@pytest.mark.parametrize(
    ("record", "is_safe"),
    [
        ([WRITTEN, SYNCED, ANSWERED], True),
        ([WRITTEN, BEGUN, ENDED, ANSWERED], True),
        ([WRITTEN, BEGUN, ANSWERED, ENDED], False),
        ([BEGUN, WRITTEN.replace("7", "6", 1), ENDED, ANSWERED], False),
        ([SYNCED, WRITTEN, ANSWERED], False),
        ([WRITTEN, ANSWERED, SYNCED], False),
        ([SYNCED, ANSWERED], False),
        ([WRITTEN, SYNCED.replace("= 0", "= -1 EIO (Input/output error)"), ANSWERED], False),
        ([WRITTEN, SYNCED.replace("-wal", ""), ANSWERED], False),
        ([WRITTEN.replace("-wal", ""), SYNCED, ANSWERED], False),
    ],
)
def test_how_a_record_is_judged(record: list[str], is_safe: bool):
    assert unsafe_replies("\n".join(record), {ID}, "/d.db-wal") == (set() if is_safe else {ID})
