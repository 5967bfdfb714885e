"""The first tables of `nexa_audit`. How the next version is written: kernel/migration.py."""

from alembic import op

from domains.audit.tables import metadata
from kernel.migration import create_tables

revision = "audit_0001"
down_revision = None

_REFUSE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'audit entries are never changed' using errcode = 'insufficient_privilege';
end $$
"""


def upgrade() -> None:
    create_tables(op.get_bind(), metadata)
    op.execute(_REFUSE)
    op.execute('create trigger entry_stays before update or delete on "entry" for each row execute function refuse_change()')
    op.execute('create trigger entry_stays_whole before truncate on "entry" for each statement execute function refuse_change()')
