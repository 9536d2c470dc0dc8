"""How values are declared: frozen for the type checker, which every commit passes, and plain at run time.

``dataclass(frozen=True)`` sets each field through ``object.__setattr__``, which makes a value of six fields eight times
as dear to make; a request makes some ten of them.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Make ``cls`` a value: compared and hashed by its fields, never changed, changed by ``dataclasses.replace``."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
