"""Accounts: the customers and companies that are charged (contract 8.6)."""

import unicodedata
from enum import StrEnum

from nightporter.domain.value import value


class AccountType(StrEnum):
    """Customer or company (contract 8.1)."""

    CUSTOMER = "Customer"
    COMPANY = "Company"


@value
class Customer:
    """A guest."""

    id: str
    enterprise_id: str
    first_name: str | None
    last_name: str
    telephone: str | None
    email: str | None

    @property
    def full_name(self) -> str:
        """First and last name as one text."""
        return f"{self.first_name} {self.last_name}" if self.first_name else self.last_name


@value
class Company:
    """A company that may be charged like a guest (D63)."""

    id: str
    enterprise_id: str
    name: str


_LETTERS_WITHOUT_ACCENT = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D",
        "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ł": "l", "Ł": "L", "ħ": "h", "Ħ": "H", "ı": "i", "ŋ": "n", "Ŋ": "N",
        "‘": "'", "’": "'", "‐": "-", "–": "-",
    }
)  # fmt: skip


def normalized(name: str | None) -> str | None:
    """The name without accents, ASCII only (D59): letters that Unicode does not take apart are spelled out.

    Letters of other scripts have no ASCII form and are left out, so the result may be empty.
    """
    if name is None or name.isascii():
        return name
    spelled = unicodedata.normalize("NFKD", name.translate(_LETTERS_WITHOUT_ACCENT))
    return " ".join(spelled.encode("ascii", "ignore").decode("ascii").split())
