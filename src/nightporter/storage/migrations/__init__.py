"""The history of the tables: forward only, each step safe for the release that is running."""
