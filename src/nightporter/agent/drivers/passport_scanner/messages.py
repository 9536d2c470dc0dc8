"""What a scanner sends, to lines of a machine readable zone: in whichever frame, lines ended in whichever way.

Between two lines stands anything that no document has: CR, LF, STX, ETX, the ``_`` with which some readers pad a line, a
prefix or suffix. Alone the frame of 3M's RTE readers needs to be known, because its length, flag and check character
may look like a part of a line (RTE6701-OEM Integration Manual, 9.1.1):
``SOH low high "OU" STX flag line CR line CR line CR ETX BCC``.
"""

import re
from collections.abc import Callable, Sequence

from nightporter.agent.drivers.passport_scanner.mrz import ALPHABET

STX, ETX, SOH = b"\x02", b"\x03", b"\x01"
PREFIX = 4
"""So many characters may stand right before the first line, like the symbology that some readers tell."""

_RTE_HEAD = re.compile(rb"\x01[\s\S]{2}OU\x02[\s\S]")
_RTE_TAIL = re.compile(rb"\x03[\s\S]")
_LINES = re.compile(b"[" + ALPHABET.encode() + b"]+")
_FORMS = ((44, 44), (36, 36), (30, 30, 30))
_WHOLE = {sum(form): form for form in _FORMS}
_PIECE = 20
"""A run of so many characters is meant to be a line, and not a greeting of the scanner."""
_START = re.compile("[ACIPV][A-Z0-9<][A-Z]([A-Z]{2}|<<)")


def zones(burst: bytes) -> tuple[list[tuple[str, ...]], bool]:
    """The machine readable zones in ``burst``, in order, and whether there are pieces of one that is not whole.

    ``burst`` is what came without a pause between. Nothing of it is judged but the length of lines; never raises.
    """
    runs = [run.decode("ascii") for run in _LINES.findall(_unframed(burst))]
    found: list[tuple[str, ...]] = []
    is_broken = False
    at = 0
    while at < len(runs):
        zone, used = _zone_at(runs, at)
        if zone:
            found.append(zone)
        else:
            is_broken = is_broken or len(runs[at]) >= _PIECE
        at += used
    return found, is_broken


def framed(lines: Sequence[str], framing: str) -> bytes:
    """What a scanner sends for ``lines`` in one of ``FRAMINGS``; raises KeyError for another."""
    return _FRAMINGS[framing](lines)


def _unframed(burst: bytes) -> bytes:
    """``burst`` with every RTE frame's head and tail made a line's end; other bytes stay."""
    pieces: list[bytes] = []
    at = 0
    while head := _RTE_HEAD.search(burst, at):
        tail = _RTE_TAIL.search(burst, head.end())
        end = tail.start() if tail else len(burst)
        pieces += [burst[at : head.start()], burst[head.end() : end]]
        at = tail.end() if tail else len(burst)
    return b"\r".join([*pieces, burst[at:]])


def _zone_at(runs: list[str], at: int) -> tuple[tuple[str, ...], int]:
    """The zone that begins with the run at ``at``, and of how many runs it is; of one, if there is none."""
    if whole := _cut(runs[at]):
        return whole, 1
    for form in _FORMS:
        lines = runs[at : at + len(form)]
        if len(lines) == len(form):
            lines[0] = _without_prefix(lines[0], form[0])
            if tuple(map(len, lines)) == form:
                return tuple(lines), len(form)
    return (), 1


def _cut(run: str) -> tuple[str, ...]:
    """The lines of a zone that came in one piece."""
    for length, form in _WHOLE.items():
        bare = _without_prefix(run, length)
        if len(bare) == length:
            width = form[0]
            return tuple(bare[start : start + width] for start in range(0, length, width))
    return ()


def _without_prefix(run: str, length: int) -> str:
    """``run`` without what stands before a zone, if what is left begins as a document does."""
    extra = len(run) - length
    if 0 < extra <= PREFIX and _START.match(run[extra:]) and not _START.match(run):
        return run[extra:]
    return run


def _ended(lines: Sequence[str], end: str) -> bytes:
    return "".join(line + end for line in lines).encode()


def _rte(lines: Sequence[str]) -> bytes:
    width = 44 if len(lines) == 2 else 30
    padded = [""] * (3 - len(lines)) + [line.ljust(width, "_") for line in lines]
    text = b"0" + b"".join(line.encode() + b"\r" for line in padded) + ETX
    length = len(text) + 7
    block = SOH + bytes([length & 0x7F, length >> 7]) + b"OU" + STX + text
    check = 0
    for byte in block:
        check ^= byte
    return block + bytes([check])


_FRAMINGS: dict[str, Callable[[Sequence[str]], bytes]] = {
    "CR": lambda lines: _ended(lines, "\r"),
    "LF": lambda lines: _ended(lines, "\n"),
    "CRLF": lambda lines: _ended(lines, "\r\n"),
    "STX/ETX": lambda lines: STX + "\r".join(lines).encode() + ETX,
    "RTE": _rte,
    "one line": lambda lines: _ended(["".join(lines)], "\r"),
    "no end": lambda lines: "\r".join(lines).encode(),
    "prefix and suffix": lambda lines: b"]L0" + _ended(lines, "\r\n") + b"\x04#",
}
FRAMINGS = tuple(_FRAMINGS)
