"""Why a database is not opened."""


class DatabaseRefused(Exception):
    """The database cannot be used as it is; the message says why and what to do."""


class DatabaseUnfinished(DatabaseRefused):
    """The database was not made to its end, so that it never held anything."""
