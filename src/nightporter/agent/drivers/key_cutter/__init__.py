"""Key encoders behind a lock system that speaks the Industry Standard, as SALTO's and its kin do."""

from nightporter.agent.drivers.key_cutter.driver import KIND

__all__ = ["KIND"]
