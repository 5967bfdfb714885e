"""Compiles every passenger's document anew, for a store that was wiped or restarted, or a document that changed its shape.

Nothing is dropped before: what the store still has is read meanwhile. While it runs, the store says so, and a passenger's answer is asked
for again later instead of being judged by a document that may be missing. The chore sees by itself what became of the store;
`nexa snapshots rebuild` is for a new shape.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from domains.cases import queries
from jobs.chores.publish_snapshots import compiled
from jobs.registry import Ports, chore
from kernel.database import Database
from kernel.snapshot import Snapshots
from kernel.tenancy import Tenant
from kernel.urn import Urn

log = logging.getLogger(__name__)


@chore(every=timedelta(seconds=5), each="tenant")
async def restore_snapshots(ports: Ports, tenant: Tenant) -> None:
    """Rebuilds a store that has lost what was published to it. May run beside itself: one rebuilds, the others see that it does."""
    if await ports.snapshots.lost(tenant):
        done = await rebuild_snapshots(ports.databases["cases"], ports.snapshots, tenant)
        log.warning("the snapshot store was filled again with %d documents", done, extra={"tenant": tenant})


async def rebuild_snapshots(cases: Database, snapshots: Snapshots, tenant: Tenant) -> int:
    """How many documents were compiled. May be repeated, and run beside every publication: the newer version stays."""
    done, last = 0, None
    async with snapshots.rebuild(tenant):
        while page := await _page(cases, tenant, last):
            async with cases.read(tenant) as connection:
                facts = await queries.snapshot_facts(connection, tenant, page)
            await snapshots.publish_many(tenant, [compiled(each) for each in facts])
            done, last = done + len(facts), page[-1]
    return done


async def _page(cases: Database, tenant: Tenant, after: Urn | None) -> list[Urn]:
    async with cases.read(tenant) as connection:
        return await queries.sub_case_urns(connection, tenant, after=after)
