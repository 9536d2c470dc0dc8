"""The bytes of IPP: the examples of RFC 8010, whatever values there are, and bytes that are none."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightporter.agent.drivers.printer.messages import (
    DEEPEST,
    Attribute,
    Broken,
    Group,
    Localized,
    Message,
    Resolution,
    Span,
    Tag,
    Value,
    attribute,
    decode,
    encode,
)
from nightporter.agent.drivers.printer.operations import Operation, Status

PRINT_JOB = (
    b"\x01\x01\x00\x02\x00\x00\x00\x01"
    b"\x01"
    b"\x47\x00\x12attributes-charset\x00\x05utf-8"
    b"\x48\x00\x1battributes-natural-language\x00\x05en-us"
    b"\x45\x00\x0bprinter-uri\x00\x2cipp://printer.example.com/ipp/print/pinetree"
    b"\x42\x00\x08job-name\x00\x06foobar"
    b"\x22\x00\x16ipp-attribute-fidelity\x00\x01\x01"
    b"\x02"
    b"\x21\x00\x06copies\x00\x04\x00\x00\x00\x14"
    b"\x44\x00\x05sides\x00\x13two-sided-long-edge"
    b"\x03%!PDF..."
)
"""The request of RFC 8010, A.1."""
REQUESTED = (
    b"\x01\x01\x00\x0a\x00\x00\x00\x7b"
    b"\x01"
    b"\x47\x00\x12attributes-charset\x00\x05utf-8"
    b"\x48\x00\x1battributes-natural-language\x00\x05en-us"
    b"\x45\x00\x0bprinter-uri\x00\x2cipp://printer.example.com/ipp/print/pinetree"
    b"\x21\x00\x05limit\x00\x04\x00\x00\x00\x32"
    b"\x44\x00\x14requested-attributes\x00\x06job-id"
    b"\x44\x00\x00\x00\x08job-name"
    b"\x44\x00\x00\x00\x0fdocument-format"
    b"\x03"
)
"""The request of RFC 8010, A.6."""


def test_the_published_print_job_is_read_and_printed() -> None:
    message, document = decode(PRINT_JOB)
    assert (message.code, message.number, message.version) == (Operation.PRINT_JOB, 1, (1, 1))
    operation, job = message.group(Tag.OPERATION), message.group(Tag.JOB)
    assert operation.text("printer-uri") == "ipp://printer.example.com/ipp/print/pinetree"
    assert operation.all("ipp-attribute-fidelity") == (Value(Tag.BOOLEAN, True),)
    assert (job.number("copies"), job.text("sides")) == (20, "two-sided-long-edge")
    assert document == b"%!PDF..."
    assert encode(message) + document == PRINT_JOB


def test_the_published_get_jobs_has_three_values_under_one_name() -> None:
    message, rest = decode(REQUESTED)
    asked = message.group(Tag.OPERATION)
    assert asked.texts("requested-attributes") == ("job-id", "job-name", "document-format")
    assert (asked.number("limit"), rest) == (50, b"")
    assert encode(message) == REQUESTED


def test_a_published_collection_is_read_and_printed() -> None:
    """media-col of RFC 8010, 3.1.7: the size is a collection within."""
    content = (
        b"\x34\x00\x09media-col\x00\x00"
        b"\x4a\x00\x00\x00\x0amedia-size" + b"\x34\x00\x00\x00\x00"
        b"\x4a\x00\x00\x00\x0bx-dimension" + b"\x21\x00\x00\x00\x04\x00\x00\x52\x08"
        b"\x4a\x00\x00\x00\x0by-dimension" + b"\x21\x00\x00\x00\x04\x00\x00\x74\x04"
        b"\x37\x00\x00\x00\x00"
        b"\x4a\x00\x00\x00\x0amedia-type" + b"\x44\x00\x00\x00\x05plain" + b"\x37\x00\x00\x00\x00"
    )
    data = b"\x02\x00\x00\x00\x00\x00\x00\x01\x02" + content + b"\x03"
    message, _ = decode(data)
    size = (attribute(Tag.INTEGER, "x-dimension", 21000), attribute(Tag.INTEGER, "y-dimension", 29700))
    assert message.group(Tag.JOB).all("media-col") == (
        Value(
            Tag.COLLECTION,
            (
                Attribute("media-size", (Value(Tag.COLLECTION, size),)),
                attribute(Tag.KEYWORD, "media-type", "plain"),
            ),
        ),
    )
    assert encode(message) == data


@pytest.mark.parametrize("data", [PRINT_JOB.removesuffix(b"%!PDF..."), REQUESTED], ids=["print-job", "get-jobs"])
def test_what_breaks_off_is_refused_wherever_it_does(data: bytes) -> None:
    for end in range(len(data)):
        with pytest.raises(Broken, match="breaks off"):
            decode(data[:end])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x21\x00\x01n\x00\x04\0\0\0\1\x03", "outside of every group"),
        (b"\x01\x21\x00\x00\x00\x04\0\0\0\1\x03", "without a name"),
        (b"\x01\x21\x00\x01n\x00\x03\0\0\1\x03", "wrong length"),
        (b"\x01\x22\x00\x01n\x00\x00\x03", "wrong length"),
        (b"\x01\x35\x00\x01n\x00\x04\0\x09en\x03", "wrong length"),
        (b"\x01\x21\x00\x01n\xff\xff\0\0\0\1\x03", "breaks off"),
        (b"\x01\x4a\x00\x01n\x00\x01a\x03", "stands alone"),
        (b"\x01\x34\x00\x01n\x00\x00\x21\x00\x01m\x00\x04\0\0\0\1\x03", "does not end"),
        (b"\x01\x34\x00\x01n\x00\x00\x21\x00\x00\x00\x04\0\0\0\1\x03", "member without a name"),
        (b"\x01\x34\x00\x01n\x00\x00\x4a\x00\x00\x00\x01a\x37\x00\x00\x00\x00\x03", "member without a value"),
    ],
)
def test_broken_bytes_are_refused_with_the_place(content: bytes, told: str) -> None:
    with pytest.raises(Broken, match=told):
        decode(b"\x01\x01\x00\x00\x00\x00\x00\x01" + content)


def test_collections_are_bounded() -> None:
    within = b"\x4a\x00\x00\x00\x01a\x34\x00\x00\x00\x00" * (DEEPEST + 1)
    with pytest.raises(Broken, match="stand in each other"):
        decode(b"\x01\x01\x00\x00\x00\x00\x00\x01\x01\x34\x00\x01n\x00\x00" + within)


def test_a_text_that_is_not_utf_8_does_not_hide_the_rest() -> None:
    message, _ = decode(b"\x01\x01\x00\x00\x00\x00\x00\x01\x04\x41\x00\x01n\x00\x02\xfcX\x03")
    assert message.group(Tag.PRINTER).text("n") == "�X"


def test_what_ipp_cannot_express_is_not_printed() -> None:
    for one in (attribute(Tag.NAME, "job-name", "a" * 0x8000), attribute(Tag.NAME, "", "a"), attribute(Tag.NAME, "a")):
        with pytest.raises(ValueError, match=r"longer|at least one"):
            encode(Message(2, 1, (Group(Tag.OPERATION, (one,)),)))


NUMBERS = st.integers(-(2**31), 2**31 - 1)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = WORDS.filter(bool)
KNOWN = {int(one) for one in Tag}
SCALARS = st.one_of(
    st.builds(Value, st.sampled_from([Tag.INTEGER, Tag.ENUM]), NUMBERS),
    st.builds(Value, st.just(Tag.BOOLEAN), st.booleans()),
    st.builds(Value, st.sampled_from([Tag.TEXT, Tag.NAME, Tag.KEYWORD, Tag.URI, Tag.MIME_TYPE, Tag.CHARSET]), WORDS),
    st.builds(Value, st.just(Tag.RANGE), st.builds(Span, NUMBERS, NUMBERS)),
    st.builds(Value, st.just(Tag.RESOLUTION), st.builds(Resolution, NUMBERS, NUMBERS, st.integers(-128, 127))),
    st.builds(Value, st.sampled_from([Tag.TEXT_IN_LANGUAGE, Tag.NAME_IN_LANGUAGE]), st.builds(Localized, WORDS, WORDS)),
    st.builds(Value, st.integers(0x10, 0x1F), st.none()),
    st.builds(
        Value,
        st.integers(0x20, 0xFF).filter(lambda tag: tag not in KNOWN) | st.just(Tag.OCTETS),
        st.binary(max_size=40),
    ),
)
ATTRIBUTES = st.recursive(
    st.builds(Attribute, NAMES, st.lists(SCALARS, min_size=1, max_size=3).map(tuple)),
    lambda inner: st.builds(
        Attribute,
        NAMES,
        st.lists(st.builds(Value, st.just(Tag.COLLECTION), st.lists(inner, max_size=3).map(tuple)), min_size=1).map(
            tuple
        ),
    ),
    max_leaves=6,
)
MESSAGES = st.builds(
    Message,
    st.integers(0, 0xFFFF),
    NUMBERS,
    st.lists(
        st.builds(Group, st.sampled_from([1, 2, 4, 5, 9]), st.lists(ATTRIBUTES, max_size=4).map(tuple)), max_size=4
    ).map(tuple),
    st.tuples(st.integers(0, 255), st.integers(0, 255)),
)


@given(MESSAGES, st.binary(max_size=20))
def test_every_message_is_read_as_it_was_printed(message: Message, document: bytes) -> None:
    assert decode(encode(message) + document) == (message, document)


@given(st.binary(max_size=60))
def test_no_bytes_do_worse_than_be_refused(content: bytes) -> None:
    with contextlib.suppress(Broken):
        decode(struct.pack(">BBHi", 1, 1, Status.OK, 1) + b"\x01" + content)
