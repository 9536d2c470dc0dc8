"""How SQLite finds what is over: by an index, and what was gone through is not gone through again."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nightporter.domain.retention import Kept
from nightporter.storage import retention
from nightporter.storage.dialects.sqlite import connect
from nightporter.storage.retention import BATCH, MANY
from nightporter.storage.statements import Statement
from tests.harness import copied
from tests.stores.store import HOTEL, PRINTER, SISTER
from tests.stores.test_plans import STEPS, plan, work

ROWS = 20_000
YOUNG = ROWS - 500
"""What is over by then was stripped long ago, apart from the last hundred."""


@pytest.fixture(scope="module")
def aged(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    connection = connect(copied(empty_database, tmp_path_factory.mktemp("aged")))
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO enterprises (id, name, accepted_currencies, is_enabled) VALUES (?, 'H', '[]', 1)",
        [(HOTEL,), (SISTER,)],
    )
    connection.executemany(
        """INSERT INTO commands
        (enterprise_id, id, device_id, device_type, state, created, updated, creator, data, document_size, stripped)
        VALUES (?, ?, ?, 'KeyCutter', ?, ?, ?, '{}', '{}', ?, ?)""",
        (
            (HOTEL if n % 10 else SISTER, f"c{n}", PRINTER, "Pending" if n % 400 == 1 else "Processed", n, n,
             *((None, n) if n < YOUNG - 100 else (1, None)))
            for n in range(ROWS)
        ),
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO results (enterprise_id, command_id, content) VALUES (?, ?, '{}')",
        ((HOTEL if n % 10 else SISTER, f"c{n}") for n in range(YOUNG - 100, ROWS)),
    )
    connection.executemany(
        """INSERT INTO resource_access_tokens (enterprise_id, id, service_order_id, type, value, validity_start,
        validity_end, bed, room, floor, building, created, updated, is_active)
        VALUES (?, ?, 'o', 'PinCode', '1', ?, ?, 1, 1, 1, 1, ?, ?, 1)""",
        ((HOTEL if n % 10 else SISTER, f"t{n}", n, n + 50, n, n) for n in range(ROWS)),
    )
    connection.executemany(
        "INSERT INTO events (number, enterprise_id, command_id, device_id, state, time) VALUES (?, ?, ?, ?, 'Pending', ?)",
        ((n, HOTEL, f"c{n}", PRINTER, n) for n in range(1, ROWS)),
    )
    connection.executemany(
        "INSERT INTO audit_records (time, administrator, operation, kind) VALUES (?, 'A', 'o', 'devices')",
        ((n,) for n in range(ROWS)),
    )
    connection.executemany(
        """INSERT INTO idempotency_keys (access_token_id, operation, key, body_hash, enterprise_id, result, created)
        VALUES ('t', 'o', ?, 'h', ?, '[]', ?)""",
        ((f"k{n}", HOTEL, n) for n in range(ROWS)),
    )
    connection.execute("COMMIT")
    yield connection
    connection.close()


LATER = {"since": YOUNG - 200, "sequence": 0, "until": YOUNG, "count": BATCH}
IDS = {"enterprise": HOTEL, "ids": [f"c{n}" for n in range(YOUNG - 100, YOUNG)], "until": YOUNG}
TOKENS = {"until": 300, "keyed": ROWS, "count": BATCH}
BY_END = "commands USING INDEX commands_finished (updated>? AND updated<?)"
BY_ID = "commands USING INDEX sqlite_autoindex_commands_1 (enterprise_id=? AND id=?)"
FOUND: dict[str, tuple[Statement, dict[str, Any], str, int]] = {
    # name: the statement, its values, how its rows are found, how many there are
    "results": (retention._PAGES[Kept.RESULTS], LATER, BY_END, BATCH),
    "guests": (retention._PAGES[Kept.GUESTS], LATER, BY_END, BATCH),
    "documents": (retention._PAGES[Kept.DOCUMENTS], LATER, BY_END, BATCH),
    "commands": (retention._PAGES[Kept.COMMANDS], {**LATER, "since": 0, "sequence": 0}, BY_END, BATCH),
    "tokens": (
        retention._PAGES[Kept.RESOURCE_ACCESS_TOKENS], TOKENS,
        "resource_access_tokens USING INDEX resource_access_tokens_updated (enterprise_id=? AND updated<?)", BATCH,
    ),
    "events": (retention._PAGES[Kept.EVENTS], {"count": MANY}, "events USING INTEGER PRIMARY KEY (rowid<?)", MANY),
    "keys": (
        retention._PAGES[Kept.IDEMPOTENCY_KEYS],
        {"token": "t", "operation": "o", "key": "k5", "count": MANY},
        "idempotency_keys USING PRIMARY KEY ((access_token_id,operation,key)>(?,?,?))",
        MANY,
    ),
    "audit records": (
        retention._PAGES[Kept.AUDIT_RECORDS], {"count": MANY}, "audit_records USING INTEGER PRIMARY KEY (rowid<?)", MANY,
    ),
    "taking results": (
        retention._TAKE_RESULTS, IDS,
        "results USING COVERING INDEX sqlite_autoindex_results_1 (enterprise_id=? AND command_id=?)", 90,
    ),
    "taking documents": (retention._FORGET_DOCUMENTS, IDS, BY_ID, 90),
    "taking commands": (retention._TAKE_COMMANDS, IDS, BY_ID, 90),
    "what lies beside": (
        retention._DOCUMENTS_OF, IDS,
        "documents USING COVERING INDEX sqlite_autoindex_documents_1 (enterprise_id=? AND command_id=?)", 0,
    ),
    "taking tokens": (
        retention._TAKE_TOKENS, {**TOKENS, "enterprise": HOTEL, "ids": [f"t{n}" for n in range(1, 10)]},
        "resource_access_tokens USING INDEX sqlite_autoindex_resource_access_tokens_1 (enterprise_id=? AND id=?)", 9,
    ),
    "taking events": (retention._TAKE_EVENTS, {"last": MANY}, "events USING INTEGER PRIMARY KEY (rowid<?)", 0),
    "taking a key": (
        retention._TAKE_KEY, {"token": "t", "operation": "o", "key": "k7", "until": ROWS},
        "idempotency_keys USING PRIMARY KEY (access_token_id=? AND operation=? AND key=?)", 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_what_is_over_is_found_by_an_index(aged: sqlite3.Connection, name: str):
    statement, given, index, _ = FOUND[name]
    steps = plan(aged, statement, given)
    assert f"SEARCH {index}" in steps, steps
    scanned = [step for step in steps if step.startswith("SCAN") and "listed" not in step and "enterprises" not in step]
    assert not scanned, steps
    assert not [step for step in steps if "TEMP B-TREE FOR ORDER" in step], steps


@pytest.mark.parametrize("name", FOUND)
def test_a_batch_costs_what_it_takes_away_and_not_what_is_kept(aged: sqlite3.Connection, name: str):
    """Going through the 20,000 rows once takes more than 100,000 instructions."""
    statement, given, _, expected = FOUND[name]
    aged.execute("BEGIN")
    rows, steps = work(aged, statement, given)
    aged.execute("ROLLBACK")
    assert rows == expected
    assert steps * STEPS < 40_000


def test_beginning_at_the_beginning_would_be_noticed(aged: sqlite3.Connection):
    """The test above can fail: the same page without the place of the last round goes through all that was stripped."""
    statement, given, _, _ = FOUND["results"]
    assert work(aged, statement, {**given, "since": 0, "sequence": 0})[1] * STEPS > 100_000
