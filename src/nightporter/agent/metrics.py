"""What the agent counts, in the text format of Prometheus: a file, because the agent opens no door."""

import asyncio
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from nightporter.agent.journal import Ending, Entry

if TYPE_CHECKING:
    from nightporter.agent.machine import Machine

SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600, 3600)
READABLE = 0o644


class Metrics:
    """Counts since the start. Machines are named as in the configuration; no command, guest or document is."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._ended = Counter(
            "nightporter_agent_commands",
            "Commands that ended, by outcome.",
            ["machine", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "nightporter_agent_command_seconds", "From taking a command to its end.", ["machine"],
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._waiting = Gauge(
            "nightporter_agent_waiting", "Commands that wait for their machine.", ["machine"], registry=self._registry
        )
        self._under_way = Gauge(
            "nightporter_agent_under_way", "Commands under way.", ["machine"], registry=self._registry
        )
        self._away = Gauge(
            "nightporter_agent_away", "1 when a command last tried the machine and could not reach it.", ["machine"],
            registry=self._registry,
        )  # fmt: skip
        self._unreported = Gauge(
            "nightporter_agent_unreported", "Commands that ended and that the platform has not been told the end of.",
            registry=self._registry,
        )  # fmt: skip
        self._connected = Gauge(
            "nightporter_agent_connected", "1 while the platform's socket is open.", registry=self._registry
        )
        self._last_contact = Gauge(
            "nightporter_agent_last_contact_timestamp_seconds",
            "When the platform's socket was last seen open, in seconds of Unix time; 0 for never.",
            registry=self._registry,
        )

    def ended(self, entry: Entry, ending: Ending | None, now: datetime) -> None:
        """Count a command that is through; without ``ending`` it was called off before it began."""
        self._ended.labels(entry.machine, "withdrawn" if ending is None else ending.stage.lower()).inc()
        self._seconds.labels(entry.machine).observe((now - entry.received).total_seconds())

    async def write(
        self, path: Path, machines: "Iterable[Machine]", *, is_connected: bool, unreported: int, now: datetime
    ) -> None:
        """Put all figures into ``path``, whole or not at all. Raises OSError."""
        for gauge in (self._waiting, self._under_way, self._away):
            gauge.clear()
        for machine in machines:
            name = machine.configuration.name
            self._waiting.labels(name).set(machine.waiting)
            self._under_way.labels(name).set(machine.under_way is not None)
            self._away.labels(name).set(machine.is_away)
        self._unreported.set(unreported)
        self._connected.set(is_connected)
        if is_connected:
            self._last_contact.set(now.timestamp())
        await asyncio.to_thread(_write, path, generate_latest(self._registry))


def _write(path: Path, text: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(text)
    # Whoever collects it is another user, and a service makes files for itself alone.
    part.chmod(READABLE)
    os.replace(part, path)
