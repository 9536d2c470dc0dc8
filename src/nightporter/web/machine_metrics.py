"""The counts of all workers of a machine: each keeps its own in a file, and whoever is asked adds them up.

What was told once never becomes less, whoever is asked next: Prometheus would take that for a new start. So a worker
writes its file before it tells, and the one that takes a dead worker's place goes on from that file.
"""

from pathlib import Path

import msgspec
import structlog

from nightporter.web.metrics import Counts, Metrics, added

_log = structlog.get_logger()
_read = msgspec.json.Decoder(Counts).decode


class MachineMetrics(Metrics):
    """The counts of the worker with this number, kept in ``folder``, which all workers of the machine share."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = folder
        self._file = _file(folder, number)
        self._is_failing = False
        super().__init__(_kept(self._file))
        self._counts.sockets = 0

    def write(self) -> None:
        """Write the counts down; a file that cannot be written is told in the log, once."""
        try:
            _write(self._file, self._counts)
            self._is_failing = False
        except OSError as error:
            if not self._is_failing:
                _log.warning("the counts of this worker cannot be written", exc_info=error)
            self._is_failing = True

    def told(self) -> Counts:
        """The counts of all workers of this machine."""
        self.write()
        sums = self.snapshot()
        for other in sorted(self._folder.glob("*.json")):
            if other != self._file:
                sums = added(sums, _kept(other))
        return sums


def end_sockets(folder: Path, number: int) -> None:
    """The worker with this number is dead: its counts stay, its sockets are gone. Raises OSError."""
    file = _file(folder, number)
    counts = _kept(file)
    counts.sockets = 0
    _write(file, counts)


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number}.json"


def _kept(file: Path) -> Counts:
    """What a file holds; nothing for one that is not there yet, or of another release."""
    try:
        return _read(file.read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return Counts()


def _write(file: Path, counts: Counts) -> None:
    begun = file.with_suffix(".part")
    begun.write_bytes(msgspec.json.encode(counts))
    begun.replace(file)
