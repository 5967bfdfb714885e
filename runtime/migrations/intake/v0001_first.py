"""The one table of `nexa_intake`. How the next version is written: kernel/migration.py."""

from alembic import op

from kernel.intake import metadata
from kernel.migration import create_tables

revision = "intake_0001"
down_revision = None


def upgrade() -> None:
    create_tables(op.get_bind(), metadata)
