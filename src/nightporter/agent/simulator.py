"""What every simulator of a machine offers: it listens, counts the effects it would have had, and can be told to fail."""

import asyncio
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any, ClassVar, Self


class Asking(asyncio.Event):
    """Set while a machine waits for a person; ``times`` tells one wait from the next, which may follow at once."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def set(self) -> None:
        """Begin to wait."""
        if not self.is_set():
            self.times += 1
        super().set()


class Simulator:
    """The base of a machine made of software, on one TCP port of this machine.

    A subclass says in ``FAULTS`` how it can fail, speaks its protocol in :meth:`serve`, and adds to ``effects`` what a real
    machine would have done: a page printed, a key cut, an amount taken. Use it as an asynchronous context manager, or
    :meth:`start` and :meth:`close` it.
    """

    FAULTS: ClassVar[Mapping[str, str]] = {}
    """The name of each fault, and what the machine does then."""

    def __init__(self) -> None:
        self.effects: list[dict[str, Any]] = []
        """What it did, in order. Each entry says under ``Effect`` which kind it is."""
        self.host = ""
        self.port = 0
        self._faults: deque[str] = deque()
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    def fail(self, fault: str, times: int = 1) -> None:
        """Have the next ``times`` chances for ``fault`` taken; faults are taken in the order in which they were asked for.

        Raises ValueError for a fault that this machine does not know.
        """
        if fault not in self.FAULTS:
            raise ValueError(f"there is no fault {fault!r}; known are {', '.join(self.FAULTS)}")
        self._faults.extend([fault] * times)

    def fails(self, *faults: str) -> str | None:
        """The fault to commit now, if the next one is among ``faults``; it is used up by that."""
        return self._faults.popleft() if self._faults and self._faults[0] in faults else None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Listen; with port 0 on any that is free, found in ``port``. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, host, port)
        self.host, self.port = self._server.sockets[0].getsockname()[:2]
        return self

    async def close(self) -> None:
        """Stop listening and break every connection."""
        if self._server is not None:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak to one caller until it leaves; to return breaks the connection."""
        raise NotImplementedError

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        try:
            await self.serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._talks.discard(talk)
            writer.transport.abort()
