"""The first tables of `nexa_access`. How the next version is written: kernel/migration.py."""

from alembic import op

from domains.access.tables import metadata
from kernel.migration import create_tables

revision = "access_0001"
down_revision = None


def upgrade() -> None:
    create_tables(op.get_bind(), metadata)
