"""Only what truly differs between the databases."""
