"""What a setting names as the place of a desk."""

from pathlib import Path

import pytest

from nightporter.settings import InvalidSetting
from nightporter.storage.places import PostgresAddress, place_of


@pytest.mark.parametrize("text", ["desk.db", "/var/lib/desk.db", "C:/desk/desk.db", "C:\\desk.db", "a:b@c.db"])
def test_a_path_is_a_file(text: str):
    assert place_of(text) == Path(text)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_an_address_of_postgresql_is_told_without_user_and_password(scheme: str):
    place = place_of(f"{scheme}://night:SECRET@db.example.com/chain")
    assert isinstance(place, PostgresAddress)
    assert (str(place), "SECRET" in repr(place)) == ("postgresql://db.example.com/chain", False)


@pytest.mark.parametrize(
    "text",
    [
        "postgress://night:SECRET@127.0.0.1/chain",
        "postgresql:/night:SECRET@127.0.0.1/chain",
        "postgresql+asyncpg://night:SECRET@127.0.0.1/chain",
        " postgresql://night:SECRET@127.0.0.1/chain",
        "mysql://night:SECRET@127.0.0.1/chain",
        "sqlite:////night/SECRET.db",
    ],
)
def test_any_other_address_is_refused_with_what_is_accepted(text: str):
    with pytest.raises(InvalidSetting, match="postgresql://USER@HOST/NAME") as refused:
        place_of(text)
    assert "night" not in str(refused.value)
    assert "SECRET" not in str(refused.value)
