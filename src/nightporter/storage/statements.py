"""Statements written in SQLAlchemy Core and compiled once; running them goes straight to the driver.

SQLAlchemy's own execution costs several times the statement on the hot path (docs/decisions/0003), so only its
compiler is used: a statement names its parameters, the text is made on first use and kept.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, bindparam, column, func, literal_column, select, tuple_
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

Parameters = Mapping[str, Any]
Row = Sequence[Any]

_SQLITE = sqlite.dialect(paramstyle="named")
_SQLITE_IN_ORDER = sqlite.dialect(paramstyle="qmark")


class Statement:
    """A statement with named parameters; ``lists`` are those that take a list of ids, tested with :func:`among`.

    One that is run for many rows takes them as tuples ``in_order`` of its columns: naming each value costs as much as
    writing it.
    """

    def __init__(
        self,
        core: ClauseElement,
        *,
        columns: Sequence[str] | None = None,
        lists: Sequence[str] = (),
        in_order: Sequence[str] = (),
    ) -> None:
        self._core = core
        self._columns = columns or in_order or None
        self._in_order = list(in_order)
        self.lists = tuple(lists)

    @cached_property
    def sqlite(self) -> str:
        """The text for SQLite. Raises TypeError for a value that was written into the statement: parameters are named."""
        dialect = _SQLITE_IN_ORDER if self._in_order else _SQLITE
        compiled = self._core.compile(dialect=dialect, column_keys=self._columns)
        assert isinstance(compiled, SQLCompiler)
        if strays := [name for name, bind in compiled.binds.items() if not bind.required]:
            raise TypeError(f"values written into the statement instead of named: {strays} in {compiled}")
        if self._in_order and compiled.positiontup != self._in_order:
            raise TypeError(f"the rows come in the order {self._in_order}, the statement has {compiled.positiontup}")
        return str(compiled)


def given(name: str) -> Any:
    """A parameter of a statement."""
    return bindparam(name)


def among(tested: Column[Any] | ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """``tested`` is one of the ids in the list parameter ``name``."""
    return tested.in_(select(column("value")).select_from(func.json_each(bindparam(name)).alias("listed")))


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


def add(table: Any, columns: Sequence[str]) -> Statement:
    """Insert rows, given as tuples in the order of ``columns`` (that of the table)."""
    return Statement(insert(table), in_order=columns)


def put(table: Any, columns: Sequence[str], keys: Sequence[str] = ()) -> Statement:
    """Insert one row, or replace the one with the same ``keys`` (the primary key where none are given)."""
    keys = keys or [key.name for key in table.primary_key.columns]
    statement = insert(table)
    kept = {name: statement.excluded[name] for name in columns if name not in keys}
    if not kept:
        return Statement(statement.on_conflict_do_nothing(index_elements=keys), columns=columns)
    return Statement(statement.on_conflict_do_update(index_elements=keys, set_=kept), columns=columns)
