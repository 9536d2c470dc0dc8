"""Where a text is no property file: what is wrong, and in which line and column."""

import io

import pytest

from nightporter.operations.administration.property_text import PIECE, find_pieces, read_piece

CUSTOMER = b'{"Id": "11111111-0000-4000-8000-000000000000", "LastName": "Guest"}'
MANY = PIECE // len(CUSTOMER) * 2


def problem(text: bytes) -> str:
    with pytest.raises(ValueError) as refused:
        find_pieces(io.BytesIO(text))
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "Input data was truncated (line 1, column 1)"),
        (b"{", "Input data was truncated (line 1, column 2)"),
        (b'{"Rates":\n [1, x]}', "JSON is malformed: invalid character (line 2, column 6)"),
        (b"\n\n 7", "Expected `object`, got `int` (line 3, column 2)"),
        (b"\n[]", "Expected `object`, got `array` (line 2, column 1)"),
        (b'{"Customers": [\n', "Input data was truncated (line 2, column 1)"),
        (b'{"Customers": [' + CUSTOMER + b",\n  " + CUSTOMER[:-9], "Input data was truncated (line 2, column 61)"),
        (b'{\n  "Customers" []}', "JSON is malformed: expected ':' (line 2, column 15)"),
        (b"{\n  Customers: []}", "JSON is malformed: expected '\"' (line 2, column 3)"),
        (b'{"Bills": []\n "Customers": []}', "JSON is malformed: expected ',' (line 2, column 2)"),
        (b'{"Customers": [\n' + CUSTOMER + b",\n]}", "JSON is malformed: trailing comma in array (line 3, column 1)"),
        (b'{"Customers": [\n  {"Id": x}\n]}', "JSON is malformed: invalid character (line 2, column 10)"),
        (b"{}\n x", "JSON is malformed: trailing characters (line 2, column 2)"),
        (b'{"\xff": []}', "JSON is malformed: expected the name of a part (line 1, column 2)"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_column(text: bytes, told: str) -> None:
    assert problem(text) == f"The file is not a JSON object: {told}"


@pytest.mark.parametrize("before", [0, 1, MANY - 1, MANY])
def test_the_line_is_right_however_long_the_file(before: int) -> None:
    lines = [b"  " + CUSTOMER + b","] * MANY
    lines[before:before] = [b'  {"Id" 1},']
    text = b'{"Customers": [\n' + b"\n".join(lines) + b"\n" + CUSTOMER + b"]}"
    assert problem(text).endswith(f"(line {before + 2}, column 9)")


def test_a_part_stands_once_and_what_is_left_out_as_often_as_it_likes() -> None:
    twice = b'{"%b": [], "%b": []}'
    told = "The file has the part Customers twice: put its records into one list."
    assert problem(twice.replace(b"%b", b"Customers")) == told
    assert find_pieces(io.BytesIO(twice.replace(b"%b", b"Rates"))) == []


def test_what_the_vendor_was_not_asked_for_has_no_pieces() -> None:
    assert find_pieces(io.BytesIO(b'{"Customers": null \n, "Bills": null }')) == []


@pytest.mark.parametrize("offset", range(32))
def test_a_word_that_is_cut_where_a_piece_is_read_is_whole(offset: int) -> None:
    head, values = b'{"Rates": [', b'true, false, null, -1.5e3, "\\u00e9"]'
    text = head + b" " * (PIECE - len(head) - offset) + values + b', "Customers": [' + CUSTOMER + b"]}"
    (piece,) = find_pieces(io.BytesIO(text))
    assert text[piece.begin : piece.end] == CUSTOMER


def test_a_long_line_is_told_by_its_column() -> None:
    text = b'{"Customers": [' + (CUSTOMER + b",") * MANY + b"x]}"
    column = text.index(b"x]}") + 1
    assert problem(text) == (
        f"The file is not a JSON object: JSON is malformed: invalid character (line 1, column {column})"
    )


def test_every_record_is_found_wherever_pieces_are_cut() -> None:
    tricky = (
        b'{"Id": "%d", "Notes": "},{", "A": [{"b": 1}, {"b": 2}, [{"c": "]}"}]], "B": {"d": {}}, "E": "\xc3\xa9\\"},"}'
    )
    records = [tricky % number for number in range(MANY)]
    records[7] = b'{"Id": "7", "Long": "' + b"x" * 3 * PIECE + b'", "A": [' + b'{"b": 1},' * 1000 + b"{}]}"
    text = b'\xef\xbb\xbf{"Bills": [ ], "Customers": [' + b" ,\n".join(records) + b' ], "Devices": [' + CUSTOMER + b"]}"
    file = io.BytesIO(text)
    pieces = find_pieces(file)
    assert len(pieces) > 3
    found = [bytes(raw) for piece in pieces if piece.part == "Customers" for raw in read_piece(file, piece)]
    assert found == records
    customers = [piece for piece in pieces if piece.part == "Customers"]
    assert [piece.first for piece in customers] == [sum(p.count for p in customers[:n]) for n in range(len(customers))]
    (device,) = [piece for piece in pieces if piece.part == "Devices"]
    assert [bytes(raw) for raw in read_piece(file, device)] == [CUSTOMER]
