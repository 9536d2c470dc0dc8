"""Loading a property file: all of it as one intent, or nothing, in as little memory as a desk has to spare."""

import asyncio
import io
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any, BinaryIO

import msgspec

from nightporter.domain.sources import Sources
from nightporter.operations.administration.kept_record import kept_record
from nightporter.operations.administration.property_records import KEEP
from nightporter.operations.administration.property_rows import Load
from nightporter.operations.administration.property_text import Piece, find_pieces, read_piece
from nightporter.storage.audit import Audit
from nightporter.storage.property import PropertyRefused, SetProperty
from nightporter.storage.property_load import LoadProperty
from nightporter.storage.types import seconds
from nightporter.storage.writer import Writer
from nightporter.wire.property_file import RECORDS, Fact
from nightporter.wire.scalars import read_scalar
from nightporter.wire.shapes import Shape

Progress = Callable[[int, int], None]
"""Takes how many records are done, and of how many; called now and then, in the thread of the writer."""


class InvalidPropertyFile(Exception):
    """The file cannot be loaded; the message names the record, the field and what was expected."""


async def load_property(
    writer: Writer,
    sources: Sources,
    content: bytes | BinaryIO,
    progress: Progress | None = None,
    audit: Audit | None = None,
) -> dict[str, int]:
    """Load a property file: create and replace, never delete; returns how many records of each part.

    ``content`` is the file, or all of its bytes; a file must be one that can be read again from its beginning, at the
    speed of a disk. It is never in memory as a whole, and the desk goes on meanwhile; only what others write waits. What
    was done since is not undone: a command that is there already stays as it is, a resource access token that was updated
    later too, and a revoked access token stays revoked (see SetProperty). Who gives up waiting early enough finds nothing
    changed. Raises InvalidPropertyFile, and then nothing was changed.
    """
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    now = seconds(sources.now())
    gave_up = False

    def told(done: int, whole: int) -> None:
        if gave_up:
            raise InvalidPropertyFile("Nobody waited for it any more.")
        if progress is not None:
            progress(done, whole)

    try:
        found = await asyncio.to_thread(_found, file)
        counts = _counts(found)
        await writer.write(LoadProperty(lambda: _intents(file, found, now, told), counts, audit))
    except asyncio.CancelledError:
        gave_up = True
        raise
    except PropertyRefused as refused:
        raise InvalidPropertyFile(str(refused)) from None
    return counts


def read_property(content: bytes, now: int, enterprise_id: str | None = None) -> tuple[SetProperty, dict[str, int]]:
    """The one intent that a small property file comes to, and how many records of each part; raises InvalidPropertyFile.

    ``enterprise_id`` is that of facts which name none.
    """
    file = io.BytesIO(content)
    found = _found(file)
    load = Load(now, enterprise_id)
    for _ in _read(load, file, found):
        pass
    return load.piece(is_last=True), _counts(found)


def _found(file: BinaryIO) -> list[Piece]:
    """The pieces of the file, in the order in which records refer to each other."""
    try:
        found = find_pieces(file)
    except ValueError as problem:
        raise InvalidPropertyFile(str(problem)) from None
    order = {part: place for place, part in enumerate(KEEP)}
    return sorted(found, key=lambda piece: order[piece.part])


def _counts(found: Sequence[Piece]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for piece in found:
        counts[piece.part] = counts.get(piece.part, 0) + piece.count
    return counts


def _intents(file: BinaryIO, found: Sequence[Piece], now: int, progress: Progress) -> Iterator[SetProperty]:
    load = Load(now)
    done, whole = 0, sum(piece.count for piece in found)
    progress(0, whole)
    for piece in _read(load, file, found):
        yield load.piece(is_last=False)
        done += piece.count
        progress(done, whole)
    yield load.piece(is_last=True)


def _read(load: Load, file: BinaryIO, found: Sequence[Piece]) -> Iterator[Piece]:
    """Read one piece after the other into ``load``; raises InvalidPropertyFile."""

    def earlier(part: str, place: int) -> msgspec.Raw:
        here = next(one for one in found if one.part == part and one.first <= place < one.first + one.count)
        return read_piece(file, here)[place - here.first]

    load.earlier = earlier
    decoders = {part: msgspec.json.Decoder(shape, dec_hook=read_scalar) for part, shape in RECORDS.items()}
    for piece in found:
        load.part = piece.part
        keep, decode = KEEP[piece.part], decoders[piece.part].decode
        try:
            records = read_piece(file, piece)
        except RecursionError:  # less room is left here than where the pieces were found
            raise InvalidPropertyFile(f"{piece.part}: Expected less depth") from None
        for load.place, load.raw in enumerate(records, piece.first):
            try:
                text = bytes(load.raw).decode()
                # The whole of it, so that what is kept can be read again by whoever asks for it.
                whole = msgspec.json.decode(load.raw)
                if "\\u0000" in text:
                    _refuse_nul(whole, "$")
                record = decode(load.raw)
                if isinstance(record, Fact):
                    text = kept_record(text, record.enterprise_id or load.owner())
                keep(load, record, text)
            except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
                raise InvalidPropertyFile(f"{load.record}: {_told(error, RECORDS[piece.part])}") from None
        yield piece


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
