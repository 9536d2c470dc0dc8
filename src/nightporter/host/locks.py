"""A lock between processes that ends with its process, however that ends."""

import errno
import hashlib
import os
import socket
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from nightporter.settings import environment


class InUse(Exception):
    """Another process holds the lock."""


class LockFailed(OSError):
    """A lock can be neither had nor refused; the text says why, and what to do."""

    def __str__(self) -> str:
        return (
            f"{self.filename} cannot be locked: {self.strerror}. See that its folder exists, and that whoever runs this may "
            "write there."
        )


class _Lock:
    _holder: BinaryIO | socket.socket

    def release(self) -> None:
        """Let others have it."""
        self._holder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class FileLock(_Lock):
    """Holds the file at ``path``, which its owner alone may open, as others could hold it too.

    Raises InUse when another process holds it, and LockFailed when it cannot be made, written or locked.
    """

    def __init__(self, path: Path) -> None:
        try:
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        except OSError as error:
            raise LockFailed(error.errno, error.strerror, str(path)) from None
        try:
            _lock(file.fileno(), path, is_shared=False)
        except (InUse, LockFailed):
            file.close()
            raise
        self._holder = file


def is_held(path: Path) -> bool:
    """Whether a process holds the FileLock at ``path``; for that it need only be readable.

    Whoever takes the lock at this very moment is refused, and has it at the next try. Raises LockFailed.
    """
    try:
        with path.open("rb") as file:
            _lock(file.fileno(), path, is_shared=True)
    except FileNotFoundError:
        return False
    except InUse:
        return True
    except OSError as error:
        raise LockFailed(error.errno, error.strerror, str(path)) from None
    return False


if sys.platform == "win32":  # pragma: no cover - front desks run it, these tests do not
    import msvcrt

    def _lock(file: int, path: Path, *, is_shared: bool) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            raise InUse(str(path)) from None
        except OSError as error:
            raise LockFailed(error.errno, error.strerror, str(path)) from None

else:
    import fcntl

    def _lock(file: int, path: Path, *, is_shared: bool) -> None:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(str(path)) from None
        except OSError as error:
            raise LockFailed(error.errno, error.strerror, str(path)) from None


if sys.platform == "linux":

    class ComputerLock(_Lock):
        """Holds ``name`` on this computer, whoever runs the process and whatever folders that sees.

        It is a name of the kernel's: a file would be another one for a service with a temporary folder of its own, could
        be out of bounds for the next user, be laid by a stranger, or be tidied away. Raises InUse when another process
        holds it, and OSError when the system has none to give.
        """

        def __init__(self, name: Path) -> None:
            # A socket that nobody can connect to, for it does not listen.
            holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                holder.bind(f"\0nightporter {hashlib.sha256(os.fsencode(name)).hexdigest()}")
            except OSError as error:
                holder.close()
                if error.errno == errno.EADDRINUSE:
                    raise InUse(str(name)) from None
                raise
            self._holder = holder

else:  # pragma: no cover - as above

    class ComputerLock(FileLock):
        """Holds ``name`` on this computer: a file in a folder that all its users have, of which the first owns it.

        Raises as FileLock.
        """

        def __init__(self, name: Path) -> None:
            path = Path(environment().get("PROGRAMDATA") or tempfile.gettempdir()) / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LockFailed(error.errno, error.strerror, str(path)) from None
            super().__init__(path)
