"""How alembic runs the migrations: on a SQLite file, or printed as a script that is for PostgreSQL."""

from pathlib import Path

from alembic import context
from sqlalchemy import create_engine, event

from nightporter.storage.tables import metadata


def _on_sqlite(path: Path) -> None:
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


if context.is_offline_mode():
    context.configure(
        dialect_name="postgresql",
        target_metadata=metadata,
        literal_binds=True,
        transactional_ddl=False,  # whoever runs the script runs it in a transaction
    )
    context.run_migrations()
else:
    _on_sqlite(context.config.attributes["path"])
