"""What is kept: SQLAlchemy Core for tables and statements, rows and values; no rules."""
