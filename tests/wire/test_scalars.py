import base64
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from nightporter.domain.errors import Invalid
from nightporter.wire.scalars import (
    CopyCount,
    Id,
    IdOrUpdateValue,
    Int32,
    KeyCount,
    PageSize,
    Utc,
    absent,
    decimal,
    describe_scalar,
    finite,
    is_base64,
    print_scalar,
    read_id,
    read_int32,
    read_scalar,
    read_utc,
    usable_text,
)

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


@pytest.mark.parametrize(
    "sent",
    [
        ID,
        ID.upper(),
        "3fa85F64-5717-4562-B3fc-2c963f66AFA6",
        "72d4b117-1f84-44a3-1f84-2b2e1a2b3c4d",
        "12345678-1234-1234-1234-123456789012",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ],
)
def test_ids_of_any_case_version_and_variant_are_read_in_lower_case(sent):
    assert read_id(sent) == sent.lower()
    assert type(read_id(sent)) is Id


@pytest.mark.parametrize(
    "sent",
    [
        None, 1, True, [], {}, "", "x", ID.replace("-", ""), "{" + ID + "}", "urn:uuid:" + ID, ID[:-1], ID + "0", ID + "\n",
        " " + ID, ID + " ", ID.replace("3", "g"), "3fa85f645-717-4562-b3fc-2c963f66afa6", ID.replace("-", "_"),
        ID.replace("3", "３"), ID.replace("3", "٣"), b"3fa85f64-5717-4562-b3fc-2c963f66afa6",
    ],
)  # fmt: skip
def test_what_is_no_id(sent):
    with pytest.raises(ValueError, match="expected a uuid"):
        read_id(sent)


@given(some.uuids())
def test_every_uuid_is_an_id(one):
    assert read_id(str(one)) == str(one)
    assert read_id(str(one).upper()) == str(one)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2025-01-31", (2025, 1, 31, 0, 0, 0)),
        ("2025-01-31T12:34:56", (2025, 1, 31, 12, 34, 56)),
        ("2025-01-31T12:34:56Z", (2025, 1, 31, 12, 34, 56)),
        ("2025-01-31T12:34:56.1Z", (2025, 1, 31, 12, 34, 56)),
        ("2025-01-31T12:34:56.9999999Z", (2025, 1, 31, 12, 34, 56)),
        ("2025-01-31T12:34:56.9999999", (2025, 1, 31, 12, 34, 56)),
        ("2025-01-31T12:34:56+00:00", (2025, 1, 31, 12, 34, 56)),
        ("2025-01-31T12:34:56-00:00", (2025, 1, 31, 12, 34, 56)),
        ("2025-01-31T12:34:56+02:00", (2025, 1, 31, 10, 34, 56)),
        ("2025-01-31T12:34:56.123-05:30", (2025, 1, 31, 18, 4, 56)),
        ("2025-01-31T12:34:56+23:59", (2025, 1, 30, 12, 35, 56)),
        ("2025-01-31T12:34:56-23:59", (2025, 2, 1, 12, 33, 56)),
        ("2024-02-29T23:59:59Z", (2024, 2, 29, 23, 59, 59)),
        ("0001-01-01T00:00:00Z", (1, 1, 1, 0, 0, 0)),
        ("9999-12-31T23:59:59Z", (9999, 12, 31, 23, 59, 59)),
        ("0001-01-01T02:00:00+02:00", (1, 1, 1, 0, 0, 0)),
        ("9999-12-31T21:59:59-02:00", (9999, 12, 31, 23, 59, 59)),
    ],
)
def test_times_are_read_in_utc_and_whole_seconds(sent, read):
    time = read_utc(sent)
    assert time == datetime(*read, tzinfo=UTC)
    assert time.utcoffset() == timedelta(0)
    assert time.microsecond == 0
    assert type(time) is Utc


@pytest.mark.parametrize(
    "sent",
    [
        None, 1, 1738326896, True, [], {}, "", "now", "2025", "2025-01", "2025-1-31", "2025-01-31Z", "2025-01-31T", "20250131",
        "2025-01-31T12", "2025-01-31T12:34", "2025-01-31T12:34Z", "2025-01-31 12:34:56Z", "2025-01-31t12:34:56Z",
        "2025-01-31T12:34:56z", "2025-01-31T12:34:56.Z", "2025-01-31T12:34:56.12345678Z", "2025-01-31T12:34:56,1Z",
        "2025-01-31T12:34:56+0200", "2025-01-31T12:34:56+02", "2025-01-31T12:34:56+24:00", "2025-01-31T12:34:56+02:60",
        "2025-01-31T12:34:56 Z", " 2025-01-31T12:34:56Z", "2025-01-31T12:34:56Z ", "2025-01-31T12:34:56Z\n", "2025-01-31\n",
        "2025-02-29", "2025-04-31", "2025-13-01", "2025-00-01", "2025-01-00", "2025-01-31T24:00:00Z", "2025-01-31T12:60:00Z",
        "2025-01-31T12:34:60Z", "0000-01-01", "10000-01-01", "-2025-01-31", "+2025-01-31", "２０２５-01-31",
        "2025-W05-5", "2025-031", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2025-01-31T12:34:56ZZ",
        "2025-01-31T12:34:56UTC",
    ],
)  # fmt: skip
def test_what_is_no_time(sent):
    with pytest.raises(ValueError, match=r"."):
        read_utc(sent)


@given(
    some.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    some.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)),
)
def test_what_is_printed_is_read_back(moment, offset):
    offset = timedelta(minutes=offset // timedelta(minutes=1))
    zoned = moment.replace(microsecond=0, tzinfo=timezone(offset))
    assert read_utc(zoned.isoformat()) == zoned
    plain = moment.replace(microsecond=0, tzinfo=UTC)
    printed = print_scalar(read_utc(plain.isoformat()))
    assert printed == plain.isoformat().replace("+00:00", "Z")
    assert read_utc(printed) == plain


@pytest.mark.parametrize(
    ("sent", "read"), [(1, 1), (1.0, 1), (-0.0, 0), (2147483647, 2**31 - 1), (-2147483648, -(2**31)), (100.0, 100)]
)
def test_integers_are_numbers_without_a_fraction(sent, read):
    assert read_int32(Int32, sent) == read
    assert type(read_int32(Int32, sent)) is Int32


@pytest.mark.parametrize(
    "sent",
    [
        None, True, False, "1", "", [], {}, 1.5, 0.1, -1.000001, 2**31, -(2**31) - 1, 2**63, 2**64, 10**400, 1e300, -1e300,
        float("inf"), float("-inf"), float("nan"),
    ],
)  # fmt: skip
def test_what_is_no_integer(sent):
    with pytest.raises(ValueError, match="expected an integer"):
        read_int32(Int32, sent)


@pytest.mark.parametrize(("kind", "least", "most"), [(PageSize, 1, 1000), (CopyCount, 1, 100), (KeyCount, 1, 100)])
def test_integers_have_exact_bounds(kind, least, most):
    assert read_int32(kind, least) == least
    assert read_int32(kind, most) == most
    assert type(read_scalar(kind, most)) is kind
    for beyond in (least - 1, most + 1, 0, -1):
        with pytest.raises(ValueError, match=f"from {least} to {most}"):
            read_int32(kind, beyond)


def test_an_id_may_be_wrapped_where_the_wire_says_so():
    assert read_scalar(IdOrUpdateValue, ID.upper()) == ID
    assert read_scalar(IdOrUpdateValue, {"Value": ID.upper()}) == ID
    assert type(read_scalar(IdOrUpdateValue, ID)) is IdOrUpdateValue
    for wrong in ({}, {"value": ID}, {"Value": None}, {"Value": {"Value": ID}}, [ID], None, {"Value": [ID]}):
        with pytest.raises(ValueError, match="expected a uuid"):
            read_scalar(IdOrUpdateValue, wrong)


def test_the_hooks_know_the_wires_own_types_and_no_others():
    assert read_scalar(Id, ID) == ID
    assert read_scalar(Utc, "2025-01-31") == datetime(2025, 1, 31, tzinfo=UTC)
    with pytest.raises(ValueError):
        read_scalar(Id, {"Value": ID})
    for hook in (lambda: read_scalar(complex, 1), lambda: print_scalar(1j), lambda: describe_scalar(complex)):
        with pytest.raises(NotImplementedError):
            hook()


def test_printing_the_wires_own_types():
    assert print_scalar(read_utc("2025-01-31T12:34:56.9+01:00")) == "2025-01-31T11:34:56Z"
    assert type(print_scalar(Id(ID))) is str
    assert print_scalar(Id(ID)) == ID
    assert type(print_scalar(PageSize(5))) is int
    assert print_scalar(PageSize(5)) == 5


def test_describing_the_wires_own_types():
    plain = {"type": "string", "format": "uuid"}
    assert describe_scalar(Id) == plain
    assert describe_scalar(Utc) == {"type": "string", "format": "date-time"}
    assert describe_scalar(PageSize) == {"type": "integer", "format": "int32", "minimum": 1, "maximum": 1000}
    assert describe_scalar(IdOrUpdateValue) == {
        "anyOf": [plain, {"type": "object", "properties": {"Value": plain}, "required": ["Value"]}]
    }


def raw(text):
    return msgspec.Raw(text.encode() if isinstance(text, str) else text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"), ("1", "1"), ("230", "230"), ("230.0", "230"), ("230.50", "230.5"), ("0.01", "0.01"), ("-0.01", "-0.01"),
        ("1e2", "100"), ("1E+2", "100"), ("12.5e-1", "1.25"), ("1e12", "1000000000000"), ("1e-6", "0.000001"),
        ("123456789012345", "123456789012345"), ("-123456789012345", "-123456789012345"),
        ("999999999999999e12", "999999999999999000000000000"), ("999999999999999e-6", "999999999.999999"),
        ("123456789.012345", "123456789.012345"), ("0.000001", "0.000001"), ("000", "0"), (" 5 ", "5"),
        ("100000000000000", "100000000000000"), ("0.5e1", "5"), ("1.000000", "1"),
    ],
)  # fmt: skip
def test_decimals_are_exact_and_in_their_shortest_form(text, value):
    read = decimal(raw(text), "Value")
    assert read == Decimal(value)
    assert str(read) == value


@pytest.mark.parametrize(
    "text",
    [
        "null", "true", '"1"', "[]", "{}", "[1]", "-", "", ".5", "5.", "1e", "+1", "0x10", "1_000", "NaN", "Infinity",
        "1234567890123456", "-1234567890123456", "0.0000001", "1e-7", "1e13", "1.0e14", "1e9999999", "1e-9999999", "1e999999",
        "1e-999999", "0e13", "0e-7", "1.1234567", "123456789.0123456", "1e٣", "٣", "1e+0000013", "9" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_decimal_here(text):
    with pytest.raises(Invalid) as refused:
        decimal(raw(text), "Value")
    assert refused.value.parameter == "Value"


def test_an_absent_decimal_is_refused():
    with pytest.raises(Invalid, match="Invalid Net"):
        decimal(absent(), "Net")


@given(some.integers(-(10**15) + 1, 10**15 - 1), some.integers(-6, 12))
@example(0, -6)
@example(10**15 - 1, 12)
def test_a_decimal_equals_what_python_reads_from_the_same_text(digits, exponent):
    text = f"{digits}e{exponent}"
    read = decimal(raw(text), "Value")
    assert read == Decimal(text)
    assert "E" not in str(read)
    assert "." not in str(read) or not str(read).endswith("0")


@given(some.from_regex(rb"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,9})?\Z"))
def test_any_json_number_is_read_exactly_or_refused_at_once(text):
    try:
        read = decimal(raw(text), "Value")
    except Invalid:
        return
    assert read == Decimal(text.decode())
    assert len(read.as_tuple().digits) <= 15 + 12


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None), (" null ", None), ("0", 0.0),
        ("-1", -1.0), ("5", 5.0), ("9.5", 9.5), ("1e2", 100.0), ("1e999", float("inf")),
        ("-1e999", float("-inf")), ("1e9999999", float("inf")), ("1e-9999999", 0.0), (" 7 ", 7.0), ("8", 8.0), ("3", 3.0),
        ("2", 2.0), ("4", 4.0), ("6", 6.0),
    ],
)  # fmt: skip
def test_a_progress_is_any_json_number(text, value):
    assert finite(raw(text), "Progress") == value


def test_an_absent_progress_is_none():
    assert finite(absent(), "Progress") is None


@pytest.mark.parametrize("text", ["true", "false", '"5"', "[]", "{}", '"null"'])
def test_what_is_no_progress(text):
    with pytest.raises(Invalid) as refused:
        finite(raw(text), "Progress")
    assert refused.value.parameter == "Progress"


@given(some.binary(min_size=1))
def test_base64_of_anything_is_base64(content):
    text = base64.b64encode(content).decode()
    assert is_base64(text)
    assert not is_base64(text[:-1])
    assert not is_base64(text + "=")
    assert not is_base64(text + "\n")


@pytest.mark.parametrize(
    "text",
    ["", "=", "====", "A", "AA", "AAA", "AA=", "A===", "AAAA=", "AA==AAAA", "AA AA", "AAA-",
      "AAA_", "é", "AAAé", "AAAA\0", "...."]
)  # fmt: skip
def test_what_is_no_base64(text):
    assert not is_base64(text)


@pytest.mark.parametrize("text", [None, "", "a", "a" * 255, "é" * 255, "\n", "\ud83d\ude00"])
def test_text_that_can_be_kept(text):
    assert usable_text(text, "Value") == text


@pytest.mark.parametrize("text", ["a" * 256, "\0", "a\0b"])
def test_text_that_cannot_be_kept(text):
    with pytest.raises(Invalid) as refused:
        usable_text(text, "SerialNumber")
    assert refused.value.parameter == "SerialNumber"


def test_the_longest_text_may_be_set():
    assert usable_text("abc", "Value", 3) == "abc"
    with pytest.raises(Invalid):
        usable_text("abcd", "Value", 3)
