"""Lists on the output: a table on a terminal, fields between tabs for other programs, JSON where it is asked for."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer

from nightporter.cli.asking import plain, say_json


def tell(records: Iterable[dict[str, Any]], fields: Sequence[str], *, as_json: bool) -> None:
    """Tell records, one a line, with some of their fields; with ``as_json`` whole, one JSON object a line."""
    if as_json:
        for record in records:
            say_json(record)
        return
    lines = ([_text(record.get(field)) for field in fields] for record in records)
    if not sys.stdout.isatty():
        for line in lines:
            typer.echo("\t".join(line))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*fields, box=box.SIMPLE_HEAD)
    for line in lines:
        table.add_row(*line)
    Console(markup=False, highlight=False, emoji=False).print(table)


def _text(given: Any) -> str:
    if given is None:
        return ""
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, list):
        return ", ".join(map(_text, given))
    return plain(str(given))
