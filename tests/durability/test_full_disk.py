"""A full disk: adds are refused as the weather they are, nothing is half written, reads go on, and room is all it takes."""

import asyncio
import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract import hotel
from tests.durability.conftest import KEY_CUTTER, call
from tests.durability.process import Server

DATA = "QUJD" * 10_000
KIB = 1024


class FileLimit:
    """The server may not write files beyond a size: its writes fail as on a broken disk (EFBIG)."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())

    def fill(self, server: Server, room: int) -> None:
        size = server.database.with_name(server.database.name + "-wal").stat().st_size + room if room else KIB
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def free(self, server: Server) -> None:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)

    def close(self) -> None:
        shutil.rmtree(self.folder)


class SmallDisk:
    """A file system of its own that something else fills up (ENOSPC)."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(self.folder)], check=True, capture_output=True
        )

    def fill(self, server: Server, room: int) -> None:
        space = os.statvfs(self.folder)
        with (self.folder / "ballast").open("ab") as ballast:
            ballast.write(b"x" * (space.f_bavail * space.f_frsize - room))

    def free(self, server: Server) -> None:
        (self.folder / "ballast").unlink()

    def close(self) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)
        self.folder.rmdir()


def _ways() -> list[type[FileLimit] | type[SmallDisk]]:
    """A true small disk where this machine lets us mount one, and everywhere the limit that fails like a broken one."""
    try:
        SmallDisk().close()
    except (subprocess.CalledProcessError, OSError):
        return [FileLimit]
    return [FileLimit, SmallDisk]


@pytest.fixture(params=_ways())
def disk(request: pytest.FixtureRequest) -> Iterator[FileLimit | SmallDisk]:
    made = request.param()
    yield made
    made.close()


async def test_a_full_disk_is_told_and_passes(
    disk: FileLimit | SmallDisk, serve: Callable[..., Server], database: Path
):
    server = serve(Path(shutil.copy(database, disk.folder / "desk.db")))
    made: list[str] = []
    keys: list[str] = []
    async with httpx.AsyncClient(base_url=server.address, timeout=60) as http:

        async def add() -> httpx.Response:
            reply = await call(http, "commands/addPrinter", PrinterId=hotel.PRINTER, CopyCount=1, Data=DATA)
            if reply.status_code == 200:
                made.append(reply.json()["CommandId"])
            return reply

        async def add_some(count: int) -> list[httpx.Response]:
            return await asyncio.gather(*(add() for _ in range(count)))

        async def active() -> dict[str, str]:
            reply = await call(http, "commands/getAllActive")
            assert reply.status_code == 200
            return {
                one["Id"]: one["Data"]["FileData"]
                for one in reply.json()["Commands"]
                if one["Device"]["Id"] == hotel.PRINTER
            }

        assert [reply.status_code for reply in await add_some(5)] == [200] * 5
        disk.fill(server, 200 * KIB)
        refused: list[httpx.Response] = []
        while len(refused) < 40:
            refused += [reply for reply in await add_some(4) if reply.status_code != 200]
        disk.fill(server, 0)
        while (ready := await http.get("/ready")).status_code == 200:  # a failed write leaves a little room in the log
            reply = await call(http, "commands/addKeyCutter", **KEY_CUTTER)
            if reply.status_code == 200:
                keys.append(reply.json()["CommandId"])
            else:
                refused.append(reply)
        assert (ready.status_code, (await http.get("/health")).status_code) == (503, 200)
        assert "Nothing was changed" in ready.json()["Reason"]
        for reply in refused:
            assert reply.status_code == 503, reply.text
            assert int(reply.headers["retry-after"]) >= 1
            assert set(reply.json()) == {"Message", "RequestId", "Details"}
            assert reply.json()["RequestId"] == reply.headers["request-id"]
            assert "Nothing was changed" in reply.json()["Message"]
        assert await active() == dict.fromkeys(made, DATA), "reads go on, and hold what was acknowledged, whole"

        disk.free(server)
        assert [reply.status_code for reply in await add_some(5)] == [200] * 5
        assert await active() == dict.fromkeys(made, DATA)
        while (ready := await http.get("/ready")).status_code != 200:
            assert server.process.poll() is None
        assert ready.json() == {"Status": "ready"}
    server.stop()
    connection = sqlite3.connect(server.database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    documents = connection.execute(
        "SELECT command_id FROM documents WHERE command_id <> ?", (hotel.PRINTED,)
    ).fetchall()
    numbers = [row[0] for row in connection.execute("SELECT number FROM events ORDER BY number")]
    events = connection.execute("SELECT command_id FROM events WHERE creator_integration_id IS NOT NULL").fetchall()
    connection.close()
    assert sorted(documents) == sorted((one,) for one in made)
    assert sorted(events) == sorted((one,) for one in made + keys)
    assert numbers == list(range(1, len(numbers) + 1))
