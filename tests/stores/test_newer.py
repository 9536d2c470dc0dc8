"""A newer database says which releases can still serve it; those do, and no other (docs/upgrading.md)."""

import pytest

from nightporter.storage.opening import REVISIONS, WORKS_SINCE, open_database
from nightporter.storage.places import Place
from nightporter.storage.refused import DatabaseRefused
from tests.harness import sql
from tests.postgres import kind

__all__ = ["kind"]


@pytest.fixture
def newer(home: Place) -> Place:
    """A database as a release with another column of the desk's has left it."""
    sql(home, "ALTER TABLE desk ADD COLUMN colour TEXT")
    sql(home, "UPDATE alembic_version SET version_num = '9999'")
    yield home
    sql(home, "UPDATE alembic_version SET version_num = ?", REVISIONS[-1])
    sql(home, "UPDATE desk SET works_since = ?", WORKS_SINCE)
    sql(home, "ALTER TABLE desk DROP COLUMN colour")


@pytest.mark.parametrize("since", [WORKS_SINCE, REVISIONS[-1]])
async def test_a_newer_database_that_this_release_can_serve_is_opened(newer: Place, since: str) -> None:
    sql(newer, "UPDATE desk SET works_since = ?", since)
    database = await open_database(newer)
    assert len(database.secret) == 32
    await database.close()


async def test_a_newer_database_that_says_it_needs_a_newer_release_is_refused(newer: Place) -> None:
    sql(newer, "UPDATE desk SET works_since = '9998'")
    with pytest.raises(DatabaseRefused, match=r"newer release.*migration 9999.*Install that release"):
        await open_database(newer)


def test_a_new_database_and_an_upgraded_one_say_the_same(home: Place) -> None:
    assert sql(home, "SELECT works_since FROM desk") == [(WORKS_SINCE,)]


async def test_a_hotel_that_was_moved_away_is_not_opened(home: Place) -> None:
    sql(home, "UPDATE desk SET moved = 'postgresql://there/hotel'")
    with pytest.raises(DatabaseRefused, match=r"was moved to postgresql://there/hotel"):
        await open_database(home)
    sql(home, "UPDATE desk SET moved = NULL")
