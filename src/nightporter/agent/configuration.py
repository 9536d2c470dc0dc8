"""What ``agent.toml`` tells the agent: the platform, the property, and which machine is which device."""

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from nightporter.agent.driver import Kind, Options
from nightporter.agent.mistakes import converted, unknown
from nightporter.client.address import Address
from nightporter.domain.device import DeviceType
from nightporter.domain.duration import read_duration
from nightporter.domain.value import value

TOKENS = {"client_token": "NIGHTPORTER_CLIENT_TOKEN", "access_token": "NIGHTPORTER_ACCESS_TOKEN"}
"""The environment variable that holds each token where the file says nothing of it."""


LOCK = "agent.lock"
"""What the file in the folder of the state is called that a running agent holds."""


class InvalidConfiguration(Exception):
    """The configuration cannot be used; the message says which file, where in it, and what would do."""


@value
class Platform:
    """Where the commands come from. The tokens are secret: this has no ``repr`` that shows them."""

    address: str
    socket_address: str | None
    client_token: str
    access_token: str

    def __repr__(self) -> str:
        return f"<Platform {self.address}>"


class Common(Struct, kw_only=True):
    """What can be said of every machine, whatever its driver."""

    device: UUID
    """The id of the device at the platform."""
    driver: str
    gives_up_after: str = "PT2M"
    """How long a machine that is away is tried, before anything was sent and to find out what became of it."""
    too_old_after: str = ""
    """A command older than this when its turn comes is not begun; empty takes the default of the device type."""


@value
class MachineConfiguration:
    """One machine: its ``name`` in the file, and everything that its driver is made with. Lengths of time are in seconds."""

    name: str
    device_id: str
    kind: Kind
    options: Options
    gives_up_after: int
    too_old_after: int | None

    @property
    def place(self) -> str:
        """Which machine it is, in a text that is the same for the same machine."""
        return f"{self.kind.name} {self.kind.place(self.options)}"

    @property
    def lock_name(self) -> str:
        """What the file is called that is locked by whoever drives the machine."""
        return f"{hashlib.sha256(self.place.encode()).hexdigest()[:32]}.lock"


@value
class Configuration:
    """The whole file."""

    platform: Platform
    name: str
    """The ``Executor`` that the platform is told."""
    state: Path
    """The folder of the journal."""
    time_zone: ZoneInfo
    metrics: Path | None
    log_level: str
    machines: tuple[MachineConfiguration, ...]
    folder: Path
    """Where the file is: relative paths are beside it."""


OLD_AFTER = {DeviceType.PAYMENT_TERMINAL: 600}
"""Seconds after which a command is not begun any more: a till that comes back hours later must not ask a stranger for a card."""


class _Platform(Struct, forbid_unknown_fields=True, kw_only=True):
    address: str
    socket_address: str | None = None
    client_token: str | None = None
    client_token_file: str | None = None
    access_token: str | None = None
    access_token_file: str | None = None


class _File(Struct, forbid_unknown_fields=True, kw_only=True):
    platform: dict[str, Any]
    machines: dict[str, dict[str, Any]] = {}
    name: str = ""
    state: str = ""
    time_zone: str = ""
    metrics: str = ""
    log_level: str = "info"


def load(
    path: Path, kinds: Mapping[str, Kind], host: str, environment: Mapping[str, str], *, has_tokens: bool = True
) -> Configuration:
    """Read the configuration; ``kinds`` are the drivers by name, ``host`` is what this computer is called.

    Relative paths are beside the file. Where a service manager gives them, files with tokens are looked for in its
    ``$CREDENTIALS_DIRECTORY``, and the state goes to its ``$STATE_DIRECTORY``. Without ``has_tokens`` they are not looked
    for, and are empty. Raises InvalidConfiguration.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InvalidConfiguration(f"{path} {_unreadable(error)}") from None
    try:
        file = converted(content, _File)
    except ValueError as error:
        raise InvalidConfiguration(f"{path}: {error}") from None
    if file.log_level not in ("debug", "info", "warning", "error"):
        raise InvalidConfiguration(f"{path}: log_level is {file.log_level!r}, expected debug, info, warning or error")
    state = Path(file.state or environment.get("STATE_DIRECTORY", "").partition(":")[0] or "agent-state")
    return Configuration(
        platform=_platform(file.platform, path, environment, has_tokens=has_tokens),
        name=(file.name or f"nightporter agent on {host}")[:255],
        state=path.parent / state,
        time_zone=_zone(file.time_zone, path),
        metrics=path.parent / file.metrics if file.metrics else None,
        log_level=file.log_level,
        machines=_machines(file.machines, kinds, path),
        folder=path.parent,
    )


def _unreadable(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8; save it as UTF-8"
    return f"cannot be read: {error.strerror if isinstance(error, OSError) else error}"


def _platform(table: dict[str, Any], path: Path, environment: Mapping[str, str], *, has_tokens: bool) -> Platform:
    try:
        told = converted(table, _Platform)
        Address.of(told.address, told.socket_address)
    except ValueError as error:
        raise InvalidConfiguration(f"{path}: [platform] {error}") from None
    tokens = {name: _token(told, name, path, environment) if has_tokens else "" for name in TOKENS}
    return Platform(told.address, told.socket_address, **tokens)


def _token(told: _Platform, name: str, path: Path, environment: Mapping[str, str]) -> str:
    plain, file = getattr(told, name), getattr(told, f"{name}_file")
    if plain and file:
        raise InvalidConfiguration(f"{path}: [platform] gives both {name} and {name}_file; leave one out")
    if file:
        holder = Path(environment.get("CREDENTIALS_DIRECTORY") or path.parent) / file
        try:
            plain = holder.read_text("utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidConfiguration(f"{path}: [platform] {name}_file: {holder} {_unreadable(error)}") from None
        if not plain:
            raise InvalidConfiguration(f"{path}: [platform] {name}_file: {holder} is empty")
    token: str = plain or environment.get(TOKENS[name], "")
    if not token:
        raise InvalidConfiguration(
            f"{path}: [platform] needs {name}_file, a file that holds the {name}; or set {TOKENS[name]} in the environment"
        )
    return token


def _zone(name: str, path: Path) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        raise InvalidConfiguration(f"{path}: time_zone is {name!r}, expected one like Europe/Rome") from None


def _machines(
    tables: Mapping[str, Mapping[str, Any]], kinds: Mapping[str, Kind], path: Path
) -> tuple[MachineConfiguration, ...]:
    machines = [_machine(name, table, kinds, path) for name, table in tables.items()]
    whiches: tuple[tuple[str, Callable[[MachineConfiguration], str]], ...] = (
        ("device", lambda one: one.device_id),
        ("machine", lambda one: one.kind.place(one.options)),  # whatever its driver
    )
    for what, which in whiches:
        seen: dict[str, str] = {}
        for one in machines:
            key = which(one)
            if (other := seen.setdefault(key, one.name)) != one.name:
                raise InvalidConfiguration(
                    f"{path}: [machines.{one.name!r}] and [machines.{other!r}] are the same {what}, {key}; "
                    "each device is one machine, so leave one out"
                )
    return tuple(machines)


def _machine(name: str, table: Mapping[str, Any], kinds: Mapping[str, Kind], path: Path) -> MachineConfiguration:
    where = f"{path}: [machines.{name!r}]"
    ours = {key: table[key] for key in Common.__struct_fields__ if key in table}
    try:
        common = converted(ours, Common)
        kind = _kind(common.driver, kinds)
        options = converted(
            {key: table[key] for key in table if key not in ours}, kind.options, Common.__struct_fields__
        )
        kind.place(options)
        return MachineConfiguration(
            name,
            str(common.device),
            kind,
            options,
            _seconds("gives_up_after", common.gives_up_after),
            _seconds("too_old_after", common.too_old_after)
            if common.too_old_after
            else OLD_AFTER.get(kind.device_type),
        )
    except ValueError as error:
        raise InvalidConfiguration(f"{where}: {error}") from None


def _kind(name: str, kinds: Mapping[str, Kind]) -> Kind:
    if name in kinds:
        return kinds[name]
    raise ValueError(unknown(f"driver is {name!r}, which", name, kinds))


def _seconds(name: str, text: str) -> int:
    try:
        return read_duration(text)
    except ValueError as error:
        raise ValueError(f"{name} is {text!r}: {error}") from None
