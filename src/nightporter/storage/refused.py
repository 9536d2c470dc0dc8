"""Why a database is not opened."""


class DatabaseRefused(Exception):
    """The database cannot be used as it is; the message says why and what to do."""

    is_plain = True
    """Its text may stand in a log."""


class DatabaseUnfinished(DatabaseRefused):
    """The database was not made to its end, so that it never held anything."""


class DatabaseUnreachable(DatabaseRefused):
    """The database cannot be reached or read now; another try may find it well, with nothing changed here."""
