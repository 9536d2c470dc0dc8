"""Documents taken out of an answer while it comes in, so that no more than a piece of one is ever in memory.

A document is the text of a key ``FileData`` in base64 (contract 8.5); several of 16 MB may come in one answer.
"""

import binascii
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

BROKEN = "not base64"
"""Stands in the place of a document that could not be decoded; itself it is not base64 either."""

_KEY = b"FileData"
_STOP = re.compile(rb'["\\]')
_NO_SPACE = re.compile(rb"[^ \t\n\r]")
_ESCAPE = re.compile(rb"\\(/|u[0-9A-Fa-f]{4})")
_RUN = re.compile(rb'[^"\\]*+(?:\\(?:/|u[0-9A-Fa-f]{4})[^"\\]*+)*+')
_LONG_ESCAPE = len("u002F")
_NO_BASE64 = b"!"
_State = Callable[[bytes, int], int]


class Sink(Protocol):
    """Where a document goes."""

    def write(self, data: bytes, /) -> object:
        """Take its next bytes."""
        ...


class Sifter:
    """Takes an answer in pieces that may be cut anywhere, and keeps all of it but the documents.

    The decoded document goes to ``sink``, first of all an empty piece, so that an empty one is told from none; without a
    sink documents are dropped unread. In what remains the text is empty, or ``BROKEN`` where it was not base64. What the
    sink raises is passed on.
    """

    def __init__(self, sink: Sink | None = None) -> None:
        self._sink = sink
        self.size = 0
        """Of the answer so far, documents included, in bytes."""
        self.documents = 0
        """How many there were."""
        self.is_broken = False
        """Whether one of them was not base64; where it broke off, nothing more of it went to the sink."""
        self._rest = bytearray()
        self._name = bytearray()
        self._escape = bytearray()
        self._base64 = bytearray()
        self._is_padded = self._is_bad = False
        self._go_on: _State = self._between

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        self.size += len(piece)
        at = 0
        while at < len(piece):
            at = self._go_on(piece, at)
        self._decode()

    def rest(self) -> bytes:
        """The answer without its documents."""
        return bytes(self._rest)

    # Each of these takes from ``piece`` what is its own, beginning at ``at``, and returns where the next one begins.

    def _between(self, piece: bytes, at: int) -> int:
        quote = piece.find(b'"', at)
        if quote < 0:
            return self._keep(piece, at, len(piece))
        self._name.clear()
        self._go_on = self._in_text
        return self._keep(piece, at, quote + 1)

    def _in_text(self, piece: bytes, at: int) -> int:
        stop = _STOP.search(piece, at)
        end = stop.start() if stop else len(piece)
        if len(self._name) <= len(_KEY):
            self._name += piece[at : min(end + 1, at + len(_KEY) + 2)]
        if stop is None:
            return self._keep(piece, at, end)
        if stop[0] == b"\\":
            self._go_on = self._in_escape
        else:
            self._go_on = self._after_key if self._name == _KEY + b'"' else self._between
        return self._keep(piece, at, end + 1)

    def _in_escape(self, piece: bytes, at: int) -> int:
        self._go_on = self._in_text
        return self._keep(piece, at, at + 1)

    def _after_key(self, piece: bytes, at: int) -> int:
        return self._over(piece, at, b":", self._after_colon)

    def _after_colon(self, piece: bytes, at: int) -> int:
        return self._over(piece, at, b'"', self._begin_document)

    def _over(self, piece: bytes, at: int, mark: bytes, then: _State) -> int:
        """Pass over space to ``mark``; where something else stands, it was no document that began."""
        found = _NO_SPACE.search(piece, at)
        if found is None:
            return self._keep(piece, at, len(piece))
        if found[0] != mark:
            self._go_on = self._between
            return self._keep(piece, at, found.start())
        self._go_on = then
        return self._keep(piece, at, found.end())

    def _begin_document(self, _: bytes, at: int) -> int:
        self.documents += 1
        self._is_padded = self._is_bad = False
        if self._sink is not None:
            self._sink.write(b"")
        self._go_on = self._in_document
        return at

    def _in_document(self, piece: bytes, at: int) -> int:
        quote = piece.find(b'"', at)
        end = len(piece) if quote < 0 else quote
        if piece.find(b"\\", at, end) < 0:
            self._base64 += piece[at:end]
        else:
            # Some servers escape one character in 32; taken one by one they would hold up the event loop.
            run = _RUN.match(piece, at)
            assert run is not None
            self._base64 += _ESCAPE.sub(lambda escape: _unescaped(escape[1]), run[0])
            end = run.end()
        if end == len(piece):
            return end
        if piece[end : end + 1] == b"\\":
            self._escape.clear()
            self._go_on = self._in_document_escape
            return end + 1
        self._end_document()
        self._go_on = self._between
        return self._keep(piece, end, end + 1)

    def _in_document_escape(self, piece: bytes, at: int) -> int:
        self._escape.append(piece[at])
        if len(self._escape) == (_LONG_ESCAPE if self._escape[:1] == b"u" else 1):
            self._base64 += _unescaped(bytes(self._escape))
            self._go_on = self._in_document
        return at + 1

    def _end_document(self) -> None:
        self._decode()
        if self._base64 or self._is_bad:
            self.is_broken = True
            self._rest += BROKEN.encode()
        self._base64.clear()

    def _decode(self) -> None:
        """Pass on what is there of the document in whole groups of four; nothing follows a padded one."""
        whole = len(self._base64) // 4 * 4
        if self._sink is None or self._is_bad:
            whole = len(self._base64)
        groups = bytes(self._base64[:whole])
        del self._base64[:whole]
        if not groups or self._sink is None or self._is_bad:
            return
        padding = groups.find(b"=")
        try:
            if self._is_padded or 0 <= padding < whole - 2:
                raise binascii.Error
            data = binascii.a2b_base64(groups, strict_mode=True)
        except binascii.Error:
            self._is_bad = True
            return
        self._is_padded = padding >= 0
        self._sink.write(data)

    def _keep(self, piece: bytes, start: int, end: int) -> int:
        self._rest += piece[start:end]
        return end


@lru_cache(256)
def _unescaped(escape: bytes) -> bytes:
    """The character that ``escape``, without its backslash, stands for; one that base64 does not have for all others."""
    if escape == b"/":
        return escape
    try:
        high, low = binascii.a2b_hex(escape[1:])
    except ValueError:
        return _NO_BASE64
    return bytes((low,)) if high == 0 else _NO_BASE64
