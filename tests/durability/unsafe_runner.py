"""Starts the server on connections whose ``PRAGMA synchronous`` is the first argument: what the tests must notice."""

import sqlite3
import sys
from pathlib import Path

from nightporter.cli import main
from nightporter.storage.dialects import sqlite

level = sys.argv.pop(1)
_connect = sqlite.connect


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    connection = _connect(path, read_only=read_only)
    connection.execute(f"PRAGMA synchronous = {level}")
    return connection


sqlite.connect = connect
main()
