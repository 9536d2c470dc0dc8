"""Do the adding operations on PostgreSQL keep up with pgbench's prepared transaction of two inserts? (DESIGN, "Fast")"""

import json
from collections.abc import Mapping

from benchmarks.adding import API, COMMON, KEY, PAGE, PAYMENT
from benchmarks.filled import make
from benchmarks.load import wrk
from benchmarks.postgres import Pgbench, database, server
from benchmarks.report import Figure
from benchmarks.servers import desk
from nightporter.storage.places import PostgresAddress

SECONDS = 4
ROUNDS = 3
WORKERS = (1, 2)


def ratio(place: PostgresAddress, workers: int, operation: str, fields: Mapping[str, object]) -> Figure:
    body = json.dumps({**COMMON, **fields})
    ratios = []
    with desk(place, workers) as (here, _):
        wrk(here + API + operation, body, 1, keyed=0)
        bare = Pgbench(place.url)
        for number in range(ROUNDS):
            plain = bare.per_second(SECONDS)
            kept = wrk(here + API + operation, body, SECONDS, keyed=number + 1)
            assert kept.not_ok == 0, f"{kept.not_ok} refused"
            ratios.append((kept.per_second / plain, kept, plain))
    middle, kept, plain = sorted(ratios, key=lambda one: one[0])[ROUNDS // 2]
    detail = f"{kept.per_second:.0f}/s durable, p99 {kept.p99_milliseconds:.1f} ms; pgbench {plain:.0f}/s"
    name = f"{operation} on PostgreSQL, {workers} worker{'s' if workers > 1 else ''} / pgbench"
    return Figure(name, middle, 1.0, True, "ratio", detail)


def measure() -> list[Figure]:
    figures = []
    with server() as url:
        for operation, fields in (("addKeyCutter", KEY), ("addPrinter", PAGE), ("addPaymentTerminal", PAYMENT)):
            for workers in WORKERS:
                with database(url) as place:
                    make(place)
                    figures.append(ratio(place, workers, operation, fields))
    return figures
