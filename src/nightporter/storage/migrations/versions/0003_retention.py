"""Retention: finished commands are found by the time at which they ended, and say when their guest data left.

A table that exists only gains a nullable column and an index.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply this step."""
    op.add_column("commands", sa.Column("stripped", sa.BigInteger(), nullable=True))
    finished = sa.text("state IN ('Processed', 'Cancelled', 'Error')")
    op.create_index(
        "commands_finished", "commands", ["updated", "sequence"], sqlite_where=finished, postgresql_where=finished
    )
