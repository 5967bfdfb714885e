"""Tells open screens that the queue for rooms has moved, while anybody waits in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from domains.booking import queries
from jobs.registry import Ports, chore
from kernel import clock
from kernel.tenancy import Tenant
from kernel.urn import Urn

EVERY: Final = timedelta(seconds=2)


@chore(every=EVERY, each="tenant")
async def tell_queue(ports: Ports, tenant: Tenant) -> None:
    """Screens read their places anew; who was served is told by what became of it."""
    async with ports.databases["booking"].read(tenant) as connection:
        waits = await queries.anybody_waits(connection, tenant)
    if waits:
        ports.feed.publish(tenant, "queue", Urn.of("airline", tenant), int(clock.now().timestamp() * 1000))
