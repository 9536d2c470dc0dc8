"""One process for one SQLite file: a lock that ends with the process, however it ends."""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self


class DatabaseInUse(Exception):
    """Another process holds the database; the message says what to do."""


class DatabaseLock:
    """Holds ``<database>.lock``; raises DatabaseInUse when another process does."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._file = self._path.open("a+b")
        try:
            _lock(self._file.fileno())
        except OSError:
            self._file.close()
            raise DatabaseInUse(
                f"{database} is in use by another process. A SQLite database belongs to one server with one worker: "
                "stop the other one, or give this one another file (--database). Many nodes need PostgreSQL."
            ) from None

    def release(self) -> None:
        """Let others have the database."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


if sys.platform == "win32":  # pragma: no cover - front desks run it, these tests do not
    import msvcrt

    def _lock(file: int) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
