"""The connection to a printer: IPP over HTTP POST (RFC 8010, section 4), plain or over TLS (RFC 7472)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from nightporter.agent.driver import Away, Document
from nightporter.agent.drivers.printer.messages import Broken, Message, decode, encode
from nightporter.domain.value import value

PORT = 631
LONGEST_ANSWER = 8 * 1024 * 1024
"""In bytes; a queue with a long history tells some hundred kilobytes of it."""
_SCHEMES = {"ipp": "http", "ipps": "https"}


@value
class Address:
    """Where a printer is: ``uri`` as the printer is addressed, ``http`` as it is reached, ``place`` whatever the scheme."""

    uri: str
    http: str
    place: str

    @classmethod
    def of(cls, uri: str) -> "Address":
        """Read ``ipp://`` or ``ipps://host[:port]/path``. Raises ValueError with one sentence."""
        try:
            url = httpx.URL(uri)
        except (httpx.InvalidURL, TypeError):
            raise ValueError("uri is not an address; one like ipp://10.0.0.5/ipp/print is expected") from None
        if url.scheme not in _SCHEMES or not url.host:
            raise ValueError("uri must begin with ipp:// or ipps:// and name a host, like ipp://10.0.0.5/ipp/print")
        if url.userinfo or url.query or url.fragment:
            raise ValueError("uri must be without user, query and fragment, like ipp://10.0.0.5/ipp/print")
        there = url.copy_with(scheme=_SCHEMES[url.scheme], port=url.port or PORT)
        return cls(str(url), str(there), f"{there.netloc.decode()}{url.path}")


def trust(uri: str, certificate: Path | None) -> ssl.SSLContext:
    """Whom to trust: the pinned certificate and no other, whatever name it bears, or else what this machine trusts.

    Raises ValueError with one sentence.
    """
    if not uri.startswith("ipps:"):
        if certificate is not None:
            raise ValueError("certificate belongs to an ipps:// address; this one is not encrypted")
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if certificate is None:
        return ssl.create_default_context()
    pinned = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    pinned.check_hostname = False
    pinned.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        pinned.load_verify_locations(certificate)
    except (OSError, ssl.SSLError):
        raise ValueError("certificate names no file with a certificate in PEM") from None
    return pinned


class Link:
    """Asks one printer. ``patience`` is how long one answer may take, in seconds."""

    def __init__(self, address: Address, certificate: Path | None, patience: float) -> None:
        self.uri = address.uri
        self._http_address = address.http
        self._patience = patience
        self._http = httpx.AsyncClient(
            verify=trust(address.uri, certificate),
            trust_env=False,
            # A connection of its own for each request: one that the printer had just closed for being idle would
            # make a lost answer of a document that it never saw.
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={"Content-Type": "application/ipp", "Accept": "application/ipp", "Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def ask(self, message: Message, document: Document | None = None, silence: float | None = None) -> Message:
        """Send a request, with the document behind it in pieces, and return the answer.

        ``silence`` is how long the printer may take nothing or say nothing, the patience if not given. Raises Away when
        there was no answer, or one that is not the printer's: whether the request arrived is not known then.
        """
        head = encode(message)
        times = httpx.Timeout(silence or self._patience, connect=self._patience)
        try:
            async with asyncio.timeout(None if document else self._patience):
                answer = await self._exchange(head, document, times)
        except (httpx.TimeoutException, TimeoutError):
            raise Away("The printer does not answer. Check that it is switched on and connected.") from None
        except httpx.ConnectError as error:
            raise Away(_no_connection(error)) from None
        except httpx.HTTPError:
            raise Away("The connection to the printer broke.") from None
        except Broken as error:
            raise Away(f"The printer answered something that is not IPP: {error}.") from None
        if answer.number != message.number:
            raise Away("The printer answered another question than it was asked.")
        return answer

    async def _exchange(self, head: bytes, document: Document | None, times: httpx.Timeout) -> Message:
        length = len(head) + (document.size if document else 0)
        async with self._http.stream(
            "POST",
            self._http_address,
            content=_body(head, document),
            headers={"Content-Length": str(length)},
            timeout=times,
        ) as response:
            if response.status_code != 200:
                raise Away(_http_problem(response.status_code))
            return decode(await _read(response))[0]


async def _body(head: bytes, document: Document | None) -> AsyncIterator[bytes]:
    yield head
    if document is not None:
        pieces = document.pieces()
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece


async def _read(response: httpx.Response) -> bytes:
    parts, length = [], 0
    async for part in response.aiter_raw():
        length += len(part)
        if length > LONGEST_ANSWER:
            raise Broken("the answer is too long")
        parts.append(part)
    return b"".join(parts)


def _http_problem(status: int) -> str:
    if status in (401, 403):
        return f"The printer asks for a password or turns this machine away (HTTP {status}). Allow it at the printer."
    if status == 426:
        return "The printer wants encryption (HTTP 426): its uri must begin with ipps://."
    return f"The printer answered HTTP {status} where IPP was expected. Check the path in its uri."


def _no_connection(error: httpx.ConnectError) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            "The printer shows a certificate that is not trusted. Pin the printer's own with the option certificate, "
            "or find out who else answers at its address."
        )
    return "The printer cannot be reached. Check that it is switched on and connected."
