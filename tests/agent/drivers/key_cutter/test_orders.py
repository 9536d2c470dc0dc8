"""From a command to an order: which encoder, which rooms, when, and what stands on the card."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nightporter.agent.drivers.key_cutter.messages import KeyOrder
from nightporter.agent.drivers.key_cutter.orders import CannotBeMade, House, order_of
from tests.agent.drivers.key_cutter.conftest import ENCODER, key_data


def house(**changes: Any) -> House:
    given: dict[str, Any] = {
        "encoder": ENCODER,
        "rooms": {},
        "authorizations": {},
        "operator": "Nightporter",
        "eject": "R",
        "serial": 2,
        "texts": [],
        "time_zone": ZoneInfo("Europe/Prague"),
    }
    return House(**(given | changes))


def ordered(step: int = 1, at: House | None = None, **changes: Any) -> KeyOrder:
    return order_of(key_data(**changes), step, at or house())


def test_the_first_card_is_new_and_every_further_one_a_copy() -> None:
    assert [ordered(step, key_count=3).command for step in (1, 2, 3)] == ["CN", "CC", "CC"]


@pytest.mark.parametrize(
    ("changes", "encoder"),
    [
        ({}, ENCODER),
        ({"key_cutter_id": "Desk"}, "Desk"),
        ({"key_cutter_id": "Desk", "key_cutter_data": '{"encoder": "Back office"}'}, "Back office"),
        ({"key_cutter_data": '{"Encoder": "Back office", "Site": 1}'}, "Back office"),
        ({"key_cutter_id": "Desk", "key_cutter_data": "{}"}, "Desk"),
        ({"key_cutter_data": '{"other": 1}'}, ENCODER),
        ({"key_cutter_id": "", "key_cutter_data": ""}, ENCODER),
    ],
)
def test_the_encoder_is_that_of_the_data_then_of_the_id_then_of_the_configuration(
    changes: dict[str, str], encoder: str
) -> None:
    assert ordered(**changes).encoder == encoder


@pytest.mark.parametrize("data", ["{", "[]", '"Desk"', '{"encoder": 1}', '{"encoder": null}', '{"Encoder": 1}', "Desk"])
def test_data_that_cannot_be_read_does_not_fall_back_to_another_encoder(data: str) -> None:
    with pytest.raises(CannotBeMade, match="must be JSON"):
        ordered(key_cutter_data=data)


def test_without_any_encoder_there_is_no_key() -> None:
    with pytest.raises(CannotBeMade, match="No encoder is named"):
        ordered(at=house(encoder=""))


def test_the_encoders_name_must_be_one_that_can_be_sent() -> None:
    with pytest.raises(CannotBeMade, match="plain letters"):
        ordered(key_cutter_id="Réception")


def test_locks_are_rooms_by_their_own_name_or_by_the_one_that_was_configured() -> None:
    at = house(rooms={"a-1": "Room 101"}, authorizations={"gym": 11, "garage": 36})
    order = ordered(at=at, lock_ids=["a-1", "gym", "102", "garage", "102", "gym"])
    assert order.rooms == ("Room 101", "102")
    assert order.fields[7] == "b!"


def test_five_rooms_are_too_many_and_the_advice_says_what_to_do() -> None:
    with pytest.raises(CannotBeMade, match=r"5 rooms, and a card can hold 4\..*authorizations"):
        ordered(lock_ids=["1", "2", "3", "4", "5"])
    at = house(authorizations={"5": 1})
    assert ordered(at=at, lock_ids=["1", "2", "3", "4", "5"]).rooms == ("1", "2", "3", "4")


@pytest.mark.parametrize("locks", [[], ["gym"]])
def test_a_key_without_a_room_is_not_made(locks: list[str]) -> None:
    with pytest.raises(CannotBeMade, match="names no room"):
        ordered(at=house(authorizations={"gym": 1}), lock_ids=locks)


@pytest.mark.parametrize("lock", ["1" * 25, "Zimmer Süd", "a\xb3b", "1\r2", " "])
def test_a_room_is_never_cut_short_or_spelled_otherwise(lock: str) -> None:
    with pytest.raises(CannotBeMade, match="under rooms"):
        ordered(lock_ids=[lock])
    assert ordered(at=house(rooms={lock: "12"}), lock_ids=[lock]).rooms == ("12",)


def test_no_key_is_no_order() -> None:
    with pytest.raises(CannotBeMade, match="no key at all"):
        ordered(key_count=0)


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (datetime(2026, 3, 1, 14, tzinfo=UTC), datetime(2026, 3, 4, 10, tzinfo=UTC), ("1500010326", "1100040326")),
        (datetime(2026, 3, 28, 14, tzinfo=UTC), datetime(2026, 3, 29, 9, tzinfo=UTC), ("1500280326", "1100290326")),
        (
            datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),
            datetime(2026, 3, 29, 1, tzinfo=UTC),
            ("0159290326", "0300290326"),
        ),
        (datetime(2026, 10, 24, 13, tzinfo=UTC), datetime(2026, 10, 25, 10, tzinfo=UTC), ("1500241026", "1100251026")),
        (
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
            ("0230251026", "0230251026"),
        ),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), datetime(2027, 1, 1, 9, tzinfo=UTC), ("0030010127", "1000010127")),
    ],
)
def test_times_are_those_of_the_property(start: datetime, end: datetime, told: tuple[str, str]) -> None:
    assert ordered(start_utc=start, end_utc=end).fields[9:11] == told


@pytest.mark.parametrize("year", [1, 1999, 2100, 9999])
def test_a_date_that_two_digits_would_move_into_another_century_is_refused(year: int) -> None:
    moment = datetime(year, 1, 1, tzinfo=UTC)
    with pytest.raises(CannotBeMade, match="century"):
        ordered(start_utc=moment, end_utc=moment.replace(month=2))


def test_a_stay_that_ends_before_it_begins_is_refused() -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(CannotBeMade, match="ends before"):
        ordered(start_utc=moment, end_utc=moment)


def test_nothing_of_the_guest_is_sent_unless_it_was_configured() -> None:
    sent = " ".join(ordered().fields)
    assert not any(one in sent for one in ("Zo", "Quixote", "420", "example", "52 "))
    order = ordered(at=house(texts=["room", "guest", "reservation"]))
    assert order.fields[12:15] == ("101", "Zoe Quixote", "52")


@pytest.mark.parametrize(
    ("first", "last", "printed"),
    [
        ("Łukasz", "Groß", "Lukasz Gross"),
        ("Jiří", "Dvořák", "Jiri Dvorak"),
        (None, "O’Neill\r\x02 \x85\n", "O'Neill"),
        ("Марія", "Шевченко", ""),
        ("Anna", "x" * 40, "Anna " + "x" * 19),
    ],
)
def test_names_are_spelled_in_plain_letters_and_cut(first: str | None, last: str, printed: str) -> None:
    order = ordered(
        at=house(texts=["guest"]),
        first_name=first,
        last_name=last,
        normalized_first_name=None,
        normalized_last_name=None,
    )
    assert order.fields[12:15] == (printed, "", "")
