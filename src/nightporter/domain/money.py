"""Amounts of money in payment commands (contract 8.6, D62)."""

from decimal import Decimal

# ISO 4217 active codes by the number of decimals; all that are not listed here have two.
_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY "
    "COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR "
    "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO "
    "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS "
    "TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)

DECIMALS: dict[str, int] = dict.fromkeys(_TWO.split(), 2) | {
    code: decimals for decimals, codes in _DECIMALS.items() for code in codes.split()
}
"""Every ISO 4217 currency in use, with its number of decimals."""


def told_amount(value: Decimal, currency: str) -> str:
    """``value`` as people write it, like ``7.00 EUR``: with all decimals of ``currency``, and with more only if it has more."""
    told = f"{value:.{DECIMALS.get(currency, 2)}f}"
    return f"{told if Decimal(told) == value else value} {currency}"


def is_payable(value: Decimal, currency: str) -> bool:
    """Whether ``value`` can be paid in ``currency``: above zero and no finer than its decimals (D62)."""
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return value > 0 and -exponent <= DECIMALS[currency]
