"""Payment terminals over ZVT."""

from nightporter.agent.drivers.payment_terminal.driver import KIND

__all__ = ["KIND"]
