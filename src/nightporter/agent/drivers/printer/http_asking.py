"""One request over HTTP/1.1 (RFC 9112) and its answer, over a connection of their own.

What a printer is asked is small and quickly answered: a client that does everything took longer than the printer.
"""

import asyncio
import ssl
from contextlib import suppress

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from nightporter.agent.driver import Document
from nightporter.domain.value import value

LONGEST_ANSWER = 8 * 1024 * 1024
"""In bytes; a queue with a long history tells some hundred kilobytes of it."""
_PIECE = 64 * 1024
_SECOND_ADDRESS = 0.25
"""Seconds until the next address of a host is tried, as RFC 8305 has it."""


class NoConnection(Exception):
    """Nothing was sent: there is no connection. ``is_distrusted`` when it is for the printer's certificate."""

    def __init__(self, *, is_distrusted: bool) -> None:
        super().__init__("there is no connection")
        self.is_distrusted = is_distrusted


class CutOff(Exception):
    """The connection broke, or what came is no answer; whether the request arrived is not known."""


class TooLong(Exception):
    """The answer is longer than LONGEST_ANSWER."""


@value
class Site:
    """Where requests go: ``path`` at ``host`` and ``port``, ``name`` as the request calls it, over TLS with ``trust``."""

    host: str
    port: int
    name: str
    path: str
    trust: ssl.SSLContext | None


async def post(
    site: Site, body: bytes, document: Document | None, connecting: float, silence: float
) -> tuple[int, bytes]:
    """Send ``body``, with the document behind it in pieces; returns the status of the answer and what it holds.

    Takes at most ``connecting`` seconds to connect; ``silence`` is how long nothing may be taken or said. Raises
    TimeoutError, NoConnection, CutOff and TooLong.
    """
    reader, writer = await _connected(site, connecting)
    try:
        await _send(writer, site, body, document, silence)
        return await _answer(reader, silence)
    except TimeoutError:
        raise
    except (OSError, HttpParserError, HttpParserUpgrade) as error:
        raise CutOff from error
    finally:
        # Not to wait for the other side is what ends a request that nobody waits for any more.
        writer.transport.abort()


async def _connected(site: Site, connecting: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(connecting):
            return await asyncio.open_connection(
                site.host, site.port, ssl=site.trust, happy_eyeballs_delay=_SECOND_ADDRESS
            )
    except TimeoutError:
        raise
    except OSError as error:
        raise NoConnection(is_distrusted=isinstance(error, ssl.SSLCertVerificationError)) from error


async def _send(
    writer: asyncio.StreamWriter, site: Site, body: bytes, document: Document | None, silence: float
) -> None:
    length = len(body) + (document.size if document else 0)
    writer.write(
        f"POST {site.path} HTTP/1.1\r\nHost: {site.name}\r\nContent-Type: application/ipp\r\nAccept: application/ipp\r\n"
        f"Accept-Encoding: identity\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n".encode("ascii")
        + body
    )
    pieces = document.pieces() if document else iter(())
    # A printer that turns a document down half way answers, and closes: the answer is what counts.
    with suppress(ConnectionError):
        while True:
            async with asyncio.timeout(silence):
                await writer.drain()
            if not (piece := await asyncio.to_thread(next, pieces, b"") if document else b""):
                return
            writer.write(piece)


async def _answer(reader: asyncio.StreamReader, silence: float) -> tuple[int, bytes]:
    heard = _Heard()
    while not heard.is_whole:
        async with asyncio.timeout(silence):
            piece = await reader.read(_PIECE)
        if not piece:
            if not heard.ends_with_connection:
                raise ConnectionResetError
            break
        heard.feed(piece)
    return heard.status, bytes(heard.body)


class _Heard:
    """An answer as it comes in; interim ones (100 Continue) are passed over."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._is_framed = self._has_head = False
        self.status, self.body, self.is_whole = 0, bytearray(), False

    @property
    def ends_with_connection(self) -> bool:
        return self._has_head and not self._is_framed

    def feed(self, piece: bytes) -> None:
        self._parser.feed_data(piece)
        if len(self.body) > LONGEST_ANSWER:
            raise TooLong

    def on_header(self, name: bytes, content: bytes) -> None:
        self._is_framed |= name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        self._has_head, self.status = True, self._parser.get_status_code()

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        if self.status >= 200:
            self.is_whole = True
