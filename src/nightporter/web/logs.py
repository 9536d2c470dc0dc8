"""Structured logs: one JSON line an event, without tokens, PINs, documents or names of guests."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, MutableMapping
from datetime import datetime
from typing import Any, BinaryIO

import msgspec
import structlog

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str, now: Callable[[], datetime]) -> None:
    """Write lines of at least ``level`` to the error stream, stamped by ``now``; uvicorn's own lines join them."""

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
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda entry, **_: msgspec.json.encode(entry)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    handler = _Joined()
    for name_ in ("uvicorn.error", "uvicorn"):
        logger = logging.getLogger(name_)
        logger.handlers = [handler]
        logger.setLevel(max(_LEVELS[level], logging.WARNING))
        logger.propagate = False


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


_REFUSED_UPGRADE = "ASGI callable returned without completing handshake."
"""What uvicorn says of every upgrade that was refused with an answer; that is how strangers are refused (D90)."""


class _Joined(logging.Handler):
    """Lines of the standard library's logging among ours."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == _REFUSED_UPGRADE:
            return
        logger = structlog.get_logger()
        write = logger.error if record.levelno >= logging.ERROR else logger.warning
        write(record.getMessage().strip(), source=record.name, exc_info=record.exc_info)
