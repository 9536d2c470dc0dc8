"""An enterprise is one property (contract 2.3)."""

from nightporter.domain.value import value


@value
class Enterprise:
    """One property, with the currencies that it accepts (ISO 4217)."""

    id: str
    name: str
    accepted_currencies: frozenset[str]
    is_enabled: bool
