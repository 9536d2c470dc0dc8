import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightporter.agent.drivers.payment_terminal import codes, messages
from nightporter.agent.drivers.payment_terminal.messages import (
    Apdu,
    Garbled,
    decimal,
    fields,
    objects,
    packed,
    status_information,
    take,
    terminal_status,
)

APPROVED = bytes.fromhex(
    "040F77270004000000002040" "0B000470" "0C223953" "0D1006" "0E2512" "170001" "1970" "22F0F8EEEEEEEEEEEE4771"
    "2928004869" "2A313030343631373633202020202020" "3B3631313830340000" "3CF0F1F447454E2E4E522E3A363131383034"
    "490978" "870470" "88000470" "8A2E" "8BF1F74465626974204D61737465726361726400"
)  # fmt: skip
"""From the unit tests of Portalum.Zvt."""

CONTACTLESS = bytes.fromhex(
    "040F6527000C2313550D10290E999922F0F8EEEEEEEEEEEE4771A00129000000068700080B0000008A068BF1F14D41535445524341524400"
    "062E2F081F1201021F100100601B4307A000000004101044104465626974204D6173746572636172641F2B0410015008"
)
"""As above: a receipt without a trace, and a TLV container."""

CALLED_OFF = bytes.fromhex("040F1E276C29280048693CF0F1F941626272756368206475726368204B756E6465")
"""As above."""

CAPTURED = bytes.fromhex("276C040000000012004909780C1133390D081722F0F00B00000019602952500295")
"""The beginning of a captured status information: 12.00 EUR, called off."""


def whole(content: bytes) -> Apdu:
    received = bytearray(content)
    apdu = take(received)
    assert apdu is not None
    assert not received
    return apdu


def test_a_payment_of_ten_is_the_published_vector() -> None:
    apdu = Apdu(messages.PAYMENT, packed({messages.AMOUNT: decimal(1000, 6)}))
    assert apdu.encoded() == bytes.fromhex("06010704000000001000")
    assert messages.charge(messages.PAYMENT, 1000, 978).encoded() == bytes.fromhex("06010A04000000001000490978")


def test_the_other_commands_are_as_published() -> None:
    assert messages.charge(messages.RESERVATION, 1000, 978).encoded() == bytes.fromhex("06220A04000000001000490978")
    assert messages.registration("000000", 0xB6, 978).encoded() == bytes.fromhex("060006000000B60978")
    assert messages.repeat_receipt("000000").encoded() == bytes.fromhex("062003000000")
    assert Apdu(messages.ABORT).encoded() == bytes.fromhex("06B000")


def test_an_approved_payment_is_read() -> None:
    apdu = whole(APPROVED)
    assert apdu.command == messages.STATUS_INFORMATION
    status = status_information(apdu.data)
    assert (status.result, status.amount, status.currency) == (0, 2040, 978)
    assert (status.receipt, status.trace, status.terminal) == (470, 470, "28004869")
    assert (status.date, status.time) == ("1006", "223953")
    assert (status.card_name, status.card_ending, status.attribute) == ("Debit Mastercard", "4771", "611804")


def test_a_container_is_read_and_a_trace_of_zero_is_none() -> None:
    status = status_information(whole(CONTACTLESS).data)
    assert (status.result, status.amount, status.receipt, status.trace) == (0, None, 8, None)
    assert (status.card_name, status.application) == ("MASTERCARD", "A0000000041010")


def test_a_payment_called_off_is_read() -> None:
    status = status_information(whole(CALLED_OFF).data)
    assert (status.result, status.receipt, status.terminal) == (codes.CALLED_OFF, None, "28004869")


def test_the_captured_status_is_read() -> None:
    status = status_information(CAPTURED)
    assert (status.result, status.amount, status.currency) == (codes.CALLED_OFF, 1200, 978)
    assert (status.date, status.time, status.trace, status.terminal) == ("0817", "113339", None, "52500295")


def test_no_card_number_can_be_printed() -> None:
    bare = packed({messages.RESULT: b"\0", messages.CARD: bytes.fromhex("4111111111111111")})
    apdu = Apdu(messages.STATUS_INFORMATION, bare)
    status = status_information(apdu.data)
    assert status.card_ending == "1111"
    assert "1111" not in repr(apdu) + repr(status)


@pytest.mark.parametrize("at", range(1, len(APPROVED) + 3))
def test_messages_split_anywhere_and_joined_are_the_same(at: int) -> None:
    stream = APPROVED + b"\x80\0\0"
    received, found = bytearray(), []
    for piece in (stream[:at], stream[at:]):
        received += piece
        while (apdu := take(received)) is not None:
            found.append(apdu.encoded())
    assert found == [APPROVED, b"\x80\0\0"]


@given(st.sampled_from([0x0601, 0x040F, 0x8000, 0x849C]), st.binary(max_size=600))
def test_a_message_of_any_length_comes_back(command: int, data: bytes) -> None:
    assert whole(Apdu(command, data).encoded()) == Apdu(command, data)


def test_long_messages_have_a_length_of_two_bytes_the_low_one_first() -> None:
    assert Apdu(0x06D3, bytes(254)).encoded()[:3] == b"\x06\xd3\xfe"
    assert Apdu(0x06D3, bytes(255)).encoded()[:5] == b"\x06\xd3\xff\xff\x00"
    assert Apdu(0x06D3, bytes(300)).encoded()[:5] == b"\x06\xd3\xff\x2c\x01"


@given(
    st.fixed_dictionaries(
        {},
        optional={
            0x27: st.binary(min_size=1, max_size=1),
            0x04: st.binary(min_size=6, max_size=6),
            0x22: st.binary(max_size=99),
            0x3C: st.binary(max_size=999),
            0x06: st.binary(max_size=400),
            0x87: st.binary(min_size=2, max_size=2),
        },
    )
)
def test_fields_come_back(values: dict[int, bytes]) -> None:
    assert fields(packed(values)) == values


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_garbled(data: bytes) -> None:
    with contextlib.suppress(Garbled):
        status_information(data)


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_field_cut_short_is_garbled(cut: int) -> None:
    data = packed({0x8B: b"Visa\0"})
    with pytest.raises(Garbled):
        fields(data[:-cut])


def test_an_unknown_field_ends_what_can_be_read() -> None:
    assert fields(b"\x27\x00\xfe\x01\x02") == {0x27: b"\x00"}


def test_objects_within_objects_are_found() -> None:
    assert dict(objects(bytes.fromhex("2F081F1201021F100100"))) == {
        0x2F: bytes.fromhex("1F1201021F100100"),
        0x1F12: b"\x02",
        0x1F10: b"\x00",
    }
    with pytest.raises(Garbled):
        dict(objects(b"\x43\x07\xa0"))


def test_what_is_no_zvt_is_garbled() -> None:
    with pytest.raises(Garbled):
        take(bytearray(b"\x00\x00\x00\x3eVER|APP"))


def test_the_status_of_a_terminal_is_read() -> None:
    assert terminal_status(b"\xf0\xf0\xf31.0\x9c") == ("1.0", 0x9C)
    assert terminal_status(b"\xf0\xf0\xf0\x00") == (None, 0)
    assert terminal_status(b"") == (None, None)


def test_a_number_that_does_not_fit_is_refused() -> None:
    assert decimal(978, 2) == b"\x09\x78"
    with pytest.raises(ValueError, match="do not hold"):
        decimal(10**12, 6)


def test_codes_have_words() -> None:
    assert codes.reason(0x05) == "the bank declined it (code 05)"
    assert codes.reason(0x78) == "the card has expired"
    assert codes.reason(0xEE) == "the terminal gives the code EE, which its manual explains"
    assert codes.step(0x0A) == "The terminal waits for the card."
    assert codes.step(0x4E) == "The terminal is working. The guest is asked to take the card out."
    assert codes.step(0x99) == "The terminal is working."
    assert codes.problem(0x00) is None
    assert codes.problem(0x51) == "The terminal must be set up first; call its operator."
