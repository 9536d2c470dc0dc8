"""commands/…: contract 7.1 to 7.6."""
