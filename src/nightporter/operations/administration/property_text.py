"""Where the records of a property file stand in it, found without holding the file in memory.

The file of a chain is larger than what a desk may use, so it is read twice: once for the places of its records, piece by
piece, and once more when they are written. Nothing is understood here but where a record begins and ends.
"""

import re
from collections.abc import Callable
from typing import BinaryIO, NoReturn

import msgspec
from msgspec import Raw

from nightporter.domain.value import value
from nightporter.wire.property_file import LEFT_OUT, RECORDS

PIECE = 256 * 1024
"""Bytes that are read at a time; a record that is longer is read whole all the same."""
SEAMS_WITHIN = 64 * 1024
TRIES = 64
"""How far from its end a text is looked at for a seam, and how often; if in vain, more is read."""
LONGEST_WORD = 64
"""Where text was cut off within a number or a word, it looks malformed so near its end."""
SCHEMA = "$schema"
"""What an editor looks for at the top of a file; the desk does not."""


@value
class Piece:
    """``count`` records of a part that stand one behind the other, from number ``first``: the bytes from begin to end."""

    part: str
    first: int
    count: int
    begin: int
    end: int


class _Broken(Exception):
    """The text is no JSON from byte ``at`` of the file on."""

    def __init__(self, problem: str, at: int) -> None:
        self.problem = problem
        self.at = at


_records = msgspec.json.Decoder(list[Raw]).decode
_value = msgspec.json.Decoder(Raw).decode
_name = msgspec.json.Decoder(str).decode
_FILLED = re.compile(rb"[^ \t\r\n]")
_SEAM = re.compile(rb"\}(?=[ \t\r\n]*,)")
_PLACE = re.compile(r"(.*) \(byte (\d+)\)")
_BEHIND = "JSON is malformed: trailing characters"
_KINDS = {b"[": "array", b'"': "str", b"t": "bool", b"f": "bool", b"n": "null"}


def find_pieces(file: BinaryIO) -> list[Piece]:
    """The pieces of all parts that are loaded, in the order of the file; raises ValueError with a whole sentence."""
    text = _Text(file)
    try:
        return _find(text)
    except _Broken as broken:
        told = "The file is not a JSON object"
        raise ValueError(f"{told}: {broken.problem} ({_line_and_column(file, broken.at)})") from None
    except RecursionError:
        raise ValueError("The file is not a JSON object that can be read: Expected less depth") from None


def read_piece(file: BinaryIO, piece: Piece) -> list[Raw]:
    """The records of a piece."""
    file.seek(piece.begin)
    return _records(b"[" + file.read(piece.end - piece.begin) + b"]")


def _find(text: "_Text") -> list[Piece]:
    pieces: list[Piece] = []
    seen: set[str] = set()
    text.open()
    while text.peek() != b"}":
        if seen:
            text.take(b",")
        part = text.name()
        text.take(b":")
        if part in seen and part in RECORDS:
            raise ValueError(f"The file has the part {part} twice: put its records into one list.")
        seen.add(part)
        if part in RECORDS and text.peek() == b"[":
            pieces += text.list_of_records(part)
        elif text.value() != b"null" and part in RECORDS:  # in the vendor's replies null is what was not asked for
            raise ValueError(f"{part}: Expected a list of records")
    text.take(b"}")
    if text.peek():
        text.fail(_BEHIND)
    if unknown := seen - set(RECORDS) - set(LEFT_OUT) - {SCHEMA}:
        raise ValueError(f"The file has unknown parts: {', '.join(sorted(unknown))}. Known are {', '.join(RECORDS)}.")
    return pieces


class _Text:
    """The file as far as it is in memory: ``_bytes`` from byte ``_start`` on, of which the first ``_at`` are done with."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self._file = file
        self._bytes = b""
        self._start = 0
        self._at = 0
        self._is_whole = False

    def fail(self, problem: str, at: int | None = None) -> NoReturn:
        """Say what is wrong here, or ``at`` a place among the bytes in memory."""
        raise _Broken(problem, self._start + (self._at if at is None else at))

    def open(self) -> None:
        """Go behind the brace with which the file begins; some editors put a mark of the encoding before it."""
        self._more()
        if self._bytes.startswith(b"\xef\xbb\xbf"):
            self._at = 3
        if (first := self.peek()) not in (b"{", b""):
            self.fail(f"Expected `object`, got `{_KINDS.get(first, 'int')}`")
        self.take(b"{")

    def peek(self) -> bytes:
        """The next byte that is no white space; none at the end of the file."""
        while True:
            if found := _FILLED.search(self._bytes, self._at):
                self._at = found.start()
                return found[0]
            self._at = len(self._bytes)
            if not self._more():
                return b""

    def take(self, wanted: bytes) -> None:
        """Go behind the next byte, which must be ``wanted``."""
        found = self.peek()
        if not found:
            self.fail("Input data was truncated")
        if found != wanted:
            self.fail(f"JSON is malformed: expected '{wanted.decode()}'")
        self._at += 1

    def name(self) -> str:
        """The name of a part."""
        if self.peek() not in (b'"', b""):
            self.fail("JSON is malformed: expected '\"'")
        at = self._at
        try:
            return _name(self.value())
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.fail("JSON is malformed: expected the name of a part", at)

    def value(self) -> bytes:
        """Go behind the value that follows, and return it."""
        self.peek()
        while (end := self._end_of(_value, self._bytes[self._at :], self._at)) is None:
            self._need_more()
        found, self._at = self._bytes[self._at : self._at + end].rstrip(), self._at + end
        return found

    def list_of_records(self, part: str) -> list[Piece]:
        """Go behind the list that follows; the pieces that it comes to."""
        self.take(b"[")
        pieces: list[Piece] = []
        place = 0
        while True:
            self.peek()
            count, length, is_last = self._some_records()
            begin = self._start + self._at
            if count:
                pieces.append(Piece(part, place, count, begin, begin + length))
            self._at += length
            place += count
            if is_last:
                self.take(b"]")
                return pieces
            self.take(b",")
            if self.peek() == b"]":
                self.fail("JSON is malformed: trailing comma in array")

    def _some_records(self) -> tuple[int, int, bool]:
        """How many whole records follow, the length of their text, and whether the list ends behind them."""
        while True:
            here = b"[" + self._bytes[self._at :]
            if end := self._end_of(_records, here, self._at - 1):
                length = here.rindex(b"]", 0, end)
                return len(_records(here[: length + 1])), length - 1, True
            if found := _up_to_a_seam(here):
                return *found, False
            self._need_more()

    def _end_of(self, decode: Callable[[bytes], object], text: bytes, at: int) -> int | None:
        """Where the value ends with which ``text`` begins; None when more must be read to know it.

        ``at`` is where the text stands among the bytes in memory.
        """
        try:
            decode(text)
        except msgspec.DecodeError as error:
            found = _PLACE.fullmatch(str(error))
            if found is None:  # truncated
                return None
            problem, place = found[1], int(found[2])
            if problem == _BEHIND:
                return place - 1
            if len(text) - place > LONGEST_WORD or self._is_whole:
                self.fail(problem, at + place)
        return None

    def _need_more(self) -> None:
        if self._is_whole:
            self.fail("Input data was truncated", len(self._bytes))
        self._more()

    def _more(self) -> bool:
        """Read on, and forget what is done with; false at the end of the file."""
        kept = self._bytes[self._at :]
        # Twice as much each time, so that a long record is not gone through over and over.
        read = self._file.read(max(PIECE, len(kept)))
        self._start, self._at, self._bytes = self._start + self._at, 0, kept + read
        self._is_whole = not read
        return bool(read)


def _up_to_a_seam(text: bytes) -> tuple[int, int] | None:
    """How many records there are up to the last seam between two in ``text``, which begins a list, and their length.

    A brace before a comma may stand inside of a record as well; there the text up to it is no list.
    """
    seams = [found.end() for found in _SEAM.finditer(text, max(0, len(text) - SEAMS_WITHIN))]
    for seam in reversed(seams[-TRIES:]):
        try:
            return len(_records(text[:seam] + b"]")), seam - 1
        except msgspec.DecodeError:
            continue
    return None


def _line_and_column(file: BinaryIO, at: int) -> str:
    file.seek(0)
    line, column = 1, at + 1
    while at > 0 and (text := file.read(min(at, PIECE))):
        at -= len(text)
        if lines := text.count(b"\n"):
            line += lines
            column = at + len(text) - text.rindex(b"\n")
    return f"line {line}, column {column}"
