"""Does the cost stay the same when a thousand finished commands become a million? (DESIGN, "Fast")"""

import json
import shutil
import statistics
import time
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.adding import API, COMMON, KEY
from benchmarks.filled import FISCAL as OF_FISCAL
from benchmarks.filled import ident, make, with_history
from benchmarks.machine import folder
from benchmarks.postgres import database, server
from benchmarks.report import Figure
from benchmarks.servers import desk
from nightporter.storage.places import Place

FEW, MANY = 1_000, 1_000_000
CALLS = 150
FISCAL = "/api/connector/v1/fiscalMachineCommands/getAll"
TOKENS = "/api/connector/v1/resourceAccessTokens/"
RESERVATION = "35d4b117-4e60-44a3-9580-c582117eff98"


def call(address: str, path: str, **fields: Any) -> Any:
    request = urllib.request.Request(
        address + path, json.dumps({**COMMON, **fields}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def median_milliseconds(acts: dict[int, Callable[[], None]]) -> dict[int, float]:
    """The median time of each act; they take turns, so that a slow moment of the machine strikes all of them."""
    times: dict[int, list[float]] = {size: [] for size in acts}
    for _ in range(CALLS):
        for size, act in acts.items():
            began = time.perf_counter()
            act()
            times[size].append((time.perf_counter() - began) * 1000)
    return {size: statistics.median(taken) for size, taken in times.items()}


def questions(address: str) -> dict[str, Callable[[], None]]:
    """What is asked of both desks."""
    devices = [
        d["Id"] for d in call(address, "/api/connector/v1/devices/getAll")["Devices"] if d["Type"] == "FiscalMachine"
    ]
    deep = {"Cursor": ident(OF_FISCAL, 300), "Count": 50}  # the 300th oldest
    states = {"DeviceIds": devices, "States": ["Processed"], "Limitation": deep}
    assert len(call(address, FISCAL, **states)["Commands"]) == 50
    waiting = [call(address, API + "addKeyCutter", **KEY)["CommandId"] for _ in range(CALLS)]
    now = datetime.now(UTC)
    minute = {
        "StartUtc": (now - timedelta(seconds=90)).isoformat(timespec="seconds"),
        "EndUtc": (now + timedelta(seconds=600)).isoformat(timespec="seconds"),
    }
    call(address, TOKENS + "add", ResourceAccessTokenParameters=[TOKEN] * 20)

    def update() -> None:
        call(address, API + "update", CommandId=waiting.pop(), State="Received")

    def recent() -> None:
        found = call(address, TOKENS + "getAll", UpdatedUtc=minute, Limitation={"Count": 100})
        assert len(found["ResourceAccessTokens"]) == 20

    return {
        "getAllActive": lambda: call(address, API + "getAllActive", Limitation={"Count": 10}) and None,
        "update": update,
        "a page deep in the fiscal history": lambda: call(address, FISCAL, **states) and None,
        "tokens updated in the last minute": recent,
    }


TOKEN = {
    "ServiceOrderId": RESERVATION,
    "Type": "PinCode",
    "Value": "4711#",
    "ValidityStartUtc": "2020-10-09T22:00:00Z",
    "ValidityEndUtc": "2020-10-10T22:00:00Z",
    "Permissions": {"Bed": True},
}
TARGETS = {"tokens updated in the last minute": 2.0}


def measure() -> list[Figure]:
    here = folder()
    figures = compared({size: here / f"{size}.db" for size in (FEW, MANY)}, "")
    shutil.rmtree(here)
    with server() as url, database(url) as few, database(url) as many:
        return figures + compared({FEW: few, MANY: many}, " on PostgreSQL")


def compared(places: Mapping[int, Place], where: str) -> list[Figure]:
    measured: dict[int, dict[str, float]] = {}
    for size, place in places.items():
        make(place)
        with_history(place, size, size, size)
    with desk(places[FEW]) as (few, _), desk(places[MANY]) as (many, _):
        asked = {FEW: questions(few), MANY: questions(many)}
        for name in asked[FEW]:
            for size, median in median_milliseconds({size: asked[size][name] for size in asked}).items():
                measured.setdefault(size, {})[name] = median
    return [
        Figure(
            f"{name}{where}, {MANY:,} / {FEW:,}",
            measured[MANY][name] / measured[FEW][name],
            TARGETS.get(name, 1.2),
            False,
            "ratio",
            f"{measured[MANY][name]:.2f} ms / {measured[FEW][name]:.2f} ms",
        )
        for name in measured[FEW]
    ]
