"""Structured logs: one JSON line an event, without tokens, PINs, documents or names of guests.

What an exception says may hold any of these, so of most of them only the kind and the place are told (:func:`reason`).
"""

import asyncio
import contextlib
import logging
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from datetime import datetime
from typing import Any, BinaryIO

import msgspec
import structlog

from nightporter.domain.errors import Unavailable
from nightporter.storage.refused import DatabaseRefused

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str, now: Callable[[], datetime]) -> None:
    """Write lines of at least ``level`` to the error stream, stamped by ``now``; warnings of every library join them."""

    def stamp(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        entry["time"] = now()
        return entry

    def name(_logger: object, method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        entry["level"] = method
        return entry

    structlog.configure(
        processors=[
            name,
            stamp,
            _trace,
            structlog.processors.JSONRenderer(serializer=lambda entry, **_: msgspec.json.encode(entry)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    everybody = logging.getLogger()
    everybody.handlers = [_Joined()]
    everybody.setLevel(max(_LEVELS[level], logging.WARNING))
    # Its pool warns of every try to connect, with a trace; that the database is away is told by whoever asks it.
    logging.getLogger("asyncpg").setLevel(logging.ERROR)


class RequestLine(msgspec.Struct):
    """What is logged of every request."""

    request_id: str
    operation: str
    enterprises: tuple[str, ...]
    status: int
    milliseconds: float
    time: datetime
    event: str = "request"
    level: str = "info"


class RequestLog:
    """Request lines, printed straight from their shape and written once per turn of the event loop.

    The general way through structlog costs several times the line, and one system call for each.
    """

    def __init__(self, stream: BinaryIO | None) -> None:
        self._stream = stream
        self._lines: list[RequestLine] = []

    def write(self, line: RequestLine) -> None:
        """Log one request."""
        if self._stream is None:
            return
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._flush)
        self._lines.append(line)

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        assert self._stream is not None
        with contextlib.suppress(OSError, ValueError):  # a log that is gone must not end the desk
            self._stream.write(_LINES.encode_lines(lines))
            self._stream.flush()


_LINES = msgspec.json.Encoder()


def request_log(level: str) -> RequestLog:
    """The log of requests: lines of level info."""
    return RequestLog(sys.stderr.buffer if _LEVELS[level] <= _LEVELS["info"] else None)


_TOLD_ALREADY = frozenset(
    {
        # Of every upgrade that was refused with an answer; that is how strangers are refused (D90).
        "ASGI callable returned without completing handshake.",
        # After whoever opens the desk has told why.
        "Application startup failed. Exiting.",
    }
)
"""What uvicorn says and nobody needs to hear."""


class _Joined(logging.Handler):
    """Lines of the standard library's logging among ours."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() in _TOLD_ALREADY:
            return
        logger = structlog.get_logger()
        write = logger.error if record.levelno >= logging.ERROR else logger.warning
        # asyncio goes on with the arguments of what failed, and with its exception.
        told = (
            record.getMessage()
            if record.name != "asyncio"
            else record.getMessage().partition("\n")[0].partition("(")[0]
        )
        write(told.strip(), source=record.name, exc_info=record.exc_info or None)


_PLAIN = (
    AttributeError,
    DatabaseRefused,
    ImportError,
    NameError,
    OSError,
    TypeError,
    Unavailable,
    sqlite3.Error,
)
"""Exceptions whose texts name files, tables, columns and types, never what was sent or kept."""


def reason(error: BaseException) -> str:
    """What can be told of ``error`` in a log: its kind, and its text where that holds no data of a guest or a client."""
    kind = type(error).__qualname__
    if isinstance(error, _PLAIN):
        return f"{kind}: {error}"
    if (code := getattr(error, "sqlstate", None)) is not None:
        return f"{kind} (SQLSTATE {code})"
    return kind


def _trace(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = entry.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        entry["exception"] = "".join(_traced(error, set())).rstrip()
    return entry


def _traced(error: BaseException, told: set[int]) -> Iterator[str]:
    """The causes first, as Python prints them, each error once."""
    told.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in told:
        yield from _traced(before, told)
        yield "then:\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{reason(error)}\n"
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield "of which:\n"
            yield from _traced(part, told)
