"""The ways to refuse, in the property's words. Which status each one becomes stands in ``web/refusals.py`` alone.

::

    Refusal
    ├── Unknown              there is no such operation
    ├── Malformed            the body is not JSON, or not an object
    ├── TooLarge             the body is over the limit
    ├── NotRecognised        a token is missing, unknown, revoked or disabled
    ├── NotPermitted         the caller is known, but may not do this
    ├── TooManyRequests      the access token asks too often
    ├── Invalid              a field, or the thing it names, is not usable
    ├── InvalidRecord        a record of a batch cannot be kept
    ├── Contradictory        the filters do not make a question together
    ├── Blocked              a rule of the property stands against it; a person there can resolve it
    ├── Changed              somebody else changed it at the same moment
    ├── Taken                another executor carries the command out
    ├── TookTooLong          the time budget ran out
    ├── Unavailable          the desk cannot write or read at the moment, or the upstream cannot be reached
    │   ├── Away             the database cannot be reached: nothing that is asked of it now would be done
    │   └── Undecided        the database went away during a commit: made or not made, nobody knows yet
    ├── UpstreamFailed       the upstream broke off, or did not speak HTTP
    └── UpstreamSilent       the upstream did not answer in time
"""


class Refusal(Exception):
    """The request is refused; ``message`` is the text for the caller (contract 2.5)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unknown(Refusal):
    """There is no such operation at this address."""

    def __init__(self) -> None:
        super().__init__("There is no such operation. Check the address, its letter case and the method (POST).")


class Malformed(Refusal):
    """The body is not strict JSON in UTF-8, or its root is not an object."""

    def __init__(self) -> None:
        super().__init__("Invalid JSON")


class TooLarge(Refusal):
    """The body is larger than ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request body is larger than {limit} bytes. Send less at once.")


class NotRecognised(Refusal):
    """``parameter`` (ClientToken, AccessToken or Authorization) is missing, unknown, revoked, or its integration is disabled."""

    def __init__(self, parameter: str) -> None:
        super().__init__(f"Invalid {parameter}")


class NotPermitted(Refusal):
    """The caller is known but may not use the operation (contract 2.3 rule 5, 2.4 row 8)."""


class TooManyRequests(Refusal):
    """The access token used up its requests; ``retry_after`` is in whole seconds (D23)."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many requests. Retry after {retry_after} s.")
        self.retry_after = retry_after


class Invalid(Refusal):
    """``parameter`` is missing, malformed, out of range, or names something that cannot be used here (D16, D18)."""

    def __init__(self, parameter: str) -> None:
        super().__init__(f"Invalid {parameter}")
        self.parameter = parameter


class InvalidRecord(Refusal):
    """A record of a batch cannot be kept; the message names the record, the field and what was expected."""


class Contradictory(Refusal):
    """No usable filter, or filters that exclude each other (D17); the message names the fields."""


class Blocked(Refusal):
    """A rule of the property stands against it, and somebody at the property can resolve that (D18)."""


class Changed(Refusal):
    """The row changed again and again while the request was judged (D19)."""

    def __init__(self) -> None:
        super().__init__(
            "The data was changed by somebody else at the same time. Read it again and repeat the request."
        )


class Taken(Refusal):
    """Another executor has taken the command (DESIGN, "One taker"); ``executor`` is its name."""

    def __init__(self, executor: str) -> None:
        super().__init__(f"The command was taken by {executor}. Leave it to that executor.")


class TookTooLong(Refusal):
    """Processing went over the time budget (D20)."""

    def __init__(self, seconds: float, message: str | None = None) -> None:
        super().__init__(message or f"The request took longer than {seconds:g} s. Ask for less at once.")


class Unavailable(Refusal):
    """The desk cannot serve at the moment; nothing was changed. ``retry_after`` is in whole seconds."""

    is_plain = True
    """Its text may stand in a log."""

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Away(Unavailable):
    """The database cannot be reached; nothing was changed, and whatever else waits for it need not ask."""


class Undecided(Unavailable):
    """The database went away while it was committing, so that nobody knows whether the change was made (decision 0010)."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason} Whether it was made is not known: read it again, or repeat it with its Idempotency-Key."
        )


class UpstreamFailed(Refusal):
    """The upstream broke off, or what it sent is not HTTP; it may have done what was asked (docs/running.md)."""

    def __init__(self) -> None:
        super().__init__(
            "The platform that serves this operation broke the connection off. "
            "The operation may have been done: check before you repeat it."
        )


class UpstreamSilent(Refusal):
    """The upstream was silent for longer than ``upstream_timeout``; it may have done what was asked (docs/running.md)."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The platform that serves this operation was silent for {seconds:g} s. "
            "The operation may have been done: check before you repeat it."
        )
