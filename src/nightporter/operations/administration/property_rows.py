"""What a property file comes to while its records are read: rows, commands and tokens, and what they rely on."""

from dataclasses import dataclass, field
from typing import Any

from nightporter.access.tokens import token_hash
from nightporter.domain.command import NewCommand
from nightporter.domain.device import DeviceType
from nightporter.storage.property import Reference
from nightporter.storage.types import seconds
from nightporter.wire import property_file as shapes
from nightporter.wire.scalars import Utc


@dataclass(slots=True)
class Load:
    """What a file comes to, part by part."""

    now: int
    enterprise_id: str | None = None
    """The enterprise of facts that name none, where that is known beforehand."""
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    commands: list[NewCommand] = field(default_factory=list)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    device_types: dict[tuple[str, str], DeviceType] = field(default_factory=dict)
    record: str = ""
    """The record at hand, as messages call it."""
    records: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Every record so far by its table and key."""
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    token_holders: dict[str, str] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)

    def add(self, table: str, **row: Any) -> None:
        """A row."""
        self.rows.setdefault(table, []).append(
            {name: str(value) if isinstance(value, str) else value for name, value in row.items()}
        )

    def begin(self, table: str, *key: str, place: str = "$.Id") -> None:
        """The record at hand is this row of the table; raises ValueError for the second one with the same key."""
        if earlier := self.records.get((table, *key)):
            raise ValueError(f"expected an Id of its own, {earlier} has it already - at `{place}`")
        self.records[table, *key] = self.record
        self.names[table, key[-1]] = self.record

    def fact(self, table: str, record: shapes.Fact) -> str:
        """The record at hand is a fact of this table; returns its enterprise. Raises ValueError."""
        enterprise_id = record.enterprise_id or self.enterprise_id
        if enterprise_id is None:
            only = self.rows.get("enterprises", [])
            if len(only) != 1:
                raise ValueError("expected EnterpriseId, which only a file with exactly one enterprise may leave out")
            enterprise_id = only[0]["id"]
        else:
            self.refer("EnterpriseId", "an enterprise", "enterprises", enterprise_id)
        self.begin(table, enterprise_id, record.id)
        return str(enterprise_id)

    def refer(self, parameter: str, kind: str, tables: str | tuple[str, ...], *key: str) -> None:
        """The record at hand relies on a row with this key in one of the tables, from the file or at the desk."""
        problem = f"{self.record}: Expected {kind} of this file or the desk - at `$.{parameter}`"
        tables = (tables,) if isinstance(tables, str) else tables
        self.references.append(Reference(tables, tuple(map(str, key)), problem))

    def open_references(self) -> list[Reference]:
        """The references to what the file does not hold itself."""
        return [one for one in self.references if not any((table, *one.key) in self.records for table in one.tables)]

    def token(self, text: str, place: str) -> str:
        """What is kept of a token; raises ValueError for one that another record of the file has."""
        kept = token_hash(text)
        if earlier := self.token_holders.get(kept):
            raise ValueError(f"expected a token of its own, {earlier} has it already - at `{place}`")
        self.token_holders[kept] = self.record
        return kept

    def past(self, time: Utc, parameter: str) -> int:
        """A time at which something happened; raises ValueError for one to come, above which nothing new would be listed."""
        kept = seconds(time)
        if kept > self.now:
            raise ValueError(f"expected a time that is not to come - at `$.{parameter}`")
        return kept
