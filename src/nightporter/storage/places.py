"""Where a desk is kept: a SQLite file, or a PostgreSQL database."""

from dataclasses import field
from pathlib import Path
from urllib.parse import urlsplit

from nightporter.domain.value import value

_SCHEMES = ("postgresql://", "postgres://")


@value
class PostgresAddress:
    """A PostgreSQL database by its address; as text it is told without user and password."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        where = parts.netloc.rpartition("@")[2] or "localhost"
        return f"postgresql://{where}{parts.path}"


Place = Path | PostgresAddress


def place_of(text: str | Path) -> Place:
    """The place that a setting names."""
    return PostgresAddress(text) if isinstance(text, str) and text.startswith(_SCHEMES) else Path(text)
