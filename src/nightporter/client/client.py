"""The client: the operations, and what executors and adders build on them."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from nightporter.client.address import Address
from nightporter.client.calling import Calls
from nightporter.client.errors import NotRecognised, Refused, TooManyRequests, Unavailable, Unreachable, Unreadable
from nightporter.client.operations import BY_IDS, LARGEST_PAGE, QUEUE, Operations, limited
from nightporter.client.patience import BackOff, Means, Patience
from nightporter.client.replies import CommandPage, Data, Standing, Standings, read, read_commands
from nightporter.client.sifting import Sifter
from nightporter.client.socket import WAITING_MESSAGES, Connected, Connection, Socket
from nightporter.client.spooling import Spool, Spooled
from nightporter.client.ticking import ahead, ticking
from nightporter.domain.command import ACTIVE, TERMINAL, CommandState
from nightporter.wire.commands import (
    Command,
    DeviceCommandEvent,
)

T = TypeVar("T")
OnConnection = Callable[[Connection], None]
OnEvent = Callable[[DeviceCommandEvent], None]

SMALLEST_PAGE = 10
SMALL_BODY = 2 * 1024 * 1024
"""Pages of the queue grow as long as their answers, documents included, stay below this: a try has to end in time."""

_log = logging.getLogger("nightporter.client")


class Client(Operations):
    """A client of one server that speaks this API, Nightporter or not, with one pair of tokens.

    ``address`` is like ``http://127.0.0.1:8080``; ``socket_address`` (``ws://…``) is needed only where the socket is on
    another host that cannot be guessed. ``name`` is the ``Client`` that every request carries. ``takes_keys`` says
    whether the server knows ``Idempotency-Key``; left out, it is found out when a connection breaks. Raises ValueError
    for an address or a token that cannot be one.

    Use it as an asynchronous context manager. Every method raises :class:`~nightporter.client.errors.ClientError`;
    its tree is drawn there. Times are aware, amounts are Decimal, ids are text.
    """

    def __init__(
        self,
        address: str,
        client_token: str,
        access_token: str,
        name: str = "Nightporter client",
        socket_address: str | None = None,
        *,
        takes_keys: bool | None = None,
        patience: Patience | None = None,
        means: Means | None = None,
    ) -> None:
        where = Address.of(address, socket_address)
        for parameter, token in (("client_token", client_token), ("access_token", access_token)):
            _check_token(parameter, token)
        self._patience = patience or Patience()
        self._means = means or Means()
        self._address = where
        super().__init__(Calls(where, client_token, access_token, name, self._patience, self._means, takes_keys))
        self._socket = Socket(where, client_token, access_token, self._patience, self._means, self._saw_cursor)

    def __repr__(self) -> str:
        return f"<Client of {self._address.http}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._calls.close()

    async def listen(self, on_connection: OnConnection | None = None) -> AsyncGenerator[DeviceCommandEvent, None]:
        """Every event of a command, without end, over as many connections as it takes.

        After each connection it catches up: by the cursor where the server has them, else by telling of every active
        command, oldest first. So an event may be told more than once, and one that was overtaken may be missing; what
        became of a command is told by ``get_all_by_ids``. With a portfolio access token, which the queue is closed to, it
        tells of events alone. Raises NotRecognised when the tokens are refused at the
        upgrade, and Refused when the first connection is refused otherwise. ``on_connection`` is told of each
        connection made and lost.

        Close it (``contextlib.aclosing``) when leaving early.
        """
        async with aclosing(self._socket.hear(on_connection)) as heard:
            async for item in heard:
                if isinstance(item, DeviceCommandEvent):
                    yield item
                elif not item.gap_free:
                    try:
                        waiting = await self._waiting()
                    except NotRecognised as error:
                        _log.warning("what happened before the connection cannot be read: %s", error)
                        continue
                    for one in waiting:
                        yield DeviceCommandEvent(one.id.lower(), one.state)

    async def work(
        self,
        on_connection: OnConnection | None = None,
        *,
        spool: Spool | None = None,
        on_event: OnEvent | None = None,
    ) -> AsyncGenerator[Command[Data], None]:
        """Each command that this client is to carry out, once, oldest first, then as they come; without end.

        The queue is the truth and events are hints: a command is given when it is active, on a device connected to this
        client, and was not given before, however often its event arrives. Every few minutes, and every few seconds while
        the socket is not open, the queue itself is read, for what no event told of. A command whose data cannot be read is
        passed over with a warning. Raises NotRecognised when the tokens are refused, and Refused when the queue is; while
        the server cannot be reached, it waits, and a socket that is turned away, as by a proxy, it does without.

        With ``spool`` the document of each printer command that is given is in the file that ``spool`` opened, as
        told by :meth:`fetch`. ``on_event`` is told of every event, of end states too, the moment it comes in, also while
        a command is being fetched or carried out; without cursors, one sent while the connection was lost never comes.

        Close it (``contextlib.aclosing``) when leaving early.
        """
        given_out: set[str] = set()
        passed_over: set[str] = set()
        devices: set[str] = set()
        is_open, looked = False, self._means.elapsed()

        def saw(connection: Connection) -> None:
            nonlocal is_open
            is_open = connection.is_open
            if on_connection is not None:
                on_connection(connection)

        def is_due() -> bool:
            return self._means.elapsed() - looked >= self._patience.sweep

        def tell(item: Connected | DeviceCommandEvent) -> None:
            if on_event is not None and isinstance(item, DeviceCommandEvent):
                on_event(item)

        events = ahead(self._socket.hear(saw, gives_up=False), WAITING_MESSAGES, tell)
        async with aclosing(ticking(events, self._patience.deaf, self._means.sleep)) as heard:
            async for item in heard:
                if isinstance(item, DeviceCommandEvent):
                    hints = [(item.id, item.state)]
                elif item.gap_free if item is not None else is_open and not is_due():
                    continue
                else:
                    if is_whole := item is not None or is_due():
                        passed_over.clear()
                    waiting = await self._waiting(() if is_whole else given_out | passed_over)
                    looked = self._means.elapsed() if is_whole else looked
                    devices |= {one.device.id for one in waiting}
                    hints = [(one.id.lower(), one.state) for one in waiting if one.id.lower() not in passed_over]
                for command_id, state in hints:
                    if state in TERMINAL:
                        # It cannot come again; a client that runs for years need not remember it.
                        given_out.discard(command_id)
                    if state not in ACTIVE or command_id in given_out:
                        continue
                    with Spooled(spool, command_id) as document:
                        command = await self._fetch(command_id, document.anew if spool else None)
                        if command is None:
                            passed_over.add(command_id)
                            continue
                        if command.state not in ACTIVE:
                            continue
                        if command.device.id not in devices:
                            # What this client only added is told to it too; whether it may carry it out, the queue knows.
                            waiting = await self._waiting()
                            devices |= {one.device.id for one in waiting}
                            if command.device.id not in devices:
                                continue
                        document.keep()
                    given_out.add(command_id)
                    yield command

    async def follow(
        self, command_id: str, on_connection: OnConnection | None = None
    ) -> AsyncGenerator[CommandState, None]:
        """The states of one command as it goes on, each once in a row; it ends with an end state.

        For whoever added a command or carries it out. Raises LookupError when this client may not see it, else as
        :meth:`listen`. Close it (``contextlib.aclosing``) when leaving early.
        """
        command_id, last = command_id.lower(), None
        events = self._socket.hear(on_connection)
        async with aclosing(ticking(events, self._patience.look, self._means.sleep)) as heard:
            async for item in heard:
                if isinstance(item, DeviceCommandEvent):
                    if item.id != command_id:
                        continue
                    state = item.state
                elif isinstance(item, Connected) and item.gap_free:
                    continue
                else:
                    command = await self._fetch(command_id, Sifter)
                    if command is None:
                        raise LookupError(command_id)
                    state = command.state
                if state != last:
                    last = state
                    yield state
                if state in TERMINAL:
                    return

    async def report(
        self,
        command_id: str,
        state: CommandState,
        *,
        progress: float | None = None,
        notes: str | None = None,
        executor: str | None = None,
        result: Mapping[str, Any] | None = None,
    ) -> None:
        """:meth:`update`, and as long as the server is away or busy, again: what became of a command must get through.

        Raises Refused for what another try would not change, for example a command that has ended otherwise.
        """
        told = {"progress": progress, "notes": notes, "executor": executor, "result": result}
        await self._persist(lambda: self.update(command_id, state, **told))  # type: ignore[arg-type]  # as they are named

    async def fetch(self, command_id: str, *, spool: Spool | None = None) -> Command[Data] | None:
        """One command as it is now, in any state; None when it cannot be seen, or not be read. Waits for a server that is away.

        With ``spool`` the command's document, if it has one, is written decoded to the file that ``spool(command_id)``
        opens, the id in lower case, and ``file_data`` is empty. The file is opened, and may be written to, more than
        once; each time that was not the last, and when the document is not to be kept, it is left with an exception.
        That is so for a document that is not base64: then ``file_data`` is ``BROKEN``. The event loop waits for the
        file; what writing it raises is raised here.
        """
        command_id = command_id.lower()
        with Spooled(spool, command_id) as document:
            command = await self._fetch(command_id, document.anew if spool else None)
            if command is not None:
                document.keep()
        return command

    async def states(self, command_ids: Iterable[str]) -> dict[str, CommandState]:
        """The states of these commands by id, in lower case, of those that can be seen. Waits for a server that is away.

        Data and documents are read past and never kept.
        """
        wanted = sorted({command_id.lower() for command_id in command_ids})
        found: dict[str, CommandState] = {}
        while wanted:
            asked, wanted = {"CommandIds": wanted[:SMALLEST_PAGE]}, wanted[SMALLEST_PAGE:]
            sifted = await self._persist(partial(self._calls.sift, BY_IDS, asked, Sifter))
            found |= {one.id.lower(): one.state for one in read(sifted.rest(), Standings).commands}
        return found

    async def _fetch(self, command_id: str, anew: Callable[[], Sifter] | None) -> Command[Data] | None:
        """The same, its document sifted out by what ``anew`` makes, and in ``file_data`` without."""

        async def ask() -> CommandPage:
            if anew is None:
                return await self.get_all_by_ids([command_id])
            sifter = await self._calls.sift(BY_IDS, {"CommandIds": [command_id]}, anew)
            if sifter.documents > 1:
                raise Unreadable("The answer holds several documents where one command was asked for")
            return read_commands(sifter.rest())

        try:
            page = await self._persist(ask)
        except Unreadable as error:
            _log.warning("command %s cannot be read and is passed over: %s", command_id, error)
            return None
        return next((command for command in page.commands if command.id.lower() == command_id), None)

    async def _waiting(self, known: Collection[str] = ()) -> list[Standing]:
        """The active commands, oldest first, without their data; with ``known``, only the newest until one of those.

        The server sends the data all the same, documents too: whoever looks often asks for as little as can be.
        """
        found: list[Standing] = []
        count, cursor = 1 if known else SMALLEST_PAGE, None
        while True:
            try:
                sifted = await self._queue(limited(count, cursor))
            except Refused as refusal:
                if refusal.status != 400:
                    raise
                # Limitation is not documented for this operation (D31): here is a server that does not take it.
                return read((await self._queue({})).rest(), Standings).commands[::-1]
            page = read(sifted.rest(), Standings)
            found += page.commands
            is_seen = any(one.id.lower() in known for one in page.commands)
            if is_seen or page.cursor is None or len(page.commands) < count:
                return found[::-1]
            cursor = page.cursor
            count = min(count * 2, LARGEST_PAGE) if sifted.size < SMALL_BODY else min(count, SMALLEST_PAGE)

    async def _queue(self, fields: dict[str, Any]) -> Sifter:
        return await self._persist(lambda: self._calls.sift(QUEUE, fields, Sifter))

    async def _persist(self, call: Callable[[], Awaitable[T]]) -> T:
        back_off = BackOff(self._patience, self._means)
        while True:
            try:
                return await call()
            except Unreachable:
                wait = None
            except (TooManyRequests, Unavailable) as error:
                wait = min(error.retry_after or 0.0, self._patience.longest_wait)
            await self._means.sleep(back_off.next(wait))

    def _saw_cursor(self) -> None:
        self._calls.takes_keys = True


def _check_token(parameter: str, token: str) -> None:
    """Both tokens also travel as cookies, so nothing may end one early; the token itself is not told."""
    if (
        not token
        or not token.isascii()
        or any(one in token for one in ';,"\\')
        or not token.isprintable()
        or " " in token
    ):
        raise ValueError(f"{parameter} must be printable ASCII without spaces, quotes, commas and semicolons")
