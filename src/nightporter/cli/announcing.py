"""How commands on the same machine find the server of a desk: ``<database>.desk``, for whoever may read the desk's files.

The file holds the address and a token that is trusted until the server ends. Whether a server is there the lock tells, so
what a killed server left behind misleads nobody.
"""

import json
import os
from pathlib import Path

ENDING = ".desk"


def announcement(database: Path) -> Path:
    """Where the file of a database is."""
    return database.with_name(database.name + ENDING)


def announce(database: Path, address: str, token: str) -> None:
    """Write the file, readable by its owner alone; it is whole as soon as it is there. Raises OSError."""
    begun = database.with_name(f"{database.name}{ENDING}.part")
    begun.unlink(missing_ok=True)
    with open(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"Address": address, "Token": token}, file)
    begun.replace(announcement(database))


def withdraw(database: Path) -> None:
    """Take the file away, if it is there."""
    announcement(database).unlink(missing_ok=True)


def announced(database: Path) -> tuple[str, str] | None:
    """Address and token of the server; None where no server has told them. Raises PermissionError for a stranger."""
    try:
        told = json.loads(announcement(database).read_text("utf-8"))
        return str(told["Address"]), str(told["Token"])
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return None
