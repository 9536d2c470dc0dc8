"""The log of requests: one JSON line each, without tokens, PINs, documents or names of guests."""

import asyncio
import contextlib
import sys
from datetime import datetime
from typing import BinaryIO

import msgspec

from nightporter.host.logs import LEVELS


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
    return RequestLog(sys.stderr.buffer if LEVELS[level] <= LEVELS["info"] else None)
