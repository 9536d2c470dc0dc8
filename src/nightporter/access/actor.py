"""The caller, once recognised, and the Scope that it issues."""

from collections.abc import Sequence
from dataclasses import field

from nightporter.access.rights import Right
from nightporter.domain.errors import Invalid, NotPermitted
from nightporter.domain.value import value


@value
class Scope:
    """The enterprises and devices that a read may see. Only an Actor issues one: every read takes one, none is unscoped."""

    enterprise_ids: tuple[str, ...]
    device_ids: frozenset[str]
    integration_id: str


@value
class Actor:
    """An integration that called with two tokens that belong together (contract 2.3)."""

    access_token_id: str
    integration_id: str
    integration_name: str
    client_id: str
    enterprise_ids: tuple[str, ...]
    is_portfolio: bool
    device_ids: frozenset[str]
    rights: frozenset[Right]
    whole_scope: Scope = field(init=False)

    def __post_init__(self) -> None:
        scope = Scope(self.enterprise_ids, self.device_ids, self.integration_id)
        object.__setattr__(self, "whole_scope", scope)

    def permit(self, right: Right | None, portfolio: bool) -> None:
        """Raise NotPermitted unless the actor holds ``right`` and the operation admits its token (2.3 rule 5, 2.4 row 8)."""
        if self.is_portfolio and not portfolio:
            raise NotPermitted("Invalid AccessToken")
        if right is not None and right not in self.rights:
            raise NotPermitted("The client application lacks the permission for this operation.")

    def enterprise(self, enterprise_id: str | None) -> str:
        """The one enterprise that an operation acts on (contract 2.4 rows 1 to 4); raises Invalid("EnterpriseId")."""
        if not self.is_portfolio:
            return self.enterprise_ids[0]
        if enterprise_id is None or enterprise_id not in self.enterprise_ids:
            raise Invalid("EnterpriseId")
        return enterprise_id

    def scope(self, enterprise_ids: Sequence[str] | None = None) -> Scope:
        """What a read may see, narrowed to ``enterprise_ids``; those outside the token's scope are left out silently."""
        if enterprise_ids is None:
            return self.whole_scope
        within = set(enterprise_ids).intersection(self.enterprise_ids)
        return Scope(tuple(sorted(within)), self.device_ids, self.integration_id)
