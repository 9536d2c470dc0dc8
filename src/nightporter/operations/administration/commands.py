"""commands/getAll, cancel, addAgain: the queue, for those who run the desk."""

from typing import Annotated

from msgspec import Meta

from nightporter.domain.command import ACTIVE, TERMINAL, CommandState, Creator, EndedBy, NewCommand, kept_notes
from nightporter.domain.deadlines import is_overdue, is_stalled
from nightporter.domain.device import DeviceType
from nightporter.domain.errors import Blocked, Invalid
from nightporter.operations.administration.pages import NEWEST, PageLimitation, numbered
from nightporter.operations.operation import AdministrationCall
from nightporter.storage import command_administration as storage
from nightporter.storage.command_administration import AddAdministered, CancelCommands, ListedCommand, Wanted
from nightporter.wire.commands import AddedCommand, Device, User
from nightporter.wire.scalars import Id, SentId, SentUtc, usable_text
from nightporter.wire.shapes import Ids, Shape, TimeInterval, interval_of

ONCE = frozenset({DeviceType.PAYMENT_TERMINAL, DeviceType.FISCAL_MACHINE})
"""What these have done must not be done again: a payment taken, a receipt fiscalised."""


class GetAllParameters(Shape, kw_only=True):
    """Which commands, all that is given together, and which page."""

    enterprise_ids: Ids | None = None
    command_ids: Ids | None = None
    device_ids: Ids | None = None
    device_types: Annotated[list[DeviceType], Meta(min_length=1)] | None = None
    states: Annotated[list[CommandState], Meta(min_length=1)] | None = None
    created_utc: TimeInterval | None = None
    text: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    """Words in the notes, in any letter case."""
    limitation: PageLimitation


class CancelParameters(Shape, kw_only=True):
    """Which commands, and what a receptionist should read about it."""

    command_ids: Ids
    notes: str | None = None


class AddAgainParameters(Shape, kw_only=True):
    """Which command."""

    command_id: Id


class CommandEntry(Shape):
    """A command as administrators see it: no document and no guest. ``EndedBy`` tells what the desk ended it for."""

    id: SentId
    enterprise_id: SentId
    state: CommandState
    created_utc: SentUtc
    updated_utc: SentUtc
    expires_utc: SentUtc | None
    is_stalled: bool
    creator: User
    device: Device
    progress: float | None
    notes: str | None
    executor: str | None
    ended_by: EndedBy | None


class CommandPage(Shape):
    """A page of commands."""

    commands: list[CommandEntry]
    cursor: str | None


class CancelledCommands(Shape):
    """Those that were cancelled; the others had ended already."""

    command_ids: list[SentId]


async def get_all(call: AdministrationCall, parameters: GetAllParameters) -> CommandPage:
    """Returns commands in any state, those that the desk took last first, with how they stand.

    Raises Invalid for an interval or a cursor.
    """
    limitation = parameters.limitation
    wanted = Wanted(
        call.administrator.among(parameters.enterprise_ids),
        parameters.command_ids,
        parameters.device_ids,
        parameters.device_types,
        parameters.states,
        interval_of(parameters.created_utc, "CreatedUtc"),
        usable_text(parameters.text, "Text"),
    )
    rows = await storage.listed(call.database, wanted, numbered(limitation.cursor, NEWEST), int(limitation.count))
    found = [_entry(call, row) for row in rows]
    return CommandPage(found, str(rows[-1].sequence) if rows else None)


def _entry(call: AdministrationCall, row: ListedCommand) -> CommandEntry:
    now, creator = call.sources.now(), row.creator
    overdue = is_overdue(row.state, row.expires, now)
    after = call.writer.deadlines.stall(row.device_type, row.stalled_after)
    return CommandEntry(
        id=row.id,
        enterprise_id=row.enterprise_id,
        state=CommandState.CANCELLED if overdue else row.state,
        created_utc=row.created,
        updated_utc=row.updated,
        expires_utc=row.expires,
        is_stalled=is_stalled(row.state, row.updated, after, now),
        creator=User(creator.first_name, creator.last_name, creator.image_url),
        device=Device(row.device_id, row.device_type, row.device_name, row.device_identifier),
        progress=row.progress,
        notes=row.notes,
        executor=row.executor,
        ended_by=EndedBy.EXPIRY if overdue else row.ended_by,
    )


async def cancel(call: AdministrationCall, parameters: CancelParameters) -> CancelledCommands:
    """Cancels commands that have not ended, and tells which; what an executor reports after all stands (late truth).

    Raises Invalid("CommandIds") for one that is not there, and then none is cancelled.
    """
    ids = tuple(dict.fromkeys(map(str, parameters.command_ids)))
    owners = await _owners(call, ids, "CommandIds")
    notes = kept_notes(CommandState.CANCELLED, parameters.notes) or f"Cancelled by {call.administrator.name}."
    done = await call.writer.write(CancelCommands(tuple((owners[one], one) for one in ids), notes, call.audit))
    return CancelledCommands([one for one in ids if one in done])


async def add_again(call: AdministrationCall, parameters: AddAgainParameters) -> AddedCommand:
    """Adds a command once more, with the data and the document that it had, after it has ended.

    Raises Invalid("CommandId"); Blocked while it has not ended, when its device is no longer in service, for a payment
    that was taken or a receipt that was fiscalised, and when its document or its guest's data is kept no longer.
    """
    command_id = str(parameters.command_id)
    enterprise_id = (await _owners(call, (command_id,), "CommandId"))[command_id]
    old = await storage.snapshot(call.database, enterprise_id, command_id)
    if old.state not in TERMINAL and not is_overdue(old.state, old.expires, call.sources.now()):
        waits = "waits still" if old.state in ACTIVE else "is under way"
        raise Blocked(f"The command {waits}; cancel it first, or let it end.")
    if not old.is_active:
        raise Blocked("The device of the command is no longer in service.")
    if old.is_stripped or (old.device_type is DeviceType.PRINTER and old.document is None):
        raise Blocked("What it was made of is kept no longer, a guest's data or the document; add a new command.")
    if old.state is CommandState.PROCESSED and old.device_type in ONCE:
        raise Blocked("It was carried out; what it did must not be done twice. Add a new command if that is meant.")
    command = NewCommand(
        id=call.sources.new_id(),
        enterprise_id=enterprise_id,
        device_id=old.device_id,
        device_type=old.device_type,
        creator=creator_of(call),
        creator_integration_id=old.creator_integration_id,
        data=old.data,
        document=old.document,
        payment_request_id=old.payment_request_id,
        reservation_id=old.reservation_id,
        expires_after=old.expires_after,
    )
    await call.writer.write(AddAdministered(command, call.audit))
    return AddedCommand(command.id)


def creator_of(call: AdministrationCall) -> Creator:
    """The administrator as the creator of a command."""
    return Creator(None, call.administrator.name, None, "Personal", None)


async def _owners(call: AdministrationCall, ids: tuple[str, ...], parameter: str) -> dict[str, str]:
    wanted = Wanted(call.administrator.among(None), ids)
    owners = {row.id: row.enterprise_id for row in await storage.listed(call.database, wanted, NEWEST, len(ids))}
    if len(owners) < len(ids):
        raise Invalid(parameter)
    return owners
