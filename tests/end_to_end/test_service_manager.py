"""What a service manager is told by the real process (packaging/systemd): ready, alive while it can write, about to stop."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from nightporter.settings import Supervision, supervision
from tests.end_to_end.manager import Manager
from tests.end_to_end.served import served

WATCHDOG = {"WATCHDOG_USEC": "300000"}


@pytest.mark.parametrize("place", ["a path", "an abstract name"])
async def test_it_is_told_when_callers_can_come_and_when_they_no_longer_can(database: Path, tmp_path: Path, place: str):
    manager = Manager(tmp_path if place == "a path" else None)
    try:
        async with served(database, NOTIFY_SOCKET=manager.address) as desk:
            assert await manager.hears("READY=1") == ["READY=1", f"STATUS=Serving on port {desk.port}."]
            async with desk.http() as http:
                assert (await http.get("/ready")).status_code == 200
            desk.stop()
            assert await manager.hears("STOPPING=1") == ["STOPPING=1", "STATUS=Finishing what was accepted."]
            assert await desk.process.ended() == 0
    finally:
        manager.close()
    assert [line for line in desk.lines() if line["level"] != "info"] == []


async def test_the_watchdog_hears_of_it_only_while_it_can_really_write(database: Path, manager: Manager):
    async with served(database, NOTIFY_SOCKET=manager.address, **WATCHDOG) as desk:
        for _ in range(3):
            assert await manager.hears("WATCHDOG=1") == ["WATCHDOG=1", f"STATUS=Serving on port {desk.port}."]
        with closing(sqlite3.connect(database, isolation_level=None)) as somebody_else:
            somebody_else.execute("BEGIN IMMEDIATE")
            trouble = await manager.hears("STATUS=The database")
            assert not [line for line in trouble if line.startswith("WATCHDOG")]
        assert (await manager.hears("WATCHDOG=1"))[1] == f"STATUS=Serving on port {desk.port}."


async def test_without_a_service_manager_nobody_is_told(database: Path):
    async with served(database, **WATCHDOG) as desk:
        desk.stop()
        assert await desk.process.ended() == 0
    assert [line for line in desk.lines() if line["level"] != "info"] == []


async def test_one_that_has_gone_is_told_of_in_the_log_and_harms_nothing(database: Path, manager: Manager):
    async with served(database, NOTIFY_SOCKET=f"{manager.address}-gone") as desk:
        async with desk.http() as http:
            assert (await http.get("/ready")).status_code == 200
        desk.stop()
        assert await desk.process.ended() == 0
    told = [line for line in desk.lines() if line["event"] == "the service manager could not be told"]
    assert told[0]["what"] == ["READY=1"]
    assert told[0]["why"] == "No such file or directory"


@pytest.mark.parametrize(
    ("environment", "understood"),
    [
        ({}, Supervision("", None)),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000"}, Supervision("/run/x", 30.0)),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}, Supervision("@x", None)),
        ({"WATCHDOG_USEC": "0"}, Supervision("", None)),
        ({"WATCHDOG_USEC": "soon"}, Supervision("", None)),
    ],
)
def test_what_the_environment_says(environment: dict[str, str], understood: Supervision):
    assert supervision(environment) == understood
