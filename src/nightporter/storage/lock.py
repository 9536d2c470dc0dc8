"""One process for one SQLite file: a lock that ends with the process, however it ends."""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from nightporter.storage.refused import DatabaseRefused


class DatabaseInUse(Exception):
    """Another process holds the database; the message says what to do."""


class DatabaseLock:
    """Holds ``<database>.lock``, a file that its owner alone may open, as others could hold it too.

    Raises DatabaseInUse when another process holds it, and DatabaseRefused when it cannot be made or written.
    """

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        try:
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        except OSError as error:
            raise DatabaseRefused(
                f"{path} cannot be written: {error.strerror}. Whoever runs this needs the right to write that file, and to "
                "make others beside it: be the user who has it, or give another database (--database)."
            ) from error
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
