"""Finding the records of a property file piece by piece: the same as reading it whole, wherever a piece ends."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightporter.operations.administration import property_text
from nightporter.operations.administration.property_text import find_pieces, read_piece
from nightporter.wire.property_file import RECORDS

TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(["},{", '"},', "\\", "]}", "}\n,\n{", "é" * 100, "😀"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
FILES = st.dictionaries(
    st.sampled_from([*RECORDS, "Cursor", "Rates"]), st.lists(st.dictionaries(TEXTS, VALUES), max_size=12), max_size=4
)


def found(text: bytes) -> dict[str, list[Any]]:
    """The records of each part, from all of its pieces."""
    file, records = io.BytesIO(text), dict[str, list[Any]]()
    for piece in find_pieces(file):
        read = [json.loads(bytes(raw)) for raw in read_piece(file, piece)]
        kept = records.setdefault(piece.part, [])
        assert (piece.first, piece.count) == (len(kept), len(read))
        kept += read
    return records


@settings(deadline=None, max_examples=100)
@given(file=FILES, indent=st.sampled_from([None, 0, 2]), size=st.sampled_from([1, 7, 64, 500]), tries=st.integers(1, 9))
def test_pieces_of_any_length_hold_the_records_of_the_whole(
    file: dict[str, Any], indent: int | None, size: int, tries: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(property_text, "PIECE", size)
        patch.setattr(property_text, "SEAMS_WITHIN", size)
        patch.setattr(property_text, "TRIES", tries)
        for ascii_only in (True, False):
            text = json.dumps(file, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
            assert found(text) == {part: records for part, records in file.items() if part in RECORDS and records}


@settings(deadline=None, max_examples=50)
@given(file=FILES, size=st.sampled_from([1, 64]), data=st.data())
def test_a_file_that_is_cut_off_anywhere_is_refused(file: dict[str, Any], size: int, data: st.DataObject) -> None:
    text = json.dumps(file).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(property_text, "PIECE", size)
        with pytest.raises(ValueError, match="The file is not a JSON object: "):
            find_pieces(io.BytesIO(text[: data.draw(st.integers(0, len(text) - 1))]))


def test_a_part_stands_once() -> None:
    with pytest.raises(ValueError, match="The file has the part Bills twice"):
        find_pieces(io.BytesIO(b'{"Bills": [], "Bills": []}'))
