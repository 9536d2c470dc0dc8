"""What is sealed opens again with its key and in its place, and nowhere else."""

import base64
from collections.abc import AsyncIterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nightporter.domain.errors import Unavailable
from nightporter.storage.sealing import DATA, PIECE, PREFIX, RESULT, VALUE, Seal, key_id, key_of

ONE, TWO = (bytes([number]) * 32 for number in (1, 2))
HERE = ("1" * 36, "2" * 36)
SEAL = Seal([ONE])
ROTATED = Seal([TWO, ONE])
CHANGED = "changed or moved outside the desk"
TEXTS = st.text() | st.text().map("\x11sealed:".__add__) | st.text().map("\x11sealed:1:".__add__)
COLUMNS = st.sampled_from([DATA, RESULT, VALUE])
LENGTHS = st.sampled_from([0, 1, PIECE - 52, PIECE - 51, PIECE - 50, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7])


def document(length: int) -> bytes:
    return bytes(ord("A") + number % 26 for number in range(length))


async def read(seal: Seal, *kept: bytes) -> bytes:
    """Read as a database gives it, the first piece of the first text, the second of the second, and of the last the rest."""

    async def pieces() -> AsyncIterator[bytes]:
        number = 0
        while True:
            text = kept[min(number, len(kept) - 1)]
            piece = text[number * PIECE : (number + 1) * PIECE]
            if piece:
                yield piece
            if len(piece) < PIECE:
                return
            number += 1

    return b"".join([piece async for piece in seal.open_pieces(*HERE, pieces())])


@settings(deadline=None)
@given(TEXTS, COLUMNS, st.sampled_from([Seal(), SEAL, ROTATED]))
def test_every_text_comes_back_as_it_was(text: str, column: str, seal: Seal):
    assert seal.open(column, *HERE, seal.close(column, *HERE, text)) == text


@settings(deadline=None)
@given(st.text(min_size=8))
def test_nothing_of_a_sealed_text_can_be_read(text: str):
    kept = SEAL.close(VALUE, *HERE, text)
    assert text not in kept
    assert kept != SEAL.close(VALUE, *HERE, text)
    assert key_of(kept) == key_of(kept[:PREFIX]) == key_id(ONE)


@settings(deadline=None)
@given(st.text(), COLUMNS, COLUMNS, st.sampled_from([HERE, HERE[::-1], ("1" * 36, "3" * 36)]))
def test_what_was_moved_elsewhere_does_not_open(text: str, column: str, other: str, place: tuple[str, str]):
    assume((column, HERE) != (other, place))
    with pytest.raises(Unavailable, match=CHANGED):
        SEAL.open(other, *place, SEAL.close(column, *HERE, text))


@settings(deadline=None)
@given(st.text(), st.data())
def test_a_change_of_any_bit_is_noticed(text: str, data: st.DataObject):
    kept = SEAL.close(DATA, *HERE, text)
    box = bytearray(base64.b64decode(kept[PREFIX:]))
    bit = data.draw(st.integers(0, len(box) * 8 - 1))
    box[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unavailable, match=CHANGED):
        SEAL.open(DATA, *HERE, kept[:PREFIX] + base64.b64encode(box).decode())
    for place in range(len("\x11sealed:1"), len(kept)):
        with pytest.raises(Unavailable):
            SEAL.open(DATA, *HERE, f"{kept[:place]}~{kept[place + 1 :]}")


@settings(deadline=None)
@given(TEXTS, st.booleans())
def test_a_key_that_is_not_here_is_named(text: str, has_another: bool):
    kept = ROTATED.close(DATA, *HERE, text)
    with pytest.raises(Unavailable, match=rf"a key that this desk does not have \({key_id(TWO)}\)"):
        (SEAL if has_another else Seal()).open(DATA, *HERE, kept)


@settings(deadline=None)
@given(TEXTS)
def test_older_keys_and_no_key_are_read_on(text: str):
    for before in (SEAL, Seal()):
        assert ROTATED.open(DATA, *HERE, before.close(DATA, *HERE, text)) == text
    assert key_of(Seal().close(DATA, *HERE, text)) is None


@pytest.mark.parametrize("cut", [slice(0, 8), slice(0, 15), slice(0, PREFIX), slice(0, PREFIX + 8), slice(0, -4)])
def test_what_is_cut_off_does_not_open(cut: slice):
    with pytest.raises(Unavailable):
        SEAL.open(DATA, *HERE, SEAL.close(DATA, *HERE, "{}")[cut])
    with pytest.raises(Unavailable):
        SEAL.open_document(*HERE, SEAL.close_document(*HERE, b"JVBE")[cut])


def test_the_seal_tells_no_key():
    assert repr(ROTATED) == f"Seal({key_id(TWO)}, {key_id(ONE)})"


@settings(deadline=None)
@given(LENGTHS, st.sampled_from([Seal(), SEAL, ROTATED]))
async def test_documents_of_every_length_come_back_whole_and_piece_by_piece(length: int, seal: Seal):
    plain = document(length)
    kept = seal.close_document(*HERE, plain)
    assert seal.open_document(*HERE, kept) == plain
    assert await read(seal, kept) == plain
    assert ROTATED.open_document(*HERE, kept) == plain
    if seal.ids and length > 8:
        assert plain[:8] not in kept


@pytest.mark.parametrize("length", [10, PIECE, 3 * PIECE, 5 * PIECE + 9])
@pytest.mark.parametrize("before", [Seal(), SEAL])
async def test_a_document_that_is_sealed_anew_while_it_is_read_comes_whole(length: int, before: Seal):
    plain = document(length)
    old, new = before.close_document(*HERE, plain), ROTATED.close_document(*HERE, plain)
    for pieces in range(1, 6):
        assert await read(ROTATED, *[old] * pieces, new) == plain


async def test_blocks_that_are_exchanged_missing_or_of_another_document_are_noticed():
    kept = SEAL.close_document(*HERE, document(3 * PIECE))
    blocks = [kept[start : start + PIECE] for start in range(0, len(kept), PIECE)]
    assert len(blocks) == 4
    wrong = [
        [blocks[1], blocks[0], *blocks[2:]],
        blocks[:-1],
        [*blocks[:2], blocks[2][:-1], blocks[3]],
        [*blocks, blocks[3]],
        [blocks[0], document(PIECE), *blocks[2:]],
        [SEAL.close_document(*HERE, document(5 * PIECE))[:PIECE], *blocks[1:]],
    ]
    for text in map(b"".join, wrong):
        with pytest.raises(Unavailable):
            SEAL.open_document(*HERE, text)
        with pytest.raises(Unavailable):
            await read(SEAL, text)
    with pytest.raises(Unavailable, match=CHANGED):
        SEAL.open_document(*HERE[::-1], kept)
