"""Torture: real servers, random faults, and a checker that knows only what clients saw (docs/torture.md)."""
