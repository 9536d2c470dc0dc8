"""Nightporter: the open device desk for hotels."""

__version__ = "0.2.0"
