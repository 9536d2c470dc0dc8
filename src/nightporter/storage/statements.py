"""Statements written in SQLAlchemy Core and compiled once; running them goes straight to the driver.

SQLAlchemy's own execution costs several times the statement on the hot path (docs/decisions/0003), so only its
compiler is used: a statement names its parameters, the text is made on first use and kept.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    String,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import NullType

from nightporter.domain.value import value

Parameters = Mapping[str, Any]
Row = Sequence[Any]

_SQLITE = sqlite.dialect(paramstyle="named")
_SQLITE_IN_ORDER = sqlite.dialect(paramstyle="qmark")
_POSTGRES = asyncpg_dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own


@value
class Numbered:
    """A text whose parameters are numbered; ``names`` are theirs, in order."""

    text: str
    names: tuple[str, ...]


class Statement:
    """A statement with named parameters; ``lists`` are those that take a list of ids, tested with :func:`among`.

    One that is run for many rows takes them as tuples ``in_order`` of its columns: naming each value costs as much as
    writing it. ``at_once`` is the same for PostgreSQL, where each parameter is the list of what the rows have there; no
    two rows may then have the same ``keys``.
    """

    def __init__(
        self,
        core: ClauseElement,
        *,
        columns: Sequence[str] | None = None,
        lists: Sequence[str] = (),
        in_order: Sequence[str] = (),
        at_once: ClauseElement | None = None,
        keys: Sequence[str] = (),
    ) -> None:
        self._core = core
        self._columns = columns or in_order or None
        self._in_order = list(in_order)
        self._at_once = at_once
        self.lists = tuple(lists)
        self.takes_rows_at_once = at_once is not None
        self.keys = tuple(keys)

    @cached_property
    def sqlite(self) -> str:
        """The text for SQLite. Raises TypeError for a value that was written into the statement: parameters are named."""
        compiled = self._compiled(self._core, _SQLITE_IN_ORDER if self._in_order else _SQLITE)
        if self._in_order and compiled.positiontup != self._in_order:
            raise TypeError(f"the rows come in the order {self._in_order}, the statement has {compiled.positiontup}")
        return str(compiled)

    @cached_property
    def postgres(self) -> Numbered:
        """The text for PostgreSQL, for many rows at once where that is possible. Raises TypeError as ``sqlite`` does."""
        compiled = self._compiled(self._core if self._at_once is None else self._at_once, _POSTGRES)
        return Numbered(str(compiled), tuple(compiled.positiontup or ()))

    @cached_property
    def for_each(self) -> Numbered:
        """The text for PostgreSQL of an update of many rows at once; the last value of each row it returns is its place.

        Each parameter is the list of what the rows have there, but for ``lists``, which are the same for all of them. No
        two rows may change the same row of the table: one of them would be lost.
        """
        rows, core = self._with_rows()
        compiled = self._compiled(core.returning(rows.c.place), _POSTGRES)
        return Numbered(str(compiled), tuple(compiled.positiontup or ()))

    @cached_property
    def for_callers(self) -> Numbered:
        """The text for PostgreSQL of a read for many callers at once; the first value of each row is its caller's place.

        Each parameter is the list of what the callers have there, but for ``lists``, which are the same for all of them.
        """
        rows, core = self._with_rows()
        found = core.correlate(rows).lateral("found")
        both = select(rows.c.place, *found.c).select_from(rows).join(found, true())
        compiled = self._compiled(both, _POSTGRES)
        return Numbered(str(compiled), tuple(compiled.positiontup or ()))

    def _with_rows(self) -> tuple[Any, Any]:
        """Rows of parameters, each with its ``place``, and the statement that takes its own from one of them."""
        single = self._compiled(self._core, _POSTGRES)
        names = [name for name in dict.fromkeys(single.positiontup or ()) if name not in self.lists]
        rows = _given_rows({name: single.binds[name].type for name in names}, with_ordinality="place")

        def replaced(element: Any, **_: Any) -> Any:
            return rows.c[element.key] if isinstance(element, BindParameter) and element.key in names else None

        return rows, replacement_traverse(self._core, {}, replaced)

    def _compiled(self, core: ClauseElement, dialect: Any) -> SQLCompiler:
        compiled = core.compile(dialect=dialect, column_keys=None if core is self._at_once else self._columns)
        assert isinstance(compiled, SQLCompiler)
        if strays := [name for name, bind in compiled.binds.items() if not bind.required]:
            raise TypeError(f"values written into the statement instead of named: {strays} in {compiled}")
        return compiled


def given(name: str, like: Column[Any] | None = None) -> Any:
    """A parameter of a statement; ``like`` a column where nothing that it is compared with says what it is."""
    return bindparam(name) if like is None else bindparam(name, type_=like.type)


class _Among(FunctionElement[Any]):
    """``tested`` is one of a list; each database has a way of its own to take a list as one parameter."""

    type = NullType()  # a boolean would be compared with 1 by SQLite, and no index followed
    inherit_cache = True
    name = "among"


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    tested, listed = (compiler.process(one, **how) for one in element.clauses)
    return f"{tested} IN (SELECT value FROM json_each({listed}) AS listed)"  # noqa: S608 - texts of the compiler


@compiles(_Among, "postgresql")
def _among_postgres(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    tested, listed = (compiler.process(one, **how) for one in element.clauses)
    return f"{tested} = ANY ({listed}::text[])"


def among(tested: Column[Any] | ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """``tested`` is one of the ids in the list parameter ``name``."""
    return _Among(tested, bindparam(name))


def at_most(core: Select[Any], name: str) -> Select[Any]:
    """At most as many rows as the parameter ``name`` says."""
    return core.limit(given(name)).offset(literal_column("0"))


def _plain(column: Any) -> Any:
    """The number as a computed value: a planner that could follow an index in this order would take it for any filter."""
    return column + literal_column("0")


def older_than(columns: Any) -> ColumnElement[bool]:
    """Older than the position in the parameters ``created`` and ``sequence``; no index is followed for it."""
    return tuple_(_plain(columns.created), _plain(columns.sequence)) < tuple_(given("created"), given("sequence"))


def newest_first(core: Select[Any], columns: Any) -> Select[Any]:
    """In the order of creation and sequence, newest first; no index is followed for it."""
    return core.order_by(_plain(columns.created).desc(), _plain(columns.sequence).desc())


def _given_rows(types: Mapping[str, Any], **how: Any) -> Any:
    """Rows whose values are given as one list for each column (PostgreSQL)."""
    # Text without a length: a cast to one cuts off what is longer, and says nothing.
    kinds = {name: Text() if isinstance(kind, String) else kind for name, kind in types.items()}
    lists = [bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items()]
    return func.unnest(*lists).table_valued(*kinds, **how).render_derived(name="given")


def _from_rows(table: Any, columns: Sequence[str]) -> Select[Any]:
    rows = _given_rows({name: table.c[name].type for name in columns})
    return select(*(rows.c[name] for name in columns))


def add(table: Any, columns: Sequence[str]) -> Statement:
    """Insert rows, given as tuples in the order of ``columns`` (that of the table)."""
    at_once = postgresql.insert(table).from_select(columns, _from_rows(table, columns))
    return Statement(sqlite.insert(table), in_order=columns, at_once=at_once)


def put(
    table: Any,
    columns: Sequence[str],
    keys: Sequence[str] = (),
    *,
    only_if: Callable[[Any], ColumnElement[bool]] | None = None,
    in_order: bool = False,
) -> Statement:
    """Insert rows, or replace those with the same ``keys`` (the primary key where none are given).

    ``only_if`` makes a condition from the row that is put in: where it does not hold, what is there stays. The rows are
    given as mappings, or as tuples ``in_order`` of ``columns``.
    """
    keys = keys or [key.name for key in table.primary_key.columns]
    one = sqlite.insert(table)
    many = postgresql.insert(table).from_select(columns, _from_rows(table, columns))
    both: list[Any] = []
    for statement in (one, many):
        kept = {name: statement.excluded[name] for name in columns if name not in keys}
        if kept:
            where = None if only_if is None else only_if(statement.excluded)
            both.append(statement.on_conflict_do_update(index_elements=keys, set_=kept, where=where))
        else:
            both.append(statement.on_conflict_do_nothing(index_elements=keys))
    return Statement(both[0], columns=columns, in_order=columns if in_order else (), at_once=both[1], keys=keys)
