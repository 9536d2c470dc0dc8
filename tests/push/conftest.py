"""A real store for replay: the events are those that its writer commits."""

from tests.stores.conftest import batch_limit, store

__all__ = ["batch_limit", "store"]
