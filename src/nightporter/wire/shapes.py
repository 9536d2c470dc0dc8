"""The base of every struct, the shared parts of requests (contract 2.2, 2.9, 2.11, 2.12) and how bodies are read and printed."""

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from nightporter.domain.errors import Invalid, Malformed, Refusal
from nightporter.domain.interval import Interval
from nightporter.wire.scalars import Id, PageSize, Utc, print_scalar, read_scalar

S = TypeVar("S")


class Shape(Struct, rename="pascal"):
    """The base of everything on the wire."""


class Common(Shape):
    """What every request carries beside its tokens (contract 2.2); the tokens are read before, by themselves."""

    client: Annotated[str, Meta(min_length=1, description="Name and version of the calling program.")]
    language_code: str | None = None
    culture_code: str | None = None


class Limitation(Shape):
    """Which page to return (contract 2.9)."""

    count: PageSize
    cursor: Id | None = None


class TimeInterval(Shape):
    """An interval in a filter (contract 2.11)."""

    start_utc: Utc
    end_utc: Utc


class StringUpdateValue(Shape):
    """A text to set (contract 2.12)."""

    value: str | None = None


class UtcUpdateValue(Shape):
    """An instant to set (contract 2.12)."""

    value: Utc


class BoolUpdateValue(Shape):
    """A truth to set (contract 2.12)."""

    value: bool


class Empty(Shape):
    """The empty reply."""


class ErrorReply(Shape):
    """The body of every refusal (contract 2.5)."""

    message: str
    request_id: str
    details: Any = None


Ids = Annotated[list[Id], Meta(min_length=1, max_length=1000)]


def interval_of(shape: TimeInterval | None, parameter: str) -> Interval | None:
    """The interval that a filter asks for; raises Invalid(``parameter``) when reversed or too long (D35)."""
    if shape is None:
        return None
    interval = Interval(shape.start_utc, shape.end_utc)
    if not interval.is_allowed:
        raise Invalid(parameter)
    return interval


def decoder(shape: type[S]) -> Callable[[bytes], S]:
    """A function that reads ``shape`` from JSON bytes in UTF-8; it raises Malformed or Invalid, and nothing else."""
    decode = msgspec.json.Decoder(shape, dec_hook=read_scalar).decode

    def read(body: bytes) -> S:
        try:
            return decode(body)
        except msgspec.ValidationError as error:
            raise _refusal(str(error)) from None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise Malformed from None

    return read


_MISSING = re.compile(r"Object missing required field `(\w+)`")
_PLACE = re.compile(r" - at `(?:key in )?\$(.*)`$")
_STEP = re.compile(r"\.(\w+)|\[[^\]]*\]")


def _refusal(problem: str) -> Refusal:
    """Name the innermost field at fault (D16) from msgspec's message; an update value is named by what it updates."""
    place = _PLACE.search(problem)
    steps = [match.group(1) or "" for match in _STEP.finditer(place.group(1))] if place else []
    if missing := _MISSING.match(problem):
        steps.append(missing.group(1))
    if not steps:
        return Malformed()
    if steps[-1] == "Value" and len(steps) > 1 and steps[-2] not in ("", "Amount"):
        steps.pop()
    return Invalid(next(step for step in reversed(steps) if step))


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=print_scalar)
encode = _ENCODER.encode
"""Print a shape as JSON bytes: ids and times are in their wire form already, decimals become numbers."""
