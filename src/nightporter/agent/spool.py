"""The documents of printer commands, on this computer's disk from when they are taken until their command is through."""

import os
from collections.abc import Iterable, Iterator
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

    @contextmanager
    def open(self, command_id: str) -> Iterator[BinaryIO]:
        """A file for the document of a command, empty; left with an exception, it is deleted.

        The document is there when it is whole. One that is there already stays as it is: it is the same, and may be read.
        """
        path = self._path(command_id)
        part = path.with_suffix(".part")
        try:
            with part.open("wb") as file:
                yield file
            if not path.exists():
                os.replace(part, path)
        except NotWanted:
            pass
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def document(self, command_id: str) -> Path | None:
        """The document of a command; None where it has none."""
        path = self._path(command_id)
        return path if path.exists() else None

    def remove(self, command_id: str) -> None:
        """Delete the document of a command, if there is one."""
        with suppress(OSError):
            self._path(command_id).unlink(missing_ok=True)

    def keep_only(self, command_ids: Iterable[str]) -> None:
        """Delete the documents of all other commands."""
        kept = {self._path(command_id).name for command_id in command_ids}
        for path in self._folder.iterdir():
            if path.name not in kept:
                with suppress(OSError):
                    path.unlink()

    def _path(self, command_id: str) -> Path:
        # An id that is none could lead out of the folder.
        return self._folder / str(UUID(command_id))
