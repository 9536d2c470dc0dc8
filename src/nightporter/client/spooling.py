"""A document on its way to a file of whoever carries its command out."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from nightporter.client.sifting import Sifter, Sink

Spool = Callable[[str], AbstractContextManager[Sink]]
"""Opens the file for the document of a command, by the command's id in lower case."""


class NotWanted(Exception):
    """With this a spool's file is left when its document is not whole, cannot be read, or belongs to nobody's work."""


class Spooled:
    """The document of one command: the file that ``spool`` opens is left with NotWanted unless the document was kept.

    Use it as a context manager. The file is opened when a document begins to come in, and anew with each try.
    """

    def __init__(self, spool: Spool | None, command_id: str) -> None:
        self._spool = spool
        self._command_id = command_id
        self._sifter = Sifter(self)
        self._opened: AbstractContextManager[Sink] | None = None
        self._file: Sink | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(error or NotWanted())

    def anew(self) -> Sifter:
        """The sifter for the next try, whose document takes the place of an earlier one's."""
        self._leave(NotWanted())
        self._sifter = Sifter(self)
        return self._sifter

    def keep(self) -> None:
        """Leave the file as it is, unless its document was not base64."""
        self._leave(NotWanted() if self._sifter.is_broken else None)

    def write(self, data: bytes) -> None:
        """Take the next bytes; what the spool raises is passed on."""
        if self._file is None:
            assert self._spool is not None
            opened = self._spool(self._command_id)
            self._file = opened.__enter__()
            self._opened = opened
        self._file.write(data)

    def _leave(self, error: BaseException | None) -> None:
        opened, self._opened, self._file = self._opened, None, None
        if opened is None:
            return
        if error is None:
            opened.__exit__(None, None, None)
        else:
            opened.__exit__(type(error), error, error.__traceback__)
