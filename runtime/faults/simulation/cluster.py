"""The simulation's own Postgres: migrated as the product is, durability off, and its roles may be told what time it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import asyncpg
from sqlalchemy.engine import make_url

from kernel.migration import DISPATCH, RELAY, SIMULATION, app_role
from runtime.embedded.postgres import Postgres
from runtime.embedded.process import free_port
from runtime.faults.simulation.plan import OPERATIONS
from runtime.faults.simulation.worker import TENANT, Addresses
from runtime.migrate import migrate
from runtime.settings import DATABASES

DOMAINS: Final = ("cases", *OPERATIONS.domains)
_TABLES: Final = """
    select string_agg(format('%I', relname), ', ') from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition and relname <> 'alembic_version'
"""


def prepare(home: Path, password: str) -> None:
    """Makes a cluster, ready to be copied. From the main thread, and without a loop running."""
    server = Postgres(home, port=free_port(), careless=True)
    server.start()
    try:
        urls = {name: server.url_of(f"nexa_{name}", app_role(name), password) for name in DATABASES}
        urls |= {"relay": server.url_of("nexa_cases", RELAY, password), "dispatch": server.url_of("nexa_cases", DISPATCH, password)}
        asyncio.run(migrate(server.url, urls, [TENANT]))
        asyncio.run(_open_up(server.url, password))
    finally:
        server.stop()


@contextmanager
def running(home: Path, ready: Path, password: str) -> Iterator[tuple[str, Addresses]]:
    """A running copy; the administrator's address, and those of the roles."""
    server = Postgres(home, port=free_port(), careless=True)
    server.start(template=ready)
    try:
        domains = {name: server.url_of(f"nexa_{name}", app_role(name), password) for name in DOMAINS}
        above = [server.url_of("nexa_cases", role, password) for role in (RELAY, DISPATCH)]
        yield server.url, Addresses(domains, *above)
    finally:
        server.stop()


async def empty(admin_url: str) -> None:
    """Takes every row out of it."""
    for name in DOMAINS:
        connection = await asyncpg.connect(
            make_url(admin_url).set(database=f"nexa_{name}").render_as_string(hide_password=False), ssl=False
        )
        try:
            await connection.execute(f"truncate {await connection.fetchval(_TABLES)} restart identity")
        finally:
            await connection.close()


async def _open_up(admin_url: str, password: str) -> None:
    """The roles may set `nexa.now`, and sign in quickly: killed workers do it so often that SCRAM's rounds would be half of the work."""
    connection = await asyncpg.connect(admin_url, ssl=False)
    try:
        await connection.execute("set scram_iterations = 1")
        for role in (RELAY, DISPATCH, *(app_role(name) for name in DOMAINS)):
            await connection.execute(f"alter role {role} password '{password}'")
            await connection.execute(f"grant {SIMULATION} to {role}")
    finally:
        await connection.close()
