"""What is taken out of an answer, and what is left of it, however the answer is cut."""

import json
from base64 import b64encode
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightporter.client.sifting import BROKEN, Sifter

PDF = bytes(range(256)) + b"%%EOF\xfb\xff\xbf"
BASE64 = b64encode(PDF).decode()
ANSWER = json.dumps(
    {"Commands": [{"Id": 'an "odd one \\', "Data": {"FileType": "application/pdf", "FileData": BASE64, "Copies": 2}}]}
)


def sifted(*pieces: bytes) -> tuple[bytes, bytes, Sifter]:
    sink = BytesIO()
    sifter = Sifter(sink)
    for piece in pieces:
        sifter.feed(piece)
    return sifter.rest(), sink.getvalue(), sifter


def field(text: str) -> bytes:
    """An answer whose document is printed as ``text``."""
    return b'{"FileData":"' + text.encode() + b'","Id":"1"}'


def test_the_document_goes_to_the_sink_and_the_rest_stays() -> None:
    rest, document, sifter = sifted(ANSWER.encode())
    assert rest == ANSWER.replace(BASE64, "").encode()
    assert document == PDF
    assert (sifter.documents, sifter.is_broken, sifter.size) == (1, False, len(ANSWER))


@pytest.mark.parametrize(
    "printed",
    [
        BASE64,
        BASE64.replace("/", "\\/"),
        BASE64.replace("+", "\\u002B").replace("=", "\\u003D").replace("/", "\\u002f"),
        "".join(f"\\u{ord(one):04x}" for one in BASE64),
    ],
    ids=["plain", "slashes", "some", "all"],
)
def test_wherever_it_is_cut_it_is_the_same(printed: str) -> None:
    answer = ANSWER.replace(BASE64, printed).encode()
    expected = ANSWER.replace(BASE64, "").encode()
    for at in range(len(answer) + 1):
        rest, document, _ = sifted(answer[:at], answer[at:])
        assert (rest, document) == (expected, PDF), at
    rest, document, _ = sifted(*(answer[at : at + 1] for at in range(len(answer))))
    assert (rest, document) == (expected, PDF)


@pytest.mark.parametrize(
    "answer",
    [
        '{"FileData":null}',
        '{"FileData": 17, "Other":"x"}',
        '{"FileData":["QUJD"]}',
        '{"FileData":{"Value":"QUJD"}}',
        '["FileData","QUJD"]',
        '{"Name":"FileData","Other":"QUJD"}',
        '{"MyFileData":"QUJD","FileDatum":"QUJD","fileData":"QUJD","FileData2":"QUJD","":"QUJD"}',
        '{"Note":"\\"FileData\\":\\"QUJD\\""}',
        '{"Note":"\\\\","FileDat\\"":"QUJD","FileData\\\\":"QUJD"}',
        '{"Note":"\\"FileData"}',
        "",
    ],
)
def test_what_only_looks_like_one_is_left_alone(answer: str) -> None:
    whole = answer.encode()
    for at in range(len(whole) + 1):
        rest, document, sifter = sifted(whole[:at], whole[at:])
        assert (rest, document, sifter.documents) == (whole, b"", 0), at


@pytest.mark.parametrize("space", ["", " ", "\n\t \r"])
def test_space_around_the_colon(space: str) -> None:
    whole = f'{{"FileData"{space}:{space}"QUJD"{space},"Id":"1"}}'.encode()
    for at in range(len(whole) + 1):
        rest, document, _ = sifted(whole[:at], whole[at:])
        assert (rest, document) == (whole.replace(b"QUJD", b""), b"ABC"), at


@pytest.mark.parametrize(
    "printed",
    [
        "Q", "QU", "QUJ", "QUJDR", "QUJD=", "QUJD====", "=QUJ", "Q===", "QU=J", "QUI=QUJD", "QQ==QUJD", "QUJD QUJD",
        "QUJD\\n", "QUJD\\\"", "QUJD\\\\", "QUJ\\u0144", "QUJD\\u00ff", "QUJD\\uzzzz", "QUJDä", "QUJD-_-_", "!",
    ],
)  # fmt: skip
def test_what_is_not_base64_is_told(printed: str) -> None:
    whole = field(printed)
    for at in range(len(whole) + 1):
        rest, _, sifter = sifted(whole[:at], whole[at:])
        assert json.loads(rest) == {"FileData": BROKEN, "Id": "1"}, at
        assert sifter.is_broken


def test_a_broken_document_breaks_no_other() -> None:
    rest, document, sifter = sifted(b'[{"FileData":"QUI=Q"},{"FileData":"QUJD"}]')
    assert [one["FileData"] for one in json.loads(rest)] == [BROKEN, ""]
    assert document.endswith(b"ABC")
    assert sifter.documents == 2


def test_an_empty_document_is_told_from_none() -> None:
    class Sink:
        pieces: list[bytes] = []

        def write(self, data: bytes) -> None:
            self.pieces.append(data)

    sifter = Sifter(Sink())
    sifter.feed(b'{"FileData":""}')
    assert Sink.pieces == [b""]
    assert sifter.rest() == b'{"FileData":""}'


def test_without_a_sink_documents_are_dropped_unread() -> None:
    sifter = Sifter()
    for piece in (b'[{"FileData":"QU', b'JD"},{"FileData":"not \\', b'u0000 base64"}]'):
        sifter.feed(piece)
    assert sifter.rest() == b'[{"FileData":""},{"FileData":""}]'
    assert (sifter.documents, sifter.is_broken) == (2, False)


def test_what_the_sink_raises_is_passed_on() -> None:
    sink = BytesIO()
    sink.close()
    with pytest.raises(ValueError, match="closed"):
        Sifter(sink).feed(ANSWER.encode())


texts = st.text(max_size=12) | st.sampled_from(["FileData", '"FileData":"QUJD"', "\\", '\\"'])
names = st.sampled_from(["FileData", "FileType", '"FileData":', "FileData\\"]) | st.text(max_size=9)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@given(value=values, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]), cuts=st.lists(st.integers(0, 400)))
def test_of_any_json_only_documents_are_missing(
    value: Any, ascii_only: bool, indent: int | None, cuts: list[int]
) -> None:
    documents = bytearray()

    def printed(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: printed(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [printed(one) for one in value]
        if isinstance(value, bytes):
            return b64encode(value).decode()
        return None if isinstance(value, str) and key == "FileData" else value

    def left(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: left(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [left(one) for one in value]
        if isinstance(value, bytes) and key == "FileData":
            documents.extend(value)
            return ""
        return printed(value, key)

    whole = json.dumps(printed(value), ensure_ascii=ascii_only, indent=indent).encode()
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    rest, document, sifter = sifted(*(whole[start:end] for start, end in pairwise(places)))
    assert rest == json.dumps(left(value), ensure_ascii=ascii_only, indent=indent).encode()
    assert document == documents
    assert not sifter.is_broken
