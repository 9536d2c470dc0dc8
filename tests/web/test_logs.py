"""What a log tells of an exception: where it was and of which kind, and its text only where that cannot be a guest's."""

import io
import logging
import sqlite3
from datetime import UTC, datetime

import msgspec
import pytest
import structlog

from nightporter.domain.errors import Invalid, Unavailable
from nightporter.host import logs
from nightporter.host.logs import reason

SECRET = "wellensittich"


class UniqueViolation(Exception):
    sqlstate = "23505"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError(f"'{SECRET}' is no state"), "ValueError"),
        (KeyError(SECRET), "KeyError"),
        (Invalid(SECRET), "Invalid"),
        (UniqueViolation(f"Key (name)=({SECRET}) exists"), "UniqueViolation (SQLSTATE 23505)"),
        (sqlite3.OperationalError("no such table: lost"), "OperationalError: no such table: lost"),
        (FileNotFoundError(2, "No such file", "x.db"), "FileNotFoundError: [Errno 2] No such file: 'x.db'"),
        (Unavailable("The disk is full."), "Unavailable: The disk is full."),
        (AttributeError("'NoneType' object has no attribute 'id'"), "AttributeError: 'NoneType' object has no attribute 'id'"),
    ],
)  # fmt: skip
def test_reasons(error: Exception, told: str):
    assert reason(error) == told


def broken() -> Exception:
    try:
        try:
            raise KeyError(SECRET)
        except KeyError:
            raise ExceptionGroup(SECRET, [ValueError(SECRET), OSError(5, "Input/output error")]) from None
    except ExceptionGroup as group:
        try:
            raise TypeError("a step is missing") from group
        except TypeError as error:
            return error


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch):
    """What was logged; everything is as it was afterwards."""
    stream = io.BytesIO()
    wrapped = io.TextIOWrapper(stream)  # held here: it would close the stream with its own end
    monkeypatch.setattr("sys.stderr", wrapped)
    root, before = logging.getLogger(), (logging.getLogger().handlers, logging.getLogger().level)
    logs.configure("info", lambda: datetime(2026, 3, 1, tzinfo=UTC))

    def lines() -> list[dict[str, object]]:
        return [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]

    yield lines
    root.handlers, level = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_trace_tells_every_cause_and_place_and_no_text(logged):
    structlog.get_logger().error("defect", exc_info=broken(), request_id="1")
    (line,) = logged()
    trace = str(line["exception"])
    assert "in broken\n" in trace
    for told in ("ExceptionGroup\n", "of which:\nValueError\n", "OSError: [Errno 5] Input/output error\n", "then:\n"):
        assert told in trace
    assert trace.endswith("TypeError: a step is missing")
    assert line["time"] == "2026-03-01T00:00:00Z"
    assert (line["level"], line["event"], line["request_id"]) == ("error", "defect", "1")


@pytest.mark.parametrize("library", ["uvicorn.error", "asyncio", "some.library"])
def test_warnings_of_every_library_are_lines_among_ours(logged, library: str):
    logging.getLogger(library).info("all is well")
    logging.getLogger(library).warning("%s went wrong\n", "something")
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger(library).exception("it broke")
    first, second = logged()
    assert (first["event"], first["source"], first["level"]) == ("something went wrong", library, "warning")
    assert (second["event"], second["level"]) == ("it broke", "error")
    assert str(second["exception"]).endswith("ValueError")


def test_the_driver_tells_nothing_of_each_try_to_reach_a_database_that_is_away(logged):
    driver = logging.getLogger("asyncpg.pool")
    try:
        raise ConnectionRefusedError
    except OSError:
        driver.warning("Failed to restore the pool connection floor; retrying", exc_info=True)
    driver.error("something is broken")
    assert [line["event"] for line in logged()] == ["something is broken"]


def test_what_asyncio_adds_of_arguments_and_results_is_left_out(logged):
    logging.getLogger("asyncio").error(f"Exception in callback tell('{SECRET}')\nhandle: <Handle tell('{SECRET}')>")
    logging.getLogger("asyncio").error(
        f"Task exception was never retrieved\nfuture: <Task exception=KeyError('{SECRET}')>"
    )
    assert [line["event"] for line in logged()] == ["Exception in callback tell", "Task exception was never retrieved"]
