"""Airlines to lend: a test takes one in which there is nothing, and what it leaves there is taken away afterwards.

Making an airline means a partition of every table, and each one slows down whatever looks over all tenants from then on. So a few, made
with the template, go round: the one that came back longest ago is lent next, so that a straggler of one test does not meet the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from redis.asyncio import Redis
from sqlalchemy import make_url

from kernel.database import make_engine
from kernel.tenancy import Tenant
from runtime.embedded.valkey import ValkeyUrls
from runtime.settings import DATABASES

STANDING: Final = (Tenant("t1"), Tenant("t2"))  # for tests that do not mind each other
LENT: Final = tuple(Tenant(f"x{number}") for number in range(1, 5))

# Rows go, tables stay: a truncated table is a new file, and so is each of its indexes. Keys and triggers protect the product from itself
# (an audit entry is never deleted), not a test's leftovers from us.
_EMPTY: Final = """
do $$
declare found name;
begin
  set local session_replication_role = replica;
  for found in
    select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant'
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and pg_relation_size(c.oid) > 0
      and (not c.relispartition or split_part(c.relname, ':', 2) = '{tenant}')
  loop
    execute format('delete from only %I where tenant = %L', found, '{tenant}');
  end loop;
end $$
"""


class Airlines:
    """Those that nobody has just now."""

    def __init__(self, admin_url: str, valkeys: ValkeyUrls) -> None:
        self._free = deque(LENT)
        self._databases = [
            make_engine(make_url(admin_url).set(database=f"nexa_{name}"), pool=1, pool_pre_ping=True)  # a test may restart the server
            for name in DATABASES
        ]
        self._valkeys = [Redis.from_url(url) for url in (valkeys.snapshots, valkeys.coordination, valkeys.queue)]

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Tenant]:
        """One in which there is nothing. To be entered before whatever works on it, and left after that."""
        tenant = self._free.popleft()
        try:
            yield tenant
        finally:
            await self._empty(tenant)
            self._free.append(tenant)

    async def close(self) -> None:
        for database in self._databases:
            await database.dispose()
        for valkey in self._valkeys:
            await valkey.aclose()

    async def _empty(self, tenant: Tenant) -> None:
        rows = (self._forget_rows(number, tenant) for number in range(len(self._databases)))
        await asyncio.gather(*rows, *(_forget_keys(valkey, tenant) for valkey in self._valkeys))

    async def _forget_rows(self, number: int, tenant: Tenant) -> None:
        async with self._databases[number].begin() as connection:
            await connection.exec_driver_sql(_EMPTY.format(tenant=tenant))


async def _forget_keys(valkey: Redis, tenant: Tenant) -> None:
    """Whatever is called `kind:{tenant}…` or `kind:{tenant:…}`."""
    found = [key async for key in valkey.scan_iter(f"*{{{tenant}[}}:]*", count=1000)]
    if found:
        await valkey.unlink(*found)
