"""Fiscal machines: Epson's registratori telematici, by Epson's Fiscal ePOS-Print XML."""

from nightporter.agent.drivers.fiscal_machine.driver import KIND

__all__ = ["KIND"]
