"""The connection to ``fpmate.cgi``: one request at a time, each over a connection of its own, with bounded answers."""

import asyncio
import ssl
from urllib.parse import quote, urlsplit

import httpx

from nightporter.agent.driver import Away
from nightporter.agent.drivers.fiscal_machine.messages import Answer, Garbled, read_answer
from nightporter.host.lingering import DROPPED

LONGEST_ANSWER = 1024 * 1024
GRACE = 5.0
"""Seconds that the answer may take, at most, beyond the time that the machine was given for the printer."""
_HEADERS = {
    "Content-Type": "text/xml; charset=UTF-8",
    "SOAPAction": '""',
    "If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT",
    "Connection": "close",
}


def origin(address: str) -> str:
    """``http://host[:port]`` of an address, in lower case and without a path. Raises ValueError with one sentence."""
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme != "http" or not host or "@" in parts.netloc:
        raise ValueError("address is not one of a fiscal machine; expected one like http://192.168.1.50")
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}" + (f":{port}" if port not in (None, 80) else "")


class Link:
    """Speaks to machines under a device id. ``timeout`` in milliseconds is what the machine itself allows for a print.

    The machine's CGI has one thread: requests of this link wait for each other.
    """

    def __init__(self, device_id: str, timeout: int) -> None:
        self._path = f"/cgi-bin/fpmate.cgi?devid={quote(device_id, safe='')}&timeout={timeout}"
        self._longest = timeout / 1000 + min(GRACE, timeout / 1000)
        self._turn = asyncio.Lock()
        self._http = httpx.AsyncClient(
            headers=_HEADERS,
            timeout=self._longest,
            # A machine on the property's own network is never behind a proxy, and never spoken to with TLS.
            trust_env=False,
            transport=httpx.AsyncHTTPTransport(
                trust_env=False,
                verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                limits=httpx.Limits(max_keepalive_connections=0),
                # A receipt that never left must not arrive after the machine was found to have printed none.
                socket_options=[DROPPED],
            ),
        )

    async def ask(self, place: str, body: bytes) -> Answer:
        """Send one request to the machine at ``place`` and return its answer.

        Raises Away when there was none, or none that can be read; whether the request arrived is not known then.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(self._longest):
                    return read_answer(await self._exchange(place + self._path, body))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                raise Away(f"The fiscal machine at {place} cannot be reached. Is it on, and on the network?") from None
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
                raise Away(f"The fiscal machine at {place} broke off, or did not answer in time.") from None
            except Garbled:
                raise Away(f"The answer of the fiscal machine at {place} cannot be read.") from None

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _exchange(self, url: str, body: bytes) -> bytes:
        answer = bytearray()
        async with self._http.stream("POST", url, content=body) as response:
            if response.status_code != 200:
                raise Garbled("The answer is not one of such a machine.")
            async for piece in response.aiter_bytes():
                answer += piece
                if len(answer) > LONGEST_ANSWER:
                    raise Garbled("The answer is too long.")
        return bytes(answer)
