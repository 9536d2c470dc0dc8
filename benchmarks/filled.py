"""Databases with a history: a desk of the demo with many finished commands, fiscal ones among them, and many tokens."""

import sqlite3
import time

from nightporter.storage.places import Place, PostgresAddress
from tests import postgres

ENTERPRISE = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
RESERVATION = "35d4b117-4e60-44a3-9580-c582117eff98"
PRINTED, FISCAL, GIVEN = "01000000", "02000000", "03000000"
"""How the ids begin."""


NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
COMMANDS = (
    "INSERT INTO commands (enterprise_id, id, device_id, device_type, state, created, updated, creator, data) "
    + NUMBERS
    + "SELECT enterprise_id, {id}, device_id, device_type, 'Processed', {since} + i / 12, {since} + i / 12, creator, data "
    "FROM n, (SELECT * FROM commands WHERE device_type = '{type}' AND enterprise_id = '{enterprise}' LIMIT 1) AS one"
)
TOKENS = (
    "INSERT INTO resource_access_tokens (enterprise_id, id, service_order_id, type, value, validity_start, "
    "validity_end, bed, room, floor, building, created, updated, is_active) "
    + NUMBERS
    + "SELECT '{enterprise}', {id}, '{order}', 'PinCode', '1234#', {since} + i / 12, {since} + i / 12 + 86400, "
    "TRUE, FALSE, FALSE, FALSE, {since} + i / 12, {since} + i / 12, TRUE FROM n"
)


def ident(first: str, number: int | str) -> str:
    """An id of the ``number``-th row; a number that is SQL gives SQL for either kind of database."""
    if isinstance(number, int):
        return f"{first}-0000-7000-8000-{number:012d}"
    return f"'{first}-0000-7000-8000-' || substr(CAST(1000000000000 + {number} AS TEXT), 2)"


def with_history(place: Place, commands: int, fiscal: int, tokens: int) -> None:
    """Copy rows of the demo's own commands and tokens until there are as many; all of them a day old or older."""
    day_ago = int(time.time()) - 86_400
    kinds = (
        (COMMANDS, "Printer", commands, PRINTED, day_ago - 86_400),
        (COMMANDS, "FiscalMachine", fiscal, FISCAL, day_ago - 86_400),
        (TOKENS, "", tokens, GIVEN, day_ago),
    )
    statements = [
        statement.format(
            type=kind,
            count=count,
            id=ident(first, "i"),
            since=until - count // 12,
            enterprise=ENTERPRISE,
            order=RESERVATION,
        )
        for statement, kind, count, first, until in kinds
    ]
    if isinstance(place, PostgresAddress):
        postgres.execute(place.url, *statements, "VACUUM ANALYZE")
        return
    connection = sqlite3.connect(place, isolation_level=None)
    for statement in ("PRAGMA synchronous = OFF", *statements):
        connection.execute(statement)
    connection.close()


def make(place: Place) -> None:
    """A new desk of the demo's property, closed again."""
    from benchmarks.servers import desk

    with desk(place):
        pass
