import pytest
from hypothesis import given
from hypothesis import strategies as some

from nightporter.domain.account import AccountType, Customer, normalized


@pytest.mark.parametrize(
    ("name", "ascii_name"),
    [
        (None, None),
        ("", ""),
        ("Smith", "Smith"),
        ("  two  blanks ", "  two  blanks "),
        ("Jose\u0301", "Jose"),
        ("Jos\u00e9", "Jose"),
        ("Müller", "Muller"),
        ("Weiß", "Weiss"),
        ("ẞ", "SS"),
        ("Åse Øre ø", "Ase Ore o"),
        ("Æsir æ Œuvre œ", "AEsir ae OEuvre oe"),
        ("Đorđe Þór þ Ðð", "Dorde Thor th Dd"),
        ("Łódź ł", "Lodz l"),
        ("Ħal ħ ı Ŋ ŋ", "Hal h i N n"),
        ("O’Neill ‘x’", "O'Neill 'x'"),
        ("Anne‐Marie – x", "Anne-Marie - x"),
        ("Nguyễn", "Nguyen"),
        ("Jan Žižka", "Jan Zizka"),
        ("ﬁsh ²", "fish 2"),
        ("Иван", ""),
        ("王 Wáng", "Wang"),
        ("é  ö", "e o"),
    ],
)
def test_normalized_names_are_ascii_without_accents(name, ascii_name):
    assert normalized(name) == ascii_name


@given(some.text())
def test_a_normalized_name_is_ascii_and_stays_as_it_is(name):
    once = normalized(name)
    assert once is not None
    assert once.isascii()
    assert normalized(once) == once


@given(some.text(some.characters(max_codepoint=127)))
def test_an_ascii_name_is_not_touched(name):
    assert normalized(name) == name


@pytest.mark.parametrize(("first", "full"), [("José", "José Müller"), (None, "Müller"), ("", "Müller")])
def test_the_full_name(first, full):
    assert Customer("id", "enterprise", first, "Müller", None, None).full_name == full


def test_the_account_types_bear_the_words_of_the_wire():
    assert [kind.value for kind in AccountType] == ["Customer", "Company"]
