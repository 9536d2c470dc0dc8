"""The ways in which a call can fail, as the caller of the client sees them.

::

    ClientError
    ├── Refused              the server answered with an error: status, message, request_id
    │   ├── NotRecognised    401: the tokens are not valid, or may not use the operation
    │   ├── Blocked          403: somebody at the property can resolve it; the message is meant for display
    │   ├── TooManyRequests  429: retry_after, in seconds
    │   └── Unavailable      500 and above: a defect of the server, or one that is not there at the moment
    ├── Unreachable          there was no answer, and nothing is lost by asking again
    │   └── Uncertain        there was no answer, and the command may have been added all the same
    └── Unreadable           the answer is not one of this API

No message and no attribute holds a token or anything else of the request.
"""


class ClientError(Exception):
    """The base of all; ``str()`` of it is one line for people."""


class Refused(ClientError):
    """The server answered with an error (contract 2.5).

    ``status`` is the HTTP status, ``message`` the server's reason, ``request_id`` what its operator finds the request
    by; None when it sent none.
    """

    def __init__(self, status: int, message: str, request_id: str | None = None) -> None:
        super().__init__(f"{message} (status {status}{f', request {request_id}' if request_id else ''})")
        self.status = status
        self.message = message
        self.request_id = request_id


class NotRecognised(Refused):
    """The tokens are missing, unknown or revoked, or may not use the operation (contract 2.3)."""


class Blocked(Refused):
    """A rule of the property stands against it, and a person there can resolve that."""


class TooManyRequests(Refused):
    """The access token used up its requests (contract 2.7); ``retry_after`` is in seconds, None when it was not told."""

    def __init__(
        self, status: int, message: str, request_id: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(status, message, request_id)
        self.retry_after = retry_after


class Unavailable(Refused):
    """The server failed, or a gateway before it did; ``retry_after`` is in seconds, None when it was not told."""

    def __init__(
        self, status: int, message: str, request_id: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(status, message, request_id)
        self.retry_after = retry_after


class Unreachable(ClientError):
    """No connection, or no answer in time, and asking again does no harm."""


class Uncertain(Unreachable):
    """The connection broke after the request had been sent, so that the command may have been added or not.

    Raised only by the four operations that add: with a server that does not know ``Idempotency-Key`` a second try
    could add a second command, and with one that does it is raised when the server did not come back in time. There,
    calling again with the same ``idempotency_key`` is safe.
    """


class Unreadable(ClientError):
    """The answer is not one of this API: another program listens there, or a newer server says what is not known here."""


def refused(status: int, message: str, request_id: str | None, retry_after: float | None) -> Refused:
    """The error for ``status``."""
    if status == 401:
        return NotRecognised(status, message, request_id)
    if status == 403:
        return Blocked(status, message, request_id)
    if status == 429:
        return TooManyRequests(status, message, request_id, retry_after)
    if status >= 500:
        return Unavailable(status, message, request_id, retry_after)
    return Refused(status, message, request_id)
