"""Keys cut through a lock system: one order, one card, at most once.

Nothing in the protocol tells afterwards whether a card was made, and a repeated first key locks out the cards that guests
already hold. So only a NAK and an error are taken for "no card", and a lost answer ends with a person.
"""

import asyncio
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from nightporter.agent.driver import (
    Attempt,
    Away,
    Done,
    Kind,
    Notes,
    Options,
    Outcome,
    Probe,
    Refused,
    Resolution,
    Surroundings,
    Task,
    Unknown,
)
from nightporter.agent.drivers.key_cutter.link import Link, Place, opened
from nightporter.agent.drivers.key_cutter.messages import (
    FIRST,
    FURTHER,
    OPERATOR_LENGTH,
    ROOM_LENGTH,
    SYMBOLS,
    TEXTS,
    KeyOrder,
    Made,
    is_printable,
    read_answer,
    write_frame,
)
from nightporter.agent.drivers.key_cutter.orders import CannotBeMade, House, order_of
from nightporter.agent.drivers.key_cutter.refusals import NOT_TAKEN, doubt, key_name, no_card, sentence
from nightporter.agent.tcp_address import read_address
from nightporter.domain.device import DeviceType
from nightporter.wire.command_data import KeyCutterCommandData

PORT = 8090
"""The one that published clients of lock systems use."""
TRIES = 3
"""How often an order is handed over that was turned back, and how often in a row the lock system is asked whether it is ready."""
BETWEEN_TRIES = 0.5
"""Seconds."""

BUSY = "The lock system says that it is busy."
Seconds = Annotated[float, Meta(gt=0, le=600)]


class IndustryStandardOptions(Options):
    """What can be said of an encoder in the configuration; ``docs/drivers/industry-standard.md`` tells of each."""

    address: str
    encoder: str = ""
    rooms: dict[str, str] = msgspec.field(default_factory=dict)
    authorizations: dict[str, Annotated[int, Meta(ge=1, le=len(SYMBOLS))]] = msgspec.field(default_factory=dict)
    operator: Annotated[str, Meta(max_length=OPERATOR_LENGTH)] = "Nightporter"
    eject: Literal["E", "R", "T"] = "R"
    serial: Literal[0, 1, 2] = 2
    texts: Annotated[list[Literal["room", "guest", "reservation"]], Meta(max_length=TEXTS)] = []
    check: Literal["lrc", "none"] = "lrc"
    patience: Seconds = 5
    waits: Seconds = 45


class IndustryStandard:
    """Drives one encoder of a lock system that speaks the Industry Standard."""

    def __init__(self, options: IndustryStandardOptions, surroundings: Surroundings) -> None:
        host, port = _address(options)
        for text, longest in [
            (options.encoder, None),
            (options.operator, OPERATOR_LENGTH),
            *[(room, ROOM_LENGTH) for room in options.rooms.values()],
        ]:
            if not is_printable(text) or len(text) > (longest or len(text)):
                raise ValueError(
                    "encoder, operator and the names under rooms must be plain letters, digits and signs; the last two "
                    f"at most {ROOM_LENGTH} characters"
                )
        self._place = Place(host, port, options.patience, options.check == "lrc")
        self._waits = options.waits
        self._pause = surroundings.sources.pause
        self._house = House(
            encoder=options.encoder,
            rooms=options.rooms,
            authorizations=options.authorizations,
            operator=options.operator,
            eject=options.eject,
            serial=options.serial,
            texts=options.texts,
            time_zone=surroundings.time_zone,
        )

    async def probe(self) -> Probe:
        """Ask the lock system whether it takes messages. Raises Away."""
        async with opened(self._place) as link:
            is_ready = await link.enquire()
        encoder = f", encoder {self._house.encoder}" if self._house.encoder else ""
        identity = f"Industry Standard lock system at {self._place.host}:{self._place.port}{encoder}"
        return Probe(identity, () if is_ready else (BUSY,))

    def steps(self, task: Task) -> int:
        """One for each card; a command that asks for none has one, which is refused."""
        return max(1, _data(task).key_count)

    async def prepare(self, task: Task, step: int) -> Notes | Refused:
        """Read the command and ask the lock system whether it takes one. Raises Away.

        The baseline names the encoder, for nothing at the lock system could be compared.
        """
        try:
            order = order_of(_data(task), step, self._house)
        except CannotBeMade as error:
            return Refused(str(error))
        # It may be long until the order leaves, so that has a connection of its own.
        async with opened(self._place) as link:
            await self._get_ready(link)
        return {"Encoder": order.encoder}

    async def execute(self, task: Task, step: int, baseline: Notes, attempt: Attempt) -> Outcome:
        """Order one card and wait until somebody put it on the encoder. Raises Away."""
        keys = self.steps(task)
        try:
            order = order_of(_data(task), step, self._house)
        except CannotBeMade as error:
            return Refused(str(error))
        async with opened(self._place) as link:
            await self._get_ready(link)
            if attempt.cancelled.is_set():
                return Refused(no_card("It was called off before it was begun.", step, keys), is_cancelled=True)
            await attempt.sending({"Command": order.command, "Encoder": order.encoder, "Key": step, "Keys": keys})
            stopped = await self._hand_over(link, order, step, keys)
            if stopped is not None:
                return stopped
            attempt.progress(None, f"{key_name(step, keys)}: put a card on the encoder {order.encoder}.")
            return await self._answer(link, order, step, keys)

    async def resolve(self, task: Task, step: int, baseline: Notes, reference: Notes, attempt: Attempt) -> Resolution:
        """Nobody can be asked what became of an order."""
        return Unknown(self.doubt(task, step, reference))

    def doubt(self, task: Task, step: int, reference: Notes) -> str:
        """That the card has to be tried on its lock, and what another key would do to those made before."""
        command = FIRST if step == 1 else FURTHER
        return doubt(step, self.steps(task), command, str(reference.get("Encoder", self._house.encoder)))

    async def close(self) -> None:
        """Nothing stays open between two calls."""

    async def _get_ready(self, link: Link) -> None:
        if not await self._is_ready(link):
            raise Away(BUSY)

    async def _is_ready(self, link: Link) -> bool:
        for number in range(TRIES):
            if number:
                await self._pause(BETWEEN_TRIES)
            if await link.enquire():
                return True
        return False

    async def _hand_over(self, link: Link, order: KeyOrder, step: int, keys: int) -> Outcome | None:
        """None when the order was taken. Raises Away when it may have been.

        Up to a NAK nothing was carried out, so whatever goes wrong between it and the next try leaves no card.
        """
        frame = write_frame(order.fields, self._place.is_checked)
        for number in range(TRIES):
            if number:
                await self._pause(BETWEEN_TRIES)
                if link.forget():
                    # More than a NAK came: it contradicts itself, and a repeat could be a second card.
                    return Unknown(doubt(step, keys, order.command, order.encoder))
                try:
                    if not await self._is_ready(link):
                        break
                except Away:
                    break
            if not link.is_open:
                break
            if await link.hand_over(frame):
                return None
        return Refused(no_card(NOT_TAKEN, step, keys))

    async def _answer(self, link: Link, order: KeyOrder, step: int, keys: int) -> Outcome:
        try:
            async with asyncio.timeout(self._waits):
                while True:
                    frame = await link.answer()
                    if not frame.is_sound:
                        return Unknown(doubt(step, keys, order.command, order.encoder))
                    answer = read_answer(frame.fields, order)
                    if isinstance(answer, Made):
                        result = {"Key": step, "Encoder": order.encoder}
                        serial = {} if answer.serial is None else {"Serial": answer.serial}
                        return Done(f"{key_name(step, keys)} was cut on the encoder {order.encoder}.", result | serial)
                    if answer is not None:
                        return Refused(no_card(sentence(answer, order), step, keys))
        except TimeoutError:
            raise Away(
                f"The lock system took the order and did not answer it within {self._waits:g} seconds."
            ) from None


def _data(task: Task) -> KeyCutterCommandData:
    assert isinstance(task.data, KeyCutterCommandData)
    return task.data


def _address(options: IndustryStandardOptions) -> tuple[str, int]:
    return read_address(options.address, f"locks.example:{PORT}", PORT)


def _place(options: IndustryStandardOptions) -> str:
    """Two encoders of one lock system are two machines."""
    host, port = _address(options)
    return f"{host}:{port} {options.encoder.casefold()}".rstrip()


KIND = Kind("industry-standard", DeviceType.KEY_CUTTER, IndustryStandardOptions, IndustryStandard, _place)
