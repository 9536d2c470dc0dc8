"""The connections that calls go over, kept for a while between two of them."""

from aiohttp import ClientRequest, ClientTimeout, TCPConnector
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

IDLE = 4.0
"""Seconds for which an unused connection is kept: less than the usual 5 of servers, so that none is taken just as it ends."""


class Connector(TCPConnector):
    """aiohttp's, with one rule more: what comes unasked, as a 408 before a proxy hangs up, is nobody's answer.

    At most ``limit`` connections at a time; 0 for any number.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(limit=limit, keepalive_timeout=IDLE)

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's own name
    ) -> Connection:
        """A new connection, or one on which nothing came since its last answer: aiohttp would give that to ``req``."""
        while True:
            connection = await super().connect(req, traces, timeout)
            assert connection.protocol is not None
            if not connection.protocol.should_close:
                return connection
            connection.close()
