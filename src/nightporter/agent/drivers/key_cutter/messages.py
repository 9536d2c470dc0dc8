"""The messages of the Industry Standard between a hotel's system and its lock system: bytes to values and back.

Source: the public description that SALTO's interface document ``PMS_SALTO_IS`` gives of it, as two published clients
(``bookingexperts/salto``, ``coucounco/salto``) carry it out.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import field
from datetime import datetime
from enum import IntEnum

from nightporter.domain.value import value

STX, ETX = 0x02, 0x03
SEPARATOR = 0xB3
UNCHECKED = 0x0D
"""In place of the check byte: the other side need not look."""
LONGEST = 4096
"""A frame that holds more bytes is nobody's answer."""

FIRST, FURTHER = "CN", "CC"
ROOMS = 4
ROOM_LENGTH = OPERATOR_LENGTH = TEXT_LENGTH = 24
TEXTS = 3
SYMBOLS = "123456789abcdefghijklmnopqrstuvwxyz!#$%&()*+,-./:;<=>?@[\\]^_{}"
"""One character for each authorization, from number 1 on."""

_ORDER_FIELDS = 16
_TIME = "%H%M%d%m%y"
_SERIAL = re.compile(r"[0-9A-Fa-f]{8,32}")
_CODE = re.compile(r"[A-Z]{2}")
_COMMANDS = frozenset({"CN", "CC", "CA", "MC", "CO", "LT", "WF", "WN"})


class Signal(IntEnum):
    """What is said in one byte."""

    ENQ = 0x05
    ACK = 0x06
    NAK = 0x15


@value
class Frame:
    """One message. Its fields can hold a guest's name, so they are not shown; of a frame that is not sound, none is known."""

    fields: tuple[str, ...] = field(repr=False)
    is_sound: bool = True


Heard = Signal | Frame


def lrc(body: bytes) -> int:
    """The check byte of a frame: all bytes after STX, up to and with ETX, XORed. ``body`` is without both."""
    check = ETX
    for byte in body:
        check ^= byte
    return check


def is_printable(text: str) -> bool:
    """Whether ``text`` can stand in a field: printable ASCII, so that it holds neither the separator nor a control character."""
    return text.isascii() and (not text or text.isprintable())


def write_frame(fields: Sequence[str], is_checked: bool = True) -> bytes:
    """A message as it goes on the wire. Raises ValueError, which does not quote it, when a field is not printable ASCII."""
    if not all(map(is_printable, fields)):
        raise ValueError("a field holds a character that cannot be sent")
    separator = bytes([SEPARATOR])
    body = separator + separator.join(one.encode("ascii") for one in fields) + separator
    return bytes([STX]) + body + bytes([ETX, lrc(body) if is_checked else UNCHECKED])


class Decoder:
    """Takes a stream apart, however its bytes come in: :meth:`feed` returns what has become complete.

    Bytes between messages that say nothing are passed over. Without ``is_checked`` the check byte is not looked at.
    """

    def __init__(self, is_checked: bool = True) -> None:
        self._is_checked = is_checked
        self._body: bytearray | None = None
        self._is_ended = False

    def feed(self, data: bytes) -> list[Heard]:
        """Take in ``data``, and return the signals and frames that end in it, in order."""
        heard: list[Heard] = []
        for byte in data:
            if self._is_ended:
                heard.append(self._frame(byte))
                self._body, self._is_ended = None, False
            elif byte == STX:
                self._body = bytearray()
            elif self._body is None:
                if byte in (Signal.ENQ, Signal.ACK, Signal.NAK):
                    heard.append(Signal(byte))
            elif byte == ETX:
                self._is_ended = True
            elif len(self._body) <= LONGEST:
                self._body.append(byte)
        return heard

    def _frame(self, check: int) -> Frame:
        assert self._body is not None
        body = bytes(self._body)
        is_right = not self._is_checked or check in (UNCHECKED, lrc(body))
        if not is_right or len(body) > LONGEST or body[:1] != bytes([SEPARATOR]):
            return Frame((), is_sound=False)
        fields = body[1:].removesuffix(bytes([SEPARATOR])).split(bytes([SEPARATOR]))
        # Latin-1 reads every byte; what is compared later is ASCII.
        return Frame(tuple(one.decode("latin-1") for one in fields))


@value
class KeyOrder:
    """One card to be made: ``command`` CN for the first of a stay, CC for a copy of it.

    ``rooms`` are one to four names at the lock system; ``authorizations`` are numbers from 1 to 62; ``start`` and ``end`` are in
    the local time of the property, to the minute; ``texts`` are the lines printed on the card. ``serial`` says which serial
    numbers are asked for: 0 none, 1 of the last card, 2 of all.
    """

    command: str
    encoder: str
    rooms: tuple[str, ...]
    start: datetime
    end: datetime
    authorizations: tuple[int, ...] = ()
    eject: str = "R"
    operator: str = ""
    texts: tuple[str, ...] = field(default=(), repr=False)
    serial: int = 2

    @property
    def fields(self) -> tuple[str, ...]:
        """The sixteen fields of the message."""
        return (
            self.command,
            self.encoder,
            self.eject,
            *_filled(self.rooms, ROOMS),
            "".join(SYMBOLS[number - 1] for number in self.authorizations),
            "",
            self.start.strftime(_TIME),
            self.end.strftime(_TIME),
            self.operator,
            *_filled(self.texts, TEXTS),
            str(self.serial),
        )


def read_order(fields: Sequence[str]) -> KeyOrder:
    """Read the message of an order to make a card; raises ValueError when it is none."""
    if len(fields) != _ORDER_FIELDS or fields[0] not in (FIRST, FURTHER) or fields[2] not in ("E", "R", "T"):
        raise ValueError("this is no order to make a card")
    return KeyOrder(
        command=fields[0],
        encoder=fields[1],
        rooms=_unfilled(fields[3:7]),
        start=_read_time(fields[9]),
        end=_read_time(fields[10]),
        authorizations=tuple(SYMBOLS.index(symbol) + 1 for symbol in fields[7]),
        eject=fields[2],
        operator=fields[11],
        texts=_unfilled(fields[12:15]),
        serial=int(fields[15]),
    )


def _read_time(text: str) -> datetime:
    return datetime.strptime(text, _TIME)  # noqa: DTZ007 - local time, the wire has no zone


def _filled(texts: Sequence[str], count: int) -> tuple[str, ...]:
    return (*texts, *[""] * (count - len(texts)))


def _unfilled(texts: Sequence[str]) -> tuple[str, ...]:
    last = max((place for place, text in enumerate(texts, 1) if text), default=0)
    return tuple(texts[:last])


@value
class Made:
    """The lock system says that the card was made; ``serial`` is the card's, None when it told none."""

    serial: str | None


@value
class TurnedDown:
    """The lock system says that no card was made: its two-letter ``code``, and its own words with EG."""

    code: str
    words: str = field(default="", repr=False)


def read_answer(fields: Sequence[str], order: KeyOrder) -> Made | TurnedDown | None:
    """What an answer says of ``order``; None when it is the answer to something else.

    A success repeats the command and the encoder. An error stands in the first field; where it names an encoder, it must
    be this one, by its name or, as EG does, by the number at the end of its name.
    """
    code, *rest = fields
    named = rest[0].strip() if rest else ""
    if code == order.command:
        return Made(_serial(rest[1:], order)) if _is_same(named, order.encoder) else None
    if not _CODE.fullmatch(code) or code in _COMMANDS:
        return None
    if named and not _is_same(named, order.encoder) and not order.encoder.endswith(f" {named}"):
        return None
    return TurnedDown(code, " ".join(rest[1:]))


def _is_same(named: str, encoder: str) -> bool:
    return named.casefold() == encoder.casefold()


def _serial(fields: Iterable[str], order: KeyOrder) -> str | None:
    """No public source tells where the serial numbers stand, and some systems repeat the whole order."""
    sent = order.fields
    found = [one for one in fields if one not in sent and _SERIAL.fullmatch(one)]
    return " ".join(found) or None
