"""Databases with a history: a desk of the demo with many finished commands, fiscal ones among them, and many tokens."""

import sqlite3
import time
from pathlib import Path

from nightporter.storage.places import Place

ENTERPRISE = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
PRINTER = "d117866d-78de-4459-9077-42d7ea0120e3"
RESERVATION = "35d4b117-4e60-44a3-9580-c582117eff98"


def with_history(path: Path, commands: int, fiscal: int, tokens: int) -> None:
    """Copy rows of the demo's own commands and tokens until there are as many; all of them a day old or older."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    day_ago = int(time.time()) - 86_400
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
    into = (
        "INSERT INTO commands (enterprise_id, id, device_id, device_type, state, created, updated, creator, data) "
        "SELECT enterprise_id, {id}, device_id, device_type, 'Processed', :from + i / 12, :from + i / 12, creator, data "
        "FROM n, (SELECT * FROM commands WHERE device_type = :type AND enterprise_id = :enterprise LIMIT 1)"
    )
    ident = "printf('{}-0000-7000-8000-%012x', i)"
    for kind, count, first in (("Printer", commands, "01000000"), ("FiscalMachine", fiscal, "02000000")):
        connection.execute(
            numbers + into.format(id=ident.format(first)),
            {"count": count, "type": kind, "enterprise": ENTERPRISE, "from": day_ago - 86_400 - count // 12},
        )
    connection.execute(
        numbers
        + "INSERT INTO resource_access_tokens (enterprise_id, id, service_order_id, type, value, validity_start, "
        "validity_end, bed, room, floor, building, created, updated, is_active) "
        f"SELECT :enterprise, {ident.format('03000000')}, :order, 'PinCode', '1234#', :from + i / 12, :from + i / 12 + 86400, "
        "1, 0, 0, 0, :from + i / 12, :from + i / 12, 1 FROM n",
        {"count": tokens, "enterprise": ENTERPRISE, "order": RESERVATION, "from": day_ago - tokens // 12},
    )
    connection.commit()
    connection.close()


def make(place: Place) -> None:
    """A new desk of the demo's property, closed again."""
    from benchmarks.servers import desk

    with desk(place):
        pass
