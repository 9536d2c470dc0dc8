"""Every setting once: name, type, default and help. The environment, the TOML file, the flags and the docs come from here."""

import binascii
import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

PREFIX = "NIGHTPORTER_"


class InvalidSetting(Exception):
    """A setting has no usable value; the message says which one, where it came from and what would do."""


def _setting(default: Any, about: str, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"about": about, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of the server. Sizes are in bytes, times in seconds."""

    host: str = _setting("127.0.0.1", "address to listen on")
    port: int = _setting(8080, "port to listen on")
    database: str = _setting(
        "nightporter.db", "the SQLite file that holds the desk, or a PostgreSQL database: postgresql://USER@HOST/NAME"
    )
    workers: int = _setting(1, "processes that serve on this machine; more than one need a PostgreSQL database")
    request_limit: int = _setting(200, "requests per access token within the request window; 0 switches the limit off")
    request_window: float = _setting(30.0, "length of the sliding window of the request limit")
    body_limit: int = _setting(16 * 1024 * 1024, "largest request body; more is answered with 413")
    file_limit: int = _setting(
        1024 * 1024 * 1024, "largest property file that properties/load takes; more is answered with 413"
    )
    time_budget: float = _setting(30.0, "longest time for one request; more is answered with 408")
    batch_limit: int = _setting(512, "most changes that the writer commits together")
    listener_queue: int = _setting(1000, "events that may wait for one socket before it is dropped as too slow")
    ping_interval: float = _setting(20.0, "time between pings to a socket, and to wait for the answer")
    expires_after: str = _setting(
        "PaymentTerminal=PT10M",
        "how long a command may wait to be begun before it is cancelled, for devices that do not say it themselves: "
        "TYPE=DURATION of each type of device that has such a limit, like PaymentTerminal=PT10M,Printer=P1D; "
        "empty: nothing expires",
    )
    stalled_after: str = _setting(
        "",
        "how long a command may be in Processing without a word before it counts as stalled, for devices that do not say "
        "it themselves; written like expires_after",
    )
    keep_results: str = _setting(
        "P7D",
        "how long what executors reported beside the state (Result) is kept after the command ended; empty: for ever",
    )
    keep_guests: str = _setting(
        "P7D",
        "how long names, addresses and the like are kept in what a command was made of, after it ended; empty: for ever",
    )
    keep_documents: str = _setting(
        "P30D", "how long the file of a printer command is kept after the command ended; empty: for ever"
    )
    keep_commands: str = _setting("P365D", "how long a command is kept after it ended; empty: for ever")
    keep_tokens: str = _setting(
        "P90D", "how long a resource access token is kept after its validity or its last change; empty: for ever"
    )
    keep_events: str = _setting(
        "P30D", "how long events are kept, and so how old a socket's cursor may be; empty: for ever"
    )
    keep_audit: str = _setting("P1096D", "how long the record of what administrators did is kept; empty: for ever")
    tolerant_paths: bool = _setting(
        False,
        "match paths of the Connector API without regard to letter case, as before April 2025 (all but fiscalMachineCommands)",
    )
    upstream: str = _setting(
        "",
        "platform that gets the Connector API calls which the desk does not serve, like https://api.example.com: "
        "scheme, host and port alone; empty: nobody gets them",
    )
    upstream_timeout: float = _setting(
        60.0, "longest silence of the upstream, and longest time for which a caller may not read its answer"
    )
    upstream_limit: int = _setting(64, "requests forwarded at the same time; more are answered with 503")
    stop_timeout: float = _setting(
        60.0, "longest time for which a desk that is told to stop finishes the requests that it accepted"
    )
    keys: str = _setting(
        "",
        "keys that encrypt PINs, documents, results and guest data in the database, with commas between them: the first "
        "encrypts, all decrypt; each as nightporter new-key prints one; empty: all is kept in the clear",
        secret=True,
    )
    debug: bool = _setting(False, "fill Details of error replies with diagnostics; never where strangers can call")
    log_level: str = _setting("info", "least level that is logged: debug, info, warning or error")


@dataclass(frozen=True, slots=True)
class Described:
    """One setting as the docs and the command line show it."""

    name: str
    type: type
    default: Any
    about: str
    is_secret: bool = False
    """Whether it comes from the environment or the file alone: every user of the machine may see a flag."""

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return PREFIX + self.name.upper()


def described() -> tuple[Described, ...]:
    """All settings in the order in which they are declared."""
    types = get_type_hints(Settings)
    return tuple(
        Described(f.name, types[f.name], f.default, f.metadata["about"], f.metadata["secret"]) for f in fields(Settings)
    )


_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_AT_LEAST = {
    "request_limit": 0, "port": 0, "body_limit": 1, "file_limit": 1, "batch_limit": 1, "listener_queue": 1,
    "upstream_limit": 1, "workers": 1,
}  # fmt: skip
LAST_PORT = 65535
_ORIGIN = re.compile(r"https?://(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?/?", re.IGNORECASE)


def _read(setting: Described, value: Any, origin: str) -> Any:
    problem = InvalidSetting(
        f"{setting.name} ({origin}) is {value!r}, expected {setting.type.__name__}: {setting.about}"
    )
    if setting.type is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in _TRUE | _FALSE:
            return str(value).lower() in _TRUE
        raise problem
    if isinstance(value, bool):
        raise problem
    try:
        read = setting.type(value)
    except (TypeError, ValueError):
        raise problem from None
    if setting.type is float and not 0 < read < float("inf"):
        raise problem
    if setting.type is int and read < (least := _AT_LEAST.get(setting.name, 0)):
        raise InvalidSetting(f"{setting.name} ({origin}) is {value!r}, expected at least {least}: {setting.about}")
    if setting.name == "port" and read > LAST_PORT:
        raise InvalidSetting(f"port ({origin}) is {value!r}, expected at most {LAST_PORT}, 0 for any that is free")
    if setting.name == "log_level" and read not in {"debug", "info", "warning", "error"}:
        raise problem
    if setting.name == "upstream" and read and not _is_origin(read):
        raise problem
    if setting.name == "keys":
        try:
            read_keys(read)
        except ValueError as wrong:
            raise InvalidSetting(f"keys ({origin}): {wrong}") from None
    return read


KEY = 32
"""How many bytes a key has."""


def read_keys(text: str) -> tuple[bytes, ...]:
    """The keys of the setting ``keys``, each KEY bytes; raises ValueError, which tells no key."""
    keys: list[bytes] = []
    for number, one in enumerate(text.split(",") if text.strip() else (), 1):
        try:
            key = binascii.a2b_base64(one.strip(), strict_mode=True)
        except ValueError:
            key = b""
        if len(key) != KEY:
            raise ValueError(f"number {number} is not {KEY} bytes in base64; make one with: nightporter new-key")
        keys.append(key)
    return tuple(keys)


def _is_origin(text: str) -> bool:
    """Whether it is scheme, host and port alone."""
    try:
        return _ORIGIN.fullmatch(text) is not None and urlsplit(text).port != 0
    except ValueError:  # a port or an IPv6 address that cannot be
        return False


def load(
    flags: Mapping[str, Any] | None = None, file: Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Gather the settings: a flag wins over the environment, that over the TOML file, that over the default.

    ``flags`` whose value is None count as not given. Raises InvalidSetting for an unusable value, an unknown name in
    the file, and a file that cannot be read.
    """
    environment = os.environ if environment is None else environment
    known = {setting.name: setting for setting in described()}
    values: dict[str, Any] = {}
    if file is not None:
        try:
            content = tomllib.loads(file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise InvalidSetting(f"the settings file {file} cannot be read: {reason}") from error
        for name, value in content.items():
            if name not in known:
                raise InvalidSetting(f"{file} has an unknown setting {name!r}; known are {', '.join(known)}")
            values[name] = _read(known[name], value, str(file))
    for setting in known.values():
        if (value := environment.get(setting.variable)) is not None:
            values[setting.name] = _read(setting, value, setting.variable)
    for name, value in (flags or {}).items():
        if value is not None:
            values[name] = _read(known[name], value, f"--{name.replace('_', '-')}")
    return Settings(**values)


def variables() -> dict[str, str]:
    """The environment variables that begin as ours do, whether or not they are settings."""
    return {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}


def environment() -> Mapping[str, str]:
    """The environment as it is, for what is read there beside the settings: tokens, folders, and what a service manager says."""
    return os.environ


OF_COMMANDS = ("ADDRESS", "SOCKET_ADDRESS", "CLIENT_TOKEN", "ACCESS_TOKEN", "ADMINISTRATION_TOKEN")
"""What commands read beside the settings of the server."""


def unknown_variables() -> list[tuple[str, str]]:
    """What to tell of each environment variable that begins as ours do and that nothing reads, and what to do about it."""
    known = {setting.name.upper() for setting in described()} | {*OF_COMMANDS}
    told: list[tuple[str, str]] = []
    for name in sorted({name.removeprefix(PREFIX) for name in variables()} - known):
        meant = difflib.get_close_matches(name, known, 1)
        advice = f"is {PREFIX}{meant[0]} meant?" if meant else "it does nothing; take it away"
        told.append((f"the environment has {PREFIX}{name}, which is no setting", advice))
    return told


@dataclass(frozen=True, slots=True)
class Supervision:
    """What the service manager that started this process wants to be told (sd_notify(3), sd_watchdog_enabled(3))."""

    notify_socket: str
    """Where it listens; empty for nowhere."""
    watchdog: float | None
    """The longest time in seconds between two signs of life; None for as long as it pleases."""


def supervision(environment: Mapping[str, str] | None = None) -> Supervision:
    """What the environment says of a service manager; a watchdog that is meant for another process does not count."""
    environment = os.environ if environment is None else environment
    period = environment.get("WATCHDOG_USEC", "")
    is_meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    watchdog = int(period) / 1e6 if is_meant and period.isascii() and period.isdigit() and int(period) else None
    return Supervision(environment.get("NOTIFY_SOCKET", ""), watchdog)
