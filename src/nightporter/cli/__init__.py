"""The command line: one file for each subcommand. Imports stay inside, so that each one starts quickly."""

from nightporter.cli.main import main

__all__ = ["main"]
