"""Who runs the desk: the administrator behind an administration token (DESIGN, "The administration operations")."""

from collections.abc import Sequence

from nightporter.domain.errors import Invalid, NotPermitted
from nightporter.domain.value import value


@value
class Administrator:
    """An administrator; ``enterprise_ids`` is None for one who runs the whole desk. ``token_id`` is None on this machine."""

    token_id: str | None
    name: str
    enterprise_ids: frozenset[str] | None

    @property
    def runs_everything(self) -> bool:
        """Whether all enterprises are his, those to come included."""
        return self.enterprise_ids is None

    def permit(self, whole_desk: bool) -> None:
        """Raise NotPermitted unless he may do what concerns the ``whole_desk``: clients, portfolios, other administrators."""
        if whole_desk and not self.runs_everything:
            raise NotPermitted(
                "The administration token holds for some enterprises only; this concerns the whole desk."
            )

    def enterprise(self, enterprise_id: str, parameter: str = "EnterpriseId") -> str:
        """``enterprise_id``, if it is his; raises Invalid(``parameter``)."""
        if self.enterprise_ids is not None and enterprise_id not in self.enterprise_ids:
            raise Invalid(parameter)
        return enterprise_id

    def among(self, enterprise_ids: Sequence[str] | None) -> tuple[str, ...] | None:
        """Those of ``enterprise_ids`` that are his, foreign ones left out; None means every enterprise of the desk."""
        if enterprise_ids is None:
            return None if self.enterprise_ids is None else tuple(sorted(self.enterprise_ids))
        asked = set(enterprise_ids)
        return tuple(sorted(asked if self.enterprise_ids is None else asked & self.enterprise_ids))


LOCAL = Administrator(None, "command line", None)
"""Whoever may read the database file runs the desk."""
