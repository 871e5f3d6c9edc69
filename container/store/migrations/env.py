"""What Alembic runs to bring the tables up to date: on the connection that it is given, in its transaction."""

from alembic import context

from container.store.tables import meta

context.configure(
    connection=context.config.attributes["connection"], target_metadata=meta.metadata, render_as_batch=True
)
context.run_migrations()
