"""Every rule of the contract has a test in tests/contract that names it in its docstring.

The convention: ``7.3 rule 2.``, ``2.4 row 7.``, ``12 row 4.``, ``7.5 error: Invalid Currency / Invalid Value.`` and
``D46.``, anywhere in the docstring of a test. What is named must exist, so a slip of the pen is found as well.
"""

import ast
import re

import pytest

from tests.house.repository import ROOT

RULES = {
    # section: the last number of its table
    "2.2 rule": 4,
    "2.3 rule": 5,
    "2.4 row": 9,
    "2.6 rule": 7,
    "2.9 rule": 9,
    "2.11 rule": 5,
    "2.12 row": 3,
    "3 rule": 8,
    "5 rule": 8,
    "7.1 rule": 7,
    "7.2 rule": 6,
    "7.3 rule": 6,
    "7.4 rule": 6,
    "7.5 rule": 7,
    "7.6 rule": 6,
    "7.7 rule": 8,
    "7.8 rule": 7,
    "7.9 rule": 7,
    "7.10 rule": 8,
    "7.11 rule": 3,
    "7.12 rule": 4,
    "12 row": 13,
}
ERRORS = {
    "7.1": ["Invalid Count", "Invalid Cursor"],
    "7.2": ["Invalid CommandIds"],
    "7.3": ["Invalid PrinterId", "Invalid CopyCount", "Invalid Data", "Invalid EnterpriseId"],
    "7.4": ["Invalid KeyCutterId", "Invalid ReservationId", "Invalid KeyCount", "Invalid EnterpriseId", "403"],
    "7.5": [
        "Invalid TerminalId", "Invalid CustomerId", "Invalid Type", "Invalid Amount", "Invalid Currency",
        "Invalid Value", "403", "Invalid BillId", "Invalid PaymentRequestId", "Invalid ReservationId",
    ],
    "7.6": ["Invalid CommandId", "Invalid State", "Invalid Progress", "Invalid Notes", "409"],
    "7.7": [
        "both sets, or neither", "Invalid CommandIds", "Invalid DeviceIds", "Invalid States", "Invalid UpdatedUtc",
        "Invalid Limitation", "Invalid Count", "Invalid Cursor", "Invalid EnterpriseIds",
    ],
    "7.8": [
        "no usable filter", "Invalid ResourceAccessTokenIds", "Invalid ServiceOrderIds", "Invalid EnterpriseIds",
        "Invalid ActivityStates", "Invalid CollidingUtc", "Invalid UpdatedUtc", "Invalid Limitation", "Invalid Count",
        "Invalid Cursor",
    ],
    "7.9": [
        "Invalid ResourceAccessTokenParameters", "Invalid field", "Invalid ValidityEndUtc", "Invalid ServiceOrderId",
        "Invalid CompanionshipId", "Invalid ResourceId",
    ],
    "7.10": [
        "Invalid ResourceAccessTokenId", "Invalid ResourceAccessTokenUpdates", "Invalid ValidityStartUtc",
        "Invalid ValidityEndUtc", "Invalid Value", "Invalid Bed", "Invalid EnterpriseId",
    ],
    "7.11": ["Invalid Ids"],
}  # fmt: skip
DECISIONS = 97
ELSEWHERE = {
    "D53": "cancelling from the inside: the administration operations",
    "D65": "adding fiscal and passport commands: the administration operations",
}
"""Decisions that no single test of tests/contract names, and where they are held."""

WANTED = {f"{section} {number}" for section, last in RULES.items() for number in range(1, last + 1)}
WANTED |= {f"{section} error: {message}" for section, messages in ERRORS.items() for message in messages}
WANTED |= {f"D{number}" for number in range(1, DECISIONS + 1)}

_RULE = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?) (rule|row) (\d+)")
_ERROR = re.compile(r"(7\.\d+) error: ([^.:;]+)")
_DECISION = re.compile(r"\bD(\d+)\b")


def named_in(docstring: str) -> set[str]:
    """The rules, errors and decisions that a docstring names."""
    text = " ".join(docstring.split())
    named = {f"{section} {kind} {number}" for section, kind, number in _RULE.findall(text)}
    named |= {f"{section} error: {one.strip()}" for section, told in _ERROR.findall(text) for one in told.split(" / ")}
    return named | {f"D{number}" for number in _DECISION.findall(text)}


def named() -> dict[str, set[str]]:
    """What each test of tests/contract names, by file and name of the test."""
    found = {}
    for path in sorted((ROOT / "tests" / "contract").glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and node.name.startswith("test_"):
                found[f"{path.name}: {node.name}"] = named_in(ast.get_docstring(node) or "")
    return found


def test_every_rule_is_named_by_a_test() -> None:
    missing = WANTED - set().union(*named().values()) - set(ELSEWHERE)
    assert sorted(missing) == []


def test_what_is_named_exists() -> None:
    strays = {test: sorted(names - WANTED) for test, names in named().items() if names - WANTED}
    assert strays == {}


@pytest.mark.parametrize(
    ("docstring", "names"),
    [
        ("7.3 rule 2. D58. Names come from the device.", {"7.3 rule 2", "D58"}),
        ("12 row 4.", {"12 row 4"}),
        ("7.10 rule 1. 2.4 row 7, overridden.", {"7.10 rule 1", "2.4 row 7"}),
        (
            "7.5 error: Invalid Currency /\n    Invalid Value. More.",
            {"7.5 error: Invalid Currency", "7.5 error: Invalid Value"},
        ),
        ("7.5 error: 403. D18.", {"7.5 error: 403", "D18"}),
        ("7.7 error: both sets, or neither. D17.", {"7.7 error: both sets, or neither", "D17"}),
        ("V28. Contract 7.9.", set()),
    ],
)
def test_how_docstrings_are_read(docstring: str, names: set[str]) -> None:
    assert named_in(docstring) == names


BEYOND = {
    # row of DESIGN's table "Beyond the contract": the file of its tests, which names it
    "Never twice": "contract/test_idempotency_key.py",
    "No stale surprises": "contract/test_no_stale_surprises.py",
    "No orphans": "contract/test_no_orphans.py",
    "Late truth": "contract/test_late_truth.py",
    "One taker": "contract/test_one_taker.py",
    "The reason, told": "contract/test_the_reason_told.py",
    "Gap-free push": "contract/test_socket.py",
    "Any length of queue": "durability/test_memory.py",
    "One call to know": "web/test_pages.py",
}


@pytest.mark.parametrize(("row", "name"), BEYOND.items())
def test_what_goes_beyond_the_contract_has_tests_named_after_it(row: str, name: str) -> None:
    tree = ast.parse((ROOT / "tests" / name).read_text("utf-8"))
    assert row.lower() in (ast.get_docstring(tree) or "").lower()
    assert any(
        isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and node.name.startswith("test_") for node in tree.body
    )
