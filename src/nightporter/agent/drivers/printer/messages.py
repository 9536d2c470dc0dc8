"""IPP messages as bytes and as values (RFC 8010, section 3): requests and answers look alike.

Every kind of value is read; tags that are not known keep their bytes and are printed as they came.
"""

import struct
from collections.abc import Iterable
from enum import IntEnum

from nightporter.domain.value import value

LONGEST = 0x7FFF
"""Of a name or a value, in bytes: lengths are signed."""
DEEPEST = 16
"""How many collections may stand in each other."""


class Broken(ValueError):
    """Bytes that are no IPP message; the text tells where, and nothing of what they hold."""


class Tag(IntEnum):
    """What begins a group, or says of which kind a value is (RFC 8010, 3.5)."""

    OPERATION = 0x01
    JOB = 0x02
    END = 0x03
    PRINTER = 0x04
    UNSUPPORTED = 0x05
    NO_VALUE = 0x13
    INTEGER = 0x21
    BOOLEAN = 0x22
    ENUM = 0x23
    OCTETS = 0x30
    DATE_TIME = 0x31
    RESOLUTION = 0x32
    RANGE = 0x33
    COLLECTION = 0x34
    TEXT_IN_LANGUAGE = 0x35
    NAME_IN_LANGUAGE = 0x36
    END_COLLECTION = 0x37
    TEXT = 0x41
    NAME = 0x42
    KEYWORD = 0x44
    URI = 0x45
    URI_SCHEME = 0x46
    CHARSET = 0x47
    LANGUAGE = 0x48
    MIME_TYPE = 0x49
    MEMBER = 0x4A


_FIRST_VALUE = 0x10
_OUT_OF_BAND = range(0x10, 0x20)
_NUMBERS = frozenset({Tag.INTEGER, Tag.ENUM})
_IN_LANGUAGE = frozenset({Tag.TEXT_IN_LANGUAGE, Tag.NAME_IN_LANGUAGE})
_TEXTS = frozenset({Tag.TEXT, Tag.NAME, Tag.KEYWORD, Tag.URI, Tag.URI_SCHEME, Tag.CHARSET, Tag.LANGUAGE, Tag.MIME_TYPE})
_STRUCTURE = frozenset({Tag.END_COLLECTION, Tag.MEMBER})


@value
class Span:
    """All whole numbers from ``low`` to ``high``, both included."""

    low: int
    high: int


@value
class Resolution:
    """Dots across and along the feed; ``unit`` is 3 for an inch and 4 for a centimetre."""

    across: int
    along: int
    unit: int


@value
class Localized:
    """A text with its natural language."""

    language: str
    text: str


@value
class Value:
    """One value: ``content`` by ``tag``, bytes where the tag is not known, None for one that says that there is none.

    A collection is the tuple of its members.
    """

    tag: int
    content: "int | str | bytes | Span | Resolution | Localized | tuple[Attribute, ...] | None"


@value
class Attribute:
    """A name with one or more values."""

    name: str
    values: tuple[Value, ...]


@value
class Group:
    """What stands between two delimiters: the attributes of an operation, of one job, of a printer."""

    tag: int
    attributes: tuple[Attribute, ...]

    def all(self, name: str) -> tuple[Value, ...]:
        """The values of ``name``, none where it is missing."""
        return next((one.values for one in self.attributes if one.name == name), ())

    def texts(self, name: str) -> tuple[str, ...]:
        """The values of ``name`` that are texts, without their language."""
        found = (one.content.text if isinstance(one.content, Localized) else one.content for one in self.all(name))
        return tuple(one for one in found if isinstance(one, str))

    def text(self, name: str) -> str:
        """The first text of ``name``, empty where there is none."""
        return next(iter(self.texts(name)), "")

    def numbers(self, name: str) -> tuple[int, ...]:
        """The values of ``name`` that are whole numbers, enumerations or truths."""
        return tuple(one.content for one in self.all(name) if isinstance(one.content, int))

    def number(self, name: str) -> int | None:
        """The first number of ``name``; None where it is missing or says that there is no value."""
        return next(iter(self.numbers(name)), None)


@value
class Message:
    """A request, whose ``code`` is its operation, or an answer, whose ``code`` is its status; ``number`` joins the two."""

    code: int
    number: int
    groups: tuple[Group, ...]
    version: tuple[int, int] = (1, 1)

    def group(self, tag: int) -> Group:
        """The first group of this kind, an empty one where there is none."""
        return next((one for one in self.groups if one.tag == tag), Group(tag, ()))


def attribute(tag: Tag, name: str, *contents: int | str) -> Attribute:
    """An attribute whose values are all of one kind."""
    return Attribute(name, tuple(Value(tag, one) for one in contents))


def encode(message: Message) -> bytes:
    """The message as bytes; a document follows it. Raises ValueError for what IPP cannot express."""
    parts = [struct.pack(">BBHi", *message.version, message.code, message.number)]
    for group in message.groups:
        parts.append(bytes([group.tag]))
        for one in group.attributes:
            parts += _encoded(one.name.encode(), one)
    return b"".join([*parts, bytes([Tag.END])])


def decode(data: bytes) -> tuple[Message, bytes]:
    """The message that ``data`` begins with, and what follows it. Raises Broken."""
    reader = _Reader(data)
    major, minor, code, number = reader.unpack(">BBHi")
    groups: list[Group] = []
    while (tag := reader.byte()) != Tag.END:
        if tag >= _FIRST_VALUE:
            raise Broken(f"a value stands outside of every group, at byte {reader.place - 1}")
        groups.append(Group(tag, tuple(reader.attributes())))
    return Message(code, number, tuple(groups), (major, minor)), data[reader.place :]


def _field(tag: int, name: bytes, content: bytes) -> bytes:
    if max(len(name), len(content)) > LONGEST:
        raise ValueError(f"a name or a value is longer than {LONGEST} bytes")
    return struct.pack(">BH", tag, len(name)) + name + struct.pack(">H", len(content)) + content


def _encoded(name: bytes, one: Attribute) -> Iterable[bytes]:
    """``name`` is empty for a member of a collection, whose name stands before it."""
    if not one.values or not one.name:
        raise ValueError("an attribute has a name and at least one value")
    for each in one.values:
        yield _field(each.tag, name, _content(each))
        if isinstance(each.content, tuple):
            for member in each.content:
                yield _field(Tag.MEMBER, b"", member.name.encode())
                yield from _encoded(b"", member)
            yield _field(Tag.END_COLLECTION, b"", b"")
        name = b""


def _content(one: Value) -> bytes:
    match one.content:
        case None | tuple():
            return b""
        case bool():
            return bytes([one.content])
        case int():
            return struct.pack(">i", one.content)
        case str():
            return one.content.encode()
        case Span():
            return struct.pack(">ii", one.content.low, one.content.high)
        case Resolution():
            return struct.pack(">iib", one.content.across, one.content.along, one.content.unit)
        case Localized():
            parts = (one.content.language.encode(), one.content.text.encode())
            return b"".join(struct.pack(">H", len(part)) + part for part in parts)
        case _:
            return one.content


class _Reader:
    """Reads from the front; ``place`` is how far it came, in bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.place = 0

    def take(self, length: int) -> bytes:
        end = self.place + length
        if length > LONGEST or end > len(self._data):
            raise Broken(f"it breaks off at byte {self.place}: {length} more were announced")
        piece = self._data[self.place : end]
        self.place = end
        return piece

    def unpack(self, form: str) -> tuple[int, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def byte(self) -> int:
        return self.take(1)[0]

    def sized(self) -> bytes:
        return self.take(self.unpack(">H")[0])

    def attributes(self) -> Iterable[Attribute]:
        """Up to the next delimiter, which is left where it is."""
        name, values = "", list[Value]()
        while self.place >= len(self._data) or self._data[self.place] >= _FIRST_VALUE:
            tag, another = self.byte(), self.sized()
            if another:
                if values:
                    yield Attribute(name, tuple(values))
                name, values = _text(another), []
            elif not values:
                raise Broken(f"a value without a name stands before byte {self.place}")
            values.append(self.value(tag, 0))
        if values:
            yield Attribute(name, tuple(values))

    def value(self, tag: int, depth: int) -> Value:
        content = self.sized()
        if tag in _STRUCTURE:
            raise Broken(f"a part of a collection stands alone before byte {self.place}")
        if tag == Tag.COLLECTION:
            return Value(tag, tuple(self.members(depth + 1)))
        try:
            return Value(tag, _read(tag, content))
        except struct.error:
            raise Broken(f"a value of kind {tag:#04x} has the wrong length before byte {self.place}") from None

    def members(self, depth: int) -> Iterable[Attribute]:
        if depth > DEEPEST:
            raise Broken(f"more than {DEEPEST} collections stand in each other")
        name, values = "", list[Value]()
        while True:
            tag = self.byte()
            if self.sized():
                raise Broken(f"a collection does not end before byte {self.place}")
            if tag not in _STRUCTURE:
                if not name:
                    raise Broken(f"a member without a name stands before byte {self.place}")
                values.append(self.value(tag, depth))
                continue
            if name and not values:
                raise Broken(f"a member without a value stands before byte {self.place}")
            if name:
                yield Attribute(name, tuple(values))
            content = self.sized()
            if tag == Tag.END_COLLECTION:
                return
            name, values = _text(content), []


def _read(tag: int, content: bytes) -> "int | str | bytes | Span | Resolution | Localized | None":
    if tag in _OUT_OF_BAND:
        return content or None
    if tag in _NUMBERS:
        return int(struct.unpack(">i", content)[0])
    if tag == Tag.BOOLEAN:
        return bool(struct.unpack(">B", content)[0])
    if tag in _TEXTS:
        return _text(content)
    if tag == Tag.RANGE:
        return Span(*struct.unpack(">ii", content))
    if tag == Tag.RESOLUTION:
        return Resolution(*struct.unpack(">iib", content))
    if tag in _IN_LANGUAGE:
        parts = _Reader(content)
        try:
            found = Localized(_text(parts.sized()), _text(parts.sized()))
        except Broken:
            raise struct.error from None
        if parts.place != len(content):
            raise struct.error
        return found
    return content


def _text(content: bytes) -> str:
    """Some printers send texts in other charsets than they announce; such a letter is not worth an error."""
    return content.decode(errors="replace")
