"""Many nodes: how often the facts changed, so that each node sees what the others did; and PostgreSQL's own settings.

No database on PostgreSQL is older than this step, so that its tables are empty here.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_BY_BYTES = """
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT c.table_name, c.column_name, coalesce('varchar(' || c.character_maximum_length || ')', 'text') AS type
        FROM information_schema.columns AS c
        JOIN information_schema.tables AS t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
        WHERE c.table_schema = current_schema() AND c.data_type IN ('text', 'character varying')
        AND t.table_type = 'BASE TABLE'
        AND c.table_name <> 'alembic_version'
    LOOP
        EXECUTE 'ALTER TABLE ' || quote_ident(one.table_name) || ' ALTER COLUMN ' || quote_ident(one.column_name)
            || ' TYPE ' || one.type || ' COLLATE "C"';
    END LOOP;
END $$
"""


def upgrade() -> None:
    """Apply this step."""
    op.add_column("desk", sa.Column("facts", sa.BigInteger(), nullable=False, server_default="0"))
    if op.get_context().dialect.name == "postgresql":
        # Text is compared byte for byte, as SQLite does it: ids and names come in the same order on both.
        op.execute(_BY_BYTES)
        # Documents are read piece by piece, which a compressed value would be unpacked for each time.
        op.execute("ALTER TABLE documents ALTER COLUMN content SET STORAGE EXTERNAL")
        # A command changes its state several times: room for that on its page spares the indexes.
        op.execute("ALTER TABLE commands SET (fillfactor = 70)")
