"""The databases as they stand, read from Postgres's own catalogue: no table can forget what keeps tenants apart.

What stands outside the rule is named here, one by one, and nowhere else.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.database import make_engine
from kernel.migration import app_role, owner_role
from runtime.migrate import metadata_of
from runtime.settings import DATABASES
from tests.architecture.source import Module, modules, parse

# Tables without tenants, and who may do what with them.
PLATFORM = {
    "alembic_version": set[str](),
    "relay_lease": {"nexa_relay:SELECT", "nexa_relay:INSERT", "nexa_relay:UPDATE"},
    "worker": {"nexa_dispatch:SELECT", "nexa_dispatch:INSERT", "nexa_dispatch:UPDATE", "nexa_dispatch:DELETE", "nexa_cases_app:SELECT"},
}
# The two roles that look over all tenants: what they see and set, column by column. No payload is among it, but the relay's messages.
RELAYED = {"outbox", "intake"}
RELAY_SETS = {"published_at"}
DISPATCH_SEES = {
    "workflow": {"tenant", "urn", "plan", "due", "owner", "fence", "deaths", "share"},
    "operation": {"tenant", "urn", "name", "state", "sends", "due", "owner", "fence", "deaths", "share", "line", "partner", "airport"},
    "stop": {"tenant", "line", "partner", "airport", "resumed_at"},
    "parked": {"tenant", "aggregate", "redrive_at"},
}
DISPATCH_SETS = {
    "workflow": {"owner", "fence", "deaths"},
    "operation": {"state", "sends", "sent_at", "owner", "fence", "deaths"},
}
# App roles that may do less than read and write.
NARROW = {("audit", "entry"): {"SELECT", "INSERT"}, ("intake", "intake"): {"INSERT"}}
WIDE = {"SELECT", "INSERT", "UPDATE", "DELETE"}

MINE = "(tenant = current_setting('nexa.tenant'::text))"

_TABLES = """
    select c.oid, c.relname, c.relkind, c.relispartition, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner),
           (select attname from pg_attribute a where a.attrelid = c.oid and a.attnum = 1)
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
"""
_KEYS = """
    select i.indrelid, c.relname, (select a.attname from pg_attribute a where a.attrelid = i.indrelid and a.attnum = i.indkey[0])
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
    where t.relnamespace = 'public'::regnamespace and i.indisunique
"""
_FOREIGN = """
    select k.conrelid, k.conname, a.attname, b.attname from pg_constraint k
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
    where k.contype = 'f'
"""
_POLICIES = """
    select polrelid, polname, polpermissive, array(select r.rolname::text from pg_roles r where r.oid = any(polroles) order by 1),
           pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
    from pg_policy
"""
_GRANTS = """
    select c.oid, case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee) end, a.privilege_type
    from pg_class c cross join lateral aclexplode(c.relacl) a
    where c.relnamespace = 'public'::regnamespace and a.grantee <> c.relowner
"""
_COLUMN_GRANTS = """
    select t.attrelid, case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee) end, a.privilege_type, t.attname
    from pg_attribute t join pg_class c on c.oid = t.attrelid cross join lateral aclexplode(t.attacl) a
    where c.relnamespace = 'public'::regnamespace and a.grantee <> c.relowner
"""
_PARTITIONS = "select inhparent, inhrelid from pg_inherits"
_ROLES = """
    select rolname, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication, rolcanlogin,
           exists (select from pg_auth_members m where m.member = r.oid)
    from pg_roles r where rolname like 'nexa%'
"""
_DEFINERS = "select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef"
_VOLATILE = "select provolatile from pg_proc where proname = 'current_setting'"


@dataclass
class Table:
    name: str
    kind: str
    partition: bool
    secured: bool
    forced: bool
    owner: str
    first: str
    keys: dict[str, str] = field(default_factory=dict)
    foreign: list[tuple[str, str, str]] = field(default_factory=list)
    policies: dict[str, tuple[bool, tuple[str, ...], str | None, str | None]] = field(default_factory=dict)
    grants: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    columns: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    parts: list[str] = field(default_factory=list)

    @property
    def parent(self) -> bool:
        return self.kind in "rp" and not self.partition and self.name not in PLATFORM


async def read(connection: AsyncConnection) -> dict[str, Table]:
    """Everything the catalogue knows of a database's tables."""

    async def rows(statement: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in await connection.exec_driver_sql(statement)]

    tables = {row[0]: Table(*[value.decode() if isinstance(value, bytes) else value for value in row[1:]]) for row in await rows(_TABLES)}  # type: ignore[arg-type]
    for oid, key, column in await rows(_KEYS):
        tables[oid].keys[str(key)] = str(column)
    for oid, name, column, other in await rows(_FOREIGN):
        tables[oid].foreign.append((str(name), str(column), str(other)))
    for oid, name, permissive, roles, using, check in await rows(_POLICIES):
        tables[oid].policies[str(name)] = (bool(permissive), tuple(roles), using, check)  # type: ignore[arg-type, assignment]
    for oid, role, right in await rows(_GRANTS):
        if oid in tables:
            tables[oid].grants[str(role)].add(str(right))
    for oid, role, right, column in await rows(_COLUMN_GRANTS):
        tables[oid].columns[str(role), str(right)].add(str(column))
    for parent, child in await rows(_PARTITIONS):
        if parent in tables:
            tables[parent].parts.append(tables[child].name)
    return {table.name: table for table in tables.values()}


@pytest.fixture(params=DATABASES)
async def connected(request: pytest.FixtureRequest, postgres_url: str) -> AsyncIterator[tuple[str, AsyncConnection]]:
    engine = make_engine(postgres_url.rsplit("/", 1)[0] + f"/nexa_{request.param}", pool=1)
    async with engine.connect() as connection:
        yield request.param, connection
    await engine.dispose()


@pytest.fixture
async def catalogue(connected: tuple[str, AsyncConnection]) -> tuple[str, dict[str, Table]]:
    name, connection = connected
    return name, await read(connection)


def test_every_table_is_declared_and_every_declared_table_is_there(catalogue: tuple[str, dict[str, Table]]) -> None:
    domain, tables = catalogue
    found = {table.name for table in tables.values() if not table.partition}
    assert found == set(metadata_of(domain).tables) | {"alembic_version"}
    assert {table.kind for table in tables.values()} <= {"r", "p"}, "no views and no materialised views over tenants' rows"


def test_a_tenants_table_leads_with_the_tenant_in_its_columns_and_in_every_key(catalogue: tuple[str, dict[str, Table]]) -> None:
    for table in catalogue[1].values():
        if table.name in PLATFORM:
            continue
        assert table.first == "tenant", table.name
        assert any(key.endswith("_pkey") for key in table.keys), f"{table.name} has no primary key"
        assert set(table.keys.values()) == {"tenant"}, f"{table.name}: {table.keys}"
        for name, column, other in table.foreign:
            assert (column, other) == ("tenant", "tenant"), f"{table.name}.{name}"


def test_row_level_security_is_on_and_forced_on_parents_and_partitions(catalogue: tuple[str, dict[str, Table]]) -> None:
    for table in catalogue[1].values():
        assert table.name in PLATFORM or (table.secured and table.forced), table.name


def test_every_partitioned_table_has_a_partition_per_tenant(catalogue: tuple[str, dict[str, Table]]) -> None:
    for table in catalogue[1].values():
        if table.kind == "p":
            assert {f"{table.name}:t1", f"{table.name}:t2"} <= set(table.parts), table.name


def test_policies_say_one_thing(catalogue: tuple[str, dict[str, Table]]) -> None:
    domain, tables = catalogue
    for table in tables.values():
        expected: dict[str, object] = {}
        if table.parent:
            expected["tenant"] = (True, (app_role(domain), owner_role(domain)), MINE, MINE)
            if table.name in RELAYED:
                expected["relay"] = (True, ("nexa_relay",), "true", None)
            if table.name in DISPATCH_SEES:
                expected["dispatch"] = (True, ("nexa_dispatch",), "true", None)
        assert table.policies == expected, table.name


async def test_what_policies_call_is_stable(connected: tuple[str, AsyncConnection]) -> None:
    assert {bytes(row[0]) for row in await connected[1].exec_driver_sql(_VOLATILE)} == {b"s"}
    assert (await connected[1].exec_driver_sql(_DEFINERS)).all() == [], "a security definer function passes row-level security"


def test_grants_are_these_and_no_others(catalogue: tuple[str, dict[str, Table]]) -> None:
    domain, tables = catalogue
    for table in tables.values():
        said = {f"{role}:{right}" for role, rights in table.grants.items() for right in rights}
        if table.partition:
            assert not said, f"{table.name} is reached through its parent"
            assert not table.columns, f"{table.name} is reached through its parent"
        elif table.name in PLATFORM:
            assert said == PLATFORM[table.name], table.name
        else:
            expected = {f"{app_role(domain)}:{right}" for right in NARROW.get((domain, table.name), WIDE)}
            assert said == expected | ({"nexa_relay:SELECT"} if table.name in RELAYED else set()), table.name
            assert dict(table.columns) == _column_grants(table.name), table.name


def _column_grants(name: str) -> dict[tuple[str, str], set[str]]:
    grants: dict[tuple[str, str], set[str]] = {}
    if name in RELAYED:
        grants["nexa_relay", "UPDATE"] = RELAY_SETS
    if name in DISPATCH_SEES:
        grants["nexa_dispatch", "SELECT"] = DISPATCH_SEES[name] | {"ctid"}  # where a row lies says nothing of what is in it
    if name in DISPATCH_SETS:
        grants["nexa_dispatch", "UPDATE"] = DISPATCH_SETS[name]
    return grants


async def test_no_role_is_above_the_rules_and_only_owners_own(
    connected: tuple[str, AsyncConnection], catalogue: tuple[str, dict[str, Table]]
) -> None:
    domain, tables = catalogue
    assert {table.owner for table in tables.values()} == {owner_role(domain)}
    for row in await connected[1].exec_driver_sql(_ROLES):
        role, dangerous, may_sign_in, is_member = tuple(row)
        assert not dangerous, role
        assert not is_member, role
        assert may_sign_in is not (role.endswith("_owner") or role == "nexa_simulation"), role


async def test_columns_are_as_declared(connected: tuple[str, AsyncConnection]) -> None:
    domain, connection = connected

    def columns(sync: Connection) -> dict[str, set[str]]:
        inspector = inspect(sync)
        return {name: {column["name"] for column in inspector.get_columns(name)} for name in metadata_of(domain).tables}

    found = await connection.run_sync(columns)
    assert found == {name: {column.name for column in table.columns} for name, table in metadata_of(domain).tables.items()}


# --- time ---------------------------------------------------------------------------------------------------------------------------

CLOCKS = {
    "kernel/clock.py",  # Python's
    "kernel/migration.py",  # SQL's
    "runtime/probe.py",  # compares the age of a file, which the system's clock gave
}
SQL_TIME = re.compile(r"(?<![\w.])(now\(\)|current_timestamp|current_date|localtimestamp|(clock|statement|transaction)_timestamp)", re.I)
SQL_WORDS = re.compile(r"\b(select|insert|update|delete|create|values|default)\b", re.I)
PYTHON_TIME = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "func.now", "func.current_timestamp"}


def test_the_time_that_decides_comes_from_one_place() -> None:
    found = [fault for module in modules() if module.name not in CLOCKS for fault in other_times(module)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "Q = 'select now()'",
        "Q = f'update x set at = current_timestamp where a = {b}'",
        "at = datetime.now(UTC)",
        "column(default=func.now())",
    ],
)
def test_the_rule_of_time_would_catch_it(text: str) -> None:
    assert other_times(parse(text))


def test_the_rule_of_time_lets_the_clock_pass() -> None:
    assert not other_times(parse("Q = 'select nexa_now()'\nat = clock.now()\nat = now()"))


def other_times(module: Module) -> list[str]:
    """Where a module takes the time from somewhere else."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(module.tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    faults = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            if SQL_TIME.search(node.value) and SQL_WORDS.search(node.value):
                faults.append(f"{module.name}:{node.lineno}: SQL takes the time by itself; use nexa_now()")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and f"{node.value.id}.{node.attr}" in PYTHON_TIME:
            faults.append(f"{module.name}:{node.lineno}: {node.value.id}.{node.attr}; use kernel.clock")
    return faults
