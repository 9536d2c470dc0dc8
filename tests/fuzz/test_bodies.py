"""The documents' own requests, damaged in every way: refused with a documented status, and then nothing was changed."""

import json
import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import httpx
import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as some

from nightporter.operations import CONNECTOR
from tests.durability.process import Server
from tests.harness import PREFIX, check_reply

REQUESTS: dict[str, dict[str, Any]] = {
    path: one["request"]
    for path, one in json.loads(files("nightporter.web").joinpath("examples.json").read_bytes()).items()
}
ALLOWED = {200, 204, 400, 401, 403, 404, 409, 413}

FRAGMENTS = [
    b"null", b"true", b"false", b"0", b"-1", b"1.5", b"-0", b"1e2", b"1e400", b"-1e400", b"1e9999999", b"1e-9999999",
    b"123456789" * 1000, b"-" + b"9" * 40, b"0." + b"1" * 5000, b"9223372036854775808", b"18446744073709551616", b"1e308",
    b"NaN", b"Infinity", b"01", b"+1", b".5", b"5.", b'""', b'" "', b'"x"', b'"\\u0000"', b'"a\\u0000b"', b'"\\ud800"',
    b'"\\udfff\\ud800"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\\x"', b'"\n"', b'"' + b"a" * 70_000 + b'"',
    b"[]", b"{}",
    b"[[]]", b"[null]", b'{"Value":null}', b'{"Value":{"Value":1}}', b"[" * 3000 + b"]" * 3000,
    b'{"a":' * 3000 + b"1" + b"}" * 3000,
    b"[" * 100_000, b'"9999-12-31T23:59:59-23:59"', b'"0001-01-01T00:00:00+23:59"', b'"2026-02-30"', b'"3fa85f645717456"',
    b'"3FA85F64-5717-4562-B3FC-2C963F66AFA6"', b"[" + b",".join([b'"3fa85f64-5717-4562-b3fc-2c963f66afa6"'] * 1001) + b"]", b"",
]  # fmt: skip
KEYS = [None, None, "k", "", "k" * 300, "a\tb"]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a value can be swapped: every field and every element."""
    if isinstance(value, dict | list):
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, name)
            yield from places(one, (*path, name))


def swapped(value: Any, place: tuple[Any, ...]) -> bytes:
    """``value`` as JSON with a mark at ``place``."""
    copy = json.loads(json.dumps(value))
    inner = copy
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = "@@@"
    return json.dumps(copy).encode()


@some.composite
def damaged(draw: Any, request: dict[str, Any]) -> bytes:
    body = json.dumps(request).encode()
    kind = draw(some.sampled_from(["swap", "swap", "swap", "swaps", "bytes", "cut", "double", "wrap"]))
    if kind == "swap":
        place = draw(some.sampled_from(sorted(places(request), key=str)))
        return swapped(request, place).replace(b'"@@@"', draw(some.sampled_from(FRAGMENTS)))
    if kind == "swaps":
        for place in draw(some.lists(some.sampled_from(sorted(places(request), key=str)), min_size=2, max_size=4)):
            try:
                request = json.loads(swapped(request, place).replace(b'"@@@"', draw(some.sampled_from(FRAGMENTS))))
            except (ValueError, RecursionError, TypeError, LookupError):
                continue
        return json.dumps(request).encode("utf-8", "surrogatepass")
    if kind == "bytes":
        mutable = bytearray(body)
        for _ in range(draw(some.integers(1, 5))):
            mutable[draw(some.integers(0, len(mutable) - 1))] = draw(some.integers(0, 255))
        return bytes(mutable)
    start = draw(some.integers(0, len(body)))
    end = draw(some.integers(start, len(body)))
    if kind == "cut":
        return body[:start] + body[end:]
    if kind == "double":
        return body[:end] + body[start:]
    before, after = draw(
        some.sampled_from([(b"[", b"]"), (b" ", b"x"), (b"\xef\xbb\xbf", b""), (b"", b"\0"), (b'"', b'"')])
    )
    return before + body + after


_TRACES = """
    SELECT (SELECT count(*) FROM commands), (SELECT coalesce(sum(updated), 0) FROM commands),
        (SELECT count(*) FROM documents), (SELECT count(*) FROM events), (SELECT count(*) FROM idempotency_keys),
        (SELECT count(*) FROM resource_access_tokens), (SELECT coalesce(sum(updated), 0) FROM resource_access_tokens),
        (SELECT count(*) FROM resource_access_tokens WHERE is_active), (SELECT group_concat(state) FROM commands)
"""


def ask(server: Server, operation: str, examples: int, *, derandomize: bool) -> None:
    connection = sqlite3.connect(server.database)
    statuses = set()

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=derandomize,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(REQUESTS[operation]), some.sampled_from(KEYS))
    def each(body: bytes, key: str | None) -> None:
        before = connection.execute(_TRACES).fetchone()
        headers = {"Content-Type": "application/json", **({} if key is None else {"Idempotency-Key": key})}
        reply = http.post(PREFIX + operation, content=body, headers=headers)
        check_reply(PREFIX + operation, reply)
        assert reply.status_code in ALLOWED, reply.text
        statuses.add(reply.status_code)
        if reply.status_code >= 400:
            assert connection.execute(_TRACES).fetchone() == before

    with httpx.Client(base_url=server.address, timeout=60) as http:
        each()
    connection.close()
    assert statuses >= {200, 400}, "some damage does not matter, and some does"


@pytest.mark.parametrize("operation", [operation.path for operation in CONNECTOR])
def test_a_damaged_request_is_refused_and_changes_nothing(server: Server, operation: str):
    ask(server, operation, 60, derandomize=True)


@pytest.mark.long
@pytest.mark.parametrize("operation", [operation.path for operation in CONNECTOR])
def test_many_more_damaged_requests_are_refused_and_change_nothing(server: Server, operation: str):
    ask(server, operation, 1500, derandomize=False)


@pytest.mark.parametrize(
    "operation", ["commands/getAllActive", "commands/addPaymentTerminal", "resourceAccessTokens/add"]
)
@pytest.mark.parametrize("place", ["ClientToken", "AccessToken", "Client"])
def test_every_fragment_in_every_common_field(server: Server, operation: str, place: str):
    """The tokens are decoded first, as whatever type came."""
    with httpx.Client(base_url=server.address, timeout=60) as http:
        for fragment in FRAGMENTS:
            body = swapped(REQUESTS[operation], (place,)).replace(b'"@@@"', fragment)
            reply = http.post(PREFIX + operation, content=body, headers={"Content-Type": "application/json"})
            check_reply(PREFIX + operation, reply)
            if place == "Client":
                assert reply.status_code in (200, 400, 403)
            else:
                assert reply.status_code in (400, 401)
