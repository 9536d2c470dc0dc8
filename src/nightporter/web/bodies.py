"""What callers send and read: bodies held whole, files kept on the disk, callers that leave, and callers that do not read."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, BinaryIO, TypeVar

from nightporter.domain.errors import TookTooLong, TooLarge, Unavailable

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
T = TypeVar("T")

AT_ONCE = 1024 * 1024
"""Bytes of a file that are gathered before a thread writes them."""


class Gone(Exception):
    """The caller closed the connection before its request was whole, or before it was answered."""


class NotRead(Gone):
    """The caller is there and does not read its answer; it counts as gone."""


async def read(receive: Receive, announced: int | None, limit: int) -> bytes:
    """The whole body; raises TooLarge as soon as that is certain, and Gone."""
    if announced is not None and announced > limit:
        raise TooLarge(limit)
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise TooLarge(limit)
        if not message.get("more_body", False):
            return b"".join([*pieces, piece]) if pieces else piece
        pieces.append(piece)


@asynccontextmanager
async def kept(receive: Receive, announced: int | None, limit: int, silence: float) -> AsyncIterator[BinaryIO]:
    """The body as a file that has no name and is gone after the block; of the body itself little is in memory at a time.

    ``silence`` is the longest time, in seconds, in which nothing may come. Raises TooLarge as soon as that is certain,
    TookTooLong, Gone, and Unavailable when there is no room for it.
    """
    if announced is not None and announced > limit:
        raise TooLarge(limit)
    with _no_room():
        file = await asyncio.to_thread(tempfile.TemporaryFile)
    try:
        size = 0
        async for gathered in _gathered(receive, silence):
            size += len(gathered)
            if size > limit:
                raise TooLarge(limit)
            with _no_room():
                await asyncio.to_thread(_write, file, gathered)
        yield file
    finally:
        with suppress(OSError):  # the disk was full: that is told already
            await asyncio.to_thread(file.close)


async def _gathered(receive: Receive, silence: float) -> AsyncIterator[bytes]:
    gathered = bytearray()
    is_more = True
    while is_more:
        try:
            async with asyncio.timeout(silence):
                message = await receive()
        except TimeoutError:
            told = f"For {silence:g} s nothing more came of the body, and it was not whole. Send it again."
            raise TookTooLong(silence, told) from None
        if message["type"] == "http.disconnect":
            raise Gone
        gathered += message.get("body", b"")
        is_more = message.get("more_body", False)
        if len(gathered) >= AT_ONCE or not is_more:
            yield bytes(gathered)
            gathered.clear()


def _write(file: BinaryIO, content: bytes) -> None:
    file.write(content)
    file.flush()


@contextmanager
def _no_room() -> Iterator[None]:
    """Turn what the disk refuses into Unavailable."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"The file cannot be kept while it arrives: {error.strerror}. Nothing was changed; make room in the folder for "
            "temporary files."
        ) from error


async def left(receive: Receive) -> None:
    """Ends when the caller has left; what it still sends is forgotten."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def pass_down(send: Send, message: Message, silence: float) -> None:
    """Send to the caller; raises NotRead when it takes in nothing for ``silence`` seconds.

    What it is sent from is held for it meanwhile: a snapshot of the database, a place at the upstream.
    """
    try:
        async with asyncio.timeout(silence):
            await send(message)
    except TimeoutError:
        raise NotRead from None


async def unless(gone: asyncio.Future[None], work: Awaitable[T]) -> T:
    """The result of ``work``, which is cancelled as soon as the caller is ``gone``; raises Gone then."""
    working = asyncio.ensure_future(work)
    either: set[asyncio.Future[Any]] = {working, gone}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Gone
        return working.result()
    finally:
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
