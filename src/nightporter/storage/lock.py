"""One process for one SQLite file: a lock that ends with the process, however it ends."""

from pathlib import Path
from types import TracebackType
from typing import Self

from nightporter.host.locks import FileLock, InUse
from nightporter.storage.refused import DatabaseRefused


class DatabaseInUse(Exception):
    """Another process holds the database; the message says what to do."""


class DatabaseLock:
    """Holds ``<database>.lock``.

    Raises DatabaseInUse when another process holds it, and DatabaseRefused when it cannot be made or written.
    """

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        try:
            self._lock = FileLock(path)
        except OSError as error:
            raise DatabaseRefused(
                f"{path} cannot be written: {error.strerror}. Whoever runs this needs the right to write that file, and to "
                "make others beside it: be the user who has it, or give another database (--database)."
            ) from error
        except InUse:
            raise DatabaseInUse(
                f"{database} is in use by another process. A SQLite database belongs to one server with one worker: "
                "stop the other one, or give this one another file (--database). Many nodes need PostgreSQL."
            ) from None

    def release(self) -> None:
        """Let others have the database."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
