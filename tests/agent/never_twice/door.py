"""A door between the agent and a machine: it counts what passes, and strikes at one message."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

PIECE = 256 * 1024
AWAY = 0.2
"""Seconds that the platform is away."""


@dataclass(frozen=True)
class Strike:
    """At message ``number``, counted from 1 in both directions: "before" or "after" it is passed on, what is done."""

    number: int
    when: str
    what: str
    """"kill" the agent, "cut" the link, or take the "platform" away for a moment."""


@dataclass
class Door:
    """Passes everything on to ``host`` and ``port``, each message ``times`` times once a socket is open.

    ``on_kill`` kills the agent and returns when it is dead; ``on_platform`` takes the platform away for a moment.
    """

    host: str
    port: int
    strike: Strike | None = None
    on_kill: Callable[[], Awaitable[None]] | None = None
    on_platform: Callable[[], Awaitable[None]] | None = None
    times: int = 1
    passed: list[tuple[str, bytes]] = field(default_factory=list)
    """Each message that came: ">" to the machine or "<" from it, and its bytes."""
    has_struck: bool = False
    is_open: bool = True
    _links: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await _turns()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for link in self._links:
            link.transport.abort()
        await _turns()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if not self.is_open:
                raise ConnectionRefusedError
            inner, outer = await asyncio.open_connection(self.host, self.port)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
            self._tasks.discard(task)
            return
        self._links |= {writer, outer}
        pumps = [
            asyncio.ensure_future(self._pump(">", reader, outer, writer)),
            asyncio.ensure_future(self._pump("<", inner, writer, outer)),
        ]
        try:
            await asyncio.gather(*pumps)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            # The machine is left as a broken line leaves it: what was passed on has arrived.
            outer.close()
            writer.transport.abort()
            self._tasks.discard(task)

    async def _pump(
        self, way: str, source: asyncio.StreamReader, target: asyncio.StreamWriter, other: asyncio.StreamWriter
    ) -> None:
        is_socket = False
        while data := await source.read(PIECE):
            self.passed.append((way, data))
            strike = self.strike if self.strike and len(self.passed) == self.strike.number else None
            if strike and strike.when == "before":
                await self._struck(strike)
                raise ConnectionAbortedError
            # Without compression a message of the server's socket is a whole number of frames.
            target.write(data * (self.times if is_socket and way == "<" else 1))
            is_socket = is_socket or data.startswith(b"HTTP/1.1 101")
            await target.drain()
            if strike:
                await self._struck(strike)
                if strike.what != "platform":
                    raise ConnectionAbortedError
        if target.can_write_eof():
            target.write_eof()

    async def _struck(self, strike: Strike) -> None:
        self.has_struck = True
        act = {"kill": self.on_kill, "platform": self.on_platform}.get(strike.what)
        if act is not None:
            await act()

    async def outage(self) -> None:
        """Break every link, and take none for a moment."""
        self.is_open = False
        for link in self._links:
            link.transport.abort()
        asyncio.get_running_loop().call_later(AWAY, setattr, self, "is_open", True)


async def _turns() -> None:
    """Let the loop turn: what was just accepted is taken up, and what was given up is closed, in the turns to come."""
    for _ in range(10):
        await asyncio.sleep(0)
