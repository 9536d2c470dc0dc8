"""One request over HTTP/1.1 (RFC 9112) and its answer, over a connection of their own.

What a machine is asked is small and quickly answered: a client that does everything took longer than the machine.
"""

import asyncio
import ssl
from contextlib import suppress

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from nightporter.agent.driver import Document
from nightporter.domain.value import value
from nightporter.host.lingering import Option

_PIECE = 64 * 1024
_FINAL = 200
"""Answers with a lower status announce the one that counts."""
_SECOND_ADDRESS = 0.25
"""Seconds until the next address of a host is tried, as RFC 8305 has it."""


class NoConnection(Exception):
    """Nothing was sent: there is no connection. ``is_distrusted`` when it is for the machine's certificate."""

    def __init__(self, *, is_distrusted: bool) -> None:
        super().__init__("there is no connection")
        self.is_distrusted = is_distrusted


class CutOff(Exception):
    """The connection broke, or what came is no answer; whether the request arrived is not known."""


class TooLong(Exception):
    """The answer is longer than the site's ``longest``."""


@value
class Site:
    """Where requests go: ``path`` at ``host`` and ``port``, over TLS with ``trust``, or without where that is None.

    ``headers`` come with every request, beside those that frame it. An answer may have at most ``longest`` bytes. ``unsent``
    says what becomes of what has not left when a request is broken off.
    """

    host: str
    port: int
    path: str
    trust: ssl.SSLContext | None
    headers: tuple[str, ...]
    longest: int
    unsent: Option

    @property
    def name(self) -> str:
        """The host as a request calls it, with the port where it is not the usual one."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == (443 if self.trust else 80) else f"{shown}:{self.port}"


async def post(
    site: Site, body: bytes, connecting: float, silence: float, document: Document | None = None
) -> tuple[int, bytes]:
    """Send ``body``, with the document behind it in pieces, and return the status of the answer and what it holds.

    Takes at most ``connecting`` seconds to connect; ``silence`` is how long nothing may be taken or said. Raises
    TimeoutError, NoConnection, CutOff and TooLong.
    """
    reader, writer = await _connected(site, connecting)
    try:
        writer.get_extra_info("socket").setsockopt(*site.unsent)
        await _send(writer, site, body, document, silence)
        return await _answer(reader, site.longest, silence)
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
    except (OSError, UnicodeError) as error:  # the latter for a name that there cannot be
        raise NoConnection(is_distrusted=isinstance(error, ssl.SSLCertVerificationError)) from error


async def _send(
    writer: asyncio.StreamWriter, site: Site, body: bytes, document: Document | None, silence: float
) -> None:
    length = len(body) + (document.size if document else 0)
    head = (
        f"POST {site.path} HTTP/1.1",
        f"Host: {site.name}",
        *site.headers,
        "Accept-Encoding: identity",
        "Connection: close",
        f"Content-Length: {length}",
    )
    writer.write("".join(f"{line}\r\n" for line in (*head, "")).encode("ascii") + body)
    pieces = document.pieces() if document else iter(())
    # A machine that turns a document down half way answers, and closes: the answer is what counts.
    with suppress(ConnectionError):
        while True:
            async with asyncio.timeout(silence):
                await writer.drain()
            if not (piece := await asyncio.to_thread(next, pieces, b"") if document else b""):
                return
            writer.write(piece)


async def _answer(reader: asyncio.StreamReader, longest: int, silence: float) -> tuple[int, bytes]:
    heard = _Heard(longest)
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

    def __init__(self, longest: int) -> None:
        self._parser = HttpResponseParser(self)
        self._longest = longest
        self._is_framed = self._has_head = False
        self.status, self.body, self.is_whole = 0, bytearray(), False

    @property
    def ends_with_connection(self) -> bool:
        return self._has_head and not self._is_framed

    def feed(self, piece: bytes) -> None:
        try:
            self._parser.feed_data(piece)
        except HttpParserError:
            if not self.is_whole:
                raise
        if len(self.body) > self._longest:
            raise TooLong

    def on_header(self, name: bytes, content: bytes) -> None:
        self._is_framed |= name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        if not self.is_whole:
            self.status = self._parser.get_status_code()
            self._has_head = self.status >= _FINAL

    def on_body(self, piece: bytes) -> None:
        if not self.is_whole:
            self.body += piece

    def on_message_complete(self) -> None:
        if self._has_head:
            self.is_whole = True
