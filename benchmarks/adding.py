"""Do the adding operations keep up with a server that keeps nothing? (DESIGN, "Fast")"""

import json
import shutil

from benchmarks.load import wrk
from benchmarks.machine import folder
from benchmarks.report import Figure
from benchmarks.servers import desk, echo
from nightporter.cli.demo import ACCESS_TOKEN, CLIENT_TOKEN

COMMON = {"ClientToken": CLIENT_TOKEN, "AccessToken": ACCESS_TOKEN, "Client": "Benchmarks 1.0"}
KEY = {
    "KeyCutterId": "7dafffff-a727-4917-a203-bd53995f21bf",
    "ReservationId": "be35b39e-ad7e-460a-8de9-4c7581e016a2",
    "KeyCount": 1,
}
PAGE = {"PrinterId": "d117866d-78de-4459-9077-42d7ea0120e3", "CopyCount": 1, "Data": "JVBERi0xLjcKJSVFT0YK" * 50}
PAYMENT = {
    "TerminalId": "be35b39e-ad7e-460a-8de9-4c7581e016a2",
    "CustomerId": "35d4b117-4e60-44a3-9580-c582117eff98",
    "Type": "Payment",
    "Amount": {"Currency": "EUR", "Value": 230},
}
API = "/api/connector/v1/commands/"
SECONDS = 4
ROUNDS = 3


def measure() -> list[Figure]:
    figures = []
    key = json.dumps({**COMMON, **KEY})
    for operation, fields in (("addKeyCutter", KEY), ("addPrinter", PAGE), ("addPaymentTerminal", PAYMENT)):
        body = json.dumps({**COMMON, **fields})
        place = folder()
        ratios = []
        with desk(place / "desk.db") as (here, _), echo() as (there, _):
            wrk(here + API + operation, body, 1, keyed=0)
            for number in range(ROUNDS):
                plain = wrk(there + API + operation, key, SECONDS)
                kept = wrk(here + API + operation, body, SECONDS, keyed=number + 1)
                assert kept.not_ok == 0, f"{kept.not_ok} refused"
                ratios.append((kept.per_second / plain.per_second, kept, plain))
        shutil.rmtree(place)
        ratio, kept, plain = sorted(ratios, key=lambda one: one[0])[ROUNDS // 2]
        detail = f"{kept.per_second:.0f}/s durable, p99 {kept.p99_milliseconds:.1f} ms; echo {plain.per_second:.0f}/s"
        figures.append(Figure(f"{operation} / echo", ratio, 0.35, True, "ratio", detail))
    return figures
