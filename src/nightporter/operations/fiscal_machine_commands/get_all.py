"""fiscalMachineCommands/getAll (contract 7.7)."""

from typing import Annotated

import msgspec
from msgspec import Meta

from nightporter.domain.command import CommandState
from nightporter.domain.errors import Contradictory
from nightporter.operations.operation import Call
from nightporter.operations.pages import found
from nightporter.storage import commands
from nightporter.storage import property as facts
from nightporter.storage.commands import NEWEST, KeptCommand
from nightporter.wire.bills import NewerBill
from nightporter.wire.command_data import FiscalMachineCommandData, FlatFiscalData
from nightporter.wire.commands import (
    Device,
    EnterpriseProfile,
    FiscalMachineCommand,
    FiscalMachineCommands,
    ProfileData,
)
from nightporter.wire.scalars import Id
from nightporter.wire.shapes import Common, Ids, Limitation, TimeInterval, interval_of


class Parameters(Common, kw_only=True):
    """Contract 7.7, request: either ``CommandIds``, or ``DeviceIds`` and ``States`` (D67)."""

    command_ids: Ids | None = None
    device_ids: Annotated[list[Id], Meta(min_length=1, max_length=100)] | None = None
    states: Annotated[list[CommandState], Meta(min_length=1, max_length=1000)] | None = None
    updated_utc: TimeInterval | None = None
    enterprise_ids: Ids | None = None
    limitation: Limitation


async def get_all(call: Call, parameters: Parameters) -> FiscalMachineCommands:
    """Returns commands of connected fiscal machines in the flat shape, by ids, or by device, state and update time.

    Newest first. Raises Invalid for an interval or a cursor, Contradictory for both or neither set of filters (D17).
    """
    updated = interval_of(parameters.updated_utc, "UpdatedUtc")
    by_device = (parameters.device_ids, parameters.states)
    if parameters.command_ids is not None:
        if any(given is not None for given in (*by_device, updated)):
            raise Contradictory("CommandIds cannot be combined with DeviceIds, States or UpdatedUtc.")
    elif None in by_device:
        raise Contradictory("Either CommandIds, or DeviceIds and States, must be specified.")
    scope = call.actor.scope(parameters.enterprise_ids)
    limitation, after = parameters.limitation, NEWEST
    if limitation.cursor:
        after = found(await commands.position(call.database, call.actor.scope(), limitation.cursor))
    machines = scope.device_ids & await facts.fiscal_machines(call.database, scope.enterprise_ids)
    if parameters.device_ids is not None:
        machines &= set(parameters.device_ids)
    rows = await commands.fiscal(
        call.database,
        scope,
        machines,
        ids=parameters.command_ids,
        states=parameters.states or (),
        updated=updated,
        after=after,
        count=int(limitation.count),
        now=call.sources.now(),
    )
    return FiscalMachineCommands([_flat(row) for row in rows], rows[-1].id if rows else None)


_nested = msgspec.json.Decoder(FiscalMachineCommandData)


def _flat(row: KeptCommand) -> FiscalMachineCommand:
    data, creator = _nested.decode(row.data), row.creator
    return FiscalMachineCommand(
        id=row.id,
        state=row.state,
        created_utc=row.created,
        creator=ProfileData(
            creator.discriminator,  # type: ignore[arg-type]  # kept as one of the five (contract 8.4)
            EnterpriseProfile(creator.profile_id) if creator.profile_id else None,
        ),
        fiscal_machine_id=data.fiscal_machine_id or "",
        api_url=data.api_url or "",
        fiscal_machine_data=data.fiscal_machine_data or "",
        tax_identifier=data.tax_identifier,
        device=Device(row.device_id, row.device_type, row.device_name, row.device_identifier),
        bill=NewerBill.of(data.bill),
        command_data=FlatFiscalData.of(data),
    )
