"""What an operation is, and the Call: all that its steps may use."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Protocol

from nightporter.access.actor import Actor
from nightporter.access.administrator import Administrator
from nightporter.access.rights import Right
from nightporter.domain.retention import Retention
from nightporter.domain.sources import Sources
from nightporter.domain.value import value
from nightporter.operations.never_twice import InFlight
from nightporter.storage.audit import Audit
from nightporter.storage.database import Database
from nightporter.storage.writer import Writer
from nightporter.wire.shapes import Shape, decoder


@value
class Call:
    """One call of an operation: who calls, and what the steps may use."""

    operation: str
    actor: Actor
    database: Database
    writer: Writer
    sources: Sources
    in_flight: InFlight
    idempotency_key: str | None = None


@value
class AdministrationCall:
    """One call of an administration operation: which administrator calls, and what the steps may use."""

    operation: str
    administrator: Administrator
    database: Database
    writer: Writer
    sources: Sources
    retention: Retention

    @property
    def audit(self) -> Audit:
        """Who does what, for the record."""
        return Audit(self.administrator.token_id, self.administrator.name, self.operation)


class Portfolio(Enum):
    """How an operation admits portfolio access tokens (contract 1, 2.4)."""

    NO = "no"
    ENTERPRISE_ID = "EnterpriseId"
    ENTERPRISE_IDS = "EnterpriseIds"


class Minimal(Enum):
    """When ``Prefer: return=minimal`` turns a success into 204 (contract 2.6)."""

    NEVER = "never"
    ALWAYS = "always"
    EMPTY_PAGE = "empty page"
    EMPTY_LIMITED_PAGE = "empty page when Limitation was sent"


class Streamed(Protocol):
    """A reply that is printed piece by piece because it may hold documents."""

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """The JSON text."""


@dataclass(frozen=True)
class Operation:
    """One line of the table of contents."""

    path: str
    run: Callable[[Any, Any], Awaitable[Shape | Streamed]]
    """Takes a Call, an AdministrationCall where ``is_administration``, and the parameters (or the file)."""
    parameters: type[Shape]
    reply: type[Shape]
    portfolio: Portfolio = Portfolio.NO
    right: Right | None = None
    minimal: Minimal = Minimal.NEVER
    is_keyed: bool = False
    """Whether ``Idempotency-Key`` counts (DESIGN, "Never twice")."""
    is_administration: bool = False
    whole_desk: bool = False
    """Whether only an administrator of every enterprise may call it."""
    takes_file: bool = False
    """Whether the body is a file of any size, which ``parameters`` only describes: ``run`` takes it as a BinaryIO."""

    @cached_property
    def decode(self) -> Callable[[bytes], Any]:
        """Read the parameters from a body; raises Malformed or Invalid."""
        return decoder(self.parameters)

    @property
    def summary(self) -> str:
        """The first line of what the operation's function says of itself."""
        return (self.run.__doc__ or "").strip().splitlines()[0]
