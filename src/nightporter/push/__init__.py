"""Committed events on their way to listeners."""
