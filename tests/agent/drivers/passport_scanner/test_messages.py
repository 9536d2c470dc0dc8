"""Zones out of a stream: every framing, noise around them, and nothing that is not whole."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightporter.agent.drivers.passport_scanner.messages import FRAMINGS, framed, zones
from nightporter.agent.drivers.passport_scanner.mrz import NotClean, holder
from nightporter.agent.drivers.passport_scanner.simulator import ANOTHER, GARBAGE, SPECIMEN

CARD = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
VISA = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<")
DOCUMENTS = (SPECIMEN, ANOTHER, CARD)


@pytest.mark.parametrize("lines", DOCUMENTS, ids=("44", "30", "36"))
@pytest.mark.parametrize("framing", FRAMINGS)
def test_every_framing_is_recognised(framing: str, lines: tuple[str, ...]) -> None:
    assert zones(framed(lines, framing)) == ([lines], False)


@pytest.mark.parametrize("second", DOCUMENTS, ids=("44", "30", "36"))
@pytest.mark.parametrize("framing", [framing for framing in FRAMINGS if framing != "no end"])
def test_two_documents_stay_two(framing: str, second: tuple[str, ...]) -> None:
    burst = framed(SPECIMEN, framing) + framed(second, framing)
    assert zones(burst) == ([SPECIMEN, second], False)


@pytest.mark.parametrize("flag", [b"0", b"A", b"<", b"\x02", b"\r"])
@pytest.mark.parametrize("check", [b"0", b"P", b"\r", b"\x03", b""])
@pytest.mark.parametrize("length", [b"\x6e\x00", b"AB", b"\r\n", b"\x01O"])
def test_no_part_of_an_rte_frame_is_taken_for_a_line(flag: bytes, check: bytes, length: bytes) -> None:
    """The card's first line follows the flag at once, and the check character may be any."""
    frame = b"\x01" + length + b"OU\x02" + flag + b"".join(line.encode() + b"\r" for line in ANOTHER) + b"\x03" + check
    assert zones(frame) == ([ANOTHER], False)
    if check:
        assert zones(frame + frame) == ([ANOTHER, ANOTHER], False)


@pytest.mark.parametrize("flag", [b"A", b"C", b"P"])
def test_the_flag_of_an_rte_frame_may_look_like_the_kind_of_a_document(flag: bytes) -> None:
    card = ("IDFRAX4RTBPFW46<<<<<<<<<<<<<<<", "9007138F3002119FRA<<<<<<<<<<<6", "MARTIN<<MAELYS<GAELLE<MARIE<<<")
    frame = b"\x01\x6b\x00OU\x02" + flag + b"".join(line.encode() + b"\r" for line in card) + b"\x03A"
    assert zones(frame) == ([card], False)
    assert holder(card, date(2026, 3, 1)).number == "X4RTBPFW4"


def test_a_card_in_one_line_is_not_taken_for_a_passport_with_something_before_it() -> None:
    """``CHEAB`` would be a beginning, too, and ninety characters are two more than a passport has."""
    card = ("I<CHEAB12345674<<<<<<<<<<<<<<<", "7408122F1204159CHE<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
    assert zones(framed(card, "one line")) == ([card], False)


def test_the_frame_of_3m_as_printed_in_its_manual() -> None:
    lines = [line.encode() for line in CARD]
    frame = b"\x01\x62\x00OU\x020\r" + lines[0] + b"_" * 8 + b"\r" + lines[1] + b"_" * 8 + b"\r\x03\x41"
    assert zones(frame) == ([CARD], False)


@pytest.mark.parametrize("noise", [b"", b"OK\r\n", GARBAGE, b"\x06", b"]L0\r", b"READER 7 READY\r\n", b"\x01\x02\x03"])
def test_noise_around_a_document_is_passed_over(noise: bytes) -> None:
    for framing in FRAMINGS:
        assert zones(noise + b"\n" + framed(SPECIMEN, framing) + b"\r" + noise) == ([SPECIMEN], False)


def test_what_stands_right_before_a_document_is_taken_off() -> None:
    for prefix in (b"L0", b"MRZ0", b"<"):
        assert zones(prefix + framed(SPECIMEN, "CRLF")) == ([SPECIMEN], False)
        assert zones(prefix + framed(SPECIMEN, "one line")) == ([SPECIMEN], False)
    assert zones(b"READER" + framed(SPECIMEN, "CRLF")) == ([], True)


def test_a_line_with_one_character_too_many_is_no_line() -> None:
    """Such a one was not read cleanly, and a name has no check digit that would tell."""
    first, second = SPECIMEN
    for at in range(1, 44):
        assert zones(f"{first[:at]}X{first[at:]}\r{second}\r".encode())[0] == []


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("lines", [*DOCUMENTS, VISA], ids=("44", "30", "36", "44 of a visa"))
def test_a_part_of_a_document_is_never_read(framing: str, lines: tuple[str, ...]) -> None:
    """However far it came: nothing that is clean, or all of it once only its end is missing."""
    whole = framed(lines, framing)
    for end in range(len(whole)):
        for zone in zones(whole[:end])[0]:
            if zone != lines:
                with pytest.raises(NotClean):
                    holder(zone, date(2012, 1, 1))


def test_a_part_of_a_document_is_noticed() -> None:
    assert zones(SPECIMEN[0][:30].encode()) == ([], True)
    assert zones(b"OK\r\n") == ([], False)


@given(
    st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([framed(d, f) for d in DOCUMENTS for f in FRAMINGS])))
)
def test_any_bytes_are_zones_or_none(pieces: list[bytes]) -> None:
    found, _ = zones(b"".join(pieces))
    assert all(tuple(map(len, zone)) in ((44, 44), (36, 36), (30, 30, 30)) for zone in found)
