"""How alembic runs the migrations; ``nightporter upgrade`` calls it with the path of the database."""

from pathlib import Path

from alembic import context
from sqlalchemy import create_engine, event

from nightporter.storage.tables import metadata

path: Path = context.config.attributes["path"]
engine = create_engine(f"sqlite:///{path}")


@event.listens_for(engine, "connect")
def _settings(connection, _record):  # type: ignore[no-untyped-def]  # the driver's own connection
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.isolation_level = None  # the driver would commit before the first table


@event.listens_for(engine, "begin")
def _begin(connection):  # type: ignore[no-untyped-def]  # the engine's connection
    connection.exec_driver_sql("BEGIN IMMEDIATE")


with engine.begin() as connection:
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
