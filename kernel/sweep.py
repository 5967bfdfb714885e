"""What a sweep finds that no ring and no heartbeat told of. The engine needs none of it in ordinary life; it mends what should never be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import text

from kernel.database import Databases
from kernel.work import Work

_OWNERS = "select distinct owner from {table} where tenant = any(cast(:tenants as text[])) and owner is not null"
# A row in `worker` that is silent and not cleared is all it takes: the engines then take over what it has.
_KNOW = text("""
    insert into worker (id, beat_at) select id, '-infinity' from unnest(cast(:owners as text[])) as t(id)
    on conflict (id) do update set cleared_at = null where worker.cleared_at is not null
    returning id
""")
_WAKE = text("""
    update workflow set due = nexa_now()
    where tenant = :tenant and state in ('RUNNING', 'COMPENSATING') and owner is null and (due is null or due > nexa_now())
      and urn in (select workflow from signal where tenant = :tenant and at < nexa_now() - make_interval(secs => :patience))
""")
_FORGET = text("""
    delete from signal s where s.tenant = :tenant and s.at < nexa_now() - make_interval(secs => :patience) and not exists (
        select from workflow w where w.tenant = :tenant and w.urn = s.workflow and w.state in ('RUNNING', 'COMPENSATING'))
""")
_UNVERIFIED = text("""
    update operation set due = nexa_now()
    where tenant = :tenant and name = any(cast(:names as text[])) and due is null and owner is null and verified < 2
      and (state in ('OK', 'REVIEW') or (state in ('DECLINED', 'EXHAUSTED', 'WITHDRAWN') and given_up <> '{}'))
      and ended_at between nexa_now() - interval '7 days' and nexa_now() - interval '24 hours'
""")


async def adopt_claims(databases: Databases, home: str, domains: Iterable[str]) -> Sequence[str]:
    """Makes owners of claims that no heartbeat knows known as dead in `home`; their names. `domains` have operations."""
    owners: set[str] = set()
    for domain, table in [(home, "workflow"), *((domain, "operation") for domain in domains)]:
        tenants = await databases[domain].tenants()
        async with databases.dispatch(domain).connect() as connection:
            owners |= set((await connection.execute(text(_OWNERS.format(table=table)), {"tenants": tenants})).scalars())
    if not owners:
        return ()
    async with databases.dispatch(home).begin() as connection:
        return (await connection.execute(_KNOW, {"owners": sorted(owners)})).scalars().all()


async def wake_sleepers(work: Work, patience: timedelta) -> int:
    """Makes workflows due whose answers wait for so long; how many there were."""
    return (await work.execute(_WAKE, {"tenant": work.tenant, "patience": patience.total_seconds()})).rowcount


async def forget_late_answers(work: Work, patience: timedelta) -> None:
    """Deletes answers to workflows that have ended."""
    await work.execute(_FORGET, {"tenant": work.tenant, "patience": patience.total_seconds()})


async def verify_forgotten(work: Work, names: Sequence[str]) -> None:
    """Makes those of these operations due that ended a day ago, may hold something, and were not verified twice."""
    await work.execute(_UNVERIFIED, {"tenant": work.tenant, "names": list(names)})
