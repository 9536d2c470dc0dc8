"""Nightporter: the open device desk for hotels."""

__version__ = "0.1.0"
