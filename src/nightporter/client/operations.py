"""One method for each operation of the contract."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from nightporter.client.calling import Calls
from nightporter.client.replies import CommandPage, read, read_commands
from nightporter.client.requests import Span, TokenChange, TokenToAdd, given
from nightporter.domain.command import CommandState
from nightporter.domain.command_data import PaymentType
from nightporter.domain.resource_access_token import ActivityState
from nightporter.wire.commands import AddedCommand, Device, Devices, FiscalMachineCommands
from nightporter.wire.resource_access_tokens import (
    ResourceAccessToken,
    ResourceAccessTokenPage,
    ResourceAccessTokens,
)
from nightporter.wire.shapes import Empty

LARGEST_PAGE = 1000
QUEUE = "commands/getAllActive"
BY_IDS = "commands/getAllByIds"


class Operations:
    """The operations, called through ``calls``; their parameters in the words of the contract, in Python's spelling."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def server_time(self) -> datetime | None:
        """What the server's clock said when it last answered, in whole seconds; None when it does not tell."""
        return self._calls.server_time

    # Commands (contract 7.1 to 7.6)

    async def get_all_active(self, count: int | None = None, cursor: str | None = None) -> CommandPage:
        """The commands that wait for this client, newest first, documents included; all of them without a ``count``."""
        return read_commands(await self._calls.read(QUEUE, limited(count, cursor)))

    async def get_all_by_ids(
        self,
        command_ids: Sequence[str],
        count: int | None = None,
        cursor: str | None = None,
        *,
        execution: bool = False,
    ) -> CommandPage:
        """Up to 1000 commands in any state, newest first; those that this client may not see are left out.

        ``execution`` asks for what became of each; a server that does not tell it leaves ``command.execution`` unset.
        """
        extent = {"Extent": {"Execution": True}} if execution else {}
        fields = {"CommandIds": list(command_ids), **extent, **limited(count, cursor)}
        return read_commands(await self._calls.read(BY_IDS, fields))

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
        self,
        command_id: str,
        state: CommandState,
        *,
        progress: float | None = None,
        notes: str | None = None,
        executor: str | None = None,
        result: Mapping[str, Any] | None = None,
    ) -> None:
        """Report the state of a command; ``progress`` counts with Processing, ``notes`` with an end state.

        ``executor`` is the name under which it is taken: when another one has it, this raises Refused with status 409.
        ``result`` is what came of it, at most 64 KiB as JSON.
        """
        fields = given(
            CommandId=command_id, State=state, Progress=progress, Notes=notes, Executor=executor, Result=result
        )
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
        reply = await self._calls.read("fiscalMachineCommands/getAll", {**fields, **limited(count, cursor)})
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
        reply = await self._calls.read("resourceAccessTokens/getAll", {**fields, **limited(count, cursor)})
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

    async def _add_command(self, operation: str, fields: dict[str, Any], key: str | None) -> str:
        return read(await self._calls.add(operation, fields, key), AddedCommand).command_id


def limited(count: int | None, cursor: str | None) -> dict[str, Any]:
    """The limitation of a request; nothing when neither is given."""
    if count is None and cursor is None:
        return {}
    return {"Limitation": given(Count=LARGEST_PAGE if count is None else count, Cursor=cursor)}
