"""Structured logs: one JSON line an event, without tokens, PINs, documents or names of guests."""

import logging
import sys
from collections.abc import Callable, MutableMapping
from datetime import datetime
from typing import Any

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


class _Joined(logging.Handler):
    """Lines of the standard library's logging among ours."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger()
        write = logger.error if record.levelno >= logging.ERROR else logger.warning
        write(record.getMessage().strip(), source=record.name, exc_info=record.exc_info)
