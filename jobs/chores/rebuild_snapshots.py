"""Compiles every passenger's document anew, for a store that was wiped or a document that changed its shape.

Nothing is dropped before: what the store still has is read meanwhile. While it runs, the store says so, and a passenger's answer is asked
for again later instead of being judged by a document that may be missing. Not timed: `nexa snapshots rebuild` asks for it.
"""

from __future__ import annotations

from domains.cases import queries
from jobs.chores.publish_snapshots import compiled
from kernel.database import Database
from kernel.snapshot import Snapshots
from kernel.tenancy import Tenant
from kernel.urn import Urn


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
