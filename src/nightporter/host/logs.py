"""Structured logs: one JSON line an event, without tokens, PINs, documents or names of guests.

What an exception says may hold any of these, so of most of them only the kind and the place are told (:func:`reason`).
"""

import logging
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from datetime import datetime
from typing import Any

import msgspec
import structlog

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


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
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    everybody = logging.getLogger()
    everybody.handlers = [_Joined()]
    everybody.setLevel(max(LEVELS[level], logging.WARNING))
    # Its pool warns of every try to connect, with a trace; that the database is away is told by whoever asks it.
    logging.getLogger("asyncpg").setLevel(logging.ERROR)


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
    ImportError,
    NameError,
    OSError,
    TypeError,
    sqlite3.Error,
)
"""Exceptions whose texts name files, tables, columns and types, never what was sent or kept; others say so by ``is_plain``."""


def reason(error: BaseException) -> str:
    """What can be told of ``error`` in a log: its kind, and its text where that holds no data of a guest or a client."""
    kind = type(error).__qualname__
    if isinstance(error, _PLAIN) or getattr(error, "is_plain", False):
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
