"""The DDL of isolation: what a migration calls, so that no author writes a policy or a grant by hand.

A domain's first migration is one line, `create_tables(op.get_bind(), metadata)`: until the product ships, the tables of `tables.py` *are*
the first version. Every later one is written out with Alembic's operations, and for a new table ends with `protect(op.get_bind(), table)`:

    def upgrade() -> None:
        op.add_column("case", Column("closed_by", Text))          # expand: nullable or with a default, so that version N-1 still runs
        op.create_table(...); protect(op.get_bind(), tables.note)

Migrations run as the domain's owner role. Row-level security is forced on the owner too: a migration that touches rows does it tenant by
tenant, after `set_config('nexa.tenant', …, true)`.
"""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, Table

RELAY, DISPATCH, SIMULATION = "nexa_relay", "nexa_dispatch", "nexa_simulation"

# Declared STABLE although clock_timestamp() moves: within one statement all rows see one instant, and the planner may use indexes on it.
_NEXA_NOW = f"""
create or replace function nexa_now() returns timestamptz language sql stable parallel safe as $$
  select case
    when coalesce(current_setting('nexa.now', true), '') <> '' and pg_has_role(session_user, '{SIMULATION}', 'member')
    then current_setting('nexa.now')::timestamptz
    else clock_timestamp()
  end
$$
"""

# ':' cannot occur in a table's name here, so partition names never collide with tables. A partition is made beside its table and then
# attached: unlike CREATE … PARTITION OF, that does not stop everybody else's reading and writing.
_ADD_TENANT = """
create or replace function nexa_add_tenant(tenant text) returns void language plpgsql as $$
declare parent text; child text;
begin
  perform set_config('nexa.tenant', tenant, true);  -- attaching checks foreign keys, under the policies
  for parent in
    select c.relname from pg_partitioned_table p join pg_class c on c.oid = p.partrelid
    where c.relnamespace = 'public'::regnamespace order by c.oid
  loop
    child := parent || ':' || tenant;
    if to_regclass(format('public.%I', child)) is null then
      execute format('create table %I (like %I including defaults including constraints including storage)', child, parent);
      execute format('alter table %I enable row level security, force row level security', child);
      execute format('alter table %I attach partition %I for values in (%L)', parent, child, tenant);
    end if;
  end loop;
end $$
"""

_TENANTS = """
create or replace function nexa_tenants() returns setof text language sql stable as $$
  select substring(pg_get_expr(c.relpartbound, c.oid) from $q$IN \\('([^']+)'\\)$q$)
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = (
    select p.partrelid from pg_partitioned_table p join pg_class t on t.oid = p.partrelid
    where t.relnamespace = 'public'::regnamespace order by p.partrelid limit 1
  )
  order by 1
$$
"""


def app_role(domain: str) -> str:
    return f"nexa_{domain}_app"


def owner_role(domain: str) -> str:
    return f"nexa_{domain}_owner"


def create_tables(connection: Connection, metadata: MetaData) -> None:
    """Creates the functions and every table of `metadata`, each with its protection."""
    for statement in (_NEXA_NOW, _ADD_TENANT, _TENANTS, "revoke execute on function nexa_add_tenant from public"):
        connection.exec_driver_sql(statement)
    metadata.create_all(connection, checkfirst=False)
    for table in metadata.sorted_tables:
        protect(connection, table)


def protect(connection: Connection, table: Table) -> None:
    """Row-level security and grants of one table, and partitions for the tenants that exist already."""
    domain = str(table.metadata.info["domain"])
    for statement in _platform(table, domain) if not table.info["tenant"] else _tenant(table, domain):
        connection.exec_driver_sql(statement)
    if table.dialect_kwargs.get("postgresql_partition_by"):
        for (tenant,) in connection.exec_driver_sql("select nexa_tenants()").all():
            connection.exec_driver_sql("select nexa_add_tenant($1)", (tenant,))


def _platform(table: Table, domain: str) -> list[str]:
    grants = table.info["grants"].items()
    return [
        f'grant {", ".join(rights)} on "{table.name}" to {app_role(domain) if role == "app" else role}' for role, rights in grants if rights
    ]


def _tenant(table: Table, domain: str) -> list[str]:
    name, info = table.name, table.info
    mine = "tenant = current_setting('nexa.tenant')"
    statements = [
        f'alter table "{name}" enable row level security, force row level security',
        f'create policy tenant on "{name}" to {app_role(domain)}, {owner_role(domain)} using ({mine}) with check ({mine})',
        f'grant {", ".join(info["app"])} on "{name}" to {app_role(domain)}',
    ]
    if info["relayed"]:
        statements += [
            f'create policy relay on "{name}" to {RELAY} using (true)',
            f'grant select, update (published_at) on "{name}" to {RELAY}',
        ]
    if info["dispatch_sees"]:
        statements += [
            f'create policy dispatch on "{name}" to {DISPATCH} using (true)',
            # with its place, by which a claim finds the row that it has locked
            f'grant select ({_columns((*info["dispatch_sees"], "ctid"))}) on "{name}" to {DISPATCH}',
        ]
    if info["dispatch_sets"]:
        statements.append(f'grant update ({_columns(info["dispatch_sets"])}) on "{name}" to {DISPATCH}')
    return statements


def _columns(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
