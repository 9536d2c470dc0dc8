"""The messages of the published clients, and messages however their bytes come."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightporter.agent.drivers.key_cutter.messages import (
    LONGEST,
    Decoder,
    Frame,
    KeyOrder,
    Made,
    Signal,
    TurnedDown,
    lrc,
    read_answer,
    read_order,
    write_frame,
)

VECTOR = bytes.fromhex(
    "02 b3 43 4e b3 4f 6e 6c 69 6e 65 20 45 6e 63 6f 64 65 72 20 31 b3 52 b3 52 6f 6f 6d 20 31 b3 03 8b"
)
VECTOR_FIELDS = ("CN", "Online Encoder 1", "R", "Room 1")
ORDER = KeyOrder(
    command="CN",
    encoder="Online Encoder 1",
    rooms=("Room 1", "Room 2", "Room 3", "Room 4"),
    start=datetime(2026, 3, 1, 15, 5),
    end=datetime(2026, 3, 4, 11, 0),
    authorizations=(1, 2, 3, 4, 5),
    operator="Operator",
    texts=("John Doe", "AnonymousVille", "Guest"),
)

SENT_BY_THE_RUBY_CLIENT = {
    "CN": "02b3434eb34f6e6c696e6520456e636f6465722031b352b3526f6f6d2031b3526f6f6d2032b3b3b33161217db3"
    "b331353035303130333236b331353035303430333236b352756279b34c696e65206f6e65b34c696e652074776fb3b332b303a9",
    "CC": "02b34343b34f6e6c696e6520456e636f6465722031b352b3526f6f6d2031b3526f6f6d2032b3b3b33161217db3"
    "b331353035303130333236b331353035303430333236b352756279b34c696e65206f6e65b34c696e652074776fb3b332b303a4",
}
"""What ``bookingexperts/salto`` 950704f puts on the wire for the same card, taken from its socket."""

printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=24)
minutes = st.datetimes(datetime(2000, 1, 1), datetime(2068, 12, 31)).map(
    lambda one: one.replace(second=0, microsecond=0)
)
orders = st.builds(
    KeyOrder,
    command=st.sampled_from(["CN", "CC"]),
    encoder=printable,
    rooms=st.lists(printable.filter(bool), min_size=1, max_size=4).map(tuple),
    start=minutes,
    end=minutes,
    authorizations=st.lists(st.integers(1, 62), max_size=8).map(tuple),
    eject=st.sampled_from("ERT"),
    operator=printable,
    texts=st.lists(printable.filter(bool), max_size=3).map(tuple),
    serial=st.integers(0, 2),
)


def test_the_message_of_a_published_client_is_written_and_read() -> None:
    assert write_frame(VECTOR_FIELDS) == VECTOR
    assert Decoder().feed(VECTOR) == [Frame(VECTOR_FIELDS)]


def test_the_check_byte_covers_all_after_stx_up_to_and_with_etx() -> None:
    check = 0
    for byte in VECTOR[1:-1]:
        check ^= byte
    assert lrc(VECTOR[1:-2]) == check == 0x8B


def test_an_order_has_the_sixteen_fields_of_the_published_clients() -> None:
    assert ORDER.fields == (
        *("CN", "Online Encoder 1", "R", "Room 1", "Room 2", "Room 3", "Room 4", "12345", ""),
        *("1505010326", "1100040326", "Operator", "John Doe", "AnonymousVille", "Guest", "2"),
    )


@pytest.mark.parametrize("command", SENT_BY_THE_RUBY_CLIENT)
def test_an_order_has_the_bytes_that_a_published_client_sends(command: str) -> None:
    order = KeyOrder(
        command=command,
        encoder="Online Encoder 1",
        rooms=("Room 1", "Room 2"),
        start=datetime(2026, 3, 1, 15, 5),
        end=datetime(2026, 3, 4, 15, 5),
        authorizations=(1, 10, 36, 62),
        operator="Ruby",
        texts=("Line one", "Line two"),
    )
    sent = bytes.fromhex(SENT_BY_THE_RUBY_CLIENT[command])
    assert write_frame(order.fields) == sent
    (heard,) = Decoder().feed(sent)
    assert isinstance(heard, Frame)
    assert read_order(heard.fields) == order


def test_authorizations_have_the_symbols_of_the_published_clients() -> None:
    numbers = [*range(1, 63)]
    order = KeyOrder("CN", "1", ("1",), ORDER.start, ORDER.end, authorizations=tuple(numbers))
    told = dict(zip(numbers, order.fields[7], strict=True))
    assert [told[number] for number in (1, 9, 10, 35, 36, 37, 58, 59, 60, 61, 62)] == list("19az!#]^_{}")


def test_unchecked_frames_end_with_0d_and_are_taken() -> None:
    frame = write_frame(VECTOR_FIELDS, is_checked=False)
    assert frame[-1] == 0x0D
    assert Decoder().feed(frame) == [Frame(VECTOR_FIELDS)]


@pytest.mark.parametrize("place", range(1, len(VECTOR)))
def test_a_byte_that_was_changed_is_noticed(place: int) -> None:
    changed = bytearray(VECTOR)
    changed[place] ^= 0x40
    assert Frame(VECTOR_FIELDS) not in Decoder().feed(bytes(changed))


def test_a_wrong_check_byte_is_passed_over_only_where_none_is_looked_at() -> None:
    wrong = VECTOR[:-1] + b"\x00"
    assert Decoder().feed(wrong) == [Frame((), is_sound=False)]
    assert Decoder(is_checked=False).feed(wrong) == [Frame(VECTOR_FIELDS)]


STREAM = bytes([6]) + VECTOR + bytes([21, 5]) + write_frame(["ED", "Online Encoder 2"], is_checked=False) + bytes([6])
HEARD = [Signal.ACK, Frame(VECTOR_FIELDS), Signal.NAK, Signal.ENQ, Frame(("ED", "Online Encoder 2")), Signal.ACK]


@pytest.mark.parametrize("place", range(len(STREAM) + 1))
def test_a_stream_is_the_same_wherever_it_is_split(place: int) -> None:
    decoder = Decoder()
    assert decoder.feed(STREAM[:place]) + decoder.feed(STREAM[place:]) == HEARD


def test_a_stream_is_the_same_byte_by_byte() -> None:
    decoder = Decoder()
    assert [heard for byte in STREAM for heard in decoder.feed(bytes([byte]))] == HEARD


@pytest.mark.parametrize("check", [0x02, 0x03, 0x05, 0x06, 0x15])
def test_a_check_byte_that_looks_like_a_signal_is_none(check: int) -> None:
    text = next(
        chr(a) + chr(b) for a in range(32, 127) for b in range(32, 127) if write_frame([chr(a) + chr(b)])[-1] == check
    )
    assert Decoder().feed(write_frame([text]) + bytes([6])) == [Frame((text,)), Signal.ACK]


def test_a_frame_without_end_is_not_kept_and_hides_no_signal_in_it() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x02\xb3" + b"\x15" * 100 * LONGEST) == []
    assert len(decoder._body or b"") <= LONGEST + 1
    assert decoder.feed(b"\x03\x0d\x06") == [Frame((), is_sound=False), Signal.ACK]


@pytest.mark.parametrize("bad", ["a\xb3b", "a\x03", "é", "a\rb", "\x7f"])
def test_what_cannot_stand_in_a_field_is_refused_without_being_quoted(bad: str) -> None:
    with pytest.raises(ValueError) as raised:
        write_frame(["CN", bad])
    assert bad not in str(raised.value)


def test_no_value_shows_what_a_guest_is_called() -> None:
    assert "John" not in repr(ORDER)
    assert "John" not in repr(Frame(ORDER.fields))
    assert "John" not in repr(TurnedDown("EG", "John"))


@given(orders, st.booleans(), st.data())
def test_every_order_survives_the_wire(order: KeyOrder, is_checked: bool, data: st.DataObject) -> None:
    frame = write_frame(order.fields, is_checked)
    place = data.draw(st.integers(0, len(frame)))
    decoder = Decoder()
    (heard,) = decoder.feed(frame[:place]) + decoder.feed(frame[place:])
    assert isinstance(heard, Frame)
    assert read_order(heard.fields) == order


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_are_read_the_same_in_two_pieces_as_in_one(data: bytes, place: int) -> None:
    decoder = Decoder()
    assert decoder.feed(data[:place]) + decoder.feed(data[place:]) == Decoder().feed(data)


@given(st.lists(st.text(max_size=12), min_size=1, max_size=5))
def test_any_answer_can_be_read(fields: list[str]) -> None:
    assert isinstance(read_answer(fields, ORDER), Made | TurnedDown | None)


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        (["CN", "Online Encoder 1"], Made(None)),
        (["CN", "ONLINE ENCODER 1", ""], Made(None)),
        (["CN", "Online Encoder 1", "04A2B3C4D5E680"], Made("04A2B3C4D5E680")),
        (["CN", "Online Encoder 1", "", "04A2B3C4", "Room 1"], Made("04A2B3C4")),
        (list(ORDER.fields), Made(None)),
        (["CN", "Online Encoder 2"], None),
        (["CN", "1"], None),
        (["CN"], None),
        (["CC", "Online Encoder 1"], None),
        (["LT", "Online Encoder 1"], None),
        (["EF"], TurnedDown("EF")),
        (["EP", "Online Encoder 1"], TurnedDown("EP")),
        (["EP", "Online Encoder 2"], None),
        (["EG", "1", "It is broken"], TurnedDown("EG", "It is broken")),
        (["EG", "2", "It is broken"], None),
        (["XY", "Online Encoder 1"], TurnedDown("XY")),
        (["X"], None),
        ([""], None),
    ],
)
def test_an_answer_counts_only_for_its_command_and_its_encoder(
    fields: list[str], read: Made | TurnedDown | None
) -> None:
    assert read_answer(fields, ORDER) == read


def test_the_number_of_another_encoder_is_not_taken_for_the_end_of_this_one() -> None:
    eleventh = KeyOrder("CN", "Online Encoder 11", ("1",), ORDER.start, ORDER.end)
    assert read_answer(["EG", "1", "It is broken"], eleventh) is None
    assert read_answer(["EG", "11", "It is broken"], eleventh) == TurnedDown("EG", "It is broken")


@pytest.mark.parametrize(
    "fields", [(), ("CN",), ("LT", *ORDER.fields[1:]), (*ORDER.fields[:9], "no time", *ORDER.fields[10:])]
)
def test_what_is_no_order_is_refused(fields: tuple[str, ...]) -> None:
    with pytest.raises(ValueError):
        read_order(fields)
