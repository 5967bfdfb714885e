"""Brings what passengers see up to what is true; reactions call it at once, the chore finds what a death left behind."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from domains.cases import queries, store
from domains.cases.queries import SnapshotFacts
from domains.cases.snapshot import compile_snapshot
from jobs.registry import Ports, chore
from kernel.snapshot import KEPT_AFTER_STAY, Compiled
from kernel.tenancy import Tenant


@chore(every=timedelta(seconds=5), each="tenant")
async def publish_snapshots(ports: Ports, tenant: Tenant) -> None:
    """Publishes every snapshot that is older than its sub-case. State decides, not events: it may run beside itself and be repeated.

    It goes through the tenant once: what becomes stale behind it, or is being changed just now, is for the next time.
    """
    cases, last = ports.databases["cases"], None
    while True:
        async with cases.read(tenant) as connection:
            stale = await queries.stale_snapshots(connection, tenant, after=last)
            facts = await queries.snapshot_facts(connection, tenant, stale) if stale else []
        if not stale:
            return
        last = stale[-1]
        await ports.snapshots.publish_many(tenant, [compiled(each) for each in facts])
        async with cases.work(tenant) as work:
            await store.snapshots_published(work, {each.sub_case.urn: each.sub_case.snapshot_version for each in facts})


def compiled(facts: SnapshotFacts) -> Compiled:
    """The passenger's document, kept until seven days after check-out."""
    stay = facts.sub_case.stay
    until = datetime.combine(stay.check_out, time(), UTC) + KEPT_AFTER_STAY if stay else facts.sub_case.opened_at + KEPT_AFTER_STAY
    document = compile_snapshot(facts.case, facts.sub_case, facts.party)
    return Compiled(facts.sub_case.urn, facts.sub_case.snapshot_version, document, until)
