"""How SQLite finds the rows of the hot statements: by an index, never by going through a table or its whole history."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nightporter.domain.command import CommandState
from nightporter.storage import commands, events, idempotency, overdue, queue_age
from nightporter.storage import property as facts
from nightporter.storage import resource_access_tokens as tokens
from nightporter.storage.dialects.sqlite import connect
from nightporter.storage.statements import Statement
from tests.harness import copied
from tests.stores.store import HOTEL, KIOSK, MACHINE, PRINTER, SISTER

ROWS = 20_000
STEPS = 100
"""The virtual machine is asked after so many of its instructions."""


def _fill(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO devices (enterprise_id, id, type, name, is_active, configuration) VALUES (?, ?, ?, 'n', 1, '{}')",
        [(HOTEL, MACHINE, "FiscalMachine"), (HOTEL, PRINTER, "Printer")],
    )
    connection.executemany(
        """INSERT INTO commands
        (enterprise_id, id, device_id, device_type, state, created, updated, expires, creator, data)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{}', '{}')""",
        (
            (HOTEL if n % 10 else SISTER, f"c{n}", *((MACHINE, "FiscalMachine") if n % 2 else (PRINTER, "Printer")),
             "Pending" if n % 400 == 1 else "Processing" if n % 400 == 3 else "Processed", n // 3, n // 3,
             ROWS * 2 if n % 800 == 1 else ROWS // 2)
            for n in range(ROWS)
        ),
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO documents (enterprise_id, command_id, content) VALUES (?, ?, 'x')",
        ((HOTEL, f"c{n}") for n in range(0, ROWS, 2)),
    )
    connection.executemany(
        """INSERT INTO resource_access_tokens (enterprise_id, id, service_order_id, type, value, validity_start,
        validity_end, bed, room, floor, building, created, updated, is_active)
        VALUES (?, ?, ?, 'PinCode', '1', ?, ?, 1, 1, 1, 1, ?, ?, 1)""",
        ((HOTEL if n % 10 else SISTER, f"t{n}", f"o{n // 3}", n, n + 50, n, n) for n in range(ROWS)),
    )
    connection.executemany(
        """INSERT INTO events (number, enterprise_id, command_id, device_id, state, time)
        VALUES (?, ?, ?, ?, 'Pending', ?)""",
        ((n, HOTEL, f"c{n}", PRINTER, n) for n in range(1, ROWS)),
    )
    connection.execute("COMMIT")


@pytest.fixture(scope="module")
def filled(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    connection = connect(copied(empty_database, tmp_path_factory.mktemp("plans")))
    _fill(connection)
    yield connection
    connection.close()


def bound(statement: Statement, given: dict[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(list(value)) if name in statement.lists else value for name, value in given.items()}


def plan(connection: sqlite3.Connection, statement: Statement, given: dict[str, Any]) -> list[str]:
    return [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + statement.sqlite, bound(statement, given))]


def work(connection: sqlite3.Connection, statement: Statement, given: dict[str, Any]) -> tuple[int, int]:
    """How many rows the statement gives, and how many instructions of SQLite's machine that takes (in hundreds)."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, STEPS)
    rows = connection.execute(statement.sqlite, bound(statement, given)).fetchall()
    connection.set_progress_handler(None, 0)
    return len(rows), steps


SCOPE = {"enterprise": HOTEL, "enterprises": [HOTEL], "devices": [MACHINE, PRINTER], "integration": KIOSK}
NEWEST = {"created": 2**62, "sequence": 2**62, "count": 50, "now": ROWS}
DEEP = {"created": ROWS // 30, "sequence": 0, "count": 50, "now": ROWS}
DEEP_TOKEN = {"created": ROWS // 2, "sequence": 0, "count": 50}
STATES = [state.value for state in CommandState]
MINUTE = {"since": ROWS // 2, "until": ROWS // 2 + 60}


def page(**parts: bool) -> Statement:
    names = ("ids", "orders", "colliding", "updated", "activity")
    return tokens._page(tuple(parts.get(name, False) for name in names))  # type: ignore[arg-type]


def fiscal_in(*states: CommandState) -> Statement:
    return commands._fiscal_in(frozenset(states))


HOT: dict[str, tuple[Statement, dict[str, Any], str]] = {
    # name: the statement, its values, the index that its rows are found by
    "active": (commands._ACTIVE, NEWEST, "commands USING INDEX commands_active"),
    "standing": (commands._STANDING, {"id": "c5001"}, "commands USING INDEX sqlite_autoindex_commands"),
    "position": (commands._POSITION, {"id": "c5001"}, "commands USING INDEX sqlite_autoindex_commands"),
    "by ids": (
        commands._BY_IDS,
        {**NEWEST, "ids": [f"c{n}" for n in range(50)]},
        "chosen USING INDEX sqlite_autoindex_commands",
    ),
    "by ids, told": (
        commands._TOLD_BY_IDS,
        {**NEWEST, "ids": [f"c{n}" for n in range(50)]},
        "chosen USING INDEX sqlite_autoindex_commands",
    ),
    "overdue": (overdue._OVERDUE, {"now": ROWS, "count": 100}, "commands USING INDEX commands_expiring"),
    "stalled": (
        overdue._SILENT, {"device": MACHINE, "since": ROWS, "count": 100}, "commands USING INDEX commands_under_way",
    ),
    "fiscal by ids": (
        commands._FISCAL_BY_IDS,
        {**NEWEST, "ids": [f"c{n}" for n in range(50)]},
        "chosen USING INDEX sqlite_autoindex_commands",
    ),
    "fiscal in all states": (fiscal_in(*CommandState), NEWEST, "chosen USING INDEX commands_fiscal "),
    "fiscal that wait": (
        fiscal_in(CommandState.PENDING, CommandState.RECEIVED), NEWEST, "chosen USING INDEX commands_fiscal ",
    ),
    "fiscal deep": (fiscal_in(*CommandState), DEEP, "chosen USING INDEX commands_fiscal "),
    "fiscal updated": (
        commands._FISCAL_UPDATED,
        {**NEWEST, "states": STATES, "since": 3000, "until": 3060},
        "chosen USING INDEX commands_fiscal_updated",
    ),
    "events": (events._AFTER, {"number": ROWS - 100, "count": 50}, "events USING INTEGER PRIMARY KEY"),
    "tokens by ids": (
        page(ids=True, activity=True),
        {**NEWEST, "active": 1, "ids": ["t7", "t8"]},
        "chosen USING INDEX sqlite_autoindex_resource_access_tokens",
    ),
    "tokens by orders": (
        page(orders=True), {**NEWEST, "orders": ["o7", "o8"]}, "chosen USING INDEX resource_access_tokens_by_order",
    ),
    "tokens by orders, deep": (
        page(orders=True), {**DEEP_TOKEN, "orders": ["o7", "o8"]}, "chosen USING INDEX resource_access_tokens_by_order",
    ),
    "tokens updated": (
        page(updated=True), {**NEWEST, **MINUTE}, "chosen USING COVERING INDEX resource_access_tokens_updated",
    ),
    "tokens updated, deep": (
        page(updated=True, activity=True),
        {**DEEP_TOKEN, "created": ROWS // 2 + 30, "active": 1, **MINUTE},
        "chosen USING COVERING INDEX resource_access_tokens_updated",
    ),
    "tokens that collide": (
        page(colliding=True, activity=True),
        {**NEWEST, "active": 1, "from": ROWS - 30, "to": ROWS},
        "chosen USING COVERING INDEX resource_access_tokens_valid",
    ),
    "tokens": (tokens._SOME, {"ids": ["t7", "t8"]}, "INDEX sqlite_autoindex_resource_access_tokens"),
    "token position": (tokens._POSITION, {"id": "t7"}, "INDEX sqlite_autoindex_resource_access_tokens"),
    "idempotency key": (
        idempotency._FIND,
        {"access_token_id": "t", "operation": "o", "key": "k", "since": 0},
        "idempotency_keys USING PRIMARY KEY",
    ),
    "device": (facts._DEVICE, {"id": PRINTER}, "devices USING PRIMARY KEY"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOT)
def test_hot_statements_find_their_rows_by_an_index(filled: sqlite3.Connection, name: str):
    statement, given, index = HOT[name]
    steps = plan(filled, statement, {**SCOPE, **given})
    assert any(f"SEARCH {index}" in step or index in step for step in steps), steps
    scanned = [step for step in steps if step.startswith("SCAN") and "listed" not in step and "anon" not in step]
    assert not scanned, steps


@pytest.mark.parametrize("name", HOT)
def test_hot_statements_do_not_go_through_the_history(filled: sqlite3.Connection, name: str):
    """Going through the 20,000 rows once takes more than 100,000 instructions; a page of 50 takes a few thousand."""
    statement, given, _ = HOT[name]
    rows, steps = work(filled, statement, {**SCOPE, **given})
    assert rows or name in ("idempotency key", "tokens by orders, deep")
    assert steps * STEPS < 20_000


def test_going_through_the_history_would_be_noticed(filled: sqlite3.Connection):
    """The test above can fail: the same page without its index takes many times more."""
    statement, given, _ = HOT["active"]

    class Scanning:
        lists = statement.lists
        sqlite = statement.sqlite.replace("FROM commands ", "FROM commands NOT INDEXED ")

    assert "SCAN commands" in " ".join(plan(filled, Scanning, {**SCOPE, **given}))
    assert work(filled, Scanning, {**SCOPE, **given})[1] * STEPS > 100_000


def test_the_age_of_queues_goes_through_what_is_active_and_never_through_history(filled: sqlite3.Connection):
    given = {"now": ROWS}
    assert plan(filled, queue_age._OLDEST, given)[0] == "SCAN commands USING INDEX commands_active"
    rows, steps = work(filled, queue_age._OLDEST, given)
    assert rows == 1
    assert steps * STEPS < ROWS
