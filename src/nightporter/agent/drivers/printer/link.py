"""The connection to a printer: IPP over HTTP POST (RFC 8010, section 4), plain or over TLS (RFC 7472)."""

import asyncio
import ssl
from pathlib import Path

from yarl import URL

from nightporter.agent.driver import Away, Document
from nightporter.agent.drivers.printer.messages import Broken, Message, decode, encode
from nightporter.agent.http_asking import CutOff, NoConnection, Site, TooLong, post
from nightporter.domain.value import value
from nightporter.host.lingering import DELIVERED

PORT = 631
LONGEST_ANSWER = 8 * 1024 * 1024
"""In bytes; a queue with a long history tells some hundred kilobytes of it."""
_HEADERS = ("Content-Type: application/ipp", "Accept: application/ipp")


@value
class Address:
    """Where a printer is: ``uri`` as the printer is addressed, ``path`` at ``host`` and ``port`` as it is reached.

    ``place`` is the same whatever the scheme.
    """

    uri: str
    host: str
    port: int
    path: str
    place: str

    @classmethod
    def of(cls, uri: str) -> "Address":
        """Read ``ipp://`` or ``ipps://host[:port]/path``. Raises ValueError with one sentence."""
        try:
            url = URL(uri)
        except (ValueError, TypeError):
            raise ValueError("uri is not an address; one like ipp://10.0.0.5/ipp/print is expected") from None
        if url.scheme not in ("ipp", "ipps") or not url.raw_host:
            raise ValueError("uri must begin with ipp:// or ipps:// and name a host, like ipp://10.0.0.5/ipp/print")
        if url.user is not None or url.password is not None or url.query_string or url.fragment:
            raise ValueError("uri must be without user, query and fragment, like ipp://10.0.0.5/ipp/print")
        port = url.port or PORT
        return cls(str(url), url.raw_host, port, url.raw_path, f"{url.host_subcomponent}:{port}{url.path}")


def trust(uri: str, certificate: Path | None) -> ssl.SSLContext | None:
    """Whom to trust: the pinned certificate and no other, whatever name it bears, or else what this machine trusts.

    None for an address without encryption. Raises ValueError with one sentence.
    """
    if not uri.startswith("ipps:"):
        if certificate is not None:
            raise ValueError("certificate belongs to an ipps:// address; this one is not encrypted")
        return None
    if certificate is None:
        return ssl.create_default_context()
    pinned = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    pinned.check_hostname = False
    pinned.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        pinned.load_verify_locations(certificate)
    except (OSError, ssl.SSLError):
        raise ValueError(f"certificate: {certificate} holds no certificate in PEM") from None
    return pinned


class Link:
    """Asks one printer. ``patience`` is how long one answer may take, in seconds.

    Each request has a connection of its own: one that the printer had just closed for being idle would make a lost answer
    of a document that it never saw.
    """

    def __init__(self, address: Address, certificate: Path | None, patience: float) -> None:
        self.uri = address.uri
        self._site = Site(
            address.host,
            address.port,
            address.path,
            trust(address.uri, certificate),
            _HEADERS,
            LONGEST_ANSWER,
            DELIVERED,
        )
        self._patience = patience

    async def close(self) -> None:
        """Nothing stays open between two requests."""

    async def ask(self, message: Message, document: Document | None = None, silence: float | None = None) -> Message:
        """Send a request, with the document behind it in pieces, and return the answer.

        ``silence`` is how long the printer may take nothing or say nothing, the patience if not given. Raises Away when
        there was no answer, or one that is not the printer's: whether the request arrived is not known then.
        """
        head = encode(message)
        try:
            async with asyncio.timeout(None if document else self._patience):
                status, body = await post(self._site, head, self._patience, silence or self._patience, document)
            if status != 200:
                raise Away(_http_problem(status))
            answer = decode(body)[0]
        except TimeoutError:
            raise Away("The printer does not answer. Check that it is switched on and connected.") from None
        except NoConnection as error:
            raise Away(_no_connection(error)) from None
        except CutOff:
            raise Away("The connection to the printer broke.") from None
        except TooLong:
            raise Away("The printer answered something that is not IPP: the answer is too long.") from None
        except Broken as error:
            raise Away(f"The printer answered something that is not IPP: {error}.") from None
        if answer.number != message.number:
            raise Away("The printer answered another question than it was asked.")
        return answer


def _http_problem(status: int) -> str:
    if status in (401, 403):
        return f"The printer asks for a password or turns this machine away (HTTP {status}). Allow it at the printer."
    if status == 426:
        return "The printer wants encryption (HTTP 426): its uri must begin with ipps://."
    return f"The printer answered HTTP {status} where IPP was expected. Check the path in its uri."


def _no_connection(error: NoConnection) -> str:
    if error.is_distrusted:
        return (
            "The printer shows a certificate that is not trusted. Pin the printer's own with the option certificate, "
            "or find out who else answers at its address."
        )
    return "The printer cannot be reached. Check that it is switched on and connected."
