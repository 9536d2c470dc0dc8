"""Where a desk is kept: a SQLite file, or a PostgreSQL database."""

from dataclasses import field
from pathlib import Path

from nightporter.domain.value import value

_SCHEMES = ("postgresql://", "postgres://")


@value
class PostgresAddress:
    """A PostgreSQL database by its address; as text it is told without user and password."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        address, _, rest = self.url.partition("://")[2].replace("#", "?").partition("?")
        if "@" in rest:  # perhaps of a password that was not written as an address needs it
            return "postgresql://..."
        where, slash, name = address.rpartition("@")[2].partition("/")
        return f"postgresql://{where or 'localhost'}{slash}{name}"


Place = Path | PostgresAddress


def place_of(text: str | Path) -> Place:
    """The place that a setting names."""
    return PostgresAddress(text) if isinstance(text, str) and text.startswith(_SCHEMES) else Path(text)
