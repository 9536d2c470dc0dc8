"""The socket: one stream over many connections (contract 5; DESIGN, "Gap-free push")."""

import logging
from collections.abc import AsyncGenerator, Callable
from urllib.parse import quote

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from nightporter import __version__
from nightporter.client.address import Address, proxy_of
from nightporter.client.calling import reason_of, refusal_of
from nightporter.client.errors import Refused
from nightporter.client.patience import BackOff, Means, Patience
from nightporter.domain.command import CommandState
from nightporter.domain.value import value
from nightporter.wire.commands import DeviceCommandEvent
from nightporter.wire.shapes import Shape

PATH = "/ws/connector"
WAITING_MESSAGES = 10_000
"""So many may wait while a command is carried out; with the usual handful, pings would go unanswered meanwhile."""
LARGEST_MESSAGE = 16 * 1024 * 1024
HEALTHY = 10.0
"""A connection that lasted this long, in seconds, makes the next delay a short one again."""

_log = logging.getLogger("nightporter.client")
_wire_log = logging.getLogger("nightporter.client.websocket")
_wire_log.setLevel(logging.INFO)  # below that the library prints the handshake, and with it the tokens


class _Event(Shape):
    type: str
    id: str = ""
    state: str = ""


class _Message(Shape):
    events: list[_Event]
    cursor: str | None = None


@value
class Connected:
    """The socket is open; unless it is ``gap_free``, whatever happened before has to be read from the queue."""

    gap_free: bool


@value
class Connection:
    """What a listener is told of its connection: open, or lost with a ``reason`` and tried again after ``delay`` seconds."""

    is_open: bool
    reason: str = ""
    delay: float = 0.0


class Socket:
    """Hears events with one pair of tokens; ``on_cursor`` is called when the server shows that it knows cursors."""

    def __init__(
        self,
        address: Address,
        client_token: str,
        access_token: str,
        patience: Patience,
        means: Means,
        on_cursor: Callable[[], None],
    ) -> None:
        self._url = address.socket + PATH
        self._cookie = f"ClientToken={client_token}; AccessToken={access_token}"
        self._proxy = proxy_of(address.socket)
        self._patience = patience
        self._means = means
        self._on_cursor = on_cursor

    async def hear(
        self, on_connection: Callable[[Connection], None] | None = None, *, gives_up: bool = True
    ) -> AsyncGenerator[Connected | DeviceCommandEvent, None]:
        """Every event in the order of arrival, and Connected whenever a connection begins; it ends only by an error.

        The cursor moves on when the events before it have been taken, so that one whose taker failed comes again.
        Raises NotRecognised for a 401 at the upgrade, and Refused when the server refuses the first connection, unless it
        never ``gives_up``.
        """
        back_off = BackOff(self._patience, self._means)
        cursor, asks_for_cursor, was_open = "", True, False
        while True:
            began, wait = self._means.elapsed(), None
            try:
                async with self._connect(f"?cursor={quote(cursor)}" if asks_for_cursor else "") as socket:
                    was_open = True
                    if on_connection:
                        on_connection(Connection(is_open=True))
                    yield Connected(gap_free=cursor != "")
                    while True:
                        message = _read(await socket.recv())
                        if message.cursor:
                            self._on_cursor()
                        for event in message.events:
                            if (known := _known(event)) is not None:
                                yield known
                        cursor = message.cursor or cursor
            except InvalidStatus as error:
                response = error.response
                refusal = refusal_of(response.status_code, response.headers, bytes(response.body or b""))
                if refusal.status == 400 and cursor:
                    cursor = ""
                    continue
                if refusal.status == 400 and asks_for_cursor:
                    asks_for_cursor = False
                    continue
                if refusal.status == 401 or (gives_up and not was_open and _is_final(refusal)):
                    raise refusal from None
                reason, wait = refusal.message, getattr(refusal, "retry_after", None)
            except ConnectionClosed as error:
                reason = _closed(error)
            except (OSError, WebSocketException) as error:
                reason = reason_of(error)
            if self._means.elapsed() - began >= HEALTHY:
                back_off.reset()
            delay = back_off.next(min(wait or 0.0, self._patience.longest_wait))
            if on_connection:
                on_connection(Connection(is_open=False, reason=reason, delay=delay))
            await self._means.sleep(delay)

    def _connect(self, query: str) -> connect:
        return connect(
            self._url + query,
            additional_headers={"Cookie": self._cookie},
            user_agent_header=f"nightporter/{__version__}",
            compression=None,
            proxy=self._proxy,
            open_timeout=self._patience.connect_timeout,
            ping_interval=self._patience.ping,
            ping_timeout=self._patience.ping,
            close_timeout=1,
            max_size=LARGEST_MESSAGE,
            max_queue=WAITING_MESSAGES,
            logger=_wire_log,
        )


def _read(text: str | bytes) -> _Message:
    try:
        return msgspec.json.decode(text, type=_Message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _log.warning("a message of the socket cannot be read and is passed over: %s", error)
        return _Message([])


def _known(event: _Event) -> DeviceCommandEvent | None:
    """The event, if it is of a command; the socket also tells of reservations, resources and prices (contract 5)."""
    if event.type != "DeviceCommand":
        return None
    try:
        return DeviceCommandEvent(event.id.lower(), CommandState(event.state))
    except ValueError:
        _log.warning("an event tells of a state that is not known here and is passed over")
        return None


def _is_final(refusal: Refused) -> bool:
    return refusal.status < 500 and refusal.status not in (408, 429)


def _closed(error: ConnectionClosed) -> str:
    close = error.rcvd
    if close is None:
        return "the connection broke"
    return f"the server closed the connection ({close.code}{f', {close.reason}' if close.reason else ''})"
