"""The wire's own scalar types (contract 2.10): what msgspec as it comes would take too freely or too strictly.

``Id``, ``Utc``, ``Duration`` and ``Int32`` are read by :func:`read_scalar`, the hook of every decoder. Numbers that may have a
fraction stay raw until :func:`decimal` or :func:`finite` reads them, because their text bounds the work.
"""

import binascii
import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import msgspec

from nightporter.domain.duration import print_duration, read_duration
from nightporter.domain.errors import Invalid


class Id(str):
    """A uuid with hyphens in any letter case, kept in lower case; any version and variant (D36)."""

    __slots__ = ()


class IdOrUpdateValue(Id):
    """An id, plain or wrapped as ``{"Value": id}`` (V34)."""

    __slots__ = ()


class Utc(datetime):
    """An instant in UTC, in whole seconds (D32, D33)."""


class Duration(str):
    """A length of time as ISO 8601 writes it, in its shortest form; whole seconds, at most 366 days."""

    __slots__ = ()


class Int32(int):
    """An integral JSON number between ``minimum`` and ``maximum``; ``1.0`` is one, ``true`` and ``"1"`` are not (D37)."""

    minimum: ClassVar[int] = -(2**31)
    maximum: ClassVar[int] = 2**31 - 1


class PageSize(Int32):
    """How many items a page may hold (D26)."""

    minimum = 1
    maximum = 1000


class CopyCount(Int32):
    """How many copies may be printed at once (D55)."""

    minimum = 1
    maximum = 100


class KeyCount(Int32):
    """How many keys may be cut at once (D56)."""

    minimum = 1
    maximum = 100


Number = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": ["number", "null"]})]
"""A JSON number or null, not yet read; ``absent`` makes its default."""

Object = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": ["object", "null"]})]
"""A JSON object or null, kept as it came; ``absent`` makes its default."""

SentId = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]
"""A uuid as replies print it: lower case, hyphenated."""

SentUtc = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant as replies print it: UTC, whole seconds (D33)."""

SentNumber = Decimal
"""A decimal as replies print it: a JSON number in its shortest form."""

_ID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_is_id = _ID.fullmatch
_is_usual = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ", re.ASCII).fullmatch
"""The form that nearly everybody sends; it needs no taking apart."""
_UTC = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:\.\d{1,7})?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?)?",
    re.ASCII,
)
_NUMBER = re.compile(rb"-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,6}))?")


def read_id(value: object) -> Id:
    """Read a uuid; raises ValueError."""
    if isinstance(value, str) and _is_id(value):
        return Id(value.lower())
    raise ValueError("expected a uuid with hyphens")


def read_utc(value: object) -> Utc:
    """Read an instant: date and time with zone or without (UTC), or a date alone (midnight); raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("expected a date and time in UTC, like 2025-01-31T12:00:00Z")
    return _utc(value)


@lru_cache(4096)
def _utc(value: str) -> Utc:
    """A batch of tokens, or a page of reservations, names few different times."""
    if _is_usual(value):
        return Utc.fromisoformat(value)
    match = _UTC.fullmatch(value)
    if match is None:
        raise ValueError("expected a date and time in UTC, like 2025-01-31T12:00:00Z")
    date, time, zone = match.groups()
    try:
        return Utc.fromisoformat(f"{date}T{time or '00:00:00'}{zone or 'Z'}").astimezone(UTC)
    except OverflowError:
        raise ValueError("expected a time between the years 1 and 9999") from None


@lru_cache(4096)
def plain(moment: Utc) -> datetime:
    """The same instant without the type that only reading needs."""
    return datetime.combine(moment.date(), moment.time(), UTC)


def read_int32(kind: type[Int32], value: object) -> Int32:
    """Read an integral number within the bounds of ``kind``; raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise ValueError("expected an integer")
    if not kind.minimum <= value <= kind.maximum:
        raise ValueError(f"expected an integer from {kind.minimum} to {kind.maximum}")
    return kind(value)


def read_text_duration(value: object) -> Duration:
    """Read a duration; raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("expected a duration, like PT10M")
    return Duration(print_duration(read_duration(value)))


def read_scalar(kind: type, value: Any) -> Any:
    """Read one of the wire's own types from plain JSON; the hook of every decoder. Raises ValueError."""
    if kind is Id:
        return read_id(value)
    if kind is Utc:
        return read_utc(value)
    if issubclass(kind, Int32):
        return read_int32(kind, value)
    if kind is Duration:
        return read_text_duration(value)
    if kind is IdOrUpdateValue:
        return IdOrUpdateValue(read_id(value.get("Value") if isinstance(value, dict) else value))
    raise NotImplementedError(kind)


def print_scalar(value: object) -> str | int:
    """Print one of the wire's own types as plain JSON; the hook of the encoder. Raises NotImplementedError."""
    if isinstance(value, Utc):
        return value.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    raise NotImplementedError(type(value))


def describe_scalar(kind: type) -> dict[str, Any]:
    """The JSON schema of one of the wire's own types."""
    if kind is Id:
        return {"type": "string", "format": "uuid"}
    if kind is Utc:
        return {"type": "string", "format": "date-time"}
    if kind is Duration:
        return {"type": "string", "format": "duration"}
    if kind is IdOrUpdateValue:
        plain = {"type": "string", "format": "uuid"}
        return {"anyOf": [plain, {"type": "object", "properties": {"Value": plain}, "required": ["Value"]}]}
    if issubclass(kind, Int32):
        return {"type": "integer", "format": "int32", "minimum": kind.minimum, "maximum": kind.maximum}
    raise NotImplementedError(kind)


DIGITS = 15
SMALLEST_EXPONENT, LARGEST_EXPONENT = -6, 12


def absent() -> msgspec.Raw:
    """A number or an object that was not sent."""
    return msgspec.Raw(b"null")


def decimal(raw: msgspec.Raw, parameter: str) -> Decimal:
    """Read a number exactly, in its shortest form: at most 15 digits, exponent −6…12, bounded before any arithmetic.

    Raises Invalid(``parameter``) for anything else, an absent value included.
    """
    text = bytes(raw).strip()
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise Invalid(parameter)
    whole, fraction, exponent = match.group(1), match.group(2) or b"", int(match.group(3) or 0)
    exponent -= len(fraction)
    if len((whole + fraction).lstrip(b"0")) > DIGITS or not SMALLEST_EXPONENT <= exponent <= LARGEST_EXPONENT:
        raise Invalid(parameter)
    value = Decimal(text.decode("ascii"))
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def finite(raw: msgspec.Raw, parameter: str) -> float | None:
    """Read any JSON number as it may be clamped later (D48); None when absent or null.

    Raises Invalid(``parameter``) for another JSON type.
    """
    text = bytes(raw).strip()
    if text == b"null":
        return None
    if text[:1] not in b"-0123456789":
        raise Invalid(parameter)
    return float(text)


LONGEST_OBJECT = 64 * 1024
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_any = msgspec.json.Decoder()


def json_object(raw: msgspec.Raw, parameter: str) -> str | None:
    """The text of a JSON object as it came, at most 64 KiB and without a NUL; None when absent or null.

    Raises Invalid(``parameter``) for anything else.
    """
    text = bytes(raw).strip()
    if text == b"null":
        return None
    if text[:1] != b"{" or len(text) > LONGEST_OBJECT or _NUL.search(text):
        raise Invalid(parameter)
    try:
        _any.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise Invalid(parameter) from None
    return text.decode("utf-8")


def is_base64(text: str) -> bool:
    """Whether ``text`` is non-empty base64 of the standard alphabet with padding (contract 2.10, D57)."""
    # The decoder takes padding behind a group that needs none.
    if len(text) % 4 or text.endswith("==="):
        return False
    try:
        return bool(binascii.a2b_base64(text, strict_mode=True))
    except (binascii.Error, ValueError):
        return False


def usable_text(text: str | None, parameter: str, longest: int = 255) -> str | None:
    """``text`` if it can be kept: no NUL, at most ``longest`` characters (D97); raises Invalid(``parameter``)."""
    if text is not None and (len(text) > longest or "\0" in text):
        raise Invalid(parameter)
    return text
