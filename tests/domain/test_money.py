from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nightporter.domain.money import DECIMALS, is_payable, told_amount


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [("EUR", 2), ("USD", 2), ("CZK", 2), ("HUF", 2), ("JPY", 0), ("ISK", 0), ("KRW", 0), ("CLP", 0), ("BHD", 3),
     ("KWD", 3), ("TND", 3), ("CLF", 4), ("UYW", 4), ("ZWG", 2)],
)  # fmt: skip
def test_each_currency_has_its_decimals(currency, decimals):
    assert DECIMALS[currency] == decimals
    unit = Decimal(1).scaleb(-decimals)
    assert is_payable(unit, currency)
    assert is_payable(1 + unit, currency)
    assert not is_payable(unit / 10, currency)
    assert not is_payable(1 + unit / 10, currency)


def test_the_table_lists_codes_of_three_capital_letters_each_once():
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in DECIMALS)
    assert len(DECIMALS) == 166
    assert sorted(set(DECIMALS.values())) == [0, 2, 3, 4]
    assert sum(decimals == 0 for decimals in DECIMALS.values()) == 17
    assert sum(decimals == 3 for decimals in DECIMALS.values()) == 7
    assert {code for code, decimals in DECIMALS.items() if decimals == 4} == {"CLF", "UYW"}


@pytest.mark.parametrize("value", ["0", "-0", "0.00", "-0.01", "-1"])
def test_nothing_and_less_cannot_be_paid(value):
    assert not is_payable(Decimal(value), "EUR")


@pytest.mark.parametrize("value", ["1", "1.0", "1.00", "1.000000", "100", "1E+2", "230", "0.01", "999999999999999"])
def test_trailing_zeros_are_no_decimals(value):
    assert is_payable(Decimal(value), "EUR")


@pytest.mark.parametrize(
    ("value", "currency", "told"),
    [("12.3", "EUR", "12.30 EUR"), ("7", "EUR", "7.00 EUR"), ("1E+3", "CZK", "1000.00 CZK"), ("700", "JPY", "700 JPY"),
     ("1.5", "KWD", "1.500 KWD"), ("-64", "EUR", "-64.00 EUR"), ("1.005", "EUR", "1.005 EUR"), ("1", "???", "1.00 ???")],
)  # fmt: skip
def test_an_amount_is_told_with_all_decimals_of_its_currency(value, currency, told):
    assert told_amount(Decimal(value), currency) == told


@given(some.integers(1, 10**15 - 1), some.integers(-6, 12), some.sampled_from(sorted(DECIMALS)))
def test_payable_is_a_whole_number_of_the_smallest_unit(digits, exponent, currency):
    value = Decimal(digits).scaleb(exponent)
    assert is_payable(value, currency) is ((Fraction(value) * 10 ** DECIMALS[currency]).denominator == 1)
