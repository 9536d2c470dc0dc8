"""Python's collector of cycles, in a process that serves for long."""

import gc


def spare_the_collector() -> None:
    """Once all is made that stays to the end, the collector need not walk it again and again: its long pauses end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
