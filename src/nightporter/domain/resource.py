"""Resources: rooms, beds, floors, buildings (contract 8.13, D59)."""

from nightporter.domain.value import value


@value
class Resource:
    """A place on the property; ``lock_ids`` are the locks that its key opens, as configured."""

    id: str
    enterprise_id: str
    name: str
    lock_ids: tuple[str, ...]

    @property
    def keys_open(self) -> tuple[str, ...]:
        """The LockIds of a key command: the configured lock ids, else the name of the resource (D59)."""
        return self.lock_ids or (self.name,)
