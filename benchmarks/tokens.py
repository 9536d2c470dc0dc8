"""A thousand tokens in one add, against a bare executemany into the same tables."""

import json
import shutil
import sqlite3
import statistics
import time

from benchmarks.adding import COMMON
from benchmarks.history import TOKEN
from benchmarks.load import wrk
from benchmarks.machine import folder
from benchmarks.report import Figure
from benchmarks.servers import desk

ROWS = 1000
ROUNDS = 7
TURNS = 15
SECONDS = 1
COMPANIONSHIP, RESOURCE = "25d4b117-4e60-44a3-9580-c582117eff98", "65d4b117-4e60-44a3-9580-c582117eff98"


def bare(connection: sqlite3.Connection, first: int) -> float:
    """Seconds for one durable transaction of a thousand rows, their values at hand."""
    columns = [row[1] for row in connection.execute("PRAGMA table_info(resource_access_tokens)")][1:]
    wanted = f"INSERT INTO resource_access_tokens ({','.join(columns)}) VALUES ({','.join('?' * len(columns))})"
    times = []
    for turn in range(first, first + TURNS):
        now = int(time.time())
        rows = [
            (
                "3fa85f64-5717-4562-b3fc-2c963f66afa6", f"04000000-{turn:04x}-7000-8000-{number:012x}",
                TOKEN["ServiceOrderId"], COMPANIONSHIP, RESOURCE, "PinCode", "4711#", None, now, now + 1, 1, 0, 0, 0, now, now, 1,
            )
            for number in range(ROWS)
        ]  # fmt: skip
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(wanted, rows)
        connection.execute("COMMIT")
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure() -> list[Figure]:
    place = folder()
    tokens = [{**TOKEN, "CompanionshipId": COMPANIONSHIP, "ResourceId": RESOURCE}] * ROWS
    body = json.dumps({**COMMON, "ResourceAccessTokenParameters": tokens})
    with desk(place / "bare.db"):
        pass  # the same tables with the same hotel in them, for the bare rows
    connection = sqlite3.connect(place / "bare.db", isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    ratios = []
    with desk(place / "desk.db") as (address, _):
        for turn in range(ROUNDS):
            rate = wrk(address + "/api/connector/v1/resourceAccessTokens/add", body, SECONDS, keyed=turn + 1, callers=1)
            assert rate.not_ok == 0
            alone = bare(connection, turn * TURNS)
            ratios.append((alone * rate.per_second, rate.per_second, alone))
    connection.close()
    shutil.rmtree(place)
    ratio, per_second, alone = sorted(ratios)[ROUNDS // 2]
    detail = f"{ROWS * per_second:.0f} rows/s through the API, {ROWS / alone:.0f} bare"
    return [Figure("resourceAccessTokens/add of 1000 / bare executemany", ratio, 0.5, True, "ratio", detail)]
