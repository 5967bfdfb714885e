"""Makes the databases what the code expects: roles, databases, Alembic's versions per domain, and the partitions of tenants.

Everything may be repeated, also by several at once. `migrate` needs an administrator (CREATEROLE and CREATEDB at least); no other process
knows that address. Tables belong to an owner role that nobody can sign in as; passwords reach the server only as SCRAM verifiers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kernel.database import make_engine
from kernel.migration import DISPATCH, RELAY, SIMULATION, app_role, owner_role
from kernel.tenancy import Tenant
from runtime.settings import DATABASES, Settings

ROOT: Final = Path(__file__).resolve().parents[1]
_SCRIPTS: Final = ROOT / "runtime" / "migrations"
# The relay takes a few hundred rows by key from tables whose statistics lag in a storm: with these it never sorts or scans them all.
_BY_INDEX: Final = ("enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_hashjoin", "enable_mergejoin")
_IN_THE_WAY: Final = ("40P01", "55P03")  # deadlock detected, lock not available
_PAUSED: Final = "10s"  # a process that was stopped inside a transaction keeps its locks from everybody else no longer than this
_ONE_AT_A_TIME: Final = 0x6E657861  # advisory lock, "nexa"


async def migrate(admin_url: str, role_urls: Mapping[str, str], tenants: Iterable[Tenant] = ()) -> None:
    """Brings every database to the newest version and gives each of `tenants` its partitions.

    `role_urls`: the app role's address by database (`cases`, …, `intake`), and `relay` and `dispatch`. Passwords are set to what they say.
    """
    wanted = tuple(tenants)
    async with _admin(admin_url) as admin:
        await _run(admin, f"select pg_advisory_lock({_ONE_AT_A_TIME})")
        await _roles(admin, role_urls)
        for name in DATABASES:
            await _database(admin, name)
        for name in DATABASES:
            async with _inside(admin_url, name) as engine:
                async with _owner(engine, name) as connection:
                    await connection.run_sync(_upgrade, name)
                for tenant in wanted:
                    await _partitions(engine, name, tenant)


async def provision_tenant(tenant: Tenant, admin_url: str) -> None:
    """Gives the tenant its partitions in every database. May be repeated."""
    for name in DATABASES:
        async with _inside(admin_url, name) as engine:
            await _partitions(engine, name, tenant)


async def migrate_with(settings: Settings) -> None:
    """`migrate` by what the environment says."""
    urls = {name: settings.database(name).reveal() for name in DATABASES}
    urls |= {"relay": settings.need("relay_url").reveal(), "dispatch": settings.need("dispatch_url").reveal()}
    await migrate(settings.need("database_url").reveal(), urls, settings.tenants)


def digest() -> str:
    """Changes whenever the databases would: part of the name under which a ready cluster is kept."""
    paths = [ROOT / "runtime" / "migrate.py", *(ROOT / "kernel" / f"{name}.py" for name in ("tables", "migration", "intake"))]
    paths += (
        sorted(_SCRIPTS.rglob("*.py"))
        + sorted((ROOT / "domains").glob("*/tables.py"))
        + sorted((ROOT / "domains").glob("*/migrations/*.py"))
    )
    # A domain's tables may live in the kernel too (operation, workflow): anything there that declares a table counts.
    paths += [path for path in sorted((ROOT / "kernel").glob("*.py")) if "tenant_table" in path.read_text()]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def metadata_of(name: str) -> MetaData:
    """The declared tables of a database."""
    module = importlib.import_module("kernel.intake" if name == "intake" else f"domains.{name}.tables")
    metadata = module.metadata
    assert isinstance(metadata, MetaData)
    return metadata


def _upgrade(connection: Connection, name: str) -> None:
    config = Config()
    versions = _SCRIPTS / "intake" if name == "intake" else ROOT / "domains" / name / "migrations"
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("version_locations", str(versions).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, metadata=metadata_of(name))
    command.upgrade(config, "head")


async def _roles(admin: AsyncConnection, role_urls: Mapping[str, str]) -> None:
    superuser = (await admin.exec_driver_sql("select rolsuper from pg_roles where rolname = current_user")).scalar_one()
    for role in (SIMULATION, *(owner_role(name) for name in DATABASES)):
        await _role(admin, role, "nologin")
        if not superuser:
            await _run(admin, f"grant {role} to current_user")
    for name in (*DATABASES, "relay", "dispatch"):
        expected = {"relay": RELAY, "dispatch": DISPATCH}.get(name, app_role(name))
        url = make_url(role_urls[name])
        if url.username != expected or not url.password:
            raise ValueError(f"the address of {name} must name the role {expected} and its password")
        await _role(admin, expected, f"login password '{_scram(str(url.password))}'")
        await _run(admin, f"alter role {expected} set idle_in_transaction_session_timeout = '{_PAUSED}'")
    for role in (RELAY, DISPATCH):
        for setting in _BY_INDEX:
            await _run(admin, f"alter role {role} set {setting} = off")


async def _role(admin: AsyncConnection, role: str, options: str) -> None:
    exists = (await admin.exec_driver_sql("select 1 from pg_roles where rolname = $1", (role,))).first()
    await _run(admin, f"{'alter' if exists else 'create'} role {role} {options} nocreatedb nocreaterole")


async def _database(admin: AsyncConnection, name: str) -> None:
    database, owner = f"nexa_{name}", owner_role(name)
    if not (await admin.exec_driver_sql("select 1 from pg_database where datname = $1", (database,))).first():
        await _run(admin, f"create database {database} owner {owner}")
    users = ", ".join((app_role(name), RELAY, DISPATCH))
    await _run(admin, f"revoke all on database {database} from public")
    await _run(admin, f"grant connect on database {database} to {users}")
    async with _admin(str(admin.engine.url.set(database=database).render_as_string(hide_password=False))) as inside:
        await _run(inside, f"alter schema public owner to {owner}")
        await _run(inside, f"grant usage on schema public to {users}")


async def _partitions(engine: AsyncEngine, name: str, tenant: Tenant) -> None:
    for last in (False, False, False, False, True):
        try:
            async with _owner(engine, name) as connection:
                await connection.exec_driver_sql("set local lock_timeout = '3s'")
                await connection.exec_driver_sql("select nexa_add_tenant($1)", (str(tenant),))
            return
        except DBAPIError as error:  # foreign keys lock the tables they name: busy ones give way, or this does and tries again
            if last or getattr(error.orig, "sqlstate", None) not in _IN_THE_WAY:
                raise


async def _run(connection: AsyncConnection, statement: str) -> None:
    await connection.exec_driver_sql(statement)


@asynccontextmanager
async def _admin(url: str) -> AsyncIterator[AsyncConnection]:
    """A connection outside transactions, as CREATE DATABASE wants it."""
    engine = make_engine(url, isolation_level="AUTOCOMMIT", pool=1)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


@asynccontextmanager
async def _inside(admin_url: str, name: str) -> AsyncIterator[AsyncEngine]:
    """One connection to a domain's database."""
    engine = make_engine(make_url(admin_url).set(database=f"nexa_{name}"), pool=1)
    try:
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def _owner(engine: AsyncEngine, name: str) -> AsyncIterator[AsyncConnection]:
    """A transaction in a domain's database as its owner."""
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"set local role {owner_role(name)}")
        yield connection


def _scram(password: str) -> str:
    """The verifier Postgres stores, so that no statement and no log of the server carries the password. Source: RFC 5803."""
    salt, rounds = secrets.token_bytes(16), 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    text = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${rounds}:{text[0]}${text[1]}:{text[2]}"
