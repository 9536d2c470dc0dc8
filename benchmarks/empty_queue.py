"""Does asking an empty queue keep up with the echo? (DESIGN, "Fast")"""

import json
import shutil

from benchmarks.adding import API, COMMON, KEY
from benchmarks.history import call
from benchmarks.load import wrk
from benchmarks.machine import folder
from benchmarks.postgres import database, server
from benchmarks.report import Figure
from benchmarks.servers import desk, echo
from nightporter.storage.places import Place

SECONDS = 1
ROUNDS = 9


def measure() -> list[Figure]:
    here = folder()
    figures = [beside_echo(here / "desk.db", "")]
    shutil.rmtree(here)
    with server() as url, database(url) as place:
        return [*figures, beside_echo(place, " on PostgreSQL")]


def beside_echo(place: Place, where: str) -> Figure:
    ratios = []
    asking = json.dumps(COMMON)
    with desk(place) as (here, _), echo() as (there, _):
        for command in call(here, API + "getAllActive")["Commands"]:
            call(here, API + "update", CommandId=command["Id"], State="Processed")
        assert call(here, API + "getAllActive") == {"Commands": []}
        wrk(here + API + "getAllActive", asking, 1)
        for _ in range(ROUNDS):
            plain = wrk(there + API + "getAllActive", json.dumps({**COMMON, **KEY}), SECONDS)
            asked = wrk(here + API + "getAllActive", asking, SECONDS)
            assert asked.not_ok == 0
            ratios.append((asked.per_second / plain.per_second, asked, plain))
    ratio, asked, plain = sorted(ratios, key=lambda one: one[0])[ROUNDS // 2]
    detail = f"{asked.per_second:.0f}/s, echo {plain.per_second:.0f}/s"
    return Figure(f"getAllActive of an empty queue{where} / echo", ratio, 0.5, True, "ratio", detail)
