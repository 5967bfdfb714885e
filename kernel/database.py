"""The doors to Postgres: one `Database` per domain, connected as an app role that owns nothing and cannot pass row-level security.

The tenant is set once per transaction, first thing, and dies with it; a session setting survived the pool and served another tenant's rows.
Before the first use the role is examined, and one that could see past a tenant is refused.
Do not open a work inside a work of the same database: each holds one of at most four connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from kernel.at_once import AtOnce
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work

Connection = AsyncConnection  # its name for those who pass it on: SQLAlchemy is behind this door
POOL = 4  # per (process, database); 8 databases x 5 processes stay below the embedded server's 300

_SET_TENANT = text("select set_config('nexa.tenant', :tenant, true)")
_TENANTS = text("select nexa_tenants()")
_DANGERS = text("""
    select
      exists (select from pg_roles r where (r.rolsuper or r.rolbypassrls) and pg_has_role(current_user, r.oid, 'member')) as above_rls,
      exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and pg_has_role(current_user, c.relowner, 'member'))
      or exists (select from pg_database d where d.datname = current_database() and pg_has_role(current_user, d.datdba, 'member')) as owner
""")


class UnsafeRoleError(RuntimeError):
    """The role of this connection could see past a tenant; Nexa does not run with it."""


def dumps(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def make_engine(url: str | URL, pool: int = POOL, **options: Any) -> AsyncEngine:
    """An engine over asyncpg, connecting lazily; `url` is the ordinary `postgresql://…`. Its errors show no values."""
    address = make_url(url).set(drivername="postgresql+asyncpg")
    return create_async_engine(
        address, pool_size=pool, max_overflow=0, pool_use_lifo=True, hide_parameters=True, json_serializer=dumps,
        json_deserializer=orjson.loads, **options,
    )  # fmt: skip


class Database:
    """One domain's database. `on_sent` is called after each commit that sent messages, so that the relay looks at once; `on_due` after
    each that made durable work due, so that the engine does.
    """

    def __init__(self, name: str, url: str | URL, *, pool: int = POOL, on_sent: Callable[[str, Tenant], None] | None = None) -> None:
        self.name = name
        self.engine = make_engine(url, pool)
        self._reading = self.engine.execution_options(postgresql_readonly=True)
        self.on_sent = on_sent
        self.on_due: Callable[[str, Tenant], None] | None = None
        self.at_once = AtOnce()
        self._examined = False
        self._examining = asyncio.Lock()

    @asynccontextmanager
    async def work(
        self, tenant: Tenant, *, actor: Urn | None = None, role: str | None = None, correlation: str | None = None
    ) -> AsyncIterator[Work]:
        """One transaction; commits when the block ends, rolls back when it raises. `role` is the actor's, for the audit record."""
        work: Work | None = None
        try:
            async with self._begin(self.engine, tenant) as connection:
                work = Work(self.name, connection, tenant, actor, role, correlation, self.at_once)
                yield work
                sent = await work.flush()
        except BaseException:
            if work is not None:
                work.undone()
            raise
        if sent and self.on_sent:
            self.on_sent(self.name, tenant)
        if work.due and self.on_due:
            self.on_due(self.name, tenant)
        await work.committed()

    @asynccontextmanager
    async def read(self, tenant: Tenant) -> AsyncIterator[AsyncConnection]:
        """A short read-only transaction."""
        async with self._begin(self._reading, tenant) as connection:
            yield connection

    async def tenants(self) -> list[Tenant]:
        """Everyone who has partitions here."""
        await self.examine()
        async with self.engine.connect() as connection:
            return [Tenant(name) for name in (await connection.execute(_TENANTS)).scalars()]

    async def examine(self) -> None:
        """Raises: UnsafeRoleError."""
        async with self._examining:
            if not self._examined:
                await examine(self.engine)
                self._examined = True

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def _begin(self, engine: AsyncEngine, tenant: Tenant) -> AsyncIterator[AsyncConnection]:
        if not self._examined:
            await self.examine()
        for last in (False, True):
            async with engine.connect() as connection:
                try:
                    await connection.execute(_SET_TENANT, {"tenant": tenant})
                except DBAPIError as error:
                    if error.connection_invalidated and not last:
                        continue  # it died in the pool, before anything was asked of it: the server was restarted
                    raise
                yield connection
                await connection.commit()
                return


class Databases(Mapping[str, Database]):
    """All databases of a process, by domain; and, for the two roles that look over all tenants, engines of their own.

    `relay` and `dispatch` are URLs whose database part is replaced per domain.
    """

    def __init__(
        self, urls: Mapping[str, str], *, relay: str | None = None, dispatch: str | None = None, pool: int = POOL,
        on_sent: Callable[[str, Tenant], None] | None = None,
    ) -> None:  # fmt: skip
        self._databases = {name: Database(name, url, pool=pool, on_sent=on_sent) for name, url in urls.items()}
        self._above = {"relay": relay, "dispatch": dispatch}
        self._engines: dict[tuple[str, str], AsyncEngine] = {}

    def __getitem__(self, name: str) -> Database:
        return self._databases[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._databases)

    def __len__(self) -> int:
        return len(self._databases)

    def relay(self, name: str) -> AsyncEngine:
        """As `nexa_relay`: outboxes of all tenants. Raises: KeyError when this process has no such URL."""
        return self._engine("relay", name)

    def dispatch(self, name: str) -> AsyncEngine:
        """As `nexa_dispatch`: claim columns of all tenants. Raises: KeyError when this process has no such URL."""
        return self._engine("dispatch", name)

    def on_sent(self, callback: Callable[[str, Tenant], None]) -> None:
        """Replaces what is called after each commit that sent messages."""
        for database in self._databases.values():
            database.on_sent = callback

    def on_due(self, callback: Callable[[str, Tenant], None]) -> None:
        """Replaces what is called after each commit that made durable work due."""
        for database in self._databases.values():
            database.on_due = callback

    async def examine(self) -> None:
        """Refuses to boot with a role that could see past a tenant. Raises: UnsafeRoleError."""
        for database in self._databases.values():
            await database.examine()
        for role, url in self._above.items():
            for name in self._databases if url else ():  # what a role owns is a question of each database
                await examine(self._engine(role, name))

    async def close(self) -> None:
        for database in self._databases.values():
            await database.close()
        for engine in self._engines.values():
            await engine.dispose()

    def _engine(self, role: str, name: str) -> AsyncEngine:
        if (role, name) not in self._engines:
            url = self._above[role]
            if url is None:
                raise KeyError(f"this process has no URL for the role nexa_{role}")
            self._engines[role, name] = make_engine(make_url(url).set(database=f"nexa_{name}"), pool=2)
        return self._engines[role, name]


async def examine(engine: AsyncEngine) -> None:
    """Raises: UnsafeRoleError when the engine's role is above row-level security or owns something."""
    async with engine.connect() as connection:
        dangers = (await connection.execute(_DANGERS)).one()
    if dangers.above_rls or dangers.owner:
        raise UnsafeRoleError(
            f"role {engine.url.username!r} {'passes row-level security' if dangers.above_rls else 'owns tables'} in "
            f"{engine.url.database!r}; use the app role that migrations create"
        )
