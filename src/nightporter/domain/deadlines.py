"""When a command has waited too long, and when whoever carries it out has been silent for too long.

DESIGN, "No stale surprises" and "No orphans". The clock decides; the sweep (``web/sweeper.py``) only writes it down.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta

from nightporter.domain.command import ACTIVE, CommandState
from nightporter.domain.device import DeviceType, StalledPolicy
from nightporter.domain.duration import print_duration, read_duration, told_duration
from nightporter.domain.value import value

NEVER_AGAIN = frozenset({DeviceType.PAYMENT_TERMINAL, DeviceType.FISCAL_MACHINE, DeviceType.KEY_CUTTER})
"""What these did before they fell silent must not be done twice, so their commands are never offered again."""

MOST_OFFERS = 5
"""How often a command is offered again: what brings every executor down must not go on for ever."""


@value
class Deadlines:
    """The defaults of each type of device, in seconds; a type that is missing has none."""

    expires_after: Mapping[DeviceType, int] = field(default_factory=dict)
    stalled_after: Mapping[DeviceType, int] = field(default_factory=dict)

    def expiry(self, kind: DeviceType, own: int | None) -> int | None:
        """The seconds within which a command must begin, or None; ``own`` is what its device says itself."""
        return _effective(own, self.expires_after.get(kind))

    def stall(self, kind: DeviceType, own: int | None) -> int | None:
        """The seconds for which Processing may be silent, or None; ``own`` is what the device says itself."""
        return _effective(own, self.stalled_after.get(kind))


def _effective(own: int | None, default: int | None) -> int | None:
    return (default if own is None else own) or None


def read_defaults(text: str) -> dict[DeviceType, int]:
    """Read defaults like ``PaymentTerminal=PT10M,Printer=PT1H``; raises ValueError, which says what would do."""
    defaults: dict[DeviceType, int] = {}
    for one in filter(None, (part.strip() for part in text.split(","))):
        kind, equals, duration = (part.strip() for part in one.partition("="))
        if not equals or kind not in set(DeviceType):
            raise ValueError(f"expected TYPE=DURATION with a type of {', '.join(DeviceType)}, got {one!r}")
        if kind in defaults:
            raise ValueError(f"expected {kind} once")
        try:
            defaults[DeviceType(kind)] = read_duration(duration)
        except ValueError as error:
            raise ValueError(f"{error}, got {one!r}") from None
    return defaults


def check_policy(kind: DeviceType, policy: StalledPolicy) -> None:
    """Raise ValueError for a policy that a device of this type may not have."""
    if policy is StalledPolicy.PENDING and kind in NEVER_AGAIN:
        raise ValueError(
            f"expected Flag or Error: what a {kind} did before it fell silent must not be done twice, so its commands "
            "are not offered again"
        )


def is_overdue(state: CommandState, expires: datetime | None, now: datetime) -> bool:
    """Whether the command has not begun in time, so that it counts as Cancelled."""
    return expires is not None and expires <= now and state in ACTIVE


def is_stalled(state: CommandState, updated: datetime, after: int | None, now: datetime) -> bool:
    """Whether nothing was heard of the command for ``after`` seconds of Processing."""
    return after is not None and state is CommandState.PROCESSING and updated + timedelta(seconds=after) <= now


def expiry_note(time: timedelta) -> str:
    """Why the desk cancelled a command that had this ``time`` to begin."""
    after = int(time.total_seconds())
    return f"Not begun within {told_duration(after)} (ExpiresAfter {print_duration(after)})."


def after_stall(policy: StalledPolicy, offered: int) -> StalledPolicy:
    """What is to be done with a command that has been ``offered`` again so many times, where ``policy`` is its device's."""
    return StalledPolicy.ERROR if policy is StalledPolicy.PENDING and offered >= MOST_OFFERS else policy


def stall_note(after: int, policy: StalledPolicy, offered: int = 0) -> str:
    """Why the desk ended a command that nothing was heard of for ``after`` seconds, or offered it again.

    ``policy`` is what it did, ``offered`` how often it had offered the command again before.
    """
    told = " Offered again." if policy is StalledPolicy.PENDING else ""
    if policy is StalledPolicy.ERROR and offered >= MOST_OFFERS:
        told = f" Offered again {MOST_OFFERS} times, and now no more."
    return (
        f"Begun, then nothing was heard of it for {told_duration(after)} (StalledAfter {print_duration(after)}).{told}"
    )
