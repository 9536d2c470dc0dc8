"""The documents of printer commands, on this computer's disk from when they are taken until their command is through."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from nightporter.client import NotWanted


class Spool:
    """The folder ``folder``, which is made when it is missing; its files are for the agent's user alone."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._faults: dict[str, str] = {}

    @contextmanager
    def open(self, command_id: str) -> Iterator["Coming"]:
        """Where the document of a command goes, empty; left with an exception, it is deleted.

        The document is there when it is whole. One that is there already stays as it is: it is the same, and may be read.
        What the disk does not take is not raised, so that it is the affair of this command alone: :meth:`fault` tells it.
        """
        path = self._path(command_id)
        part = path.with_suffix(".part")
        coming = Coming(part)
        try:
            yield coming
            coming.close()
            if coming.fault is None and not os.path.isfile(path):
                os.replace(part, path)
            if os.path.isfile(path):
                self._faults.pop(path.name, None)
                coming.fault = None
        except NotWanted:
            coming.fault = None
        except OSError as error:
            coming.fault = error
        finally:
            coming.close()
            with suppress(OSError):
                part.unlink(missing_ok=True)
            if coming.fault is not None:
                self._faults[path.name] = coming.fault.strerror or str(coming.fault)

    def document(self, command_id: str) -> Path | None:
        """The document of a command; None where it has none."""
        path = self._path(command_id)
        return path if os.path.isfile(path) else None

    def fault(self, command_id: str) -> str | None:
        """Why the document of a command could not be kept, in the system's words; None for one that could."""
        return self._faults.get(self._path(command_id).name)

    def remove(self, command_id: str) -> None:
        """Delete the document of a command, if there is one."""
        path = self._path(command_id)
        self._faults.pop(path.name, None)
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete all documents, as far as the disk lets them go."""
        with suppress(OSError):
            for path in self._folder.iterdir():
                with suppress(OSError):
                    path.unlink()

    def _path(self, command_id: str) -> Path:
        # An id that is none could lead out of the folder.
        return self._folder / str(UUID(command_id))


class Coming:
    """A document that comes in, to the file ``path``; after the first ``fault`` nothing more of it is written."""

    def __init__(self, path: Path) -> None:
        self.fault: OSError | None = None
        self._file: BinaryIO | None = None
        try:
            self._file = path.open("wb")
        except OSError as error:
            self.fault = error

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        if self.fault is None and self._file is not None:
            try:
                self._file.write(data)
            except OSError as error:
                self.fault = error

    def close(self) -> None:
        """Close the file, if it is open."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                self.fault = self.fault or error
