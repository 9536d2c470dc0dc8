"""Moving and upgrading: the desk says which older releases may still serve it, and whether the hotel was moved away.

A table that exists only gains columns that are nullable or have a default.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply this step."""
    op.add_column("desk", sa.Column("works_since", sa.String(32), nullable=False, server_default="0005"))
    op.add_column("desk", sa.Column("moved", sa.Text(), nullable=True))
    if op.get_context().dialect.name == "postgresql":
        for name in ("works_since", "moved"):
            kind = "varchar(32)" if name == "works_since" else "text"
            op.execute(f'ALTER TABLE desk ALTER COLUMN {name} TYPE {kind} COLLATE "C"')
