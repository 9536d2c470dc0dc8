"""Loading a property file: all of it as one intent, or nothing."""

import asyncio
from enum import Enum
from typing import Any

import msgspec

from nightporter.domain.sources import Sources
from nightporter.operations.administration.property_records import KEEP
from nightporter.operations.administration.property_rows import Load
from nightporter.storage.property import PropertyRefused, SetProperty
from nightporter.storage.types import seconds
from nightporter.storage.writer import Writer
from nightporter.wire.property_file import LEFT_OUT, RECORDS
from nightporter.wire.scalars import read_scalar
from nightporter.wire.shapes import Shape


class InvalidPropertyFile(Exception):
    """The file cannot be loaded; the message names the record, the field and what was expected."""


async def load_property(writer: Writer, sources: Sources, content: bytes) -> dict[str, int]:
    """Load a property file: create and replace, never delete; returns how many records of each part.

    What was done since is not undone: a command that is there already stays as it is, a resource access token that was
    updated later too, and a revoked access token stays revoked (see SetProperty). Raises InvalidPropertyFile, and then
    nothing was changed.
    """
    # A large file takes seconds to read; the desk goes on meanwhile.
    intent, counts = await asyncio.to_thread(read_property, content, seconds(sources.now()))
    try:
        await writer.write(intent)
    except PropertyRefused as refused:
        raise InvalidPropertyFile(str(refused)) from None
    return counts


def read_property(content: bytes, now: int, enterprise_id: str | None = None) -> tuple[SetProperty, dict[str, int]]:
    """The intent that a property file comes to, and how many records of each part; raises InvalidPropertyFile.

    ``enterprise_id`` is that of facts which name none.
    """
    parts = _parts(content)
    load = Load(now, enterprise_id)
    for part, keep in KEEP.items():
        decode = msgspec.json.Decoder(RECORDS[part], dec_hook=read_scalar).decode
        for place, raw in enumerate(parts.get(part, ())):
            load.record = f"{part}[{place}]"
            try:
                whole = msgspec.json.decode(raw)
                if isinstance(whole, dict) and isinstance(whole.get("Id"), str):
                    load.record += f" (Id {whole['Id']})"
                text = bytes(raw).decode()
                if "\\u0000" in text:
                    _refuse_nul(whole, "$")
                keep(load, decode(raw), text)
            except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
                raise InvalidPropertyFile(f"{load.record}: {_told(error, RECORDS[part])}") from None
    intent = SetProperty(load.rows, load.commands, load.tokens, load.open_references(), load.names)
    return intent, {part: len(records) for part, records in parts.items()}


def _parts(content: bytes) -> dict[str, list[msgspec.Raw]]:
    try:
        found = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidPropertyFile(f"The file is not a JSON object: {error}") from None
    if unknown := set(found) - set(RECORDS) - set(LEFT_OUT):
        raise InvalidPropertyFile(
            f"The file has unknown parts: {', '.join(sorted(unknown))}. Known are {', '.join(RECORDS)}."
        )
    # In the vendor's replies null stands for what was not asked for.
    found = {part: raw for part, raw in found.items() if part not in LEFT_OUT and bytes(raw) != b"null"}
    try:
        return {part: msgspec.json.decode(raw, type=list[msgspec.Raw]) for part, raw in found.items()}
    except msgspec.MsgspecError:
        wrong = next(part for part, raw in found.items() if not bytes(raw).lstrip().startswith(b"["))
        raise InvalidPropertyFile(f"{wrong}: Expected a list of records") from None


def _refuse_nul(value: Any, place: str) -> None:
    if isinstance(value, str) and "\0" in value:
        raise ValueError(f"expected a text without NUL - at `{place}`")
    if isinstance(value, list):
        for number, item in enumerate(value):
            _refuse_nul(item, f"{place}[{number}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_nul(key, f"key in {place}")
            _refuse_nul(item, f"{place}.{key}")


def _told(error: Exception, shape: type[Shape]) -> str:
    """The problem as a sentence; an unknown value of an enumeration is told with the known ones."""
    text = str(error)
    if text.startswith("Invalid enum value"):
        for known in msgspec.structs.fields(shape):
            if f"`$.{known.encode_name}" in text and (choices := _choices(known.type)):
                text = f"Expected one of {', '.join(choices)}; {text[0].lower()}{text[1:]}"
    if isinstance(error, RecursionError):
        text = "Expected less depth"
    return text[:1].upper() + text[1:]


def _choices(kind: Any) -> list[str]:
    return [member.value for member in kind] if isinstance(kind, type) and issubclass(kind, Enum) else []
