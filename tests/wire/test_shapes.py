from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from nightporter.domain.errors import Invalid, Malformed
from nightporter.domain.interval import Interval
from nightporter.operations.commands.add_printer import Parameters as AddPrinter
from nightporter.operations.resource_access_tokens.add import Parameters as AddTokens
from nightporter.operations.resource_access_tokens.update import Parameters as UpdateTokens
from nightporter.wire.scalars import Id, PageSize, SentNumber, SentUtc, Utc
from nightporter.wire.shapes import (
    BoolUpdateValue,
    Common,
    Ids,
    Limitation,
    Shape,
    StringUpdateValue,
    TimeInterval,
    UtcUpdateValue,
    decoder,
    encode,
    interval_of,
)

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


class Everything(Common, kw_only=True):
    """One of each kind of field."""

    an_id: Id | None = None
    ids: Ids | None = None
    when: Utc | None = None
    limitation: Limitation | None = None
    updated_utc: TimeInterval | None = None
    text: StringUpdateValue | None = None
    instant: UtcUpdateValue | None = None
    truth: BoolUpdateValue | bool | None = None
    value: Annotated[str, msgspec.Meta(max_length=3)] | None = None


read = decoder(Everything)


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ("{}", "Client"),
        ('{"Client":null}', "Client"),
        ('{"Client":""}', "Client"),
        ('{"Client":1}', "Client"),
        ('{"Client":"c","LanguageCode":1}', "LanguageCode"),
        ('{"Client":"c","AnId":"x"}', "AnId"),
        ('{"Client":"c","AnId":1}', "AnId"),
        ('{"Client":"c","Ids":[]}', "Ids"),
        ('{"Client":"c","Ids":[null]}', "Ids"),
        ('{"Client":"c","Ids":["%s","x"]}', "Ids"),
        ('{"Client":"c","Ids":{}}', "Ids"),
        ('{"Client":"c","Ids":[' + ",".join([f'"{ID}"'] * 1001) + "]}", "Ids"),
        ('{"Client":"c","When":"yesterday"}', "When"),
        ('{"Client":"c","When":{}}', "When"),
        ('{"Client":"c","Limitation":[]}', "Limitation"),
        ('{"Client":"c","Limitation":{}}', "Count"),
        ('{"Client":"c","Limitation":{"Count":null}}', "Count"),
        ('{"Client":"c","Limitation":{"Count":0}}', "Count"),
        ('{"Client":"c","Limitation":{"Count":1001}}', "Count"),
        ('{"Client":"c","Limitation":{"Count":1.5}}', "Count"),
        ('{"Client":"c","Limitation":{"Count":"1"}}', "Count"),
        ('{"Client":"c","Limitation":{"Count":true}}', "Count"),
        ('{"Client":"c","Limitation":{"Count":1e300}}', "Count"),
        ('{"Client":"c","Limitation":{"Count":99999999999999999999999}}', "Count"),
        ('{"Client":"c","Limitation":{"Count":1,"Cursor":"x"}}', "Cursor"),
        ('{"Client":"c","UpdatedUtc":{}}', "StartUtc"),
        ('{"Client":"c","UpdatedUtc":{"StartUtc":"2025-01-01"}}', "EndUtc"),
        ('{"Client":"c","UpdatedUtc":{"StartUtc":null,"EndUtc":null}}', "StartUtc"),
        ('{"Client":"c","Text":{"Value":1}}', "Text"),
        ('{"Client":"c","Text":"bare"}', "Text"),
        ('{"Client":"c","Instant":{"Value":null}}', "Instant"),
        ('{"Client":"c","Instant":{"Value":"x"}}', "Instant"),
        ('{"Client":"c","Truth":{"Value":null}}', "Truth"),
        ('{"Client":"c","Truth":1}', "Truth"),
        ('{"Client":"c","Value":"four"}', "Value"),
    ],
)
def test_the_innermost_field_at_fault_is_named(body, parameter):
    with pytest.raises(Invalid) as refused:
        read(body.replace("%s", ID).encode())
    assert refused.value.parameter == parameter


TOKEN = (
    '{"ServiceOrderId":"%s","Type":"PinCode","Value":"1","ValidityStartUtc":"2025-01-01","ValidityEndUtc":"2025-01-02",'
    '"Permissions":{}}'
).replace("%s", ID)


def tokens(one):
    return '{"ResourceAccessTokenParameters":[' + one + "]}"


@pytest.mark.parametrize(
    ("shape", "body", "parameter"),
    [
        (AddTokens, '{"ResourceAccessTokenParameters":[]}', "ResourceAccessTokenParameters"),
        (AddTokens, '{"ResourceAccessTokenParameters":[null]}', "ResourceAccessTokenParameters"),
        (AddTokens, tokens(TOKEN.replace('"1"', '""')), "Value"),
        (AddTokens, tokens(TOKEN.replace('"1"', "null")), "Value"),
        (AddTokens, tokens(TOKEN.replace("PinCode", "Pin")), "Type"),
        (AddTokens, tokens(TOKEN.replace("{}", '{"Bed":{"Value":1}}')), "Bed"),
        (AddTokens, tokens(TOKEN.replace("{}", '{"Bed":{}}')), "Bed"),
        (AddTokens, tokens(TOKEN.replace("{}", "null")), "Permissions"),
        (AddTokens, tokens(TOKEN.replace(ID, "x")), "ServiceOrderId"),
        (UpdateTokens, '{"ResourceAccessTokenUpdates":[{}]}', "ResourceAccessTokenId"),
        (UpdateTokens, '{"ResourceAccessTokenUpdates":[{"ResourceAccessTokenId":{}}]}', "ResourceAccessTokenId"),
        (
            UpdateTokens,
            '{"ResourceAccessTokenUpdates":[{"ResourceAccessTokenId":"%s","Value":{"Value":null}}]}',
            "Value",
        ),
        (UpdateTokens, '{"ResourceAccessTokenUpdates":[{"ResourceAccessTokenId":"%s","Value":"x"}]}', "Value"),
        (
            UpdateTokens,
            '{"ResourceAccessTokenUpdates":[{"ResourceAccessTokenId":"%s","ValidityEndUtc":{"Value":null}}]}',
            "ValidityEndUtc",
        ),
        (AddPrinter, '{"PrinterId":"%s","CopyCount":101,"Data":"AAAA"}', "CopyCount"),
        (AddPrinter, '{"PrinterId":"%s","CopyCount":1,"Data":""}', "Data"),
        (AddPrinter, '{"PrinterId":"%s","CopyCount":1}', "Data"),
    ],
)
def test_the_field_at_fault_within_the_requests_of_operations(shape, body, parameter):
    with pytest.raises(Invalid) as refused:
        decoder(shape)(b'{"Client":"c",' + body[1:].replace("%s", ID).encode())
    assert refused.value.parameter == parameter


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"null", b"[]", b"1", b'"x"', b"{", b"}", b"{]", b"{'Client':1}", b'{"Client":"c",}', b'{"Client":NaN}',
        b'{"Client":"c"}{}', b'{"Client":"c"} x', b'{"Client":"c"// x\n}', b"\xef\xbb\xbf{}", b'{"Client":"\xff"}',
        b'{"Client":"\xed\xa0\x80"}', b'{"Client":"\\ud800"}', b'{"Client":"\\x"}', b'{"Client":"\n"}', b'{"Client":01}',
        b"[" * 100_000, b'{"a":' * 100_000, b"\0", "{}".encode("utf-16"),
        b'{"Client":"c","When":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)  # fmt: skip
def test_what_is_not_json(body):
    with pytest.raises(Malformed):
        read(body)


def test_what_is_not_known_is_not_looked_at_and_the_last_of_two_counts():
    deep = (
        b'{"Client":"b","Client":"c","Ids":["x"],"Ids":["' + ID.upper().encode() + b'"],"Unknown":{"a":[1,2.5,null]}}'
    )
    assert decoder(Everything)(deep.replace(b'"Ids":["x"],', b"")) == Everything(client="c", ids=[Id(ID)])


def test_null_counts_as_absent():
    body = b'{"Client":"c","AnId":null,"Ids":null,"When":null,"Limitation":null,"Truth":null,"Text":null}'
    assert read(body) == Everything(client="c")


def test_values_as_they_are_read():
    body = (
        '{"Client":"c","LanguageCode":"cs","CultureCode":"cs-CZ","AnId":"%s","When":"2025-01-01","Limitation":{"Count":1.0},'
        '"Text":{"Value":null},"Truth":{"Value":true}}'
    ).replace("%s", ID.upper())
    assert read(body.encode()) == Everything(
        client="c",
        language_code="cs",
        culture_code="cs-CZ",
        an_id=Id(ID),
        when=Utc(2025, 1, 1, tzinfo=UTC),
        limitation=Limitation(PageSize(1)),
        text=StringUpdateValue(None),
        truth=BoolUpdateValue(True),
    )
    assert read(b'{"Client":"c","Truth":false}').truth is False


@given(some.binary())
def test_bytes_of_any_kind_are_read_or_refused(body):
    for decode in (read, decoder(AddTokens), decoder(UpdateTokens)):
        with pytest.raises((Malformed, Invalid)):
            decode(body)


def interval(start, end):
    return TimeInterval(Utc(*start, tzinfo=UTC), Utc(*end, tzinfo=UTC))


def test_an_interval_is_read_and_checked():
    assert interval_of(None, "UpdatedUtc") is None
    found = interval_of(interval((2025, 1, 1), (2025, 4, 1)), "UpdatedUtc")
    assert found == Interval(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC))
    for wrong in (interval((2025, 1, 1), (2025, 4, 2)), interval((2025, 1, 2), (2025, 1, 1))):
        with pytest.raises(Invalid) as refused:
            interval_of(wrong, "CollidingUtc")
        assert refused.value.parameter == "CollidingUtc"


class Printed(Shape):
    """What replies are made of."""

    number: SentNumber
    at_utc: SentUtc
    nothing: str | None = None


@pytest.mark.parametrize(
    ("value", "text"), [("230", "230"), ("0.01", "0.01"), ("-1.5", "-1.5"), ("0", "0"), ("0.000001", "0.000001")]
)
def test_replies_print_numbers_and_times_in_their_wire_form(value, text):
    printed = encode(Printed(Decimal(value), datetime(2025, 1, 31, 12, 0, 1, tzinfo=UTC)))
    assert printed == b'{"Number":%s,"AtUtc":"2025-01-31T12:00:01Z","Nothing":null}' % text.encode()


def test_requests_are_printed_as_they_are_read():
    asked = Everything(client="c", an_id=Id(ID), when=Utc(2025, 1, 1, tzinfo=UTC), limitation=Limitation(PageSize(7)))
    assert read(encode(asked)) == asked
