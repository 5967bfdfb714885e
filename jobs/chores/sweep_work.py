"""Sees to it that durable work moves: claims have living owners, answers reach their workflows. State decides; it may run beside itself.

The engine needs none of this in ordinary life. It mends what should never be: a claim by somebody nobody knows, an answer that woke no one.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import text

from jobs import operations
from jobs.registry import Ports, chore
from kernel.tenancy import Tenant

log = logging.getLogger(__name__)

HOME = "cases"  # where workflows and heartbeats are

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
      and urn in (select workflow from signal where tenant = :tenant and at < nexa_now() - interval '5 seconds')
    returning urn
""")
_FORGET = text("""
    delete from signal s where s.tenant = :tenant and s.at < nexa_now() - interval '1 minute' and not exists (
        select from workflow w where w.tenant = :tenant and w.urn = s.workflow and w.state in ('RUNNING', 'COMPENSATING'))
""")


@chore(every=timedelta(seconds=30))
async def adopt_claims(ports: Ports) -> None:
    """Makes owners that no heartbeat knows known as dead."""
    places = [(HOME, "workflow"), *((domain, "operation") for domain in operations.load().domains)]
    owners: set[str] = set()
    for domain, table in places:
        tenants = await ports.databases[domain].tenants()
        async with ports.databases.dispatch(domain).connect() as connection:
            owners |= set((await connection.execute(text(_OWNERS.format(table=table)), {"tenants": tenants})).scalars())
    if owners:
        async with ports.databases.dispatch(HOME).begin() as connection:
            adopted = (await connection.execute(_KNOW, {"owners": sorted(owners)})).scalars().all()
        if adopted:
            log.error("claims of unknown workers found: %s", ", ".join(adopted))


@chore(every=timedelta(seconds=10), each="tenant")
async def sweep_work(ports: Ports, tenant: Tenant) -> None:
    """Wakes workflows whose answers wait, and forgets answers that came after the end."""
    async with ports.databases[HOME].work(tenant) as work:
        woken = (await work.execute(_WAKE, {"tenant": tenant})).all()
        await work.execute(_FORGET, {"tenant": tenant})
    if woken:
        log.error("%d workflows slept over an answer", len(woken), extra={"tenant": tenant})
