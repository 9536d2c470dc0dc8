"""Administration, its record, and time: expiry, stalled commands, executors, results, histories.

Tables that exist only gain nullable columns and indexes; none is rebuilt.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.String(length=36)
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply this step."""
    op.add_column("access_tokens", sa.Column("used", sa.BigInteger(), nullable=True))
    op.create_table(
        "administration_tokens",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("enterprise_ids", sa.Text(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_table(
        "audit_records",
        sa.Column("number", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("administrator_id", _ID, nullable=True),
        sa.Column("administrator", sa.Text(), nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("enterprise_id", _ID, nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("record_id", _ID, nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("audit_records_by_enterprise", "audit_records", ["enterprise_id", "number"])
    op.create_table(
        "results",
        sa.Column("enterprise_id", _ID, nullable=False),
        sa.Column("command_id", _ID, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.UniqueConstraint("enterprise_id", "command_id", name="results_by_command"),
    )
    op.add_column("devices", sa.Column("expires_after", sa.Integer(), nullable=True))
    op.add_column("devices", sa.Column("stalled_after", sa.Integer(), nullable=True))
    op.add_column("devices", sa.Column("stalled_policy", sa.String(length=16), nullable=True))
    op.add_column("commands", sa.Column("expires", sa.BigInteger(), nullable=True))
    op.add_column("commands", sa.Column("executor", sa.Text(), nullable=True))
    op.add_column("commands", sa.Column("ended_by", sa.String(length=16), nullable=True))
    op.add_column("commands", sa.Column("states", sa.Text(), nullable=True))
    waiting = sa.text("state IN ('Pending', 'Received') AND expires IS NOT NULL")
    under_way = sa.text("state = 'Processing'")
    op.create_index("commands_expiring", "commands", ["expires"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index(
        "commands_under_way",
        "commands",
        ["enterprise_id", "updated", "device_id"],
        sqlite_where=under_way,
        postgresql_where=under_way,
    )
