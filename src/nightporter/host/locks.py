"""A lock between processes that ends with its process, however that ends."""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self


class InUse(Exception):
    """Another process holds the lock."""


class FileLock:
    """Holds the file at ``path``, which its owner alone may open, as others could hold it too.

    Raises InUse when another process holds it, and OSError when it cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        try:
            _lock(self._file.fileno())
        except OSError:
            self._file.close()
            raise InUse(str(path)) from None

    def release(self) -> None:
        """Let others have it."""
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
