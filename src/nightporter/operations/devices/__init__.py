"""devices/…: contract 7.12."""
