"""The way to a node: a port that stays the same while nodes come and go, and that cuts connections at any byte."""

import asyncio
import contextlib
import random
import socket
from collections.abc import Callable

PIECE = 64 * 1024
SMALL = 4096
"""Bytes that a narrow door holds: what its client does not read waits in the node."""
LONGEST_REQUEST, LONGEST_REPLY = 3000, 500
"""A cut comes within so many bytes of the way there, or of the way back."""


class Door:
    """Hands connections on to ``target``, the port of a node; None while there is none.

    A ``narrow`` one holds next to nothing itself. Between :meth:`cut` and :meth:`mend` every connection is cut at a byte
    that the dice choose, in either direction, if ``may_cut`` says so at that moment.
    """

    def __init__(self, *, narrow: bool = False) -> None:
        self.target: int | None = None
        self.port = 0
        self._narrow = narrow
        self._dice: random.Random | None = None
        self._may_cut: Callable[[], bool] = lambda: True
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen on a free port of this machine."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=SMALL if self._narrow else PIECE)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Cut everything and listen no more."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    def cut(self, dice: random.Random, may_cut: Callable[[], bool]) -> None:
        """From now on cut every connection somewhere."""
        self._dice, self._may_cut = dice, may_cut

    def mend(self) -> None:
        """Cut no more."""
        self._dice = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        try:
            await self._link(reader, writer)
        except asyncio.CancelledError:
            pass  # the run is over; the stream's own callback would call it an error
        finally:
            self._links.discard(task)
            _cut(writer)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.target is None:
            return
        onward = socket.socket()
        onward.setblocking(False)
        if self._narrow:
            onward.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
            writer.transport.set_write_buffer_limits(high=SMALL)
        try:
            await asyncio.get_running_loop().sock_connect(onward, ("127.0.0.1", self.target))
            there, away = await asyncio.open_connection(sock=onward, limit=SMALL if self._narrow else PIECE)
        except OSError:
            onward.close()
            return
        pumps = [
            asyncio.create_task(self._pump(reader, away, LONGEST_REQUEST)),
            asyncio.create_task(self._pump(there, writer, LONGEST_REPLY)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            _cut(away)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, longest: int) -> None:
        left: int | None = None
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                if self._dice is None:
                    left = None
                else:
                    left = self._dice.randrange(longest) if left is None else left
                    if len(piece) > left and self._may_cut():
                        writer.write(piece[:left])
                        return
                    left = max(left - len(piece), 0)
                writer.write(piece)
                await writer.drain()
            writer.close()  # the other side ended it: what is on its way still arrives
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1)


def _cut(writer: asyncio.StreamWriter) -> None:
    """End a connection at once; what is on its way is lost."""
    if not writer.transport.is_closing() or writer.transport.get_write_buffer_size():
        writer.transport.abort()
