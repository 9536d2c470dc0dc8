"""Permission parameters (contract 8.14)."""

from nightporter.wire.shapes import BoolUpdateValue, Shape


class PermissionParameters(Shape, kw_only=True):
    """Each one an update value or a bare boolean (V27)."""

    bed: BoolUpdateValue | bool | None = None
    room: BoolUpdateValue | bool | None = None
    floor: BoolUpdateValue | bool | None = None
    building: BoolUpdateValue | bool | None = None


def opens(permission: BoolUpdateValue | bool | None) -> bool | None:
    """The boolean inside; None when it was left out."""
    return permission.value if isinstance(permission, BoolUpdateValue) else permission
