"""Encryption at rest: how a value is sealed before it is kept, and opened when it is read (docs/encryption.md).

A sealed value begins with a mark, a version and the short id of its key, so that plain ones stay readable and what another
key has sealed can be found. What it is sealed with says where it belongs: in another row or column it does not open.
"""

import binascii
import hashlib
import secrets
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING

from nightporter.domain.errors import Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DATA, DOCUMENT, RESULT, VALUE = (
    "commands.data",
    "documents.content",
    "results.content",
    "resource_access_tokens.value",
)
"""The columns that are sealed."""

PIECE = 64 * 1024
"""How many bytes of a document are read at a time; a sealed one is made of blocks of that length."""
_MARK = "\x11sealed:"  # no JSON and no base64 begins with it
_ESCAPED, _SEALED = f"{_MARK}0:", f"{_MARK}1:"
_ID = 8
_NONCE, _TAG = 12, 16
PREFIX = len(_SEALED) + _ID + 1
"""How many characters, or bytes, tell whether a value is sealed and with which key."""
_COUNT = struct.Struct(">I")
_HEAD = PREFIX + _COUNT.size + _NONCE
_IN_A_BLOCK = PIECE - _HEAD - _TAG
_MARK_BYTES = _MARK.encode()

_CHANGED = "What is kept there was changed or moved outside the desk: it cannot be decrypted. Restore it from a backup."


def key_id(key: bytes) -> str:
    """The short id of a key: the first four bytes of its SHA-256, in hex."""
    return hashlib.sha256(key).hexdigest()[:_ID]


def key_of(kept: str | bytes) -> str | None:
    """The id of the key that sealed a value, of which the first PREFIX characters will do; None for a plain one."""
    text = kept if isinstance(kept, str) else kept[:PREFIX].decode("latin-1")
    is_sealed = text.startswith(_SEALED) and text[PREFIX - 1 : PREFIX] == ":"
    return text[len(_SEALED) : PREFIX - 1] if is_sealed else None


class Seal:
    """Seals with the first of ``keys``, opens with all of them; each is 32 bytes. Without a key values are kept plain.

    Every opening raises Unavailable for a value whose key is not here, and for one that was changed or moved.
    """

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        self.ids = tuple(key_id(key) for key in keys)
        self._ciphers = {key_id(key): _cipher(key) for key in keys}

    def __repr__(self) -> str:
        return f"Seal({', '.join(self.ids)})"

    @property
    def prefix(self) -> str | None:
        """How values begin that the first key has sealed; None without a key."""
        return f"{_SEALED}{self.ids[0]}:" if self.ids else None

    def close(self, column: str, enterprise_id: str, row_id: str, plain: str) -> str:
        """What is kept of a text."""
        if self.prefix is None:
            return f"{_ESCAPED}{plain}" if plain.startswith(_MARK) else plain
        box = self._box(_place(column, enterprise_id, row_id), plain.encode())
        return self.prefix + binascii.b2a_base64(box, newline=False).decode()

    def open(self, column: str, enterprise_id: str, row_id: str, kept: str) -> str:
        """The text behind what is kept."""
        if not kept.startswith(_MARK):
            return kept
        if kept.startswith(_ESCAPED):
            return kept[len(_ESCAPED) :]
        key = self._known(key_of(kept))
        try:
            box = binascii.a2b_base64(kept[PREFIX:], strict_mode=True)
        except ValueError:
            raise Unavailable(_CHANGED) from None
        return self._unboxed(key, _place(column, enterprise_id, row_id), box).decode()

    def close_document(self, enterprise_id: str, command_id: str, plain: bytes) -> bytes:
        """What is kept of a document, in blocks of PIECE bytes that are opened one by one; only the last is shorter."""
        if self.prefix is None:
            return plain
        count = max(1, -(-len(plain) // _IN_A_BLOCK))
        head = self.prefix.encode() + _COUNT.pack(count)
        blocks = (
            head
            + self._box(
                _block(enterprise_id, command_id, number, count),
                plain[number * _IN_A_BLOCK : (number + 1) * _IN_A_BLOCK],
            )
            for number in range(count)
        )
        return b"".join(blocks)

    def open_document(self, enterprise_id: str, command_id: str, kept: bytes) -> bytes:
        """The document behind what is kept."""
        opening = _Opening(self, enterprise_id, command_id)
        plain = b"".join(opening.next(piece) for piece in _pieces(kept))
        opening.end()
        return plain

    async def open_pieces(
        self, enterprise_id: str, command_id: str, kept: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        """The document behind what is kept, which comes in pieces of PIECE bytes; it may be sealed anew meanwhile."""
        opening = _Opening(self, enterprise_id, command_id)
        async for piece in kept:
            if plain := opening.next(piece):
                yield plain
        opening.end()

    def open_block(self, enterprise_id: str, command_id: str, number: int, block: bytes) -> tuple[bytes, int]:
        """A block of a sealed document, and of how many blocks that is."""
        key = self._known(key_of(block))
        if len(block) < _HEAD:
            raise Unavailable(_CHANGED)
        (count,) = _COUNT.unpack_from(block, PREFIX)
        place = _block(enterprise_id, command_id, number, count)
        return self._unboxed(key, place, block[PREFIX + _COUNT.size :]), count

    def _box(self, place: bytes, plain: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._ciphers[self.ids[0]].encrypt(nonce, plain, place)

    def _known(self, key: str | None) -> "AESGCM":
        if key is None:
            raise Unavailable(_CHANGED)
        if key not in self._ciphers:
            raise Unavailable(f"What is kept there is encrypted with a key that this desk does not have ({key}).")
        return self._ciphers[key]

    def _unboxed(self, cipher: "AESGCM", place: bytes, box: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return cipher.decrypt(box[:_NONCE], box[_NONCE:], place)
        except (InvalidTag, ValueError):
            raise Unavailable(_CHANGED) from None


PLAIN = Seal()
"""Of a desk without keys."""


class _Opening:
    """A document that is being opened, one piece after the other.

    Between two pieces it may be sealed anew: each block names its key itself, and where plain pieces go over to blocks,
    what was told already is left out.
    """

    def __init__(self, seal: Seal, enterprise_id: str, command_id: str) -> None:
        self._seal = seal
        self._of = (enterprise_id, command_id)
        self._number = 0
        self._told = 0
        self._count: int | None = None

    def next(self, piece: bytes) -> bytes:
        """What a piece tells."""
        if not piece and self._number:
            return b""
        plain = piece
        if piece.startswith(_MARK_BYTES):
            plain, count = self._seal.open_block(*self._of, self._number, piece)
            if self._count not in (None, count):
                raise Unavailable(_CHANGED)
            self._count = count
            plain = plain[self._told - self._number * _IN_A_BLOCK :]
        elif self._count is not None:
            raise Unavailable(_CHANGED)
        self._number += 1
        self._told += len(plain)
        return plain

    def end(self) -> None:
        """Raises Unavailable when blocks are missing, or too many."""
        if self._count is not None and self._number != self._count:
            raise Unavailable(_CHANGED)


def _cipher(key: bytes) -> "AESGCM":
    # Here, because loading it costs time and memory that a desk without keys need not pay.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _place(*parts: str) -> bytes:
    return "\0".join(("1", *parts)).encode()


def _block(enterprise_id: str, command_id: str, number: int, count: int) -> bytes:
    return _place(DOCUMENT, enterprise_id, command_id, str(number), str(count))


def _pieces(kept: bytes) -> Iterator[bytes]:
    return (kept[start : start + PIECE] for start in range(0, len(kept), PIECE))
