"""Commands, devices and tokens as replies print them (contract 8.2 to 8.4, 8.9, 8.13), and the socket's messages (5)."""

from typing import Annotated, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Raw, UnsetType

from nightporter.domain.command import CommandState
from nightporter.domain.device import DeviceType
from nightporter.wire.bills import NewerBill
from nightporter.wire.command_data import CommandData, FlatFiscalData
from nightporter.wire.scalars import Object, SentId, SentUtc
from nightporter.wire.shapes import Shape

D = TypeVar("D")


class Device(Shape):
    """Contract 8.3."""

    id: SentId
    type: DeviceType
    name: str
    identifier: str | None = None


class User(Shape):
    """Who caused a command (contract 8.2)."""

    first_name: str | None
    last_name: Annotated[str, Meta(min_length=1)]
    image_url: str | None


class StateChange(Shape):
    """A state of a command, and when it came to it."""

    state: CommandState
    utc: SentUtc


class Execution(Shape):
    """What whoever carries a command out has told of it, and the states it went through, the oldest first."""

    progress: Annotated[float | None, Meta(description="From 0 to 100.")]
    notes: Annotated[str | None, Meta(description="A remark on how it ended, by the executor or by the desk.")]
    result: Annotated[Object, Meta(description="What the executor sent as Result.")]
    executor: Annotated[str | None, Meta(description="Who has taken it.")]
    states: list[StateChange]


class Command(Shape, Generic[D]):
    """Contract 8.2; what ``Data`` holds follows from the type of the device. ``Execution`` comes when it is asked for."""

    id: SentId
    state: CommandState
    created_utc: SentUtc
    creator: User | None
    device: Device
    data: D
    execution: Execution | UnsetType = UNSET


class Commands(Shape):
    """The reply of 7.1 and 7.2, as described; it is printed row by row."""

    commands: list[Command[CommandData]]
    cursor: SentId | UnsetType | None = UNSET


class RawCommands(Shape):
    """The same reply as a client reads it: data is decoded by the type of its device."""

    commands: list[Command[Raw]]
    cursor: str | UnsetType | None = UNSET


class AddedCommand(Shape):
    """The reply of 7.3 to 7.5."""

    command_id: SentId


class EnterpriseProfile(Shape):
    """Contract 8.4."""

    profile_id: SentId


class ProfileData(Shape):
    """The creator in the flat shape (contract 8.4)."""

    discriminator: Literal["Personal", "Enterprise", "Platform", "Static", "Integration"]
    enterprise_profile: EnterpriseProfile | None


class FiscalMachineCommand(Shape):
    """Contract 8.9."""

    id: SentId
    state: CommandState
    created_utc: SentUtc
    creator: ProfileData | None
    fiscal_machine_id: str
    api_url: str
    fiscal_machine_data: str
    tax_identifier: str | None
    device: Device
    bill: NewerBill
    command_data: FlatFiscalData | None


class FiscalMachineCommands(Shape):
    """The reply of 7.7."""

    commands: list[FiscalMachineCommand]
    cursor: SentId | None


class Devices(Shape):
    """The reply of 7.12."""

    devices: list[Device]


class DeviceCommandEvent(Shape):
    """A command was created or updated (contract 5)."""

    id: SentId
    state: CommandState
    type: Literal["DeviceCommand"] = "DeviceCommand"


class Message(Shape):
    """One message of the socket; ``cursor`` is where to resume."""

    events: list[DeviceCommandEvent]
    cursor: str | None = None
