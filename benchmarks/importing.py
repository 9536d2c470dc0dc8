"""The import of 10,000 reservations, against a bare executemany of the rows that come of them."""

import asyncio
import json
import shutil
import sqlite3
import time
from pathlib import Path

from benchmarks.machine import folder
from benchmarks.report import Figure
from nightporter.host.clock import machine_sources
from nightporter.operations.administration.load_property import load_property
from nightporter.settings import Settings
from nightporter.storage.opening import create
from nightporter.web.app import App
from nightporter.web.desk import Desk

RECORDS = 10_000
GUESTS = 500
ROUNDS = 7
INN = {"Id": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "Name": "Inn", "AcceptedCurrencies": ["EUR"]}


def guest(number: int) -> str:
    return f"10000000-0000-4000-8000-{number % GUESTS:012d}"


def reservation(number: int) -> dict[str, object]:
    """A reservation with the fields of the vendor's own version 2023-06-06."""
    moment = "2026-02-01T14:00:00Z"
    nothing = dict.fromkeys(
        (
            "CancelledUtc", "VoucherId", "BusinessSegmentId", "AvailabilityBlockId", "TravelAgencyId", "ActualStartUtc",
            "ActualEndUtc", "ReleasedUtc", "CancellationReason", "ChannelNumber", "CreditCardId", "QrCodeData",
        )
    )  # fmt: skip
    return {
        "Id": f"20000000-0000-4000-8000-{number:012d}",
        "ServiceId": "bd26d8db-86da-4f96-9efc-e5a4654a4a94",
        "AccountId": guest(number),
        "AccountType": "Customer",
        "CreatorProfileId": "3cd637ef-4728-47f9-8fb1-afb900c9cdcf",
        "UpdaterProfileId": "3cd637ef-4728-47f9-8fb1-afb900c9cdcf",
        "BookerId": "ebd507c5-6bfd-4ca9-96aa-ffed6fa94f72",
        "Number": str(number),
        "State": "Confirmed",
        "Origin": "Connector",
        "CommanderOrigin": "Connector",
        "CreatedUtc": moment,
        "UpdatedUtc": moment,
        "ReservationGroupId": "94843f6f-3be3-481b-a1c7-06458774c3df",
        "RateId": "11672368-e0d7-4a6d-bd85-ad7200d7428e",
        "AssignedResourceId": "65d4b117-4e60-44a3-9580-c582117eff98",
        "RequestedResourceCategoryId": "0a5da171-3663-4496-a61e-35ecbd78b9b1",
        "Options": {"OwnerCheckedIn": False, "AllCompanionsCheckedIn": False, "AnyCompanionCheckedIn": False},
        "AssignedResourceLocked": False,
        "ChannelManagerNumber": "",
        "Purpose": "Leisure",
        "PersonCounts": [{"AgeCategoryId": "1f67644f-052d-4863-acdf-ae1600c60ca0", "Count": 2}],
        "ScheduledStartUtc": f"2026-{number % 12 + 1:02d}-{number % 27 + 1:02d}T14:00:00Z",
        "ScheduledEndUtc": f"2027-{number % 12 + 1:02d}-{number % 27 + 1:02d}T10:00:00Z",
        **nothing,
    }


def bare(connection: sqlite3.Connection, rows: list[tuple[object, ...]]) -> float:
    """Seconds for one durable transaction of the rows, their values at hand."""
    wanted = f"INSERT INTO reservations VALUES ({','.join('?' * len(rows[0]))})"
    began = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(wanted, rows)
    connection.execute("COMMIT")
    return time.perf_counter() - began


async def imported(desk: Desk, turn: int) -> float:
    """Seconds for one property file with as many new reservations, from its bytes to the answer."""
    first = turn * RECORDS
    stays = [reservation(number) for number in range(first, first + RECORDS)]
    content = json.dumps({"Enterprises": [INN], "Reservations": stays}).encode()
    began = time.perf_counter()
    await load_property(desk.writer, desk.sources, content)
    return time.perf_counter() - began


def written(path: Path, turn: int) -> list[tuple[object, ...]]:
    """The rows that one import has made."""
    connection = sqlite3.connect(path)
    bounds = [f"20000000-0000-4000-8000-{number:012d}" for number in (turn * RECORDS, (turn + 1) * RECORDS)]
    rows = connection.execute("SELECT * FROM reservations WHERE id >= ? AND id < ?", bounds).fetchall()
    connection.close()
    assert len(rows) == RECORDS
    return rows


async def alternate(place: Path) -> list[tuple[float, float, float]]:
    sources = machine_sources()
    for name in ("desk.db", "bare.db"):
        create(place / name, sources, demo=False)
    connection = sqlite3.connect(place / "bare.db", isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    ratios = []
    async with App(Settings(), sources, place / "desk.db").open() as desk:
        guests = [{"Id": guest(number), "LastName": "Guest"} for number in range(GUESTS)]
        await load_property(desk.writer, sources, json.dumps({"Enterprises": [INN], "Customers": guests}).encode())
        for turn in range(ROUNDS):
            through = await imported(desk, turn)
            alone = bare(connection, written(place / "desk.db", turn))
            ratios.append((through / alone, through, alone))
    connection.close()
    return ratios


def measure() -> list[Figure]:
    place = folder()
    ratio, through, alone = sorted(asyncio.run(alternate(place)))[ROUNDS // 2]
    shutil.rmtree(place)
    detail = f"{through:.2f} s through a property file, {alone:.2f} s bare"
    return [Figure("import of 10,000 reservations / bare executemany", ratio, 3.0, False, "ratio", detail)]
