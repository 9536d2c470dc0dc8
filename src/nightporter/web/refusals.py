"""Which status each refusal becomes: the one table, and the one body (contract 2.5)."""

from nightporter.domain import errors
from nightporter.wire.shapes import ErrorReply, encode

STATUS: dict[type[errors.Refusal], int] = {
    errors.Malformed: 400,
    errors.Invalid: 400,
    errors.InvalidRecord: 400,
    errors.Contradictory: 400,
    errors.NotRecognised: 401,
    errors.NotPermitted: 401,
    errors.Blocked: 403,
    errors.Unknown: 404,
    errors.TookTooLong: 408,
    errors.Changed: 409,
    errors.Taken: 409,
    errors.TooLarge: 413,
    errors.TooManyRequests: 429,
    errors.UpstreamFailed: 502,
    errors.Unavailable: 503,
    errors.Away: 503,
    errors.Undecided: 503,
    errors.UpstreamSilent: 504,
}

DEFECT = "Something went wrong inside the desk. It is logged under the request id."


def status_of(refusal: errors.Refusal) -> int:
    """The status of ``refusal``."""
    return STATUS[type(refusal)]


def body_of(message: str, request_id: str, details: str | None = None) -> bytes:
    """The error body; ``details`` only in debug mode (D22)."""
    return encode(ErrorReply(message, request_id, details))


def retry_after(refusal: errors.Refusal) -> int | None:
    """Seconds for the header ``Retry-After``, where there is one."""
    return refusal.retry_after if isinstance(refusal, errors.TooManyRequests | errors.Unavailable) else None
