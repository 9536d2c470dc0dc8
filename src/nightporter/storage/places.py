"""Where a desk is kept: a SQLite file, or a PostgreSQL database."""

import re
from dataclasses import field
from pathlib import Path

from nightporter.domain.value import value
from nightporter.settings import InvalidSetting

_SCHEMES = ("postgresql://", "postgres://")
_ADDRESS = re.compile(r"\s*([a-z][a-z0-9+.-]+:/+)", re.IGNORECASE)
"""How an address begins; a drive of Windows has one letter."""


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
    """The place that a setting names; raises InvalidSetting, which tells no user and no password, for any other address."""
    if isinstance(text, str) and text.startswith(_SCHEMES):
        return PostgresAddress(text)
    if isinstance(text, str) and (address := _ADDRESS.match(text)):
        raise InvalidSetting(
            f"the database is an address that begins with {address[1]}, expected the path of a SQLite file, "
            "or a PostgreSQL database: postgresql://USER@HOST/NAME"
        )
    return Path(text)
