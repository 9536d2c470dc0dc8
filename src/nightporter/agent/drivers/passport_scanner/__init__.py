"""Passport scanners that send the machine readable zone of a document over a serial port or TCP."""

from nightporter.agent.drivers.passport_scanner.driver import KIND

__all__ = ["KIND"]
