"""Alembic's environment, one for all databases: `runtime.migrate` hands it the connection and the folder of versions."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
)
with context.begin_transaction():
    context.run_migrations()
