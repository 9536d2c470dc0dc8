"""Values under other keys than the first, and plain ones: how they are found, and the intent that seals them anew.

The walk goes from the newest ids to the oldest, so that what is left of one that was broken off stands where ``strangers``
looks. Finding is a read of its own: the statement that replaces a value asks whether it is still the one that was read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from sqlalchemy import Column, Table, func, literal_column, select, tuple_, update

from nightporter.domain.errors import Unavailable
from nightporter.domain.retention import Kept
from nightporter.domain.value import value
from nightporter.storage import audit
from nightporter.storage.audit import Audit, Change
from nightporter.storage.batch import Batch
from nightporter.storage.database import Database
from nightporter.storage.refused import DatabaseRefused
from nightporter.storage.sealing import DATA, DOCUMENT, PREFIX, RESULT, VALUE, Seal, key_of
from nightporter.storage.statements import Row, Statement, at_most, given
from nightporter.storage.tables import commands, metadata, resource_access_tokens, results

BATCH = 100
"""How many values one intent seals anew at most; of documents it is one."""
SAMPLE = 200
"""How many of the oldest and of the newest values are looked at when a desk opens."""
FIRST = ("z", "z")
"""Where the walk begins: above every id."""

SEALED: Mapping[Kept, str] = {
    Kept.DOCUMENTS: DOCUMENT,
    Kept.RESULTS: RESULT,
    Kept.RESOURCE_ACCESS_TOKENS: VALUE,
    Kept.COMMANDS: DATA,
}
"""What is sealed, in the order in which it is sealed anew; of commands it is what they were made of."""


@value
class Reseal:
    """Put other sealings in the place of values of a kind, where these are still as they were read.

    Each of ``rows`` has an enterprise, an id, the value as it was kept and the one that is to be kept. The result is how
    many were replaced.
    """

    kind: Kept
    rows: tuple[Row, ...] = field(repr=False)
    audit: Audit | None = None
    """Who has it done; given with the first of many."""

    @property
    def size(self) -> int:
        """How many characters or bytes are written."""
        return sum(len(row[3]) for row in self.rows)


@value
class FoundSealings:
    """Some values that the first key has not sealed, sealed with it now. ``onwards`` is where the walk goes on, None at its end.

    ``trouble`` says why one of them cannot be opened; such values are left out.
    """

    rows: tuple[Row, ...] = field(repr=False)
    onwards: tuple[str, str] | None
    trouble: str | None = None


def _columns(kind: Kept) -> tuple[Table, Column[Any], Column[Any], Column[Any]]:
    """The table, its enterprise, its id and the sealed column."""
    name, content = SEALED[kind].split(".")
    table = metadata.tables[name]
    return table, table.c.enterprise_id, table.c["command_id" if "command_id" in table.c else "id"], table.c[content]


def _beginning(content: Column[Any]) -> Any:
    return func.substr(content, literal_column("1"), literal_column(str(PREFIX)), type_=content.type)


def _page(kind: Kept) -> Statement:
    _, enterprise, row_id, content = _columns(kind)
    core = (
        select(enterprise, row_id, content)
        .where(
            tuple_(enterprise, row_id) < tuple_(given("enterprise"), given("id")),
            _beginning(content) != given("prefix", content),
        )
        .order_by(enterprise.desc(), row_id.desc())
    )
    return Statement(at_most(core, "count"))


def _count(kind: Kept) -> Statement:
    *_, content = _columns(kind)
    return Statement(select(func.count()).where(_beginning(content) != given("prefix", content)))


def _replacement(kind: Kept) -> Statement:
    table, enterprise, row_id, content = _columns(kind)
    core = update(table).where(enterprise == given("enterprise"), row_id == given("id"))
    if kind is not Kept.DOCUMENTS:  # written once, and long to compare
        core = core.where(content == given("old"))
    return Statement(core.values({content: given("new")}))


_PAGES = {kind: _page(kind) for kind in SEALED}
_COUNTS = {kind: _count(kind) for kind in SEALED}
_REPLACE = {kind: _replacement(kind) for kind in SEALED}


def _prefix(seal: Seal, kind: Kept) -> str | bytes:
    assert seal.prefix is not None  # nobody asks without a key
    return seal.prefix.encode() if kind is Kept.DOCUMENTS else seal.prefix


async def left(database: Database, kind: Kept) -> int:
    """How many values of a kind the first key has not sealed."""
    (row,) = await database.many(_COUNTS[kind], prefix=_prefix(database.seal, kind))
    return int(row[0])


async def find(database: Database, kind: Kept, since: tuple[str, str] = FIRST) -> FoundSealings:
    """Some values of a kind that the first key has not sealed; ``since`` is where an earlier search went on."""
    seal, count = database.seal, 1 if kind is Kept.DOCUMENTS else BATCH
    enterprise, row_id = since
    kept = await database.many(_PAGES[kind], enterprise=enterprise, id=row_id, prefix=_prefix(seal, kind), count=count)
    rows, trouble = [], None
    for row in kept:
        try:
            rows.append((*row, _anew(seal, kind, *row)))
        except Unavailable as refusal:
            trouble = trouble or refusal.message
    return FoundSealings(tuple(rows), (kept[-1][0], kept[-1][1]) if len(kept) == count else None, trouble)


def _anew(seal: Seal, kind: Kept, enterprise_id: str, row_id: str, kept: Any) -> str | bytes:
    if kind is Kept.DOCUMENTS:
        return seal.close_document(enterprise_id, row_id, seal.open_document(enterprise_id, row_id, kept))
    column = SEALED[kind]
    return seal.close(column, enterprise_id, row_id, seal.open(column, enterprise_id, row_id, kept))


async def reseal(batch: Batch, intents: Sequence[Reseal]) -> list[object]:
    """Carry out the intents."""
    counts: list[object] = []
    for one in intents:
        rows: list[dict[str, Any]] = [{"enterprise": row[0], "id": row[1], "new": row[3]} for row in one.rows]
        if one.kind is not Kept.DOCUMENTS:
            rows = [{**row, "old": was[2]} for row, was in zip(rows, one.rows, strict=True)]
        counts.append(await batch.transaction.run(_REPLACE[one.kind], rows))
        if one.audit is not None:
            await audit.write(batch, one.audit, [Change("keys", None, None, None, {"first": batch.seal.ids[0]})])
    return counts


def _sample(content: Column[Any], order: Any = None) -> Statement:
    return Statement(at_most(select(_beginning(content)).order_by(order), "count"))


SAMPLES = (
    *(
        _sample(content, order)
        for content, order in (
            (commands.c.data, commands.c.sequence.desc()),
            (commands.c.data, commands.c.sequence),
            (resource_access_tokens.c.value, resource_access_tokens.c.sequence.desc()),
            (resource_access_tokens.c.value, resource_access_tokens.c.sequence),
            (results.c.content, None),
        )
    ),
)
"""The beginnings of values that are read at once; of documents, which are long, those of their commands stand for them."""


async def strangers(database: Database) -> list[str]:
    """The ids of keys that some of the oldest and newest values are sealed with, and that this desk does not have."""
    found = {key_of(row[0]) for sample in SAMPLES for row in await database.few(sample, count=SAMPLE)}
    return sorted(key for key in found if key is not None and key not in database.seal.ids)


async def refuse_strangers(database: Database) -> None:
    """Raises DatabaseRefused when values of the database are sealed with a key that this desk does not have."""
    if missing := await strangers(database):
        raise DatabaseRefused(
            f"the database holds values that are encrypted with keys this desk does not have ({', '.join(missing)}). "
            "Give it those too, in NIGHTPORTER_KEYS or as keys in the settings file."
        )
