"""What a command asks for, in the words of the lock system: which encoder, which rooms, when, and what stands on the card."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from nightporter.agent.drivers.key_cutter.messages import (
    FIRST,
    FURTHER,
    ROOM_LENGTH,
    ROOMS,
    TEXT_LENGTH,
    KeyOrder,
    is_printable,
)
from nightporter.domain.account import normalized
from nightporter.domain.value import value
from nightporter.wire.command_data import KeyCutterCommandData

_CENTURY = range(2000, 2100)


class CannotBeMade(Exception):
    """The command cannot become an order; the message tells a receptionist why and what to do, and names no guest."""


@value
class House:
    """What the configuration says of the lock system.

    ``rooms`` names locks as the lock system does, where that is another name; ``authorizations`` tells which locks are opened
    by an authorization (1 to 62) and not as a room. ``texts`` are the lines for the card: "room", "guest" or "reservation".
    """

    encoder: str
    rooms: Mapping[str, str]
    authorizations: Mapping[str, int]
    operator: str
    eject: str
    serial: int
    texts: Sequence[str]
    time_zone: ZoneInfo


def order_of(data: KeyCutterCommandData, step: int, house: House) -> KeyOrder:
    """The card of ``step``: the first is new, each further one a copy. Raises CannotBeMade."""
    if data.key_count < 1:
        raise CannotBeMade("The command asks for no key at all. Ask for at least one.")
    rooms = _rooms(data, house)
    start, end = _local(data.start_utc, house.time_zone), _local(data.end_utc, house.time_zone)
    if data.end_utc <= data.start_utc:
        raise CannotBeMade("The stay ends before it begins. Correct its dates and ask for the key again.")
    return KeyOrder(
        command=FIRST if step == 1 else FURTHER,
        encoder=_encoder(data, house.encoder),
        rooms=rooms,
        start=start,
        end=end,
        authorizations=tuple(
            dict.fromkeys(house.authorizations[lock] for lock in data.lock_ids if lock in house.authorizations)
        ),
        eject=house.eject,
        operator=house.operator,
        texts=tuple(_text(one, data, rooms[0]) for one in house.texts),
        serial=house.serial,
    )


def _encoder(data: KeyCutterCommandData, default: str) -> str:
    """The one named in ``KeyCutterData``, else ``KeyCutterId``, else that of the configuration."""
    encoder = (_named(data.key_cutter_data) or data.key_cutter_id or default).strip()
    if not encoder:
        raise CannotBeMade(
            "No encoder is named. Set encoder in the agent's configuration, or the identifier of the device."
        )
    if not is_printable(encoder):
        raise CannotBeMade(
            "The name of the encoder holds characters that the lock system cannot read. Name it in plain letters."
        )
    return encoder


def _named(key_cutter_data: str | None) -> str:
    if not key_cutter_data or not key_cutter_data.strip():
        return ""
    try:
        settings: Any = msgspec.json.decode(key_cutter_data)
    except (msgspec.DecodeError, RecursionError):
        settings = None
    # Property systems spell it either way.
    encoder = settings.get("encoder", settings.get("Encoder", "")) if isinstance(settings, dict) else None
    if not isinstance(encoder, str):
        raise CannotBeMade(
            'The data of the device cannot be read. It must be JSON like {"encoder": "Online Encoder 1"}, or empty.'
        )
    return encoder.strip()


def _rooms(data: KeyCutterCommandData, house: House) -> tuple[str, ...]:
    locks = [lock for lock in data.lock_ids if lock not in house.authorizations]
    rooms = tuple(dict.fromkeys(house.rooms.get(lock, lock).strip() for lock in locks))
    if not rooms:
        raise CannotBeMade(
            "The command names no room that the key should open. Give the room a lock, and ask for the key again."
        )
    if len(rooms) > ROOMS:
        raise CannotBeMade(
            f"The key should open {len(rooms)} rooms, and a card can hold {ROOMS}. Common doors among them belong under "
            "authorizations in the agent's configuration."
        )
    for room in rooms:
        # A name cut short or spelled otherwise could be that of another room.
        if not room or len(room) > ROOM_LENGTH or not is_printable(room):
            raise CannotBeMade(
                f"The name of a lock is empty, longer than {ROOM_LENGTH} characters, or holds characters that the lock system "
                "cannot read. Give its name at the lock system under rooms in the agent's configuration."
            )
    return rooms


def _local(moment: datetime, time_zone: ZoneInfo) -> datetime:
    """Cut to the minute; twice a year an hour of local time is told twice, and nothing on the wire tells which is meant."""
    if moment.year in _CENTURY:
        local = moment.astimezone(time_zone)
        if local.year in _CENTURY:
            return local.replace(second=0, microsecond=0, tzinfo=None)
    raise CannotBeMade("The dates of the stay lie outside this century. Correct them and ask for the key again.")


def _text(kind: str, data: KeyCutterCommandData, room: str) -> str:
    match kind:
        case "room":
            text: str | None = room
        case "guest":
            names = (
                data.normalized_first_name or data.first_name,
                data.normalized_last_name or data.last_name,
            )
            text = " ".join(normalized(name) or "" for name in names)
        case _:
            text = normalized(data.reservation_number)
    printable = "".join(letter if is_printable(letter) else " " for letter in text or "")
    return " ".join(printable.split())[:TEXT_LENGTH].rstrip()
