"""What a property file comes to while its records are read: rows, commands and tokens, and what they rely on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw, Struct

from nightporter.access.tokens import token_hash
from nightporter.domain.command import NewCommand
from nightporter.domain.device import DeviceType
from nightporter.storage.property import Reference, SetProperty
from nightporter.storage.types import seconds
from nightporter.wire import property_file as shapes
from nightporter.wire.scalars import Utc

_NAMED = {"clients", "integrations", "access_tokens", "devices"}
"""The tables of which the writer may have to name a record."""


class _Named(Struct, rename="pascal"):
    id: Any = None


_named = msgspec.json.Decoder(_Named).decode


def record_name(part: str, place: int, raw: Raw) -> str:
    """How messages call a record: by its place, and by its Id if it has one that can be read."""
    try:
        known = _named(raw).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        known = None
    return f"{part}[{place}]" + (f" (Id {known})" if isinstance(known, str) else "")


def _never_read(part: str, place: int) -> Raw:
    raise LookupError(f"{part}[{place}]")


@dataclass(slots=True)
class Load:
    """What the records read since the last :meth:`piece` come to, and what must be known of all before them.

    Records are read in the order in which they refer to each other, so that a reference leads to a record before.
    """

    now: int
    enterprise_id: str | None = None
    """The enterprise of facts that name none, where that is known beforehand."""
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    commands: list[NewCommand] = field(default_factory=list)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    asked: set[tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=set)
    """What records rely on that the file has not held so far, each row once: when it is not there, nothing is read on."""
    connections: list[dict[str, Any]] = field(default_factory=list)
    """Which integrations hear of which devices; the devices come later in a file."""
    device_types: dict[tuple[str, str], DeviceType] = field(default_factory=dict)
    expires_after: dict[tuple[str, str], int | None] = field(default_factory=dict)
    """What each device of the file says of its commands, in seconds."""
    part: str = ""
    place: int = 0
    raw: Raw = field(default_factory=Raw)
    """The record at hand, where it stands, and its text."""
    earlier: Callable[[str, int], Raw] = _never_read
    """Finds the text of the record at a place of a part once more, for a message."""
    places: dict[tuple[str, ...], dict[str, int]] = field(default_factory=dict)
    """The place of every record so far, by its table and enterprise, and its id."""
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    token_holders: dict[str, str] = field(default_factory=dict)

    @property
    def record(self) -> str:
        """The record at hand, as messages call it."""
        return record_name(self.part, self.place, self.raw)

    def piece(self, *, is_last: bool) -> SetProperty:
        """What the records since the last piece come to, as an intent."""
        self.connections += self.rows.pop("device_connections", [])
        if is_last:
            self.rows["device_connections"] = self.connections
        made = SetProperty(self.rows, self.commands, self.tokens, self.references, self.names)
        self.rows, self.commands, self.tokens, self.references = {}, [], [], []
        return made

    def add(self, table: str, **row: Any) -> None:
        """A row."""
        self.rows.setdefault(table, []).append(
            {name: str(value) if isinstance(value, str) else value for name, value in row.items()}
        )

    def begin(self, table: str, *key: str, place: str = "$.Id") -> None:
        """The record at hand is this row of the table; raises ValueError for the second one with the same key."""
        places = self.places.setdefault((table, *key[:-1]), {})
        row_id = str(key[-1])
        if row_id in places:
            place_before = places[row_id]
            earlier = record_name(self.part, place_before, self.earlier(self.part, place_before))
            raise ValueError(f"expected an Id of its own, {earlier} has it already - at `{place}`")
        places[row_id] = self.place
        if table in _NAMED:
            self.names[table, row_id] = self.record

    def owner(self) -> str:
        """The enterprise of a fact that names none; raises ValueError."""
        if self.enterprise_id is not None:
            return self.enterprise_id
        known = self.places.get(("enterprises",), {})
        if len(known) != 1:
            raise ValueError("expected EnterpriseId, which only a file with exactly one enterprise may leave out")
        return next(iter(known))

    def fact(self, table: str, record: shapes.Fact) -> str:
        """The record at hand is a fact of this table; returns its enterprise. Raises ValueError."""
        enterprise_id = str(record.enterprise_id or self.owner())
        self.refer("EnterpriseId", "an enterprise", "enterprises", enterprise_id)
        self.begin(table, enterprise_id, record.id)
        return enterprise_id

    def refer(self, parameter: str, kind: str, tables: str | tuple[str, ...], *key: str) -> None:
        """The record at hand relies on a row with this key in one of the tables, from the file or at the desk."""
        tables = (tables,) if isinstance(tables, str) else tables
        row = tuple(map(str, key))
        if (tables, row) in self.asked:
            return
        for table in tables:
            if row[-1] in self.places.get((table, *row[:-1]), ()):
                return
        self.asked.add((tables, row))
        problem = f"{self.record}: Expected {kind} of this file or the desk - at `$.{parameter}`"
        self.references.append(Reference(tables, row, problem))

    def token(self, field: str, text: str | None, text_hash: str | None, place: str = "$") -> str:
        """What is kept of a token, of which the record tells the text or its hash.

        Raises ValueError where it tells none or both, and for a token that another record of the file has.
        """
        if text is None and text_hash is None:
            raise ValueError(f"Object missing required field `{field}`" + (f" - at `{place}`" if place != "$" else ""))
        if text is not None and text_hash is not None:
            raise ValueError(f"expected either {field} or {field}Hash - at `{place}`")
        kept = text_hash or token_hash(text or "")
        if earlier := self.token_holders.get(kept):
            raise ValueError(f"expected a token of its own, {earlier} has it already - at `{place}.{field}`")
        self.token_holders[kept] = self.record
        return kept

    def past(self, time: Utc, parameter: str) -> int:
        """A time at which something happened; raises ValueError for one to come, above which nothing new would be listed."""
        kept = seconds(time)
        if kept > self.now:
            raise ValueError(f"expected a time that is not to come - at `$.{parameter}`")
        return kept
