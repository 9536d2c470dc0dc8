"""The messages of ZVT, bytes to frozen values and back ("ECR-Interface ZVT-Protocol", PA00P015).

A message is ``CLASS INSTR LEN DATA``; nothing else frames it on TCP. Data are fields, each a tag (BMP) and a value whose length
the tag tells; field 06 holds BER-TLV. Numbers are binary coded decimals, amounts are in the smallest unit of the currency.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field

from nightporter.domain.value import value

REGISTRATION = 0x0600
PAYMENT = 0x0601
RESERVATION = 0x0622
REPEAT_RECEIPT = 0x0620
STATUS_ENQUIRY = 0x0501
ABORT = 0x06B0
INTERMEDIATE_STATUS = 0x04FF
STATUS_INFORMATION = 0x040F
COMPLETION = 0x060F
ABORTED = 0x061E
PRINT_LINE = 0x06D1
ACCEPTED = 0x8000

_CLASSES = frozenset({0x04, 0x05, 0x06, 0x08, 0x0F, 0x80, 0x84})
_REFUSING = 0x84

AMOUNT, TLV, TRACE, TIME, DATE, CARD, RESULT = 0x04, 0x06, 0x0B, 0x0C, 0x0D, 0x22, 0x27
TERMINAL, ATTRIBUTE, TEXT, CURRENCY, RECEIPT, CARD_TYPE, CARD_NAME = 0x29, 0x3B, 0x3C, 0x49, 0x87, 0x8A, 0x8B

_LL, _LLL = -2, -3
_LENGTHS = {
    **dict.fromkeys((0x01, 0x02, 0x03, 0x05, 0x19, 0x27, 0x8A, 0x8C, 0xA0, 0xD0, 0xD2, 0xD3), 1),
    **dict.fromkeys((0x0D, 0x0E, 0x17, 0x3A, 0x49, 0x87), 2),
    **dict.fromkeys((0x0B, 0x0C, 0x37, 0x3D, 0x88, 0xAA), 3),
    0x29: 4,
    0xBA: 5,
    0x04: 6,
    0x3B: 8,
    0x2A: 15,
    **dict.fromkeys((0x22, 0x23, 0x2D, 0x8B, 0xA7, 0xD1), _LL),
    **dict.fromkeys((0x24, 0x2E, 0x3C, 0x60, 0x9A, 0xAF), _LLL),
}
_CARD_TYPES = {
    2: "girocard", 5: "girocard", 6: "Mastercard", 8: "American Express", 10: "Visa", 11: "Visa Electron", 12: "Diners",
    13: "V PAY", 14: "JCB", 46: "Maestro",
}  # fmt: skip


class Garbled(ValueError):
    """The bytes are no ZVT."""


@value
class Apdu:
    """One message: ``command`` is its class and instruction, 0x0601 for a payment."""

    command: int
    data: bytes = field(default=b"", repr=False)  # a card's number may stand in it

    def encoded(self) -> bytes:
        """As it goes over the line."""
        size = len(self.data)
        length = bytes((size,)) if size < 0xFF else b"\xff" + size.to_bytes(2, "little")
        return self.command.to_bytes(2, "big") + length + self.data

    @property
    def refusal(self) -> int | None:
        """The reason of a refusal (84 xx), None for every other message."""
        return self.command & 0xFF if self.command >> 8 == _REFUSING and self.command & 0xFF else None

    @property
    def is_answer(self) -> bool:
        """Whether it answers a message instead of being one that wants an answer."""
        return self.command >> 8 in (ACCEPTED >> 8, _REFUSING)


def take(received: bytearray) -> Apdu | None:
    """Take the first whole message off ``received``; None while it is not whole. Raises Garbled for what is no ZVT."""
    if received and received[0] not in _CLASSES:
        raise Garbled("the first byte begins no message")
    if len(received) < 3:
        return None
    start, size = 3, received[2]
    if size == 0xFF:
        if len(received) < 5:
            return None
        start, size = 5, int.from_bytes(received[3:5], "little")
    if len(received) < start + size:
        return None
    apdu = Apdu(int.from_bytes(received[:2], "big"), bytes(received[start : start + size]))
    del received[: start + size]
    return apdu


def decimal(number: int, size: int) -> bytes:
    """``number`` as binary coded decimal of ``size`` bytes; raises ValueError where it does not fit."""
    text = f"{number:0{2 * size}d}"
    if number < 0 or len(text) > 2 * size:
        raise ValueError(f"{size} bytes do not hold the number")
    return bytes.fromhex(text)


def fields(data: bytes) -> dict[int, bytes]:
    """The fields of ``data`` by their tags. Ends at a tag of unknown length; raises Garbled for a field cut short."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        tag = data[at]
        at += 1
        if tag == TLV:
            size, at = _ber_length(data, at)
        elif (size := _LENGTHS.get(tag, 0)) == 0:
            break
        elif size < 0:
            digits = data[at : at - size]
            if len(digits) != -size or any(digit & 0xF0 != 0xF0 or digit & 0x0F > 9 for digit in digits):
                raise Garbled(f"field {tag:02X} has no length")
            at -= size
            size = int("".join(str(digit & 0x0F) for digit in digits))
        if at + size > len(data):
            raise Garbled(f"field {tag:02X} is cut short")
        found.setdefault(tag, data[at : at + size])
        at += size
    return found


def packed(values: Mapping[int, bytes]) -> bytes:
    """Fields as data, in the order of ``values``; raises ValueError for a value whose length its tag does not allow."""
    data = bytearray()
    for tag, content in values.items():
        size = _LENGTHS.get(tag, 0)
        data.append(tag)
        if tag == TLV:
            data += _packed_ber_length(len(content))
        elif size < 0 and len(content) < 10**-size:
            data += bytes(0xF0 | int(digit) for digit in f"{len(content):0{-size}d}")
        elif size != len(content):
            raise ValueError(f"field {tag:02X} does not hold {len(content)} bytes")
        data += content
    return bytes(data)


def objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The objects of a BER-TLV container, those within others after the one that holds them; raises Garbled."""
    at = 0
    while at < len(data):
        tag, is_holder = data[at], bool(data[at] & 0x20)
        at += 1
        if tag & 0x1F == 0x1F:
            if at >= len(data):
                raise Garbled("a tag is cut short")
            tag, at = tag << 8 | data[at], at + 1
        size, at = _ber_length(data, at)
        if at + size > len(data):
            raise Garbled(f"object {tag:02X} is cut short")
        content = data[at : at + size]
        yield tag, content
        if is_holder:
            yield from objects(content)
        at += size


def registration(password: str, config_byte: int, currency: int) -> Apdu:
    """Sign on. ``password`` has six digits, ``currency`` is the numeric code of ISO 4217."""
    return Apdu(REGISTRATION, bytes.fromhex(password) + bytes((config_byte,)) + decimal(currency, 2))


def charge(command: int, amount: int, currency: int) -> Apdu:
    """Ask for a card: ``command`` is PAYMENT or RESERVATION, ``amount`` is in the smallest unit of the currency."""
    return Apdu(command, packed({AMOUNT: decimal(amount, 6), CURRENCY: decimal(currency, 2)}))


def repeat_receipt(password: str) -> Apdu:
    """Ask for the last transaction."""
    return Apdu(REPEAT_RECEIPT, bytes.fromhex(password))


@value
class StatusInformation:
    """What a terminal says of a transaction (04 0F); None where it says nothing, and for numbers that are zero.

    ``amount`` is in the smallest unit, ``time`` is HHMMSS and ``date`` MMDD by the terminal's own clock, ``card_ending`` the last
    four digits. More of the card's number is never kept.
    """

    result: int | None
    amount: int | None
    currency: int | None
    receipt: int | None
    trace: int | None
    time: str | None
    date: str | None
    terminal: str | None
    card_name: str | None
    card_ending: str | None = field(repr=False)
    attribute: str | None
    application: str | None


def status_information(data: bytes) -> StatusInformation:
    """Read the data of 04 0F; raises Garbled."""
    found = fields(data)
    inner = dict(objects(found.get(TLV, b"")))
    result, kind = found.get(RESULT), found.get(CARD_TYPE)
    name = _text(found.get(CARD_NAME)) or (_CARD_TYPES.get(kind[0]) if kind else None)
    application = inner.get(0x43)
    return StatusInformation(
        result=result[0] if result else None,
        amount=_number(found.get(AMOUNT)),
        currency=_number(found.get(CURRENCY)),
        receipt=_number(found.get(RECEIPT)) or None,
        trace=_number(found.get(TRACE)) or None,
        time=_digits(found.get(TIME)),
        date=_digits(found.get(DATE)),
        terminal=_digits(found.get(TERMINAL)),
        card_name=name,
        card_ending=_ending(found.get(CARD)),
        attribute=_text(found.get(ATTRIBUTE)),
        application=application.hex().upper() if application else None,
    )


def terminal_status(data: bytes) -> tuple[str | None, int | None]:
    """Read the completion of a status enquiry: the version of the software and the terminal's status, None where not told."""
    version = None
    if len(data) >= 3 and all(digit & 0xF0 == 0xF0 and digit & 0x0F <= 9 for digit in data[:3]):
        size = int("".join(str(digit & 0x0F) for digit in data[:3]))
        version, data = _text(data[3 : 3 + size]), data[3 + size :]
    return version, data[0] if data else None


def _ber_length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise Garbled("a length is cut short")
    size, at = data[at], at + 1
    if size < 0x80:
        return size, at
    more = size & 0x7F
    if not 1 <= more <= 2 or at + more > len(data):
        raise Garbled("a length is cut short")
    return int.from_bytes(data[at : at + more], "big"), at + more


def _packed_ber_length(size: int) -> bytes:
    if size < 0x80:
        return bytes((size,))
    return b"\x81" + bytes((size,)) if size <= 0xFF else b"\x82" + size.to_bytes(2, "big")


def _digits(content: bytes | None) -> str | None:
    return content.hex() if content and content.hex().isdecimal() else None


def _number(content: bytes | None) -> int | None:
    digits = _digits(content)
    return None if digits is None else int(digits)


def _text(content: bytes | None) -> str | None:
    text = (content or b"").decode("latin-1").strip("\0 ")
    return text if text and text.isprintable() else None


def _ending(content: bytes | None) -> str | None:
    last = (content or b"").hex().rstrip("f")[-4:]
    return last if len(last) == 4 and last.isdecimal() else None
