"""Mistakes in the values of ``agent.toml``, in words that help whoever wrote it."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T", bound=Struct)

_EXPECTED = {
    "str": "a text, in quotes",
    "int": "a whole number, without quotes",
    "float": "a number, without quotes",
    "bool": "true or false, without quotes",
    "array": "a list, in [ ]",
    "object": "a table",
    "uuid": "the id of the device, as `nightporter devices list` shows it",
}
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_WRONG = re.compile(r"Expected `(\w+)(?: \| null)?`(?:, got .*| (.*))")


def converted(table: Mapping[str, Any], shape: type[T], others: Iterable[str] = ()) -> T:
    """``table`` as ``shape``; ``others`` are further keys that may stand beside its own.

    Raises ValueError with one sentence that names the key and says what would do.
    """
    try:
        return msgspec.convert(table, shape)
    except msgspec.ValidationError as error:
        raise ValueError(_told(str(error), [*shape.__struct_fields__, *others])) from None


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """That ``what`` is not known, and which of the ``known`` may be meant by ``name``."""
    known = sorted(known)
    meant = difflib.get_close_matches(name, known, 1)
    advice = f"is {meant[0]} meant?" if meant else f"known are {', '.join(known)}"
    return f"{what} is not known; {advice}"


def _told(message: str, known: Iterable[str]) -> str:
    what, _, path = message.partition(" - at `$")
    where = re.sub(r"(\S+?)\[[^]]*\]", r"each of \1", path.rstrip("`").lstrip("."))
    if found := re.fullmatch(r"Object (contains unknown|missing required) field `(.*)`", what):
        key = f"{where}.{found[2]}".lstrip(".")
        if found[1] == "missing required":
            return f"{key} is missing"
        return f"{key} is not known" if where else unknown(key, key, known)
    if what == "Invalid UUID":
        return f"{where} must be {_EXPECTED['uuid']}"
    if found := re.fullmatch(r"Invalid enum value (.*)", what):
        return f"{where} cannot be {found[1]}; the driver's page says what it can be"
    if (found := _WRONG.fullmatch(what)) and found[1] in _EXPECTED:
        bound = re.sub("[<>]=?", lambda sign: _BOUNDS[sign[0]], found[2] or "")
        return f"{where} must be {bound or _EXPECTED[found[1]]}"
    return f"{where}: {what}" if where else what
