"""The connection to ``fpmate.cgi``: one request at a time, each over a connection of its own, with bounded answers."""

import asyncio
from urllib.parse import quote, urlsplit

from nightporter.agent.driver import Away
from nightporter.agent.drivers.fiscal_machine.messages import Answer, Garbled, read_answer
from nightporter.agent.http_asking import CutOff, NoConnection, Site, TooLong, post
from nightporter.agent.tcp_address import read_address
from nightporter.host.lingering import DROPPED

LONGEST_ANSWER = 1024 * 1024
GRACE = 5.0
"""Seconds that the answer may take, at most, beyond the time that the machine was given for the printer."""
_PORT = 80
_SCHEME = "http://"
_EXAMPLE = "http://192.168.1.50"
_HEADERS = (
    "Content-Type: text/xml; charset=UTF-8",
    'SOAPAction: ""',
    "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
)


def origin(address: str) -> str:
    """``http://host[:port]`` of an address, in lower case and without a path. Raises ValueError with one sentence."""
    try:
        parts = urlsplit(address.strip())
        host, port = read_address(parts.netloc, _EXAMPLE, _PORT)
    except ValueError:
        host, port = "", 0
    if not host or parts.scheme != "http":
        raise ValueError(f"address is not one of a fiscal machine; expected one like {_EXAMPLE}")
    shown = f"[{host}]" if ":" in host else host
    return _SCHEME + shown + (f":{port}" if port != _PORT else "")


class Link:
    """Speaks to machines under a device id. ``timeout`` in milliseconds is what the machine itself allows for a print.

    The machine's CGI has one thread: requests of this link wait for each other.
    """

    def __init__(self, device_id: str, timeout: int) -> None:
        self._path = f"/cgi-bin/fpmate.cgi?devid={quote(device_id, safe='')}&timeout={timeout}"
        self._longest = timeout / 1000 + min(GRACE, timeout / 1000)
        self._turn = asyncio.Lock()

    async def ask(self, place: str, body: bytes) -> Answer:
        """Send one request to the machine at ``place`` and return its answer.

        Raises Away when there was none, or none that can be read; whether the request arrived is not known then.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(self._longest):
                    return read_answer(await self._exchange(place, body))
            except NoConnection:
                raise Away(f"The fiscal machine at {place} cannot be reached. Is it on, and on the network?") from None
            except (CutOff, TimeoutError):
                raise Away(f"The fiscal machine at {place} broke off, or did not answer in time.") from None
            except (Garbled, TooLong):
                raise Away(f"The answer of the fiscal machine at {place} cannot be read.") from None

    async def close(self) -> None:
        """Nothing stays open between two requests."""

    async def _exchange(self, place: str, body: bytes) -> bytes:
        host, port = read_address(place.removeprefix(_SCHEME), _EXAMPLE, _PORT)
        # A receipt that never left must not arrive after the machine was found to have printed none.
        site = Site(host, port, self._path, None, _HEADERS, LONGEST_ANSWER, DROPPED)
        status, answer = await post(site, body, self._longest, self._longest)
        if status != 200:
            raise Garbled("The answer is not one of such a machine.")
        return answer
