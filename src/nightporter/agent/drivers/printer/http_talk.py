"""As much of HTTP/1.1 as a printer speaks (RFC 9112): a request with its body, however it is framed, and an answer."""

import asyncio
from collections.abc import Awaitable, Callable

from nightporter.domain.value import value

LONGEST_BODY = 128 * 1024 * 1024
"""In bytes."""
_PIECE = 64 * 1024


@value
class Asked:
    """A request: its first line's method and path, and its whole body."""

    method: str
    path: str
    body: bytes


async def asked(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_cut: Callable[[bytes], Awaitable[bool]]
) -> Asked | None:
    """The next request; None when there is no more, or ``is_cut`` breaks off after the first bytes of the body.

    ``is_cut`` may take its time, in which nothing more is taken."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    method, path, *_ = [*head[0].split(" "), "", ""]
    headers = {name.strip().lower(): text.strip() for name, _, text in (line.partition(":") for line in head[1:])}
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = bytearray()
    is_looked_at = False
    is_chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    remaining = int(headers.get("content-length") or 0)
    while len(body) <= LONGEST_BODY:
        if is_chunked and remaining == 0:
            remaining = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            if remaining == 0:
                while await reader.readuntil(b"\r\n") != b"\r\n":
                    pass
                return Asked(method, path, bytes(body))
        piece = await reader.read(min(remaining, _PIECE)) if remaining else b""
        if not piece:
            return Asked(method, path, bytes(body)) if remaining == 0 and not is_chunked else None
        body += piece
        remaining -= len(piece)
        if is_chunked and remaining == 0:
            await reader.readexactly(2)
        if not is_looked_at and len(body) >= 4:
            is_looked_at = True
            if await is_cut(bytes(body[:4])):
                return None
    return None


async def answered(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    """Answer with ``body`` as an IPP message."""
    head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Bad Request'}\r\nContent-Type: application/ipp\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
