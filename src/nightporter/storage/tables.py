"""Every table in one view.

The facts of a property are keyed by enterprise and id, and every hot table carries the enterprise first, so that a
chain can be sharded by it. Rows of ``commands`` are small; documents live beside them, written once.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from nightporter.storage.types import Id, Json, Seconds

metadata = MetaData()

# SQLite counts rows in a 64-bit key of its own only when it is declared INTEGER.
Sequence = BigInteger().with_variant(Integer(), "sqlite")

desk = Table(
    # One row: what this database is, the secret that its idempotency hashes are keyed with, and the latest time that the
    # writer stamped, so that stamps go on from there whatever the clock says after a restart.
    "desk",
    metadata,
    Column("one", Integer, primary_key=True),
    Column("demo", Boolean, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("created", Seconds, nullable=False),
    Column("stamped", Seconds, nullable=False),
    # How often facts of a property were changed: a node that sees another number forgets whom it knew.
    Column("facts", BigInteger, nullable=False, server_default="0"),
    # The oldest migration whose release can still serve this database (docs/upgrading.md).
    Column("works_since", String(32), nullable=False, server_default="0005"),
    # Where the hotel was moved to; from then on nothing is written here (docs/backup.md).
    Column("moved", Text),
)

enterprises = Table(
    "enterprises",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("accepted_currencies", Json, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
)

portfolios = Table("portfolios", metadata, Column("id", Id, primary_key=True), Column("name", Text, nullable=False))

portfolio_members = Table(
    "portfolio_members",
    metadata,
    Column("portfolio_id", Id, ForeignKey("portfolios.id"), nullable=False),
    Column("enterprise_id", Id, ForeignKey("enterprises.id"), nullable=False),
    PrimaryKeyConstraint("portfolio_id", "enterprise_id"),
)

clients = Table(
    "clients",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("rights", Json, nullable=False),
)

integrations = Table(
    "integrations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("client_id", Id, ForeignKey("clients.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("enterprise_id", Id, ForeignKey("enterprises.id")),
    Column("portfolio_id", Id, ForeignKey("portfolios.id")),
    Column("is_enabled", Boolean, nullable=False),
)

device_connections = Table(
    "device_connections",
    metadata,
    Column("integration_id", Id, ForeignKey("integrations.id"), nullable=False),
    Column("device_id", Id, nullable=False),
    PrimaryKeyConstraint("integration_id", "device_id"),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("integration_id", Id, ForeignKey("integrations.id"), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created", Seconds, nullable=False),
    Column("revoked", Seconds),
    Column("used", Seconds),
)

administration_tokens = Table(
    # ``enterprise_ids`` is null for a token that holds for all of them.
    "administration_tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("enterprise_ids", Json),
    Column("created", Seconds, nullable=False),
    Column("revoked", Seconds),
    Column("used", Seconds),
)

audit_records = Table(
    # What administrators did, one row for each thing changed. ``before`` and ``after`` hold no secret and no guest.
    "audit_records",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=True),
    Column("time", Seconds, nullable=False),
    Column("administrator_id", Id),
    Column("administrator", Text, nullable=False),
    Column("operation", String(64), nullable=False),
    Column("enterprise_id", Id),
    Column("kind", String(32), nullable=False),
    Column("record_id", Id),
    Column("before", Json),
    Column("after", Json),
)
Index("audit_records_by_enterprise", audit_records.c.enterprise_id, audit_records.c.number)


def _fact(name: str, *columns: Column[object]) -> Table:
    return Table(
        name,
        metadata,
        Column("enterprise_id", Id, nullable=False),
        Column("id", Id, nullable=False),
        *columns,
        PrimaryKeyConstraint("enterprise_id", "id"),
        sqlite_with_rowid=False,
    )


devices = _fact(
    "devices",
    Column("type", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("identifier", Text),
    Column("is_active", Boolean, nullable=False),
    Column("configuration", Json, nullable=False),
    # Seconds; null takes the default of the type, 0 means never (DESIGN, "No stale surprises", "No orphans").
    Column("expires_after", Integer),
    Column("stalled_after", Integer),
    Column("stalled_policy", String(16)),
)

resources = _fact(
    "resources",
    Column("name", Text, nullable=False),
    Column("parent_resource_id", Id),
    Column("lock_ids", Json, nullable=False),
    Column("record", Json, nullable=False),
)

customers = _fact(
    "customers",
    Column("first_name", Text),
    Column("last_name", Text, nullable=False),
    Column("telephone", Text),
    Column("email", Text),
    Column("record", Json, nullable=False),
)

companies = _fact("companies", Column("name", Text, nullable=False), Column("record", Json, nullable=False))

reservations = _fact(
    "reservations",
    Column("number", Text),
    Column("state", String(32), nullable=False),
    Column("start_time", Seconds, nullable=False),
    Column("end_time", Seconds, nullable=False),
    Column("account_id", Id),
    Column("resource_id", Id),
    Column("record", Json, nullable=False),
)

companionships = _fact(
    "companionships",
    Column("reservation_id", Id),
    Column("customer_id", Id, nullable=False),
    Column("record", Json, nullable=False),
)

bills = _fact("bills", Column("state", String(16), nullable=False), Column("record", Json, nullable=False))

payment_requests = _fact("payment_requests", Column("record", Json, nullable=False))

commands = Table(
    "commands",
    metadata,
    Column("sequence", Sequence, primary_key=True, autoincrement=True),
    Column("enterprise_id", Id, nullable=False),
    Column("id", Id, nullable=False),
    Column("device_id", Id, nullable=False),
    Column("device_type", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created", Seconds, nullable=False),
    Column("updated", Seconds, nullable=False),
    Column("creator", Json, nullable=False),
    Column("creator_integration_id", Id),
    Column("data", Json, nullable=False),
    Column("document_size", Integer),
    Column("payment_request_id", Id),
    Column("reservation_id", Id),
    Column("progress", Float),
    Column("notes", Text),
    # When a command that has not begun is overdue; null for never.
    Column("expires", Seconds),
    Column("executor", Text),
    # What the desk ended it for (Expiry, Stall, Administrator); null once an executor reported an end itself.
    Column("ended_by", String(16)),
    # The states after the first with their times: ``,["Received",1700000000]`` for each, so that one more is appended.
    Column("states", Text),
    # When the guest's data left ``data``; null while it is whole.
    Column("stripped", Seconds),
    UniqueConstraint("enterprise_id", "id", name="commands_by_id"),
)

_ACTIVE = text("state IN ('Pending', 'Received')")
_FISCAL = text("device_type = 'FiscalMachine'")
Index(
    "commands_active",
    commands.c.enterprise_id,
    commands.c.created,
    commands.c.sequence,
    commands.c.device_id,
    sqlite_where=_ACTIVE,
    postgresql_where=_ACTIVE,
)
Index(
    "commands_fiscal",
    *(commands.c[c] for c in ("enterprise_id", "state", "created", "sequence", "device_id")),
    sqlite_where=_FISCAL,
    postgresql_where=_FISCAL,
)
Index(
    "commands_fiscal_updated",
    *(commands.c[c] for c in ("enterprise_id", "updated", "state", "device_id", "created", "sequence")),
    sqlite_where=_FISCAL,
    postgresql_where=_FISCAL,
)
_WAITING = text("state IN ('Pending', 'Received') AND expires IS NOT NULL")
_UNDER_WAY = text("state = 'Processing'")
Index("commands_expiring", commands.c.expires, sqlite_where=_WAITING, postgresql_where=_WAITING)
Index(
    "commands_under_way",
    *(commands.c[c] for c in ("enterprise_id", "updated", "device_id")),
    sqlite_where=_UNDER_WAY,
    postgresql_where=_UNDER_WAY,
)
_FINISHED = text("state IN ('Processed', 'Cancelled', 'Error')")
Index(
    "commands_finished",
    commands.c.updated,
    commands.c.sequence,
    sqlite_where=_FINISHED,
    postgresql_where=_FINISHED,
)

documents = Table(
    # The file of a command as the base64 text in which it came and goes.
    "documents",
    metadata,
    Column("enterprise_id", Id, nullable=False),
    Column("command_id", Id, nullable=False),
    Column("content", LargeBinary, nullable=False),
    UniqueConstraint("enterprise_id", "command_id", name="documents_by_command"),
)

results = Table(
    # What an executor reported beside the state: JSON as it came, personal data perhaps, so it can go before its command.
    "results",
    metadata,
    Column("enterprise_id", Id, nullable=False),
    Column("command_id", Id, nullable=False),
    Column("content", Json, nullable=False),
    UniqueConstraint("enterprise_id", "command_id", name="results_by_command"),
)

resource_access_tokens = Table(
    "resource_access_tokens",
    metadata,
    Column("sequence", Sequence, primary_key=True, autoincrement=True),
    Column("enterprise_id", Id, nullable=False),
    Column("id", Id, nullable=False),
    Column("service_order_id", Id, nullable=False),
    Column("companionship_id", Id),
    Column("resource_id", Id),
    Column("type", String(16), nullable=False),
    Column("value", Text, nullable=False),
    Column("serial_number", Text),
    Column("validity_start", Seconds, nullable=False),
    Column("validity_end", Seconds, nullable=False),
    Column("bed", Boolean, nullable=False),
    Column("room", Boolean, nullable=False),
    Column("floor", Boolean, nullable=False),
    Column("building", Boolean, nullable=False),
    Column("created", Seconds, nullable=False),
    Column("updated", Seconds, nullable=False),
    Column("is_active", Boolean, nullable=False),
    UniqueConstraint("enterprise_id", "id", name="resource_access_tokens_by_id"),
)
# Whatever decides whether a token is on a page, and where, stands in the index that finds it.
Index("resource_access_tokens_by_order", *(resource_access_tokens.c[c] for c in ("enterprise_id", "service_order_id")))
Index(
    "resource_access_tokens_updated",
    *(resource_access_tokens.c[c] for c in ("enterprise_id", "updated", "created", "sequence", "is_active")),
)
Index(
    "resource_access_tokens_valid",
    *(
        resource_access_tokens.c[c]
        for c in ("enterprise_id", "validity_end", "validity_start", "created", "sequence", "is_active")
    ),
)

events = Table(
    # One row for each change of a command, written with it; the number is the socket's cursor.
    "events",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=False),
    Column("enterprise_id", Id, nullable=False),
    Column("command_id", Id, nullable=False),
    Column("device_id", Id, nullable=False),
    Column("creator_integration_id", Id),
    Column("state", String(16), nullable=False),
    Column("time", Seconds, nullable=False),
)

idempotency_keys = Table(
    # What a key was used for (extension "Never twice"): a keyed hash of the body, and the ids of the result.
    "idempotency_keys",
    metadata,
    Column("access_token_id", Id, nullable=False),
    Column("operation", String(64), nullable=False),
    Column("key", String(255), nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("enterprise_id", Id, nullable=False),
    Column("result", Json, nullable=False),
    Column("created", Seconds, nullable=False),
    PrimaryKeyConstraint("access_token_id", "operation", "key"),
    sqlite_with_rowid=False,
)
