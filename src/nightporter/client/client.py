"""The client: one method for each operation of the contract, and what executors and adders build on them."""

import logging
from base64 import b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from decimal import Decimal
from types import TracebackType
from typing import Any, Self, TypeVar

from nightporter.client.address import Address
from nightporter.client.calling import Calls
from nightporter.client.errors import NotRecognised, Refused, TooManyRequests, Unavailable, Unreachable, Unreadable
from nightporter.client.patience import BackOff, Means, Patience
from nightporter.client.replies import CommandPage, Data, Standing, Standings, read, read_commands
from nightporter.client.requests import Span, TokenChange, TokenToAdd, given
from nightporter.client.socket import Connected, Connection, Socket
from nightporter.client.ticking import ticking
from nightporter.domain.command import ACTIVE, TERMINAL, CommandState
from nightporter.domain.command_data import PaymentType
from nightporter.domain.resource_access_token import ActivityState
from nightporter.wire.commands import (
    AddedCommand,
    Command,
    Device,
    DeviceCommandEvent,
    Devices,
    FiscalMachineCommands,
)
from nightporter.wire.resource_access_tokens import (
    ResourceAccessToken,
    ResourceAccessTokenPage,
    ResourceAccessTokens,
)
from nightporter.wire.shapes import Empty

T = TypeVar("T")
OnConnection = Callable[[Connection], None]

SMALLEST_PAGE, LARGEST_PAGE = 10, 1000
SMALL_BODY = 2 * 1024 * 1024
"""Pages of the queue grow as long as their answers, documents included, stay below this."""

_QUEUE = "commands/getAllActive"
_log = logging.getLogger("nightporter.client")


class Client:
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
        self._calls = Calls(where, client_token, access_token, name, self._patience, self._means, takes_keys)
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

    # Commands (contract 7.1 to 7.6)

    async def get_all_active(self, count: int | None = None, cursor: str | None = None) -> CommandPage:
        """The commands that wait for this client, newest first, documents included; all of them without a ``count``."""
        return read_commands(await self._calls.read(_QUEUE, _page(count, cursor)))

    async def get_all_by_ids(
        self, command_ids: Sequence[str], count: int | None = None, cursor: str | None = None
    ) -> CommandPage:
        """Up to 1000 commands in any state, newest first; those that this client may not see are left out."""
        fields = {"CommandIds": list(command_ids), **_page(count, cursor)}
        return read_commands(await self._calls.read("commands/getAllByIds", fields))

    async def add_printer(
        self,
        printer_id: str,
        document: bytes,
        copy_count: int = 1,
        *,
        enterprise_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Have a PDF ``document`` printed; returns the id of the command."""
        fields = given(
            EnterpriseId=enterprise_id,
            PrinterId=printer_id,
            CopyCount=copy_count,
            Data=b64encode(document).decode("ascii"),
        )
        return await self._add_command("commands/addPrinter", fields, idempotency_key)

    async def add_key_cutter(
        self,
        key_cutter_id: str,
        reservation_id: str,
        key_count: int = 1,
        *,
        enterprise_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Have the keys of a reservation cut; returns the id of the command."""
        fields = given(
            EnterpriseId=enterprise_id, KeyCutterId=key_cutter_id, ReservationId=reservation_id, KeyCount=key_count
        )
        return await self._add_command("commands/addKeyCutter", fields, idempotency_key)

    async def add_payment_terminal(
        self,
        terminal_id: str,
        customer_id: str,
        amount: Decimal,
        currency: str,
        type: PaymentType = PaymentType.PAYMENT,  # noqa: A002 - the wire's word
        *,
        bill_id: str | None = None,
        payment_request_id: str | None = None,
        reservation_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Have ``amount`` taken, or reserved, from a customer or company; returns the id of the command.

        Raises TypeError for an amount that is not a Decimal: what cannot be written exactly must not be charged.
        """
        if not isinstance(amount, Decimal):
            raise TypeError("amount must be a Decimal")
        fields = given(
            TerminalId=terminal_id,
            CustomerId=customer_id,
            Type=type,
            Amount={"Currency": currency, "Value": amount},
            BillId=bill_id,
            PaymentRequestId=payment_request_id,
            ReservationId=reservation_id,
        )
        return await self._add_command("commands/addPaymentTerminal", fields, idempotency_key)

    async def update(
        self, command_id: str, state: CommandState, *, progress: float | None = None, notes: str | None = None
    ) -> None:
        """Report the state of a command; ``progress`` counts with Processing, ``notes`` with an end state."""
        fields = given(CommandId=command_id, State=state, Progress=progress, Notes=notes)
        read(await self._calls.read("commands/update", fields), Empty)

    # Fiscal machine commands (contract 7.7)

    async def get_fiscal_machine_commands(
        self,
        *,
        command_ids: Sequence[str] | None = None,
        device_ids: Sequence[str] | None = None,
        states: Sequence[CommandState] | None = None,
        updated: Span | None = None,
        enterprise_ids: Sequence[str] | None = None,
        count: int = 100,
        cursor: str | None = None,
    ) -> FiscalMachineCommands:
        """Fiscal machine commands by ``command_ids``, or by ``device_ids``, ``states`` and perhaps ``updated``."""
        fields = given(
            CommandIds=command_ids,
            DeviceIds=device_ids,
            States=states,
            UpdatedUtc=updated and updated.fields(),
            EnterpriseIds=enterprise_ids,
        )
        reply = await self._calls.read("fiscalMachineCommands/getAll", {**fields, **_page(count, cursor)})
        return read(reply, FiscalMachineCommands)

    # Resource access tokens (contract 7.8 to 7.11)

    async def get_resource_access_tokens(
        self,
        *,
        ids: Sequence[str] | None = None,
        service_order_ids: Sequence[str] | None = None,
        colliding: Span | None = None,
        updated: Span | None = None,
        activity_states: Sequence[ActivityState] | None = None,
        enterprise_ids: Sequence[str] | None = None,
        count: int = 100,
        cursor: str | None = None,
    ) -> ResourceAccessTokenPage:
        """Resource access tokens for which all given filters hold, newest first; one of the first four is needed."""
        fields = given(
            ResourceAccessTokenIds=ids,
            ServiceOrderIds=service_order_ids,
            CollidingUtc=colliding and colliding.fields(),
            UpdatedUtc=updated and updated.fields(),
            ActivityStates=activity_states,
            EnterpriseIds=enterprise_ids,
        )
        reply = await self._calls.read("resourceAccessTokens/getAll", {**fields, **_page(count, cursor)})
        return read(reply, ResourceAccessTokenPage)

    async def add_resource_access_tokens(
        self, tokens: Sequence[TokenToAdd], *, idempotency_key: str | None = None
    ) -> list[ResourceAccessToken]:
        """Add up to 1000 resource access tokens, all or none; returns them in the same order."""
        fields = {"ResourceAccessTokenParameters": [token.fields() for token in tokens]}
        reply = await self._calls.add("resourceAccessTokens/add", fields, idempotency_key)
        return read(reply, ResourceAccessTokens).resource_access_tokens

    async def update_resource_access_tokens(
        self, changes: Sequence[TokenChange], *, enterprise_id: str | None = None
    ) -> list[ResourceAccessToken]:
        """Change up to 1000 resource access tokens, all or none; returns them in the same order."""
        fields = given(EnterpriseId=enterprise_id, ResourceAccessTokenUpdates=[change.fields() for change in changes])
        reply = await self._calls.read("resourceAccessTokens/update", fields)
        return read(reply, ResourceAccessTokens).resource_access_tokens

    async def delete_resource_access_tokens(self, ids: Sequence[str]) -> None:
        """Delete up to 1000 resource access tokens, all or none; they stay readable as Deleted."""
        read(await self._calls.read("resourceAccessTokens/delete", {"Ids": list(ids)}), Empty)

    # Devices (contract 7.12)

    async def get_devices(self) -> list[Device]:
        """All active devices of the enterprise by name, connected to this integration or not."""
        return read(await self._calls.read("devices/getAll", {}), Devices).devices

    # What executors and adders build on

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

    async def work(self, on_connection: OnConnection | None = None) -> AsyncGenerator[Command[Data], None]:
        """Each command that this client is to carry out, once, oldest first, then as they come; without end.

        The queue is the truth and events are hints: a command is given when it is active, on a device connected to this
        client, and was not given before, however often its event arrives. Every few minutes the queue itself is read,
        for what no event told of. A command whose data cannot be read is passed over with a warning. Raises as
        :meth:`listen`; while the server cannot be reached, it waits.

        Close it (``contextlib.aclosing``) when leaving early.
        """
        given_out: set[str] = set()
        devices: set[str] = set()
        events = self._socket.hear(on_connection)
        async with aclosing(ticking(events, self._patience.sweep, self._means.sleep)) as heard:
            async for item in heard:
                if isinstance(item, DeviceCommandEvent):
                    hints = [(item.id, item.state)]
                elif item is not None and item.gap_free:
                    continue
                else:
                    waiting = await self._waiting()
                    devices |= {one.device.id for one in waiting}
                    hints = [(one.id.lower(), one.state) for one in waiting]
                for command_id, state in hints:
                    if state in TERMINAL:
                        given_out.discard(command_id)
                    if state not in ACTIVE or command_id in given_out:
                        continue
                    command = await self._fetch(command_id)
                    if command is None or command.state not in ACTIVE:
                        continue
                    if command.device.id not in devices:
                        # What this client only added is told to it too; whether it may carry it out, the queue knows.
                        waiting = await self._waiting()
                        devices |= {one.device.id for one in waiting}
                        if command.device.id not in devices:
                            continue
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
        async with aclosing(ticking(events, self._patience.sweep, self._means.sleep)) as heard:
            async for item in heard:
                if isinstance(item, DeviceCommandEvent):
                    if item.id != command_id:
                        continue
                    state = item.state
                elif isinstance(item, Connected) and item.gap_free:
                    continue
                else:
                    command = await self._fetch(command_id)
                    if command is None:
                        raise LookupError(command_id)
                    state = command.state
                if state != last:
                    last = state
                    yield state
                if state in TERMINAL:
                    return

    async def report(
        self, command_id: str, state: CommandState, *, progress: float | None = None, notes: str | None = None
    ) -> None:
        """:meth:`update`, and as long as the server is away or busy, again: what became of a command must get through.

        Raises Refused for what another try would not change, for example a command that has ended otherwise.
        """
        await self._persist(lambda: self.update(command_id, state, progress=progress, notes=notes))

    async def _fetch(self, command_id: str) -> Command[Data] | None:
        """One command as it is now; None when it cannot be seen, or not be read."""
        try:
            page = await self._persist(lambda: self.get_all_by_ids([command_id]))
        except Unreadable as error:
            _log.warning("command %s cannot be read and is passed over: %s", command_id, error)
            return None
        return next((command for command in page.commands if command.id.lower() == command_id), None)

    async def _waiting(self) -> list[Standing]:
        """The active commands, oldest first, without their data."""
        found: list[Standing] = []
        count, cursor = SMALLEST_PAGE, None
        while True:
            try:
                body = await self._queue(_page(count, cursor))
            except Refused as refusal:
                if refusal.status != 400:
                    raise
                # Limitation is not documented for this operation (D31): here is a server that does not take it.
                return read(await self._queue({}), Standings).commands[::-1]
            page = read(body, Standings)
            found += page.commands
            if page.cursor is None or len(page.commands) < count:
                return found[::-1]
            cursor = page.cursor
            count = min(count * 2, LARGEST_PAGE) if len(body) < SMALL_BODY else SMALLEST_PAGE

    async def _queue(self, fields: dict[str, Any]) -> bytes:
        return await self._persist(lambda: self._calls.read(_QUEUE, fields))

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

    async def _add_command(self, operation: str, fields: dict[str, Any], key: str | None) -> str:
        return read(await self._calls.add(operation, fields, key), AddedCommand).command_id

    def _saw_cursor(self) -> None:
        self._calls.takes_keys = True


def _page(count: int | None, cursor: str | None) -> dict[str, Any]:
    if count is None and cursor is None:
        return {}
    return {"Limitation": given(Count=LARGEST_PAGE if count is None else count, Cursor=cursor)}


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
